/* pool.c - tasks and workers under one name; see pool.h. */
#include "broker/core/pool.h"

#include "broker/core/task_extra.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define PACE_WINDOW_US INT64_C(1000000)
#define RETRY_UNKNOWN_MS UINT64_C(1000)
#define RETRY_MIN_MS UINT64_C(10)
#define RETRY_MAX_MS UINT64_C(5000)

static const bool moves[POOL_STATES][POOL_STATES] = {
    [POOL_OPEN] = {[POOL_DRAINING] = true, [POOL_REMOVED] = true},
    [POOL_DRAINING] = {[POOL_OPEN] = true, [POOL_REMOVED] = true},
    [POOL_REMOVED] = {[POOL_OPEN] = true},
};

/* A copy of the list in one allocation, with its texts behind it, or NULL when there is nothing in it. */
static char **
copy_list(char *const *list)
{
    size_t count = 0, bytes = 0;
    char **copy, *at;

    if (!list || !list[0])
        return NULL;
    for (; list[count]; count++)
        bytes += strlen(list[count]) + 1;
    copy = malloc((count + 1) * sizeof *copy + bytes);
    if (!copy)
        abort();
    at = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(list[i]) + 1;

        copy[i] = memcpy(at, list[i], size);
        at += size;
    }
    copy[count] = NULL;
    return copy;
}

struct pool *
pool_new(const struct pool_settings *settings)
{
    struct pool *pool = calloc(1, sizeof *pool);
    size_t size = strlen(settings->name) + 1;

    if (!pool)
        abort();
    pool->name = malloc(size);
    if (!pool->name)
        abort();
    memcpy(pool->name, settings->name, size);
    pool->settings = *settings;
    pool->settings.name = pool->name;
    pool->settings.retry_on = copy_list(settings->retry_on);
    queue_init(&pool->queue);
    heap_init(&pool->suspects);
    crew_init(&pool->crew);
    bucket_init(&pool->bucket);
    heap_init(&pool->held);
    heap_init(&pool->idle);
    pool_load_init(&pool->load);
    return pool;
}

void
pool_destroy(struct pool **pool_p)
{
    struct pool *pool = *pool_p;

    if (!pool)
        return;
    assert(pool_waiting(pool) == 0 && !pool->running && !pool->workers && !pool->groups);
    assert(!pool->affinities.by_name);
    crew_fini(&pool->crew);
    pool_drop_flows(pool);
    heap_fini(&pool->held);
    heap_fini(&pool->idle);
    dedup_store_fini(&pool->dedups);
    queue_fini(&pool->queue);
    heap_fini(&pool->suspects);
    dead_list_fini(&pool->dead);
    run_times_fini(&pool->run_times);
    free(pool->settings.retry_on);
    free(pool->name);
    free(pool);
    *pool_p = NULL;
}

void
pool_change(struct pool *pool, const struct pool_settings *settings)
{
    char **list = copy_list(settings->retry_on);

    free(pool->settings.retry_on);
    pool->settings = *settings;
    pool->settings.name = pool->name;
    pool->settings.retry_on = list;
    dead_list_trim(&pool->dead, settings->dead_max, settings->dead_bytes_max);
}

bool
pool_become(struct pool *pool, enum pool_state state)
{
    if (!moves[pool->state][state])
        return false;
    pool->state = (uint8_t)state;
    return true;
}

/* --- tasks ---------------------------------------------------------------------------------------------------- */

/* Higher priorities first; within one, what was accepted first. */
static int64_t
suspect_key(const struct task *task)
{
    return (int64_t)(PRIORITIES - 1 - task->priority) << 56 | (int64_t)task->number;
}

/* To its place. */
static void
put_back(struct pool *pool, struct task *task)
{
    if (task_is_suspect(task))
        heap_put(&pool->suspects, &task->returned, suspect_key(task));
    else
        queue_return(&pool->queue, task);
}

static void
put_into_queue(struct pool *pool, struct task *task, enum task_state from)
{
    if (from == TASK_NEW && !task_is_suspect(task))
        queue_add(&pool->queue, task);
    else
        put_back(pool, task);
    pool->waiting_bytes += body_bytes(task->body);
}

void
pool_put(struct pool *pool, struct task *task, enum task_state state)
{
    enum task_state from = task->state;

    assert(task->pool == pool);
    task_become(task, state);
    switch (state) {
    case TASK_DELAYED:
        DL_APPEND(pool->delayed, task);
        pool->delayed_count++;
        pool->waiting_bytes += body_bytes(task->body);
        return;
    case TASK_QUEUED:
        put_into_queue(pool, task, from);
        return;
    case TASK_LEASED:
        DL_APPEND(pool->running, task);
        pool->running_count++;
        return;
    default:
        assert(!"a pool has no such list");
    }
}

static void
remove_from_queue(struct pool *pool, struct task *task)
{
    if (task_is_suspect(task))
        heap_remove(&pool->suspects, &task->returned);
    else
        queue_remove(&pool->queue, task);
}

