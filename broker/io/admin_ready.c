/* admin_ready.c - waiting for workers; see admin_ready.h. */
#include "broker/io/admin_ready.h"

#include "broker/io/report_map.h"
#include "wire/err.h"
#include "wire/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* In all. Each costs a look at its pool whenever something happens. docs/protocol.md, section 11. */
#define WAITS_MAX 1000

struct ready_wait {
    struct admin_caller caller;
    char pool[NAME_BYTES_MAX + 1]; /* empty: all pools */
    bool has_workers;              /* else each pool's configured number */
    uint64_t workers;
    int64_t deadline_us;
    struct ready_wait *prev, *next;
};

static void
drop(struct ready_waits *waits, struct ready_wait *wait)
{
    DL_DELETE(waits->first, wait);
    waits->count--;
    free(wait);
}

void
ready_waits_fini(struct ready_waits *waits)
{
    while (waits->first)
        drop(waits, waits->first);
}

void
ready_waits_add(struct ready_waits *waits, const struct admin_caller *caller, const struct admin_args *args,
                int64_t now_us, struct outbox *outbox)
{
    const struct admin_fault full = {.code = ERROR_BUSY, .text = "too many calls wait already"};
    struct ready_wait *wait;

    if (waits->count >= WAITS_MAX) {
        admin_answer_fault(outbox, caller, &full);
        return;
    }
    wait = calloc(1, sizeof *wait);
    if (!wait)
        abort();
    wait->caller = *caller;
    if (args->pool.size > 0)
        memcpy(wait->pool, args->pool.data, args->pool.size);
    wait->has_workers = (args->given & ARG_WORKERS) != 0;
    wait->workers = args->workers;
    wait->deadline_us = now_us + (int64_t)args->timeout_ms * 1000;
    DL_APPEND(waits->first, wait);
    waits->count++;
}

void
ready_waits_forget(struct ready_waits *waits, uint32_t peer)
{
    struct ready_wait *wait, *next;

    DL_FOREACH_SAFE(waits->first, wait, next)
        if (wait->caller.peer == peer)
            drop(waits, wait);
}

/* Who names a pool whose workers come from elsewhere waits for one of them at least. */
static uint64_t
count_wanted(const struct ready_wait *wait, const struct pool_stats *pool)
{
    if (wait->has_workers)
        return wait->workers;
    return pool->workers_wanted > 0 ? pool->workers_wanted : 1;
}

/* The first pool that lacks workers, in *ret_pool, or false. A pool that is not there any more lacks them, too. */
static bool
lacks_workers(const struct broker *broker, const struct ready_wait *wait, struct pool_stats *ret_pool)
{
    const struct bytes name = text_bytes(wait->pool);

    if (name.size > 0) {
        *ret_pool = (struct pool_stats){.name = wait->pool};
        return broker_find_pool(broker, name, ret_pool) != OK || ret_pool->workers_ready < count_wanted(wait, ret_pool);
    }
    for (size_t i = 0; broker_get_pool(broker, i, ret_pool) == OK; i++)
        if (ret_pool->workers_wanted > 0 && ret_pool->workers_ready < count_wanted(wait, ret_pool))
            return true;
    return false;
}

static void
answer_ready(const struct ready_wait *wait, struct outbox *outbox)
{
    struct wire_buffer buffer;
    struct report_map map;

    wire_buffer_init(&buffer, false);
    report_map_begin(&map, &buffer);
    report_put_bool(&map, "ready", true);
    report_map_end(&map);
    admin_answer(outbox, &wait->caller, &buffer);
}

static void
answer_late(const struct ready_wait *wait, const struct pool_stats *pool, struct outbox *outbox)
{
    struct admin_fault late = {.code = ERROR_EXPIRED};

    snprintf(late.text, sizeof late.text,
             "the workers were not ready in time: pool %s has %" PRIu64 " of %" PRIu64 " ready%s", pool->name,
             pool->workers_ready, count_wanted(wait, pool),
             pool->is_failed ? "; its workers fail to start: look for worker.start_failed in the log" : "");
    admin_answer_fault(outbox, &wait->caller, &late);
}

void
ready_waits_tick(struct ready_waits *waits, const struct broker *broker, int64_t now_us, struct outbox *outbox)
{
    struct ready_wait *wait, *next;
    struct pool_stats pool;

    DL_FOREACH_SAFE(waits->first, wait, next) {
        if (!lacks_workers(broker, wait, &pool))
            answer_ready(wait, outbox);
        else if (wait->deadline_us <= now_us)
            answer_late(wait, &pool, outbox);
        else
            continue;
        drop(waits, wait);
    }
}

int64_t
ready_waits_due_us(const struct ready_waits *waits)
{
    const struct ready_wait *wait;
    int64_t due_us = INT64_MAX;

    DL_FOREACH(waits->first, wait)
        due_us = wait->deadline_us < due_us ? wait->deadline_us : due_us;
    return due_us;
}
