/* script.c - a list of events, copied; see script.h. */
#include "script.h"
#include "parcel.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct entry {
    int64_t at_us;
    bool is_late, is_restart;
    struct event event;     /* `message` is `parcel`'s, `pool` is `name`, settings are the copies below */
    struct parcel *parcel;
    char name[NAME_BYTES_MAX + 1];
    uint64_t generation;    /* of the connection */
    struct pool_settings pool_settings;
    struct schedule_settings schedule_settings; /* its strings are there for ever, and so is the name of one */
    struct broker_settings settings;      /* restart */
    struct pool_settings pools[POOLS_MAX]; /* restart */
};

/* An attempt has a name that does not depend on numbers: what its function is called, and which attempt it is. */
struct attempt {
    uint64_t name;
    uint64_t fence;
    UT_hash_handle by_name, by_fence;
};

/* A session is the one that the HELLO of an entry made. */
struct session {
    uint64_t number;
    size_t entry;
    UT_hash_handle hh;
};

struct script {
    struct entry *entries;
    size_t count, capacity;
    bool is_paused;
    struct attempt *attempts; /* by fence */
    struct session *sessions; /* by number */
};

struct cast {
    const struct script *script;
    size_t entry; /* that is being played */
    struct parcel *parcel;
    struct dead_outcome outcome; /* of the last event about dead tasks */
    struct attempt *attempts; /* by name; the latest fence */
    uint64_t *sessions;       /* by entry; 0: none was made */
};

static void *
allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (!memory)
        abort();
    return memory;
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

struct script *
script_new(void)
{
    return allocate(sizeof(struct script));
}

void
script_destroy(struct script **script_p)
{
    struct script *script = *script_p;
    struct attempt *attempt, *next_attempt;
    struct session *session, *next_session;

    if (!script)
        return;
    for (size_t i = 0; i < script->count; i++)
        parcel_free(script->entries[i].parcel);
    HASH_ITER(by_fence, script->attempts, attempt, next_attempt) {
        HASH_DELETE(by_fence, script->attempts, attempt);
        free(attempt);
    }
    HASH_ITER(hh, script->sessions, session, next_session) {
        HASH_DEL(script->sessions, session);
        free(session);
    }
    free(script->entries);
    free(script);
    *script_p = NULL;
}

static struct entry *
add(struct script *script, int64_t now_us)
{
    struct entry *entry;

    if (script->count == script->capacity) {
        script->capacity = script->capacity ? 2 * script->capacity : 1024;
        script->entries = realloc(script->entries, script->capacity * sizeof *script->entries);
        if (!script->entries)
            abort();
    }
    entry = &script->entries[script->count++];
    memset(entry, 0, sizeof *entry);
    entry->at_us = now_us;
    entry->is_late = script->is_paused;
    script->is_paused = false;
    return entry;
}

void
script_add_event(struct script *script, const struct world *world, const struct event *event)
{
    struct entry *entry = add(script, world->now_us);

    entry->event = *event;
    entry->event.ret_workers = NULL;
    entry->event.ret_dead = NULL;
    if (event->message)
        entry->parcel = parcel_new(event->message);
    if (event->kind == EVENT_COMMAND || event->kind == EVENT_PEER_GONE)
        entry->generation = world->connections[event->side][event->peer].generation;
    if (event->pool.size > 0 && event->pool.size <= NAME_BYTES_MAX)
        memcpy(entry->name, event->pool.data, event->pool.size);
    if (event->pool_settings)
        entry->pool_settings = *event->pool_settings;
    if (event->schedule_settings)
        entry->schedule_settings = *event->schedule_settings;
    if (event->settings)
        entry->settings = *event->settings;
}

void
script_add_restart(struct script *script, const struct world *world)
{
    struct entry *entry = add(script, world->now_us);

    entry->is_restart = true;
    entry->settings = world->settings;
    memcpy(entry->pools, world->pools, sizeof entry->pools);
}

void
script_pause(struct script *script)
{
    script->is_paused = true;
}

static uint64_t
attempt_name(const struct task_command *task)
{
    return hash_bytes(task->attempt, task->function);
}

