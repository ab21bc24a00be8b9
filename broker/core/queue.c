/* queue.c - priorities, each with rings of lanes; see queue.h. */
#include "broker/core/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void
queue_init(struct queue *queue)
{
    memset(queue, 0, sizeof *queue);
    for (int priority = 0; priority < PRIORITIES; priority++)
        lane_init(&queue->own[priority], NULL, (uint8_t)priority);
}

void
queue_fini(struct queue *queue)
{
    for (int priority = 0; priority < PRIORITIES; priority++)
        lane_fini(&queue->own[priority]);
    memset(queue, 0, sizeof *queue);
}

/* --- lanes and rings -------------------------------------------------------------------------------------------- */

static bool
is_held(const struct lane *lane)
{
    return lane->flow && lane->flow->is_held;
}

static struct lane **
ring_of(struct queue *queue, const struct lane *lane)
{
    return is_held(lane) ? &queue->held[lane->priority] : &queue->rings[lane->priority];
}

/* The lane in which the task stands, or will. */
static struct lane *
lane_of(struct queue *queue, const struct task *task)
{
    struct flow *flow = task_flow(task);

    return flow ? flow_open_lane(flow, task->priority) : &queue->own[task->priority];
}

static void
join_ring(struct queue *queue, struct lane *lane)
{
    struct lane **ring = ring_of(queue, lane);

    CDL_APPEND(*ring, lane);
    if (!is_held(lane))
        queue->ready |= 1u << lane->priority;
}

static void
leave_ring(struct queue *queue, struct lane *lane)
{
    struct lane **ring = ring_of(queue, lane);

    CDL_DELETE(*ring, lane);
    lane->prev = lane->next = NULL;
    if (!*ring && !is_held(lane))
        queue->ready &= ~(1u << lane->priority);
}

/* The lane has got a task. */
static void
count_in(struct queue *queue, struct lane *lane)
{
    if (lane->count == 1)
        join_ring(queue, lane);
    queue->counts[lane->priority]++;
    queue->count++;
}

void
queue_add(struct queue *queue, struct task *task)
{
    struct lane *lane = lane_of(queue, task);

    assert(task->state == TASK_QUEUED && !task_is_linked(task));
    lane_add(lane, task);
    count_in(queue, lane);
}

void
queue_return(struct queue *queue, struct task *task)
{
    struct lane *lane = lane_of(queue, task);

    assert(task->state == TASK_QUEUED && !task_is_linked(task));
    lane_return(lane, task);
    count_in(queue, lane);
}

static void
remove_from(struct queue *queue, struct lane *lane, struct task *task)
{
    assert(task->state == TASK_QUEUED && task_is_linked(task));
    lane_remove(lane, task);
    queue->counts[lane->priority]--;
    queue->count--;
    if (lane->count > 0)
        return;
    leave_ring(queue, lane);
    if (lane->flow)
        flow_close_lane(lane->flow, lane);
}

void
queue_remove(struct queue *queue, struct task *task)
{
    remove_from(queue, lane_of(queue, task), task);
}

void
queue_take(struct queue *queue, struct task *task)
{
    struct lane *lane = lane_of(queue, task);
    struct lane **ring = ring_of(queue, lane);

    if (*ring == lane) {
        *ring = lane->next;
    } else {
        CDL_DELETE(*ring, lane);
        CDL_APPEND(*ring, lane);
    }
    remove_from(queue, lane, task);
}

struct task *
queue_first(const struct queue *queue)
{
    if (queue->ready == 0)
        return NULL;
    return lane_first(queue->rings[31 - __builtin_clz(queue->ready)]);
}

struct task *
queue_any(const struct queue *queue)
{
    for (int priority = PRIORITIES - 1; priority >= 0; priority--) {
        const struct lane *lane = queue->rings[priority] ? queue->rings[priority] : queue->held[priority];

        if (lane)
            return lane_first(lane);
    }
    return NULL;
}

