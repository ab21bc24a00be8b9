/* worker_process.c - one process and its states; see worker_process.h. */
#include "agent/worker_process.h"

#include "agent/command.h"
#include "agent/environment.h"
#include "agent/guard.h"
#include "agent/memory.h"
#include "agent/output.h"
#include "agent/spawn.h"
#include "wire/err.h"

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

/* The output of an expected worker ends when it dies before it is born, or with the nursery, of whose end we then hear. */
#define STILLBORN_US INT64_C(1000000)

/* What snakepit-worker ends with when it could not start; an import may take longer than SETTLED_US. */
enum { STATUS_USAGE = 2, STATUS_IMPORT = 3, STATUS_REFUSED = 4, STATUS_GIL = 5, STATUS_CANNOT_RUN = 127 };

enum { REASON_BYTES = 256 };

enum process_state {
    PROCESS_EXPECTED, /* asked of the nursery; no pid */
    PROCESS_RUNNING,
    PROCESS_STOPPING, /* asked to end; killed at stop_us */
    PROCESS_ENDED,    /* reaped, or never born */
    PROCESS_STATES,
};

static const bool legal_moves[PROCESS_STATES][PROCESS_STATES] = {
    [PROCESS_EXPECTED] = {[PROCESS_RUNNING] = true, [PROCESS_ENDED] = true},
    [PROCESS_RUNNING] = {[PROCESS_STOPPING] = true, [PROCESS_ENDED] = true},
    [PROCESS_STOPPING] = {[PROCESS_ENDED] = true},
};

struct worker_process {
    const struct worker_pool *pool;
    enum process_state state;
    pid_t pid; /* 0 unless running or stopping */
    uint32_t number;
    uint64_t replaces;
    int64_t started_us;
    int64_t ready_us;   /* INT64_MAX: not yet */
    int64_t start_timeout_us;
    int64_t overdue_us; /* killed then, unless it is ready; INT64_MAX: no such limit, or done */
    int64_t stop_us;    /* killed then; INT64_MAX: nobody said so, or done */
    uint64_t rss_bytes; /* 0: not measured yet */
    bool has_failed;    /* the nursery could not fork it */
    bool is_unwanted;   /* stop it as soon as it is born */
    bool was_late;      /* killed by us, since it was not ready in time */
    bool was_killed;    /* killed by us */
    char name[LABEL_BYTES_MAX + 1];
    char reason[REASON_BYTES]; /* why it does not come, when it does not */
    struct output output;
};

static void
set_state(struct worker_process *worker, enum process_state state)
{
    assert(legal_moves[worker->state][state]);
    worker->state = state;
    assert((worker->pid != 0) == (state == PROCESS_RUNNING || state == PROCESS_STOPPING));
}

/* --- starting ------------------------------------------------------------------------------------------------- */

static struct worker_process *
make(const struct worker_pool *pool, const char *name, uint64_t replaces, int64_t now_us)
{
    struct worker_process *worker = calloc(1, sizeof(*worker));

    if (worker == NULL)
        abort();
    worker->pool = pool;
    worker->replaces = replaces;
    worker->started_us = now_us;
    worker->ready_us = INT64_MAX;
    worker->start_timeout_us = pool->config->core.start_timeout_us;
    worker->overdue_us = now_us + worker->start_timeout_us;
    worker->stop_us = INT64_MAX;
    worker->output.fd = -1;
    snprintf(worker->name, sizeof(worker->name), "%s", name);
    return worker;
}

static void
open_output(struct worker_process *worker, int fd)
{
    struct output_source source = {.pool = worker->pool->name, .worker = worker->name, .pid = worker->pid};

    output_open(&worker->output, fd, &source, worker->pool->context->log);
}

static struct worker_process *
spawn(const struct worker_pool *pool, const char *name, uint64_t replaces, int socket_fd, int64_t now_us)
{
    const struct agent_context *context = pool->context;
    struct worker_process *worker = make(pool, name, replaces, now_us);
    struct command command;
    int output_fd;

    command_init(&command, pool->config, context->address, worker->name, socket_fd >= 0);
    struct spawn_plan plan = {
        .argv = command.argv,
        .environment = environment_new(pool->config, environ, context, replaces),
        .directory = pool->config->directory,
        .lifeline_fd = context->lifeline_fd,
        .ready_fd = context->ready_fd,
        .socket_fd = socket_fd,
        .descriptors = &context->descriptors,
        .guard = context->guard,
    };
    int err = spawn_worker(&plan, &worker->pid, &output_fd);
    int error = errno;
    environment_destroy(&plan.environment);
    if (err != OK) {
        free(worker);
        errno = error;
        return NULL;
    }
    worker->state = PROCESS_RUNNING;
    open_output(worker, output_fd);
    return worker;
}

