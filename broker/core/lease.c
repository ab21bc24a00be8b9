/* lease.c - ties a task to a worker's slot; see lease.h. */
#include "broker/core/lease.h"

#include "broker/core/task.h"
#include "broker/core/worker.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

struct lease *
lease_new(struct stock *stock, uint64_t fence, struct worker *worker, int64_t now_us)
{
    struct lease *lease = stock_take(stock, sizeof *lease);

    memset(lease, 0, sizeof *lease);
    assert(worker->busy < worker->slots);
    lease->fence = fence;
    lease->worker = worker;
    lease->leased_us = now_us;
    DL_APPEND(worker->leases, lease);
    worker->busy++;
    return lease;
}

void
lease_tie_task(struct lease *lease, struct task *task)
{
    assert(!lease->task && !task->lease);
    lease->task = task;
    task->lease = lease;
}

void
lease_release_task(struct lease *lease)
{
    assert(lease->task && lease->task->lease == lease);
    lease->task->lease = NULL;
    lease->task = NULL;
}

void
lease_destroy(struct lease **lease_p)
{
    struct lease *lease = *lease_p;

    assert(!lease->task && !lease->group && lease->worker->busy > 0 && !heap_node_is_in(&lease->timer));
    DL_DELETE(lease->worker->leases, lease);
    lease->worker->busy--;
    stock_give(lease);
    *lease_p = NULL;
}
