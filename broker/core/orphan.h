/* orphan.h - what workers still hold of tasks of an earlier broker, until the clients offer these again: attempts that run,
 * and answers. The records, found by the task's origin; sends nothing. */
#ifndef SNAKEPIT_CORE_ORPHAN_H
#define SNAKEPIT_CORE_ORPHAN_H

#include "broker/core/hash.h"
#include "wire/message.h"

struct lease;
struct worker;

/* Whose task it is, and which of his. Padding is zero: it is hashed and compared as bytes. */
struct origin {
    uint8_t instance[INSTANCE_BYTES];
    struct ref id;
};

struct orphan {
    struct origin origin;
    UT_hash_handle hh; /* orphanage.by_origin */
    uint64_t fence;
    uint32_t attempt;
    uint64_t session;             /* of the worker that brought it */
    struct worker *worker;        /* whose answer is awaited; NULL: the answer is here */
    struct lease *lease;          /* the slot that it takes; NULL: none, as it is answered, or is about to be */
    struct body *answer;          /* as a final task's, see broker_final.c; NULL: none yet */
    enum error_code verdict;      /* with `answer` */
    uint64_t chunks;
    bool is_open;                 /* with a lease: nobody came in time to read its stream, and its worker was told to run on */
    int64_t since_us;             /* when it came, or was answered */
    struct orphan *prev, *next;   /* its worker's, while `worker` is set */
    struct orphan *older, *newer; /* orphanage.fading, without a lease; orphanage.waiting, with one that is not open */
};

/* All of them. Those with a lease last as long as it, and wait for their clients for a time; the others fade: they are kept
 * for a time only. */
struct orphanage {
    struct orphan *by_origin;
    struct orphan *fading;  /* oldest first */
    struct orphan *waiting; /* the same */
    uint64_t bytes;         /* of answers */
};

/* Split the `origin` of a TASK. OK, or ERR_INVALID. */
int
origin_read(struct bytes encoded, struct origin *ret_origin);

struct origin
origin_make(const uint8_t *instance, const struct ref *id);

/* Write it as a TASK carries it, to `buffer` of ORIGIN_BYTES_MAX; returns its size. */
uint32_t
origin_write(const uint8_t *instance, const struct ref *id, uint8_t *buffer);

static inline uint64_t
orphanage_count(const struct orphanage *orphanage)
{
    return HASH_COUNT(orphanage->by_origin);
}

struct orphan *
orphanage_find(const struct orphanage *orphanage, const struct origin *origin);

/* Make one, which its worker holds; with `lease` or without. There must be none of this origin. */
struct orphan *
orphanage_add(struct orphanage *orphanage, const struct origin *origin, uint64_t fence, uint32_t attempt,
              struct worker *worker, struct lease *lease, int64_t now_us);

/* What the worker has said; takes over the reference to `answer`. The orphan must have no lease any more. */
void
orphanage_answer(struct orphanage *orphanage, struct orphan *orphan, enum error_code verdict, struct body *answer,
                 int64_t now_us);

/* Nobody is awaited any more who reads what its worker sends. It must have a lease. */
void
orphanage_open(struct orphanage *orphanage, struct orphan *orphan);

/* Drop it and its answer. A lease is left as it is. */
void
orphanage_remove(struct orphanage *orphanage, struct orphan **orphan_p);

/* What the worker holds under this fence, or NULL. */
struct orphan *
orphan_find_fence(const struct worker *worker, uint64_t fence);

void
orphanage_check(const struct orphanage *orphanage);

#endif