struct worker_process *
worker_process_spawn(const struct worker_pool *pool, const char *name, uint64_t replaces, int64_t now_us)
{
    return spawn(pool, name, replaces, -1, now_us);
}

struct worker_process *
worker_process_spawn_nursery(const struct worker_pool *pool, const char *name, int socket_fd, int64_t now_us)
{
    return spawn(pool, name, 0, socket_fd, now_us);
}

struct worker_process *
worker_process_expect(const struct worker_pool *pool, const char *name, uint64_t replaces, uint32_t number,
                      int output_fd, int64_t now_us)
{
    struct worker_process *worker = make(pool, name, replaces, now_us);

    worker->number = number;
    snprintf(worker->reason, sizeof(worker->reason), "the nursery did not fork it");
    open_output(worker, output_fd);
    return worker;
}

void
worker_process_destroy(struct worker_process **worker_p)
{
    if (*worker_p == NULL)
        return;
    assert((*worker_p)->state == PROCESS_ENDED);
    free(*worker_p);
    *worker_p = NULL;
}

/* --- what happens to it --------------------------------------------------------------------------------------- */

void
worker_process_handle_born(struct worker_process *worker, pid_t pid, int64_t now_us)
{
    worker->pid = pid;
    worker->output.source.pid = pid;
    /* It has told the guard itself; should it have told one that was killed meanwhile, this one knows now. */
    guard_add(worker->pool->context->guard, pid);
    worker->started_us = now_us;
    worker->overdue_us = now_us + worker->start_timeout_us;
    set_state(worker, PROCESS_RUNNING);
    if (worker->is_unwanted)
        worker_process_stop(worker, worker->stop_us);
}

void
worker_process_handle_failed(struct worker_process *worker, const char *reason, int64_t now_us)
{
    snprintf(worker->reason, sizeof(worker->reason), "%s", reason);
    worker->has_failed = true;
    worker->overdue_us = now_us;
}

bool
worker_process_has_failed(const struct worker_process *worker)
{
    return worker->has_failed;
}

const char *
worker_process_reason(const struct worker_process *worker)
{
    return worker->reason;
}

void
worker_process_handle_unborn(struct worker_process *worker)
{
    output_close(&worker->output);
    set_state(worker, PROCESS_ENDED);
}

void
worker_process_handle_ready(struct worker_process *worker, int64_t now_us)
{
    worker->ready_us = now_us;
    worker->overdue_us = INT64_MAX;
}

void
worker_process_read_output(struct worker_process *worker, int64_t now_us)
{
    if (!output_read(&worker->output) && worker->state == PROCESS_EXPECTED)
        worker->overdue_us = now_us + STILLBORN_US;
}

/* Signals that someone sends, as opposed to those that a process earns by its own fault. */
static bool
is_sent_signal(int number)
{
    return number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT;
}

static bool
is_start_status(int status)
{
    return status == STATUS_USAGE || status == STATUS_IMPORT || status == STATUS_REFUSED ||
           status == STATUS_GIL || status == STATUS_CANNOT_RUN;
}

/* What the end of a worker that nobody asked to end says about its start. */
static void
judge(const struct worker_process *worker, struct worker_end *end)
{
    bool is_exit = !end->is_signal;
    bool has_start_status = is_exit && is_start_status(end->status);
    bool is_clean = is_exit && end->status == 0;

    end->is_settled = end->lived_us >= SETTLED_US && !has_start_status && !worker->was_late;
    /* Killed in its first second it is not the app's fault either, but to start it at once might ask for the next kill. */
    bool was_killed = !is_exit && !worker->was_late && is_sent_signal(end->status);
    end->is_sent_signal = was_killed && end->lived_us >= REPLACE_AT_ONCE_US;
    end->is_start_failure = !end->is_settled && !was_killed && !is_clean;
}

static enum exit_cause
find_cause(const struct worker_process *worker, const struct worker_end *end)
{
    if (worker->was_late)
        return EXIT_START_FAILED;
    if (!end->is_signal)
        return end->is_start_failure ? EXIT_START_FAILED : EXIT_STATUS;
    if (end->status == SIGKILL && !worker->was_killed && memory_oom_has_killed(worker->pool->context->memory))
        return EXIT_OOM;
    return EXIT_SIGNAL;
}

