/* watch.c - the agent's one loop; see watch.h. */
#include "agent/watch.h"

#include "agent/guard.h"
#include "agent/strays.h"
#include "agent/worker_process.h"
#include "broker/io/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    POLL_SIGNALS,
    POLL_LIFELINE,
    POLL_WORKERS, /* the first of the workers' outputs */
    STRAYS_TIMEOUT_MS = 2000,
};

struct watch {
    const struct config *config;
    struct log *log;
    struct worker_context context;
    struct worker_process **workers;
    size_t worker_count;
    struct pollfd *poll_fds; /* POLL_WORKERS + worker_count */
    int signal_fd;
    int lifeline_fd;          /* the caller's; -1: none */
    int worker_lifeline_fd;   /* write end of the pipe that the workers hold the other end of */
    bool is_stopping;
};

static unsigned
count_cpus(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* -1 and errno when the system refuses. */
static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void
add_workers(struct watch *watch)
{
    for (size_t i = 0; i < watch->config->pool_count; i++)
        watch->worker_count += watch->config->pools[i].core.workers_wanted;
    watch->workers = calloc(watch->worker_count + 1, sizeof(*watch->workers));
    watch->poll_fds = calloc(POLL_WORKERS + watch->worker_count, sizeof(*watch->poll_fds));
    if (watch->workers == NULL || watch->poll_fds == NULL)
        abort();
    size_t at = 0;
    for (size_t i = 0; i < watch->config->pool_count; i++) {
        const struct pool_config *pool = &watch->config->pools[i];
        for (unsigned number = 1; number <= pool->core.workers_wanted; number++)
            watch->workers[at++] = worker_process_new(&watch->context, pool, number);
    }
}

struct watch *
watch_new(const struct config *config, const char *address, int lifeline_fd, struct log *log)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    int pipe_ends[2] = {-1, -1};

    if (watch == NULL)
        abort();
    watch->config = config;
    watch->log = log;
    watch->lifeline_fd = lifeline_fd;
    watch->signal_fd = open_signals();
    watch->context = (struct worker_context){.config = config, .log = log, .address = address, .cpus = count_cpus()};
    bool has_pipe = pipe2(pipe_ends, O_CLOEXEC) == 0;
    watch->context.lifeline_fd = pipe_ends[0];
    watch->worker_lifeline_fd = pipe_ends[1];
    watch->context.guard = guard_new();
    if (watch->signal_fd < 0 || !has_pipe || watch->context.guard == NULL) {
        log_line(log, LOG_ERROR, "agent.start_failed", "%s", strerror(errno));
        watch_destroy(&watch);
        return NULL;
    }
    add_workers(watch);
    return watch;
}

static void
close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void
watch_destroy(struct watch **watch_p)
{
    struct watch *watch = *watch_p;

    if (watch == NULL)
        return;
    for (size_t i = 0; i < watch->worker_count; i++)
        worker_process_destroy(&watch->workers[i]);
    free(watch->workers);
    free(watch->poll_fds);
    guard_destroy(&watch->context.guard);
    close_if_open(watch->signal_fd);
    close_if_open(watch->context.lifeline_fd);
    close_if_open(watch->worker_lifeline_fd);
    free(watch);
    *watch_p = NULL;
}

static struct worker_process *
find_worker(const struct watch *watch, pid_t pid)
{
    for (size_t i = 0; i < watch->worker_count; i++)
        if (worker_process_pid(watch->workers[i]) == pid)
            return watch->workers[i];
    return NULL;
}

/* The guard was killed: nothing is wrong yet, but a kill -9 of this process would now leave grandchildren. */
static void
replace_guard(struct watch *watch)
{
    guard_destroy(&watch->context.guard);
    watch->context.guard = guard_new();
    if (watch->context.guard == NULL)
        abort();
    for (size_t i = 0; i < watch->worker_count; i++)
        if (worker_process_pid(watch->workers[i]) != 0)
            guard_add(watch->context.guard, worker_process_pid(watch->workers[i]));
    log_line(watch->log, LOG_WARN, "agent.guard_replaced", "the process snakepit-guard was killed");
}

/* Look at each child that ended before it is reaped, since until then its number is safe. SIGCHLD is needed anyway,
 * for the orphans that the kernel hands to us; so it serves for the workers too, without a descriptor for each. */
