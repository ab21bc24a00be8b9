/* place.c - restarts and succession; see place.h. */
#include "agent/place.h"

#include "wire/err.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIGITS_MAX = 10 };

struct place *
place_new(const struct worker_pool *pool, unsigned number, int64_t now_us)
{
    struct place *place = calloc(1, sizeof(*place));

    if (place == NULL)
        abort();
    place->pool = pool;
    place->number = number;
    place->due_us = now_us;
    place->delay_us = pool->context->restart_delay_us;
    /* A long pool's name is cut, so that the label keeps its number and its limit. */
    snprintf(place->name, sizeof(place->name), "%.*s-%u", LABEL_BYTES_MAX - DIGITS_MAX - 1, pool->name, number);
    return place;
}

void
place_destroy(struct place **place_p)
{
    assert((*place_p)->worker == NULL && (*place_p)->successor == NULL);
    free(*place_p);
    *place_p = NULL;
}

bool
place_is_due(const struct place *place, int64_t now_us)
{
    return place->worker == NULL && !place->is_closing && now_us >= place->due_us;
}

bool
place_wants_successor(const struct place *place)
{
    return place->replaces != 0 && place->worker != NULL && place->successor == NULL && !place->is_worker_first &&
           !place->is_closing;
}

/* --- starting ------------------------------------------------------------------------------------------------- */

/* OK and *ret_worker; ERR_AGAIN; ERR_SYSTEM and errno. */
static int
ask(const struct place *place, struct nursery *nursery, uint32_t number, int64_t now_us,
    struct worker_process **ret_worker)
{
    int output[2];

    if (!nursery_is_ready(nursery))
        return ERR_AGAIN;
    if (pipe2(output, O_CLOEXEC) != 0)
        return ERR_SYSTEM;
    int err = nursery_ask(nursery, number, place->name, place->replaces, output[1]);
    close(output[1]);
    if (err != OK) {
        close(output[0]);
        return err;
    }
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    *ret_worker = worker_process_expect(place->pool, place->name, place->replaces, number, output[0], now_us);
    return OK;
}

/* The delay before the next start; it doubles each time. */
static int64_t
take_delay_us(struct place *place)
{
    int64_t delay_us = place->delay_us;
    int64_t delay_max_us = place->pool->context->restart_delay_max_us;

    place->delay_us = delay_us > delay_max_us / 2 ? delay_max_us : delay_us * 2;
    return delay_us;
}

/* Begin a line about this place's worker. */
static struct log *
begin_log(const struct place *place, enum log_level level, const char *event, pid_t pid)
{
    struct log *log = place->pool->context->log;

    log_begin(log, level, event);
    log_str(log, "pool", place->pool->name);
    log_str(log, "worker_name", place->name);
    if (pid != 0)
        log_int(log, "pid", pid);
    return log;
}

/* There was no process at all. */
static void
fail_start(struct place *place, const char *reason, int64_t now_us)
{
    int64_t delay_us = take_delay_us(place);
    struct log *log = begin_log(place, LOG_ERROR, "worker.start_failed", 0);

    log_str(log, "reason", reason);
    if (place->worker == NULL)
        log_int(log, "restart_ms", delay_us / 1000);
    log_end(log);
    place->due_us = now_us + delay_us;
}

int
place_start(struct place *place, struct nursery *nursery, uint32_t number, int64_t now_us)
{
    struct worker_process **worker_p = place->worker == NULL ? &place->worker : &place->successor;
    int err = OK;

    if (nursery != NULL)
        err = ask(place, nursery, number, now_us, worker_p);
    else if ((*worker_p = worker_process_spawn(place->pool, place->name, place->replaces, now_us)) == NULL)
        err = ERR_SYSTEM;
    if (err == ERR_SYSTEM)
        fail_start(place, strerror(errno), now_us);
    if (err != OK)
        return err;
    if (place->worker == *worker_p)
        place->replaces = 0;
    if (nursery == NULL)
        log_end(begin_log(place, LOG_INFO, "worker.spawned", worker_process_pid(*worker_p)));
    return OK;
}

/* --- ending --------------------------------------------------------------------------------------------------- */