void
worker_process_handle_end(struct worker_process *worker, const siginfo_t *info, int64_t now_us,
                          struct worker_end *ret_end)
{
    pid_t pid = worker->pid;

    /* While it is a zombie its number cannot become another's, so this group can only be its own. */
    kill(-pid, SIGKILL);
    guard_remove(worker->pool->context->guard, pid);
    waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED);
    output_close(&worker->output);
    *ret_end = (struct worker_end){
        .pid = pid,
        .status = info->si_status,
        .is_signal = info->si_code != CLD_EXITED,
        .replaces = worker->replaces,
        .text = worker->output.tail,
        .text_bytes = worker->output.tail_size,
        .lived_us = now_us - worker->started_us,
        .was_asked = worker->state == PROCESS_STOPPING,
    };
    if (!ret_end->was_asked)
        judge(worker, ret_end);
    ret_end->cause = find_cause(worker, ret_end);
    /* Not by its own fault, but to start it at once would only ask for the next kill. */
    if (ret_end->cause == EXIT_OOM) {
        ret_end->is_sent_signal = false;
        ret_end->is_start_failure = worker->ready_us == INT64_MAX;
    }
    worker->pid = 0;
    set_state(worker, PROCESS_ENDED);
}

static void
kill_group(struct worker_process *worker, const char *reason)
{
    struct log *log = worker->pool->context->log;

    log_begin(log, LOG_WARN, "worker.killed");
    log_str(log, "pool", worker->pool->name);
    log_str(log, "worker_name", worker->name);
    log_int(log, "pid", worker->pid);
    log_str(log, "reason", reason);
    log_end(log);
    kill(-worker->pid, SIGKILL);
    worker->was_killed = true;
    worker->overdue_us = INT64_MAX;
    worker->stop_us = INT64_MAX;
}

bool
worker_process_tick(struct worker_process *worker, int64_t now_us)
{
    if (now_us < worker_process_next_due_us(worker))
        return true;
    if (worker->state == PROCESS_EXPECTED)
        return false;
    if (worker->state == PROCESS_STOPPING) {
        kill_group(worker, "stop_timeout");
    } else {
        worker->was_late = true;
        kill_group(worker, "start_timeout");
    }
    return true;
}

int64_t
worker_process_next_due_us(const struct worker_process *worker)
{
    if (worker->state == PROCESS_STOPPING)
        return worker->stop_us;
    if (worker->state == PROCESS_EXPECTED && worker->stop_us < worker->overdue_us)
        return worker->stop_us;
    return worker->state == PROCESS_ENDED ? INT64_MAX : worker->overdue_us;
}

void
worker_process_stop(struct worker_process *worker, int64_t deadline_us)
{
    if (deadline_us < worker->stop_us && !worker->was_killed)
        worker->stop_us = deadline_us;
    if (worker->state == PROCESS_EXPECTED)
        worker->is_unwanted = true;
    if (worker->state != PROCESS_RUNNING)
        return;
    kill(worker->pid, SIGTERM);
    set_state(worker, PROCESS_STOPPING);
}

/* --- questions ------------------------------------------------------------------------------------------------ */

pid_t
worker_process_pid(const struct worker_process *worker)
{
    return worker->pid;
}

const char *
worker_process_name(const struct worker_process *worker)
{
    return worker->name;
}

int
worker_process_output_fd(const struct worker_process *worker)
{
    return worker->output.fd;
}

uint32_t
worker_process_number(const struct worker_process *worker)
{
    return worker->number;
}

int64_t
worker_process_ready_us(const struct worker_process *worker)
{
    return worker->ready_us;
}

uint64_t
worker_process_rss_bytes(const struct worker_process *worker)
{
    return worker->rss_bytes;
}

uint64_t
worker_process_memory_max(const struct worker_process *worker)
{
    const struct pool_config *config = worker->pool->config;

    return config == NULL ? 0 : config->core.worker_memory_max;
}

void
worker_process_set_rss(struct worker_process *worker, uint64_t rss_bytes)
{
    worker->rss_bytes = rss_bytes;
}

bool
worker_process_is_starting(const struct worker_process *worker)
{
    return worker->ready_us == INT64_MAX && !worker->is_unwanted &&
           (worker->state == PROCESS_EXPECTED || worker->state == PROCESS_RUNNING);
}

bool
worker_process_is_stopping(const struct worker_process *worker)
{
    return worker->state == PROCESS_STOPPING || worker->is_unwanted;
}