static void
add_parked(struct pool *pool, struct task *task)
{
    task->is_parked = true;
    DL_APPEND(pool->parked, task);
    pool->parked_count++;
}

static void
remove_parked(struct pool *pool, struct task *task)
{
    if (heap_node_is_in(&task->extra->parked))
        heap_remove(&task->extra->affinity->worker->parked, &task->extra->parked);
    DL_DELETE(pool->parked, task);
    task->prev = task->next = NULL;
    task->is_parked = false;
    pool->parked_count--;
}

void
pool_park(struct pool *pool, struct task *task)
{
    if (task_is_linked(task)) {
        remove_from_queue(pool, task);
    } else {
        task_become(task, TASK_QUEUED);
        pool->waiting_bytes += body_bytes(task->body);
    }
    add_parked(pool, task);
}

/* Higher priorities first, then older ones: as in the queue. Numbers stay below 2^59. */
static int64_t
parked_key(const struct task *task)
{
    return (int64_t)((uint64_t)(PRIORITIES - 1 - task->priority) << 59 | task->number);
}

void
pool_park_at(struct pool *pool, struct task *task, struct worker *worker)
{
    assert(task->extra->affinity->worker == worker);
    if (!task->is_parked)
        pool_park(pool, task);
    heap_put(&worker->parked, &task->extra->parked, parked_key(task));
}

void
pool_unpark(struct pool *pool, struct task *task)
{
    assert(task->is_parked);
    remove_parked(pool, task);
    put_back(pool, task);
}

void
pool_withdraw(struct pool *pool, struct task *task)
{
    assert(task->pool == pool && task_is_linked(task));
    if (task->state == TASK_QUEUED) {
        if (task->is_parked)
            remove_parked(pool, task);
        else
            remove_from_queue(pool, task);
        pool->waiting_bytes -= body_bytes(task->body);
        return;
    }
    if (task->state == TASK_DELAYED) {
        DL_DELETE(pool->delayed, task);
        pool->delayed_count--;
        pool->waiting_bytes -= body_bytes(task->body);
    } else {
        assert(task->state == TASK_LEASED);
        DL_DELETE(pool->running, task);
        pool->running_count--;
    }
    task->prev = task->next = NULL;
}

void
pool_take(struct pool *pool, struct task *task)
{
    assert(task->pool == pool && task->state == TASK_QUEUED);
    if (task_is_suspect(task))
        heap_remove(&pool->suspects, &task->returned);
    else
        queue_take(&pool->queue, task);
    pool->waiting_bytes -= body_bytes(task->body);
}

const char *
pool_full_limit(const struct pool *pool, uint64_t bytes)
{
    if (pool_waiting(pool) >= pool->settings.queued_max)
        return "pool.queued_max";
    if (pool->waiting_bytes + bytes > pool->settings.queued_bytes_max)
        return "pool.queued_bytes_max";
    return NULL;
}

static bool
is_below_nine_tenths(uint64_t count, uint64_t limit)
{
    return count < limit - limit / 10;
}

bool
pool_has_recovered(const struct pool *pool)
{
    return is_below_nine_tenths(pool_waiting(pool), pool->settings.queued_max) &&
           is_below_nine_tenths(pool->waiting_bytes, pool->settings.queued_bytes_max);
}

void
pool_count_final(struct pool *pool, enum error_code verdict, int64_t now_us)
{
    struct pace *pace = &pool->pace;
    int64_t age_us = now_us - pace->window_us;

    if (verdict == ERROR_NO_SUCH_FUNCTION || verdict == ERROR_BAD_PAYLOAD || verdict == ERROR_POOL_FAILED ||
        verdict == ERROR_TIMED_OUT || verdict == ERROR_SESSION_LOST)
        verdict = ERROR_FAILED;
    assert(verdict <= ERROR_LOST);
    pool->finals[verdict]++;
    if (pace->window_done > 0 && age_us >= PACE_WINDOW_US) {
        pace->us_per_task = age_us / (int64_t)pace->window_done;
        pace->window_done = 0;
    }
    if (pace->window_done == 0)
        pace->window_us = now_us;
    pace->window_done++;
}

/* A window that is open for long tells more than the last full one: perhaps nothing moves any more. */
static int64_t
us_per_task(const struct pace *pace, int64_t now_us)
{
    int64_t age_us = now_us - pace->window_us;

    if (pace->window_done > 0 && age_us >= PACE_WINDOW_US)
        return age_us / (int64_t)pace->window_done;
    return pace->us_per_task;
}

uint64_t
pool_retry_after_ms(const struct pool *pool, uint64_t tasks, int64_t now_us)
{
    uint64_t per_task_us = (uint64_t)us_per_task(&pool->pace, now_us);
    uint64_t after_ms;

    if (pool->pace.window_done == 0)
        return RETRY_UNKNOWN_MS;
    if (per_task_us > 0 && tasks > RETRY_MAX_MS * 1000 / per_task_us)
        return RETRY_MAX_MS;
    after_ms = per_task_us > 0 ? tasks * per_task_us / 1000 : RETRY_UNKNOWN_MS;
    return after_ms < RETRY_MIN_MS ? RETRY_MIN_MS : after_ms;
}

