/* worker_process.c - one place for a worker, and its restarts; see worker_process.h. */
#include "agent/worker_process.h"

#include "agent/environment.h"
#include "agent/guard.h"
#include "agent/output.h"
#include "agent/spawn.h"
#include "wire/err.h"
#include "wire/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A worker that lived so long had started well: its end is not a failed start, and the back-off begins anew. */
#define SETTLED_US INT64_C(10000000)

/* A worker that someone kills after this time is replaced at once; before it, the killer may be the system out of
 * memory. */
#define REPLACE_AT_ONCE_US INT64_C(1000000)

enum { DIGITS_MAX = 10 };

/* What snakepit-worker ends with when it could not start; an import may take longer than SETTLED_US. */
enum { STATUS_USAGE = 2, STATUS_IMPORT = 3, STATUS_CANNOT_RUN = 127 };

enum worker_state {
    WORKER_WAITING,  /* no process; one is started at due_us */
    WORKER_RUNNING,
    WORKER_STOPPING, /* asked to end; killed at due_us */
    WORKER_GONE,     /* no process, and there will be none */
    WORKER_STATES,
};

static const bool legal_moves[WORKER_STATES][WORKER_STATES] = {
    [WORKER_WAITING] = {[WORKER_RUNNING] = true, [WORKER_GONE] = true},
    [WORKER_RUNNING] = {[WORKER_WAITING] = true, [WORKER_STOPPING] = true},
    [WORKER_STOPPING] = {[WORKER_GONE] = true},
};

struct worker_process {
    const struct worker_context *context;
    const struct pool_config *pool;
    enum worker_state state;
    pid_t pid; /* 0 unless running or stopping */
    int64_t due_us;
    int64_t started_us;
    int64_t delay_us; /* the next back-off */
    char name[LABEL_BYTES_MAX + 1];
    struct output output;
};

static void
set_state(struct worker_process *worker, enum worker_state state)
{
    assert(legal_moves[worker->state][state]);
    worker->state = state;
    assert((worker->pid != 0) == (state == WORKER_RUNNING || state == WORKER_STOPPING));
}

struct worker_process *
worker_process_new(const struct worker_context *context, const struct pool_config *pool, unsigned number)
{
    struct worker_process *worker = calloc(1, sizeof(*worker));

    if (worker == NULL)
        abort();
    worker->context = context;
    worker->pool = pool;
    worker->delay_us = context->config->restart_delay_us;
    worker->output.fd = -1;
    /* A long pool's name is cut, so that the label keeps its number and its limit. */
    snprintf(worker->name, sizeof(worker->name), "%.*s-%u", LABEL_BYTES_MAX - DIGITS_MAX - 1, pool->core.name, number);
    return worker;
}

void
worker_process_destroy(struct worker_process **worker_p)
{
    if (*worker_p == NULL)
        return;
    assert((*worker_p)->pid == 0);
    free(*worker_p);
    *worker_p = NULL;
}

pid_t
worker_process_pid(const struct worker_process *worker)
{
    return worker->pid;
}

int
worker_process_output_fd(const struct worker_process *worker)
{
    return worker->output.fd;
}

void
worker_process_read_output(struct worker_process *worker)
{
    output_read(&worker->output);
}

/* Begin a line about this worker. */
static struct log *
begin_log(const struct worker_process *worker, enum log_level level, const char *event)
{
    struct log *log = worker->context->log;

    log_begin(log, level, event);
    log_str(log, "pool", worker->pool->core.name);
    log_str(log, "worker_name", worker->name);
    if (worker->pid != 0)
        log_int(log, "pid", worker->pid);
    return log;
}

/* Start the process. OK, or ERR_SYSTEM and errno. */
static int
spawn(struct worker_process *worker)
{
    const struct pool_config *pool = worker->pool;
    bool has_threads = pool->profile == PROFILE_THREAD;
    char slots[16];
    char lifeline[16];
    char *argv[] = {
        pool->python,    "-m",
        "snakepit.worker", pool->app,
        "--pool",        (char *)pool->core.name,
        "--connect",     (char *)worker->context->address,
        "--name",        worker->name,
        "--lifeline",    lifeline,
        has_threads ? "--profile" : NULL, "thread", /* without threads the list ends here */
        "--slots",       slots,
        NULL,
    };
    struct spawn_plan plan = {
        .argv = argv,
        .environment = environment_new(pool, environ, worker->context->cpus),
        .directory = pool->directory,
        .lifeline_fd = worker->context->lifeline_fd,
        .guard = worker->context->guard,
    };
    int output_fd;

    snprintf(slots, sizeof(slots), "%u", pool->slots);
    snprintf(lifeline, sizeof(lifeline), "%d", SPAWN_LIFELINE_FD);
    int err = spawn_worker(&plan, &worker->pid, &output_fd);
    int error = errno;
    environment_destroy(&plan.environment);
    errno = error;
    if (err == OK)
        output_open(&worker->output, output_fd,
                    &(struct output_source){.pool = pool->core.name, .worker = worker->name, .pid = worker->pid},
                    worker->context->log);
    return err;
}

