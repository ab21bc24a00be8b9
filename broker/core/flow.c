/* flow.c - fair keys and their lanes; see flow.h. */
#include "broker/core/flow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Keys of both kinds are told apart by their first byte. */
enum { KIND_TEXT, KIND_CLIENT };

struct flow_key
flow_key_of_text(struct bytes fair_key)
{
    struct flow_key key = {.bytes = {KIND_TEXT}};

    assert(fair_key.size < FLOW_KEY_BYTES_MAX);
    key.size = (uint8_t)(1 + fair_key.size);
    memcpy(key.bytes + 1, fair_key.data, fair_key.size);
    return key;
}

struct flow_key
flow_key_of_client(uint64_t session)
{
    struct flow_key key = {.size = 1 + sizeof session, .bytes = {KIND_CLIENT}};

    memcpy(key.bytes + 1, &session, sizeof session);
    return key;
}

unsigned
flow_key_hash(const struct flow_key *key, uint64_t seed)
{
    uint64_t hash = seed;

    for (size_t at = 0; at < key->size; at += sizeof hash) {
        uint64_t word = 0;
        size_t size = key->size - at < sizeof word ? key->size - at : sizeof word;

        memcpy(&word, key->bytes + at, size);
        hash = hash_mix(hash ^ word);
    }
    return (unsigned)hash;
}

struct flow *
flow_new(const struct flow_key *key)
{
    struct flow *flow = calloc(1, sizeof *flow);

    if (!flow)
        abort();
    flow->key = *key;
    bucket_init(&flow->bucket);
    return flow;
}

void
flow_destroy(struct flow **flow_p)
{
    struct flow *flow = *flow_p;

    if (!flow)
        return;
    assert(flow_is_idle(flow) && !flow->lanes && !heap_node_is_in(&flow->due));
    free(flow);
    *flow_p = NULL;
}

struct lane *
flow_lane(const struct flow *flow, uint8_t priority)
{
    struct lane *lane = flow->lanes;

    while (lane && lane->priority != priority)
        lane = lane->sibling;
    return lane;
}

struct lane *
flow_open_lane(struct flow *flow, uint8_t priority)
{
    struct lane *lane = flow_lane(flow, priority);

    if (lane)
        return lane;
    lane = malloc(sizeof *lane);
    if (!lane)
        abort();
    lane_init(lane, flow, priority);
    lane->sibling = flow->lanes;
    flow->lanes = lane;
    return lane;
}

void
flow_close_lane(struct flow *flow, struct lane *lane)
{
    assert(lane->flow == flow && lane->count == 0 && !lane->next);
    LL_DELETE2(flow->lanes, lane, sibling);
    lane_fini(lane);
    free(lane);
}