static void
log_unasked_end(const struct place *place, const struct worker_end *end, int64_t delay_us)
{
    bool is_exit = end->cause == EXIT_STATUS || (end->cause == EXIT_START_FAILED && !end->is_signal);
    bool is_clean = is_exit && end->status == 0;
    struct log *log = begin_log(place, is_clean ? LOG_INFO : LOG_ERROR,
                                end->is_start_failure ? "worker.start_failed" : is_clean ? "worker.ended" : "worker.died",
                                end->pid);

    if (is_exit)
        log_int(log, "exit_status", end->status);
    else
        log_str(log, "signal", sigabbrev_np(end->status));
    if (end->cause == EXIT_OOM)
        log_str(log, "reason", "the kernel killed it for lack of memory");
    log_int(log, "lived_ms", end->lived_us / 1000);
    if (delay_us >= 0)
        log_int(log, "restart_ms", delay_us / 1000);
    if (!is_clean && end->text_bytes > 0)
        log_bytes(log, "tail", end->text, end->text_bytes);
    log_end(log);
}

/* The successor has ended before it could take over. The broker asks again, if it still wants one. */
static void
lose_successor(struct place *place, const struct worker_end *end)
{
    /* One that was told to end makes room for another: `replaces` then stands for that one. */
    if (!end->was_asked)
        place->replaces = 0;
}

static uint64_t
take_wish(struct place *place)
{
    uint64_t session = place->wish;

    place->wish = 0;
    return session;
}

/* The worker has ended: its successor takes over, or another is started. */
static void
lose_worker(struct place *place, const struct worker_end *end, int64_t now_us)
{
    bool has_crashed = end->is_signal && end->is_settled && end->cause != EXIT_OOM;
    bool is_at_once = end->was_asked || end->is_sent_signal || has_crashed;

    place->worker = place->successor;
    place->successor = NULL;
    place->is_worker_first = false;
    if (place->worker != NULL)
        place->replaces = 0;
    if (place->wish != 0)
        place_replace(place, take_wish(place), place->is_wish_first);
    if (end->is_settled)
        place->delay_us = place->pool->context->restart_delay_us;
    bool is_restarted = place->worker == NULL && !place->is_closing;
    int64_t delay_us = !is_restarted ? -1 : is_at_once || place->replaces != 0 ? 0 : take_delay_us(place);
    if (!end->was_asked)
        log_unasked_end(place, end, delay_us);
    if (is_restarted)
        place->due_us = now_us + delay_us;
}

void
place_handle_end(struct place *place, struct worker_process *worker, const struct worker_end *end, int64_t now_us)
{
    if (end->was_asked)
        log_end(begin_log(place, LOG_INFO, "worker.exited", end->pid));
    if (worker == place->worker) {
        lose_worker(place, end, now_us);
    } else {
        if (!end->was_asked)
            log_unasked_end(place, end, -1);
        place->successor = NULL;
        place->wish = 0;
        lose_successor(place, end);
    }
    worker_process_destroy(&worker);
}

void
place_handle_unborn(struct place *place, struct worker_process *worker, const char *reason, int64_t now_us,
                    struct worker_end *ret_end)
{
    bool is_successor = worker == place->successor;

    worker_process_handle_unborn(worker);
    if (is_successor)
        place->successor = NULL;
    else
        place->worker = NULL;
    worker_process_destroy(&worker);
    if (reason == NULL) {
        place->due_us = now_us;
        return;
    }
    *ret_end = (struct worker_end){.cause = EXIT_START_FAILED, .text = reason, .text_bytes = strlen(reason),
                                   .is_start_failure = true, .replaces = is_successor ? place->replaces : 0};
    fail_start(place, reason, now_us);
    if (is_successor)
        place->replaces = 0;
}

/* --- orders --------------------------------------------------------------------------------------------------- */

void
place_replace(struct place *place, uint64_t session, bool is_worker_first)
{
    /* The same wish again. */
    if (place->replaces == session && place->is_worker_first == is_worker_first)
        return;
    place->replaces = session;
    place->is_worker_first = is_worker_first;
    /* One that was asked for before names another session. */
    if (place->successor != NULL)
        worker_process_stop(place->successor, 0);
    /* It takes no new task and ends when those that it runs have ended; until when, the broker says (RETIRE). */
    if (is_worker_first && place->worker != NULL)
        worker_process_stop(place->worker, INT64_MAX);
}

void
place_replace_successor(struct place *place, uint64_t session, bool is_worker_first)
{
    place->wish = session;
    place->is_wish_first = is_worker_first;
}

void
place_close(struct place *place, int64_t deadline_us)
{
    place->is_closing = true;
    if (place->worker != NULL)
        worker_process_stop(place->worker, deadline_us);
    if (place->successor != NULL)
        worker_process_stop(place->successor, deadline_us);
}

bool
place_is_gone(const struct place *place)
{
    return place->is_closing && place->worker == NULL && place->successor == NULL;
}