/* The delay before the next start; it doubles each time. */
static int64_t
take_delay_us(struct worker_process *worker)
{
    int64_t delay_us = worker->delay_us;
    int64_t delay_max_us = worker->context->config->restart_delay_max_us;

    worker->delay_us = delay_us > delay_max_us / 2 ? delay_max_us : delay_us * 2;
    return delay_us;
}

static void
start(struct worker_process *worker, int64_t now_us)
{
    if (spawn(worker) != OK) {
        const char *reason = strerror(errno);
        int64_t delay_us = take_delay_us(worker);
        struct log *log = begin_log(worker, LOG_ERROR, "worker.start_failed");
        log_str(log, "reason", reason);
        log_int(log, "restart_ms", delay_us / 1000);
        log_end(log);
        worker->due_us = now_us + delay_us;
        return;
    }
    worker->started_us = now_us;
    set_state(worker, WORKER_RUNNING);
    log_end(begin_log(worker, LOG_INFO, "worker.spawned"));
}

void
worker_process_tick(struct worker_process *worker, int64_t now_us)
{
    if (now_us < worker_process_next_due_us(worker))
        return;
    if (worker->state == WORKER_WAITING) {
        start(worker, now_us);
        return;
    }
    log_end(begin_log(worker, LOG_WARN, "worker.killed"));
    kill(-worker->pid, SIGKILL);
    worker->due_us = INT64_MAX;
}

int64_t
worker_process_next_due_us(const struct worker_process *worker)
{
    return worker->state == WORKER_WAITING || worker->state == WORKER_STOPPING ? worker->due_us : INT64_MAX;
}

/* Signals that someone sends, as opposed to those that a process earns by its own fault. */
static bool
is_sent_signal(int number)
{
    return number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT;
}

static void
log_unasked_end(const struct worker_process *worker, const siginfo_t *info, bool is_start_failure, int64_t lived_us,
                int64_t delay_us)
{
    bool is_exit = info->si_code == CLD_EXITED;
    bool is_clean = is_exit && info->si_status == 0;
    struct log *log = begin_log(worker, is_clean ? LOG_INFO : LOG_ERROR,
                                is_start_failure ? "worker.start_failed" : is_clean ? "worker.ended" : "worker.died");

    if (is_exit)
        log_int(log, "exit_status", info->si_status);
    else
        log_str(log, "signal", sigabbrev_np(info->si_status));
    log_int(log, "lived_ms", lived_us / 1000);
    log_int(log, "restart_ms", delay_us / 1000);
    if (!is_clean && worker->output.tail_size > 0)
        log_bytes(log, "tail", worker->output.tail, worker->output.tail_size);
    log_end(log);
}

static bool
is_start_status(int status)
{
    return status == STATUS_USAGE || status == STATUS_IMPORT || status == STATUS_CANNOT_RUN;
}

/* Nobody asked for this end: find out what it was, and when to start again. */
static void
plan_restart(struct worker_process *worker, const siginfo_t *info, int64_t now_us)
{
    int64_t lived_us = now_us - worker->started_us;
    bool is_exit = info->si_code == CLD_EXITED;
    bool is_settled = lived_us >= SETTLED_US && !(is_exit && is_start_status(info->si_status));
    bool was_killed = !is_exit && is_sent_signal(info->si_status) && lived_us >= REPLACE_AT_ONCE_US;
    bool is_start_failure = !is_settled && !was_killed && !(is_exit && info->si_status == 0);
    bool is_at_once = was_killed || (!is_exit && is_settled);

    if (is_settled)
        worker->delay_us = worker->context->config->restart_delay_us;
    int64_t delay_us = is_at_once ? 0 : take_delay_us(worker);
    log_unasked_end(worker, info, is_start_failure, lived_us, delay_us);
    worker->due_us = now_us + delay_us;
}

void
worker_process_handle_end(struct worker_process *worker, const siginfo_t *info, int64_t now_us)
{
    pid_t pid = worker->pid;

    /* While it is a zombie its number cannot become another's, so this group can only be its own. */
    kill(-pid, SIGKILL);
    guard_remove(worker->context->guard, pid);
    waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED);
    output_close(&worker->output);
    if (worker->state == WORKER_RUNNING) {
        plan_restart(worker, info, now_us);
        worker->pid = 0;
        set_state(worker, WORKER_WAITING);
        return;
    }
    log_end(begin_log(worker, LOG_INFO, "worker.exited"));
    worker->pid = 0;
    set_state(worker, WORKER_GONE);
}

void
worker_process_stop(struct worker_process *worker, int64_t deadline_us)
{
    if (worker->state == WORKER_WAITING)
        set_state(worker, WORKER_GONE);
    if (worker->state == WORKER_RUNNING) {
        kill(worker->pid, SIGTERM);
        set_state(worker, WORKER_STOPPING);
        worker->due_us = deadline_us;
    }
    if (worker->state == WORKER_STOPPING && deadline_us < worker->due_us)
        worker->due_us = deadline_us;
}

bool
worker_process_is_gone(const struct worker_process *worker)
{
    return worker->state == WORKER_GONE;
}
