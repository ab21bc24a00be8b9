/* orphan.c - what is left of an earlier broker's tasks; see orphan.h. */
#include "broker/core/orphan.h"

#include "broker/core/worker.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

/* --- origins ---------------------------------------------------------------------------------------------------- */

struct origin
origin_make(const uint8_t *instance, const struct ref *id)
{
    struct origin origin;

    memset(&origin, 0, sizeof origin);
    memcpy(origin.instance, instance, INSTANCE_BYTES);
    origin.id.kind = id->kind;
    if (id->kind == REF_NUMBER) {
        origin.id.number = id->number;
    } else {
        origin.id.size = id->size;
        memcpy(origin.id.bytes, id->bytes, id->size);
    }
    return origin;
}

/* Instance, kind of the id, id; a number's bytes from the lowest on, without zeros at the end: most are short. */
uint32_t
origin_write(const uint8_t *instance, const struct ref *id, uint8_t *buffer)
{
    uint8_t *at = buffer + INSTANCE_BYTES;

    memcpy(buffer, instance, INSTANCE_BYTES);
    *at++ = id->kind;
    if (id->kind == REF_BYTES) {
        memcpy(at, id->bytes, id->size);
        return INSTANCE_BYTES + 1 + id->size;
    }
    for (uint64_t rest = id->number; rest > 0; rest >>= 8)
        *at++ = (uint8_t)rest;
    return (uint32_t)(at - buffer);
}

int
origin_read(struct bytes encoded, struct origin *ret_origin)
{
    struct ref ref = {0};
    const uint8_t *id;
    uint32_t size;

    if (encoded.size < INSTANCE_BYTES + 1 || encoded.size > INSTANCE_BYTES + 1 + ID_BYTES_MAX)
        return ERR_INVALID;
    id = encoded.data + INSTANCE_BYTES + 1;
    size = encoded.size - INSTANCE_BYTES - 1;
    ref.kind = encoded.data[INSTANCE_BYTES];
    if (ref.kind == REF_BYTES && size > 0) {
        ref.size = (uint8_t)size;
        memcpy(ref.bytes, id, size);
    } else if (ref.kind == REF_NUMBER && size <= sizeof ref.number) {
        while (size-- > 0)
            ref.number = ref.number << 8 | id[size];
    } else {
        return ERR_INVALID;
    }
    *ret_origin = origin_make(encoded.data, &ref);
    return OK;
}

/* --- the orphans ------------------------------------------------------------------------------------------------ */

struct orphan *
orphanage_find(const struct orphanage *orphanage, const struct origin *origin)
{
    struct orphan *orphan;

    HASH_FIND_BYHASHVALUE(hh, orphanage->by_origin, origin, sizeof *origin,
                          hash_bytes((const uint8_t *)origin, sizeof *origin), orphan);
    return orphan;
}

struct orphan *
orphan_find_fence(const struct worker *worker, uint64_t fence)
{
    struct orphan *orphan;

    /* Answers come in the order in which they were announced: mostly it is the first. */
    DL_FOREACH(worker->orphans, orphan)
        if (orphan->fence == fence)
            return orphan;
    return NULL;
}

struct orphan *
orphanage_add(struct orphanage *orphanage, const struct origin *origin, uint64_t fence, uint32_t attempt,
              struct worker *worker, struct lease *lease, int64_t now_us)
{
    struct orphan *orphan = calloc(1, sizeof *orphan);

    if (!orphan)
        abort();
    memcpy(&orphan->origin, origin, sizeof *origin);
    orphan->fence = fence;
    orphan->attempt = attempt;
    orphan->session = worker->session;
    orphan->worker = worker;
    orphan->lease = lease;
    orphan->since_us = now_us;
    DL_APPEND(worker->orphans, orphan);
    if (lease)
        DL_APPEND2(orphanage->waiting, orphan, older, newer);
    else
        DL_APPEND2(orphanage->fading, orphan, older, newer);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, orphanage->by_origin, &orphan->origin, sizeof orphan->origin,
                                hash_bytes((const uint8_t *)&orphan->origin, sizeof orphan->origin), orphan);
    return orphan;
}

/* Nobody looks at the clock for it any more. */
static void
leave_list(struct orphanage *orphanage, struct orphan *orphan)
{
    if (!orphan->older)
        return;
    if (orphan->lease)
        DL_DELETE2(orphanage->waiting, orphan, older, newer);
    else
        DL_DELETE2(orphanage->fading, orphan, older, newer);
    orphan->older = orphan->newer = NULL;
}

/* Nothing more is awaited of its worker. */
static void
leave_worker(struct orphanage *orphanage, struct orphan *orphan)
{
    if (orphan->worker)
        DL_DELETE(orphan->worker->orphans, orphan);
    leave_list(orphanage, orphan);
    orphan->worker = NULL;
    orphan->lease = NULL;
}

void
orphanage_answer(struct orphanage *orphanage, struct orphan *orphan, enum error_code verdict, struct body *answer,
                 int64_t now_us)
{
    assert(orphan->worker && !orphan->answer);
    leave_worker(orphanage, orphan);
    orphan->verdict = verdict;
    orphan->answer = answer;
    orphan->since_us = now_us;
    orphanage->bytes += body_bytes(answer);
    DL_APPEND2(orphanage->fading, orphan, older, newer);
}

void
orphanage_open(struct orphanage *orphanage, struct orphan *orphan)
{
    assert(orphan->lease && !orphan->is_open);
    leave_list(orphanage, orphan);
    orphan->is_open = true;
}

void
orphanage_remove(struct orphanage *orphanage, struct orphan **orphan_p)
{
    struct orphan *orphan = *orphan_p;

    leave_worker(orphanage, orphan);
    HASH_DELETE(hh, orphanage->by_origin, orphan);
    if (orphan->answer)
        orphanage->bytes -= body_bytes(orphan->answer);
    body_unref(orphan->answer);
    free(orphan);
    *orphan_p = NULL;
}

void
orphanage_check(const struct orphanage *orphanage)
{
    uint64_t fading = 0, waiting = 0, bytes = 0;
    const struct orphan *orphan;

    DL_FOREACH2(orphanage->fading, orphan, newer) {
        assert(!orphan->lease && (orphan->worker != NULL) == (orphan->answer == NULL));
        assert(!orphan->newer || orphan->since_us <= orphan->newer->since_us);
        fading++;
    }
    DL_FOREACH2(orphanage->waiting, orphan, newer) {
        assert(orphan->lease && !orphan->is_open);
        assert(!orphan->newer || orphan->since_us <= orphan->newer->since_us);
        waiting++;
    }
    for (orphan = orphanage->by_origin; orphan; orphan = orphan->hh.next) {
        assert(orphanage_find(orphanage, &orphan->origin) == orphan);
        bytes += orphan->answer ? body_bytes(orphan->answer) : 0;
        fading -= orphan->lease == NULL;
        waiting -= orphan->lease && !orphan->is_open;
    }
    assert(fading == 0 && waiting == 0 && bytes == orphanage->bytes);
}
