/* dedup.h - one dedup key of a pool: the work that runs for all tasks with it and the tasks that wait for that, or the
 * result that it left. Sends nothing, reads no clock.
 *
 * The work is a task of the house. What clients submit with the key are its followers: tasks of their own that stand in no
 * queue and take no slot, and end as the work does. So the end of one, by cancel, deadline or disconnect, touches no other. */
#ifndef SNAKEPIT_CORE_DEDUP_H
#define SNAKEPIT_CORE_DEDUP_H

#include "broker/core/hash.h"
#include "broker/core/heap.h"
#include "wire/message.h"

struct pool;
struct task;

/* How the work ended. */
struct shared_final {
    enum error_code code;
    struct body *body; /* as a final task has it */
    uint32_t attempt;
    uint64_t worker; /* session; 0: none brought it about */
    int64_t leased_us, run_us;
};

struct dedup {
    UT_hash_handle hh; /* in the store's hash, by `name`, as long as it lives */
    struct pool *pool;
    struct task *work;         /* not final; NULL: it has ended, and `final` is remembered */
    struct task *followers;    /* while there is a work; linked by prev and next, oldest first */
    struct shared_final final;
    int64_t window_us;         /* how long a result is remembered */
    struct heap_node timer;    /* remembered: until when */
    struct dedup *prev, *next; /* remembered: store.kept, oldest first */
    uint32_t name_bytes;
    uint8_t name[];
};

/* The keys of one pool. */
struct dedup_store {
    struct dedup *hash;
    struct dedup *kept; /* those that remember a result */
    uint64_t kept_count;
    uint64_t kept_bytes; /* of the results */
};

/* Whose key it is. There is one principal, as long as clients have no keys of their own. */
enum { PRINCIPAL_ANYBODY = 0 };

/* The record of this key, or NULL. `seed` keeps clients from choosing keys that collide. */
struct dedup *
dedup_find(const struct dedup_store *store, uint32_t principal, struct bytes key, uint64_t seed);

/* Make the record of a key that has none. The store owns it. */
struct dedup *
dedup_add(struct dedup_store *store, uint32_t principal, struct bytes key, uint64_t seed);

/* Forget a key; its record, with what it remembers, is freed. Nobody may follow it. */
void
dedup_remove(struct dedup_store *store, struct dedup *dedup);

/* The task, in state NEW, waits for the work from now on. */
void
dedup_follow(struct dedup *dedup, struct task *task);

/* It waits no longer. */
void
dedup_unfollow(struct task *task);

/* The work has ended so, and the result is remembered. */
void
dedup_keep(struct dedup_store *store, struct dedup *dedup, const struct shared_final *final);

/* Free all records. */
void
dedup_store_fini(struct dedup_store *store);

#endif