/* --- workers -------------------------------------------------------------------------------------------------- */

void
pool_add_worker(struct pool *pool, struct worker *worker)
{
    assert(!worker->pool);
    worker->pool = pool;
    DL_APPEND(pool->workers, worker);
    pool->workers_count++;
}

void
pool_remove_worker(struct pool *pool, struct worker *worker)
{
    assert(worker->pool == pool && !worker->is_in_crew && !worker->is_alone && !worker->is_in_ahead);
    DL_DELETE(pool->workers, worker);
    worker->prev = worker->next = NULL;
    worker->pool = NULL;
    pool->slots_busy -= worker->busy_counted;
    pool->slots_free -= worker->free_counted;
    worker->busy_counted = worker->free_counted = 0;
    pool->workers_count--;
}

void
pool_call_parked(struct pool *pool, struct worker *worker)
{
    uint32_t free = worker_has_credit(worker) ? worker->slots - worker->busy : 0;

    for (; free > 0 && worker->parked.count > 0; free--)
        pool_unpark(pool, heap_owner(heap_first(&worker->parked), struct task_extra, parked)->task);
}

void
pool_review_worker(struct pool *pool, struct worker *worker)
{
    uint32_t free = worker_has_credit(worker) ? worker->slots - worker->busy : 0;

    pool->slots_busy += (uint64_t)worker->busy - worker->busy_counted;
    pool->slots_free += (uint64_t)free - worker->free_counted;
    worker->busy_counted = worker->busy;
    worker->free_counted = free;
    if (worker->ahead > 0 || worker->is_in_ahead || worker->recalled_counted > 0)
        pool_review_ahead(pool, worker);
    if (worker->is_in_crew)
        crew_remove(&pool->crew, worker);
    if (worker_has_credit(worker))
        crew_add(&pool->crew, worker);
    if (worker->parked.count > 0)
        pool_call_parked(pool, worker);
}

struct worker *
pool_choose_worker(struct pool *pool)
{
    return crew_first(&pool->crew);
}

struct task *
pool_choose_task(const struct pool *pool)
{
    return pool_limited_by(pool) == LIMIT_NONE ? queue_first(&pool->queue) : NULL;
}

/* Only while all slots are taken does anything wait for one. */
static void
check_ahead(const struct pool *pool)
{
    uint64_t recalled = 0;
    const struct worker *worker;

    DL_FOREACH(pool->workers, worker) {
        assert(worker->ahead == 0 || worker->busy == worker->slots);
        assert((worker->ahead == 0) == !worker->first_ahead && worker->recalled <= worker->ahead);
        assert(worker->is_in_ahead == (worker->peer > 0 && worker->ahead > worker->recalled));
        recalled += worker->recalled;
    }
    assert(recalled == pool->recalled);
}

void
pool_check(const struct pool *pool)
{
    uint64_t parked = 0, delayed = 0, running = 0, workers = 0, ready = 0, in_crew = 0, busy = 0, free = 0, alone = 0;
    const struct worker *worker;
    const struct task *task;

    queue_check(&pool->queue);
    heap_check(&pool->suspects);
    dead_list_check(&pool->dead);
    crew_check(&pool->crew);
    group_check_all(pool->groups);
    affinity_check_all(&pool->affinities);
    DL_FOREACH(pool->parked, task) {
        assert(task->state == TASK_QUEUED && task->is_parked && task->pool == pool);
        parked++;
    }
    DL_FOREACH(pool->delayed, task) {
        assert(task->state == TASK_DELAYED && task->pool == pool);
        delayed++;
    }
    DL_FOREACH(pool->running, task) {
        assert(task->state == TASK_LEASED && task->pool == pool && task->lease);
        running++;
    }
    DL_FOREACH(pool->workers, worker) {
        assert(worker->pool == pool && worker->is_in_crew == worker_has_credit(worker));
        assert(worker->busy <= worker->slots);
        in_crew += worker->is_in_crew;
        busy += worker->busy;
        ready += worker->state == WORKER_READY;
        alone += worker->is_alone && worker->slots > 1;
        free += worker->is_in_crew ? worker->slots - worker->busy : 0;
        workers++;
    }
    assert(parked == pool->parked_count && delayed == pool->delayed_count && running == pool->running_count);
    assert(ready == pool->workers_ready && alone == pool->alone_count && busy == pool->slots_busy);
    assert(!pool->reserved || (pool->reserved->pool == pool && pool->reserved->is_alone && pool->reserved->slots > 1));
    check_ahead(pool);
    assert(workers == pool->workers_count && in_crew == pool->crew.count && free == pool->slots_free);
}
