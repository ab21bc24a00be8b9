/* pending.c - table and lists of unfinished tasks; see pending.h. */
#include "client/lib/pending.h"
#include "client/lib/again.h"
#include "wire/err.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Ids are consecutive numbers. Mixed, so that one task that stays while millions pass does not look to uthash like a
 * bucket that fills up: it would double its table again and again. */
#undef HASH_FUNCTION
#define HASH_FUNCTION(key, key_bytes, hash) \
    ((hash) = (unsigned)((*(const uint64_t *)(key) * UINT64_C(0x9E3779B97F4A7C15)) >> 32))

/* uthash calls this for a task that it could not add. */
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(task) (was_added = false)

struct pending_task *
pending_task_new(size_t command_bytes, uint32_t frame_count)
{
    size_t head_bytes = sizeof(struct pending_task) + frame_count * sizeof(zmq_msg_t);
    struct pending_task *task = malloc(head_bytes + command_bytes + AGAIN_BYTES_MAX);

    if (!task)
        return NULL;
    memset(task, 0, sizeof *task);
    task->command = (uint8_t *)task + head_bytes;
    task->command_bytes = (uint32_t)command_bytes;
    task->frame_count = frame_count;
    for (uint32_t i = 0; i < frame_count; i++)
        zmq_msg_init(&task->frames[i]);
    return task;
}

void
pending_task_destroy(struct pending_task **task_p)
{
    struct pending_task *task = *task_p;

    if (!task)
        return;
    *task_p = NULL;
    for (uint32_t i = 0; i < task->frame_count; i++)
        zmq_msg_close(&task->frames[i]);
    free(task);
}

/* Put the task into the list of its state, which it must not be in. */
static void
link_in(struct pending *pending, struct pending_task *task)
{
    struct pending_task **list = &pending->lists[task->state];

    if (task->state == PENDING_WAITING)
        pending->waiting_bytes += task->command_bytes;
    if (task->state != PENDING_RETRYING || !*list || (*list)->prev->retry_at_us <= task->retry_at_us) {
        DL_APPEND(*list, task);
        return;
    }
    struct pending_task *later = (*list)->prev;
    while (later != *list && later->prev->retry_at_us > task->retry_at_us)
        later = later->prev;
    DL_PREPEND_ELEM(*list, later, task);
}

static void
link_out(struct pending *pending, struct pending_task *task)
{
    DL_DELETE(pending->lists[task->state], task);
    if (task->state == PENDING_WAITING)
        pending->waiting_bytes -= task->command_bytes;
}

int
pending_add(struct pending *pending, struct pending_task *task)
{
    bool was_added = true;

    HASH_ADD(hh, pending->by_id, id, sizeof task->id, task);
    if (!was_added)
        return ERR_MEMORY;
    task->state = PENDING_WAITING;
    link_in(pending, task);
    pending->count++;
    pending->cost_bytes += task->cost_bytes;
    return OK;
}

struct pending_task *
pending_find(const struct pending *pending, uint64_t id)
{
    struct pending_task *task;

    HASH_FIND(hh, pending->by_id, &id, sizeof id, task);
    return task;
}

struct pending_task *
pending_first(const struct pending *pending, enum pending_state state)
{
    return pending->lists[state];
}

void
pending_move(struct pending *pending, struct pending_task *task, enum pending_state state)
{
    link_out(pending, task);
    task->state = state;
    link_in(pending, task);
}

void
pending_remove(struct pending *pending, struct pending_task *task)
{
    assert(pending->count > 0 && pending->cost_bytes >= task->cost_bytes);
    link_out(pending, task);
    HASH_DELETE(hh, pending->by_id, task);
    pending->count--;
    pending->cost_bytes -= task->cost_bytes;
}

/* Put all tasks of one state behind those of another. */
static void
move_all(struct pending *pending, enum pending_state from, enum pending_state to)
{
    while (pending->lists[from])
        pending_move(pending, pending->lists[from], to);
}

static void
mark_offered(struct pending *pending)
{
    struct pending_task *task;

    DL_FOREACH(pending->lists[PENDING_OFFERED], task) {
        if (!task->is_again && !task->is_admin)
            task->command_bytes = again_mark(task->command, task->command_bytes);
        task->is_again = true;
    }
}

void
pending_rewind(struct pending *pending)
{
    struct pending_task *waiting = pending->lists[PENDING_WAITING];

    pending->lists[PENDING_WAITING] = NULL;
    mark_offered(pending);
    move_all(pending, PENDING_OFFERED, PENDING_WAITING);
    move_all(pending, PENDING_RETRYING, PENDING_WAITING);
    DL_CONCAT(pending->lists[PENDING_WAITING], waiting);
}

void
pending_pass_time(struct pending *pending, int64_t now_us)
{
    struct pending_task *task;

    DL_FOREACH(pending->lists[PENDING_WAITING], task) {
        int64_t ms = (now_us - task->offered_us) / 1000;

        if (task->offered_us == 0 || ms <= 0)
            continue;
        again_pass(task->command, task->command_bytes, (uint64_t)ms);
        task->offered_us += ms * 1000;
    }
}

void
pending_doom_all(struct pending *pending)
{
    move_all(pending, PENDING_OFFERED, PENDING_DOOMED);
    move_all(pending, PENDING_RETRYING, PENDING_DOOMED);
    move_all(pending, PENDING_WAITING, PENDING_DOOMED);
}
