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
    lease->fence = fence;
    lease->worker = worker;
    lease->leased_us = now_us;
    lease->is_ahead = worker->busy == worker->slots;
    DL_APPEND(worker->leases, lease);
    worker->unsure++;
    if (!lease->is_ahead) {
        worker->busy++;
        return lease;
    }
    if (!worker->first_ahead)
        worker->first_ahead = lease;
    worker->ahead++;
    return lease;
}

void
lease_expect(struct lease *lease, int64_t expected_us)
{
    assert(expected_us > 0 && lease->expected_us == 0);
    lease->expected_us = expected_us;
    lease->worker->expected_us += expected_us;
    lease->worker->unsure--;
}

void
lease_recall(struct lease *lease)
{
    assert(lease->is_ahead && !lease->is_recalled);
    lease->is_recalled = true;
    lease->worker->recalled++;
}

/* It is among those that wait for a slot no more. */
static void
leave_ahead(struct lease *lease)
{
    struct worker *worker = lease->worker;

    if (worker->first_ahead == lease)
        worker->first_ahead = lease->next;
    worker->ahead--;
    worker->recalled -= lease->is_recalled;
    lease->is_ahead = lease->is_recalled = false;
}

struct lease *
lease_move_up(struct worker *worker, int64_t now_us)
{
    struct lease *lease = worker->first_ahead;

    if (!lease || worker->busy == worker->slots)
        return NULL;
    leave_ahead(lease);
    worker->busy++;
    lease->leased_us = now_us;
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

    struct worker *worker = lease->worker;

    assert(!lease->task && !lease->group && !heap_node_is_in(&lease->timer));
    if (lease->is_ahead)
        leave_ahead(lease);
    else
        worker->busy--;
    DL_DELETE(worker->leases, lease);
    worker->expected_us -= lease->expected_us;
    worker->unsure -= lease->expected_us == 0;
    stock_give(lease);
    *lease_p = NULL;
}