void
script_learn(struct script *script, const struct action *action)
{
    if (action->kind != ACTION_SEND)
        return;
    if (action->message.verb == VERB_TASK) {
        struct attempt *attempt = allocate(sizeof *attempt);

        attempt->name = attempt_name(&action->message.task);
        attempt->fence = action->message.task.fence;
        HASH_ADD(by_fence, script->attempts, fence, sizeof attempt->fence, attempt);
    } else if (action->message.verb == VERB_WELCOME && script->count > 0) {
        struct session *session = allocate(sizeof *session);

        session->number = action->message.welcome.session;
        session->entry = script->count - 1;
        HASH_ADD(hh, script->sessions, number, sizeof session->number, session);
    }
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

size_t
script_count(const struct script *script)
{
    return script->count;
}

int64_t
script_time_us(const struct script *script, size_t index)
{
    return script->entries[index].at_us;
}

bool
script_is_late(const struct script *script, size_t index)
{
    return script->entries[index].is_late;
}

bool
script_is_end(const struct script *script, size_t index)
{
    return !script->entries[index].is_restart && script->entries[index].event.kind == EVENT_PEER_GONE;
}

bool
script_is_same_peer(const struct script *script, size_t a, size_t b)
{
    return script->entries[a].generation == script->entries[b].generation;
}

bool
script_is_restart(const struct script *script, size_t index)
{
    return script->entries[index].is_restart;
}

void
script_restore(const struct script *script, size_t index, struct world *world)
{
    world->settings = script->entries[index].settings;
    memcpy(world->pools, script->entries[index].pools, sizeof world->pools);
}

/* --- playing -------------------------------------------------------------------------------------------------------- */

struct cast *
cast_new(const struct script *script)
{
    struct cast *cast = allocate(sizeof *cast);

    cast->script = script;
    cast->sessions = allocate((script->count + 1) * sizeof *cast->sessions);
    return cast;
}

void
cast_destroy(struct cast **cast_p)
{
    struct cast *cast = *cast_p;
    struct attempt *attempt, *next;

    HASH_ITER(by_name, cast->attempts, attempt, next) {
        HASH_DELETE(by_name, cast->attempts, attempt);
        free(attempt);
    }
    parcel_free(cast->parcel);
    free(cast->sessions);
    free(cast);
    *cast_p = NULL;
}

void
cast_learn(struct cast *cast, const struct action *action)
{
    struct attempt *attempt;
    uint64_t name;

    if (action->kind != ACTION_SEND)
        return;
    if (action->message.verb == VERB_WELCOME)
        cast->sessions[cast->entry] = action->message.welcome.session;
    if (action->message.verb != VERB_TASK)
        return;
    name = attempt_name(&action->message.task);
    HASH_FIND(by_name, cast->attempts, &name, sizeof name, attempt);
    if (!attempt) {
        attempt = allocate(sizeof *attempt);
        attempt->name = name;
        HASH_ADD(by_name, cast->attempts, name, sizeof attempt->name, attempt);
    }
    attempt->fence = action->message.task.fence;
}

/* The fence which that attempt has now; one that nobody knows stays what it was. */
static uint64_t
cast_fence(const struct cast *cast, uint64_t fence)
{
    struct attempt *then, *now = NULL;

    HASH_FIND(by_fence, cast->script->attempts, &fence, sizeof fence, then);
    if (then)
        HASH_FIND(by_name, cast->attempts, &then->name, sizeof then->name, now);
    return now ? now->fence : fence;
}

static uint64_t
cast_session(const struct cast *cast, uint64_t number)
{
    struct session *then;

    HASH_FIND(hh, cast->script->sessions, &number, sizeof number, then);
    return then && cast->sessions[then->entry] ? cast->sessions[then->entry] : number;
}

/* The fences of a HELLO stand in the parcel's own memory as fences_encode wrote them: a byte, and eight with the number. */
static void
cast_fences(const struct cast *cast, struct fences *fences)
{
    uint8_t *at = (uint8_t *)(uintptr_t)fences->encoded.data;
    struct fences left = *fences;
    uint64_t fence;

    if (fences->encoded.size != 9 * fences->count)
        return;
    while (wire_fences_next(&left, &fence) == OK) {
        fence = cast_fence(cast, fence);
        fences_encode(at, &fence, 1);
        at += 9;
    }
}

static void
cast_ref(const struct cast *cast, struct ref *ref)
{
    if (ref->kind == REF_NUMBER)
        ref->number = cast_fence(cast, ref->number);
}

static void
cast_worker_message(const struct cast *cast, struct message *message)
{
    switch (message->verb) {
    case VERB_HELLO:
        message->hello.session = cast_session(cast, message->hello.session);
        message->hello.replaces = cast_session(cast, message->hello.replaces);
        cast_fences(cast, &message->hello.leases);
        break;
    case VERB_RESULT:
        cast_ref(cast, &message->result.ref);
        break;
    case VERB_ERROR:
        cast_ref(cast, &message->error.ref);
        break;
    case VERB_CHUNK:
        cast_ref(cast, &message->chunk.ref);
        break;
    case VERB_STARTED:
        message->fence = cast_fence(cast, message->fence);
        break;
    case VERB_NACK:
        message->nack.fence = cast_fence(cast, message->nack.fence);
        break;
    case VERB_EXITED:
        message->exited.replaces = cast_session(cast, message->exited.replaces);
        break;
    default:
        break;
    }
}

void
cast_event(struct cast *cast, size_t index, struct event *ret_event)
{
    const struct entry *entry = &cast->script->entries[index];

    parcel_free(cast->parcel);
    cast->parcel = NULL;
    cast->entry = index;
    *ret_event = entry->event;
    ret_event->pool = bytes_of(entry->name);
    ret_event->ret_dead = &cast->outcome;
    if (entry->event.pool_settings)
        ret_event->pool_settings = &entry->pool_settings;
    if (entry->event.schedule_settings)
        ret_event->schedule_settings = &entry->schedule_settings;
    if (entry->event.settings)
        ret_event->settings = &entry->settings;
    if (!entry->parcel)
        return;
    cast->parcel = parcel_new(&entry->parcel->message);
    if (entry->event.side == SIDE_WORKER)
        cast_worker_message(cast, &cast->parcel->message);
    ret_event->message = &cast->parcel->message;
}
