/* worker.c - life of a worker's session; see worker.h. */
#include "broker/core/worker.h"

#include "broker/core/label.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The legal moves, docs/protocol.md section 5. */
static const bool moves[WORKER_STATES][WORKER_STATES] = {
    [WORKER_NEW] = {[WORKER_READY] = true},
    [WORKER_READY] = {[WORKER_STALLED] = true, [WORKER_DRAINING] = true, [WORKER_DETACHED] = true,
                      [WORKER_GONE] = true},
    [WORKER_STALLED] = {[WORKER_READY] = true, [WORKER_DRAINING] = true, [WORKER_DETACHED] = true,
                        [WORKER_GONE] = true},
    [WORKER_DRAINING] = {[WORKER_DETACHED] = true, [WORKER_GONE] = true},
    [WORKER_DETACHED] = {[WORKER_READY] = true, [WORKER_DRAINING] = true, [WORKER_GONE] = true},
};

static const char *const state_names[WORKER_STATES] = {
    [WORKER_NEW] = "new",
    [WORKER_READY] = "ready",
    [WORKER_STALLED] = "stalled",
    [WORKER_DRAINING] = "draining",
    [WORKER_DETACHED] = "detached",
    [WORKER_GONE] = "gone",
};

static void
take_report(struct worker *worker, struct bytes report)
{
    if (report.size == 0)
        return;
    free(worker->report);
    worker->report = malloc(report.size);
    if (!worker->report)
        abort();
    memcpy(worker->report, report.data, report.size);
    worker->report_bytes = report.size;
}

struct worker *
worker_new(uint64_t session, const struct hello *hello, int64_t now_us)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        abort();
    worker->session = session;
    worker->slots = hello->slots;
    worker->profile = hello->profile;
    worker->process = (struct process_key){hello->agent, hello->pid};
    worker->measured_us = INT64_MIN;
    worker->tasks_due = UINT64_MAX;
    worker->replaces = hello->replaces;
    worker->gil_enabled = hello->gil_enabled;
    worker->free_threaded = hello->free_threaded;
    worker->heard_us = worker->started_us = now_us;
    label_copy(worker->name, hello->name);
    label_copy(worker->host, hello->host);
    label_copy(worker->python, hello->python);
    label_copy(worker->gil_module, hello->gil_module);
    take_report(worker, hello->report);
    return worker;
}

void
worker_destroy(struct worker **worker_p)
{
    struct worker *worker = *worker_p;

    if (!worker)
        return;
    assert(!worker->leases && worker->busy == 0 && !worker->affinities && worker->parked.count == 0);
    assert(!worker->is_in_crew && !worker->heard_prev && !heap_node_is_in(&worker->timer));
    assert(worker->ahead == 0 && !worker->is_in_ahead && worker->unsure == 0 && worker->expected_us == 0);
    assert(!worker->is_due && !worker->recycle && !heap_node_is_in(&worker->due_timer));
    heap_fini(&worker->parked);
    free(worker->report);
    free(worker);
    *worker_p = NULL;
}

void
worker_become(struct worker *worker, enum worker_state state)
{
    assert(moves[worker->state][state]);
    assert(!worker->is_in_crew && !worker->heard_prev && !heap_node_is_in(&worker->timer));
    assert((worker->peer == 0) == (state == WORKER_DETACHED || state == WORKER_GONE));
    worker->was_draining = state == WORKER_DETACHED && worker->state == WORKER_DRAINING;
    worker->state = (uint8_t)state;
}

bool
worker_is_same(const struct worker *worker, const struct hello *hello)
{
    return worker->process.pid == hello->pid && worker->slots == hello->slots && worker->profile == hello->profile &&
           label_is(worker->name, hello->name) && label_is(worker->host, hello->host);
}

void
worker_take_facts(struct worker *worker, const struct heartbeat *heartbeat, int64_t trusted_us)
{
    bool is_measured = worker->measured_us >= trusted_us;

    if (!heartbeat->has_facts)
        return;
    if (heartbeat->rss_bytes > 0 && !is_measured)
        worker->rss_bytes = heartbeat->rss_bytes;
    if (heartbeat->cpu_us > 0 && !is_measured)
        worker->cpu_us = heartbeat->cpu_us;
    if (heartbeat->tasks_done > worker->tasks_done)
        worker->tasks_done = heartbeat->tasks_done;
    if (heartbeat->gil_enabled >= 0)
        worker->gil_enabled = heartbeat->gil_enabled > 0;
    if (heartbeat->gil_module.size > 0)
        label_copy(worker->gil_module, heartbeat->gil_module);
    take_report(worker, heartbeat->report);
}

const char *
worker_state_name(enum worker_state state)
{
    assert(state < WORKER_STATES);
    return state_names[state];
}