static void
move_lanes(struct queue *queue, struct flow *flow, bool is_held)
{
    struct lane *lane;

    assert(flow->is_held != is_held);
    LL_FOREACH2(flow->lanes, lane, sibling)
        leave_ring(queue, lane);
    flow->is_held = is_held;
    LL_FOREACH2(flow->lanes, lane, sibling)
        join_ring(queue, lane);
}

void
queue_hold(struct queue *queue, struct flow *flow)
{
    move_lanes(queue, flow, true);
}

void
queue_release(struct queue *queue, struct flow *flow)
{
    move_lanes(queue, flow, false);
}

/* --- walking ---------------------------------------------------------------------------------------------------- */

/* A walk through the whole queue that ends after `left` more tasks. */
struct walk {
    size_t left;
    void (*visit)(void *context, const struct task *task);
    void *context;
};

/* So many lanes of the ring are enough for what is left, as each is visited in the first round. */
static size_t
count_lanes(const struct lane *ring, size_t limit)
{
    const struct lane *lane;
    size_t count = 0;

    CDL_FOREACH(ring, lane) {
        if (count == limit)
            break;
        count++;
    }
    return count;
}

static void
end_walks(struct lane_walk *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lane_walk_end(&lanes[i]);
}

/* One task of each lane. Returns how many lanes are not through. */
static size_t
take_round(struct walk *walk, struct lane_walk *lanes, size_t count)
{
    size_t kept = 0, at = 0;

    for (; at < count && walk->left > 0; at++) {
        struct task *task = lane_walk_next(&lanes[at]);

        if (!task) {
            lane_walk_end(&lanes[at]);
            continue;
        }
        walk->visit(walk->context, task);
        walk->left--;
        lanes[kept++] = lanes[at];
    }
    if (walk->left > 0)
        return kept;
    end_walks(lanes, kept);
    end_walks(lanes + at, count - at);
    return 0;
}

static void
walk_ring(struct walk *walk, struct lane *ring)
{
    size_t count = count_lanes(ring, walk->left), begun = 0;
    struct lane_walk *lanes;

    if (count == 0)
        return;
    lanes = calloc(count, sizeof *lanes);
    if (!lanes)
        abort();
    for (struct lane *lane = ring; begun < count; lane = lane->next)
        lane_walk_begin(&lanes[begun++], lane);
    while (count > 0)
        count = take_round(walk, lanes, count);
    free(lanes);
}

size_t
queue_each(const struct queue *queue, size_t limit, void (*visit)(void *context, const struct task *task),
           void *context)
{
    struct walk walk = {limit, visit, context};

    for (int priority = PRIORITIES - 1; priority >= 0 && walk.left > 0; priority--) {
        walk_ring(&walk, queue->rings[priority]);
        walk_ring(&walk, queue->held[priority]);
    }
    return limit - walk.left;
}

/* --- checking --------------------------------------------------------------------------------------------------- */

static uint64_t
check_ring(const struct lane *ring, int priority, bool is_held)
{
    const struct lane *lane;
    uint64_t count = 0;

    CDL_FOREACH(ring, lane) {
        assert(lane->priority == priority && lane->next->prev == lane);
        assert(is_held == (lane->flow && lane->flow->is_held));
        assert(!lane->flow || flow_lane(lane->flow, lane->priority) == lane);
        lane_check(lane);
        count += lane->count;
    }
    return count;
}

void
queue_check(const struct queue *queue)
{
    uint64_t count = 0;

    for (int priority = 0; priority < PRIORITIES; priority++) {
        uint64_t in_rings = check_ring(queue->rings[priority], priority, false) +
                            check_ring(queue->held[priority], priority, true);

        assert(in_rings == queue->counts[priority]);
        assert((queue->rings[priority] != NULL) == (queue->ready >> priority & 1));
        assert(queue->own[priority].count > 0 || !queue->own[priority].next);
        count += in_rings;
    }
    assert(count == queue->count);
}