static void
handle_ended_children(struct watch *watch, int64_t now_us)
{
    siginfo_t info = {0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        struct worker_process *worker = find_worker(watch, info.si_pid);
        if (worker != NULL)
            worker_process_handle_end(worker, &info, now_us);
        else if (info.si_pid == guard_pid(watch->context.guard))
            replace_guard(watch);
        else
            waitid(P_PID, (id_t)info.si_pid, &(siginfo_t){0}, WEXITED | WNOHANG);
        info.si_pid = 0;
    }
}

/* The second call leaves no more time. */
static void
stop(struct watch *watch, const char *reason, int64_t now_us)
{
    int64_t deadline_us = watch->is_stopping ? now_us : now_us + watch->config->stop_timeout_us;

    log_begin(watch->log, LOG_INFO, "agent.stopping");
    log_str(watch->log, "reason", reason);
    log_end(watch->log);
    watch->is_stopping = true;
    for (size_t i = 0; i < watch->worker_count; i++)
        worker_process_stop(watch->workers[i], deadline_us);
}

static void
handle_signals(struct watch *watch, int64_t now_us)
{
    struct signalfd_siginfo info;

    while (read(watch->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            handle_ended_children(watch, now_us);
        else if (info.ssi_signo == SIGTERM)
            stop(watch, "SIGTERM", now_us);
        /* Ctrl-C and a closed terminal reach everyone there; then our parent decides, and tells us by the lifeline. */
        else if (watch->lifeline_fd < 0)
            stop(watch, info.ssi_signo == SIGINT ? "SIGINT" : "SIGHUP", now_us);
    }
}

/* True when the process at the other end is gone. What it writes means nothing. */
static bool
lifeline_ended(int fd)
{
    char data[64];

    return read(fd, data, sizeof(data)) == 0;
}

static int64_t
next_due_us(const struct watch *watch)
{
    int64_t due_us = INT64_MAX;

    for (size_t i = 0; i < watch->worker_count; i++) {
        int64_t worker_due_us = worker_process_next_due_us(watch->workers[i]);
        if (worker_due_us < due_us)
            due_us = worker_due_us;
    }
    return due_us;
}

static void
wait_for_events(struct watch *watch)
{
    int64_t due_us = next_due_us(watch);
    int64_t wait_us = due_us - clock_now_us();
    struct timespec timeout = {0};

    if (wait_us > 0)
        timeout = (struct timespec){.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    watch->poll_fds[POLL_SIGNALS] = (struct pollfd){.fd = watch->signal_fd, .events = POLLIN};
    watch->poll_fds[POLL_LIFELINE] = (struct pollfd){.fd = watch->lifeline_fd, .events = POLLIN};
    for (size_t i = 0; i < watch->worker_count; i++)
        watch->poll_fds[POLL_WORKERS + i] =
            (struct pollfd){.fd = worker_process_output_fd(watch->workers[i]), .events = POLLIN};
    ppoll(watch->poll_fds, POLL_WORKERS + watch->worker_count, due_us == INT64_MAX ? NULL : &timeout, NULL);
}

static bool
is_done(const struct watch *watch)
{
    for (size_t i = 0; i < watch->worker_count; i++)
        if (!worker_process_is_gone(watch->workers[i]))
            return false;
    return true;
}

static void
run_once(struct watch *watch)
{
    wait_for_events(watch);
    int64_t now_us = clock_now_us();

    /* Output first: the lines of a worker that ended belong before the line that says so. */
    for (size_t i = 0; i < watch->worker_count; i++)
        if (watch->poll_fds[POLL_WORKERS + i].revents != 0)
            worker_process_read_output(watch->workers[i]);
    if (watch->poll_fds[POLL_SIGNALS].revents != 0)
        handle_signals(watch, now_us);
    if (watch->poll_fds[POLL_LIFELINE].revents != 0 && lifeline_ended(watch->lifeline_fd)) {
        watch->lifeline_fd = -1;
        if (!watch->is_stopping)
            stop(watch, "the broker ended", now_us);
    }
    for (size_t i = 0; i < watch->worker_count; i++)
        worker_process_tick(watch->workers[i], now_us);
}

void
watch_run(struct watch *watch)
{
    for (size_t i = 0; i < watch->worker_count; i++)
        worker_process_tick(watch->workers[i], clock_now_us());
    while (!is_done(watch))
        run_once(watch);
    /* The guard is our child too; it is not needed any more, since no worker is left. */
    guard_destroy(&watch->context.guard);
    strays_kill(STRAYS_TIMEOUT_MS);
}
