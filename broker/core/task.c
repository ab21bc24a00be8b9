/* task.c - life of a task; see task.h. */
#include "broker/core/task.h"

#include "broker/core/task_extra.h"

#include <assert.h>
#include <string.h>

/* The legal moves, docs/protocol.md section 5. */
static const bool moves[TASK_STATES][TASK_STATES] = {
    [TASK_NEW] = {[TASK_DELAYED] = true, [TASK_QUEUED] = true, [TASK_FOLLOWING] = true},
    [TASK_DELAYED] = {[TASK_QUEUED] = true, [TASK_LEASED] = true, [TASK_FINAL] = true}, /* LEASED: adopted */
    [TASK_QUEUED] = {[TASK_LEASED] = true, [TASK_FINAL] = true},
    [TASK_LEASED] = {[TASK_QUEUED] = true, [TASK_DELAYED] = true, [TASK_FINAL] = true},
    [TASK_FOLLOWING] = {[TASK_FINAL] = true},
};

static const char *const state_names[TASK_STATES] = {
    [TASK_NEW] = "new",
    [TASK_DELAYED] = "delayed",
    [TASK_QUEUED] = "queued",
    [TASK_LEASED] = "running",
    [TASK_FOLLOWING] = "following",
    [TASK_FINAL] = "final",
};

struct task *
task_new(struct stock *stock, const struct task_key *key, uint32_t hash, struct body *body)
{
    struct task *task = stock_take(stock, sizeof *task);

    memset(task, 0, sizeof *task);
    memcpy(&task->key, key, sizeof *key);
    task->hash = hash;
    task->body = body;
    task->live.deadline_us = INT64_MAX;
    return task;
}

void
task_destroy(struct task **task_p)
{
    struct task *task = *task_p;

    if (!task)
        return;
    assert(!task_is_linked(task) && !task->older && !task->lease);
    assert(!heap_node_is_in(&task->timer));
    body_unref(task->body);
    task_extra_destroy(&task->extra);
    stock_give(task);
    *task_p = NULL;
}

struct task_extra *
task_get_extra(struct task *task)
{
    if (!task->extra)
        task->extra = task_extra_new();
    return task->extra;
}

struct task_key
task_key_make(uint64_t session, const struct ref *id)
{
    struct task_key key;

    memset(&key, 0, sizeof key);
    key.session = session;
    key.id.kind = id->kind;
    if (id->kind == REF_NUMBER) {
        key.id.number = id->number;
    } else if (id->kind == REF_BYTES) {
        key.id.size = id->size;
        memcpy(key.id.bytes, id->bytes, id->size);
    }
    return key;
}

uint32_t
task_key_hash(const struct task_key *key, uint64_t seed)
{
    uint64_t half[2];

    static_assert(sizeof half == ID_BYTES_MAX, "an id is two words");
    memcpy(half, key->id.bytes, sizeof half);
    return (uint32_t)hash_mix(hash_mix(half[0] ^ seed) + key->session + half[1] + key->id.size);
}

void
task_become(struct task *task, enum task_state state)
{
    assert(moves[task->state][state]);
    assert(!task_is_linked(task));
    assert((state == TASK_LEASED) == (task->lease != NULL));
    task->state = (uint8_t)state;
}

int64_t
task_next_due_us(const struct task *task)
{
    assert(task->state != TASK_FINAL);
    if (task->state == TASK_DELAYED && task->live.not_before_us < task->live.deadline_us)
        return task->live.not_before_us;
    return task->live.deadline_us;
}

const char *
task_state_name(enum task_state state)
{
    assert(state < TASK_STATES);
    return state_names[state];
}

const char *
task_final_name(enum error_code verdict)
{
    switch (verdict) {
    case ERROR_NONE:
        return "ok";
    case ERROR_CANCELLED:
    case ERROR_EXPIRED:
    case ERROR_DEAD:
    case ERROR_LOST:
        return error_code_name(verdict);
    default:
        return "failed"; /* no_such_function and bad_payload, too */
    }
}
