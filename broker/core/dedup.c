/* dedup.c - keys and what is remembered of them; see dedup.h. */
#include "broker/core/dedup.h"

#include "broker/core/task.h"
#include "broker/core/task_extra.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { NAME_BYTES_LIMIT = sizeof(uint32_t) + DEDUP_KEY_BYTES_MAX };

/* A key under its principal, as it is looked up. */
struct name {
    uint8_t bytes[NAME_BYTES_LIMIT];
    uint32_t size;
    unsigned hash;
};

static struct name
make_name(uint32_t principal, struct bytes key, uint64_t seed)
{
    struct name name = {.size = (uint32_t)sizeof principal + key.size};
    uint64_t hash = hash_mix(seed ^ principal);

    assert(key.size <= DEDUP_KEY_BYTES_MAX);
    memcpy(name.bytes, &principal, sizeof principal);
    memcpy(name.bytes + sizeof principal, key.data, key.size);
    for (uint32_t i = 0; i < key.size; i++)
        hash = hash_mix(hash ^ key.data[i]);
    name.hash = (unsigned)hash;
    return name;
}

struct dedup *
dedup_find(const struct dedup_store *store, uint32_t principal, struct bytes key, uint64_t seed)
{
    struct name name = make_name(principal, key, seed);
    struct dedup *dedup;

    HASH_FIND_BYHASHVALUE(hh, store->hash, name.bytes, name.size, name.hash, dedup);
    return dedup;
}

struct dedup *
dedup_add(struct dedup_store *store, uint32_t principal, struct bytes key, uint64_t seed)
{
    struct name name = make_name(principal, key, seed);
    struct dedup *dedup = calloc(1, sizeof *dedup + name.size);

    if (!dedup)
        abort();
    memcpy(dedup->name, name.bytes, name.size);
    dedup->name_bytes = name.size;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, store->hash, dedup->name, name.size, name.hash, dedup);
    return dedup;
}

void
dedup_remove(struct dedup_store *store, struct dedup *dedup)
{
    assert(!dedup->followers && !heap_node_is_in(&dedup->timer));
    if (dedup->final.body) {
        DL_DELETE(store->kept, dedup);
        store->kept_count--;
        store->kept_bytes -= body_bytes(dedup->final.body);
        body_unref(dedup->final.body);
    }
    HASH_DELETE(hh, store->hash, dedup);
    free(dedup);
}

void
dedup_follow(struct dedup *dedup, struct task *task)
{
    task_become(task, TASK_FOLLOWING);
    task_get_extra(task)->dedup = dedup;
    DL_APPEND(dedup->followers, task);
}

void
dedup_unfollow(struct task *task)
{
    struct dedup *dedup = task->extra->dedup;

    assert(task->state == TASK_FOLLOWING && dedup->work != task);
    DL_DELETE(dedup->followers, task);
    task->prev = task->next = NULL;
}

void
dedup_keep(struct dedup_store *store, struct dedup *dedup, const struct shared_final *final)
{
    assert(!dedup->work && !dedup->final.body);
    dedup->final = *final;
    body_ref(final->body);
    DL_APPEND(store->kept, dedup);
    store->kept_count++;
    store->kept_bytes += body_bytes(final->body);
}

void
dedup_store_fini(struct dedup_store *store)
{
    struct dedup *dedup, *next;

    HASH_ITER(hh, store->hash, dedup, next) {
        body_unref(dedup->final.body);
        HASH_DELETE(hh, store->hash, dedup);
        free(dedup);
    }
}
