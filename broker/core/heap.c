/* heap.c - binary heap with cached keys; see heap.h. */
#include "broker/core/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 16 };

void
heap_init(struct heap *heap)
{
    memset(heap, 0, sizeof *heap);
}

void
heap_fini(struct heap *heap)
{
    free(heap->entries);
    memset(heap, 0, sizeof *heap);
}

static void
reserve(struct heap *heap)
{
    if (heap->count < heap->capacity)
        return;
    heap->capacity = heap->capacity ? heap->capacity * 2 : CAPACITY_MIN;
    heap->entries = realloc(heap->entries, heap->capacity * sizeof *heap->entries);
    if (!heap->entries)
        abort();
}

/* Put `entry` at the 1-based place `at`. */
static void
place(struct heap *heap, uint32_t at, struct heap_entry entry)
{
    heap->entries[at - 1] = entry;
    entry.node->at = at;
}

static void
sift_up(struct heap *heap, uint32_t at, struct heap_entry entry)
{
    while (at > 1 && heap->entries[at / 2 - 1].key > entry.key) {
        place(heap, at, heap->entries[at / 2 - 1]);
        at /= 2;
    }
    place(heap, at, entry);
}

static void
sift_down(struct heap *heap, uint32_t at, struct heap_entry entry)
{
    for (;;) {
        uint32_t child = at * 2;

        if (child > heap->count)
            break;
        if (child < heap->count && heap->entries[child].key < heap->entries[child - 1].key)
            child++;
        if (heap->entries[child - 1].key >= entry.key)
            break;
        place(heap, at, heap->entries[child - 1]);
        at = child;
    }
    place(heap, at, entry);
}

/* Let `entry` find its place from `at`, up or down. */
static void
settle(struct heap *heap, uint32_t at, struct heap_entry entry)
{
    if (at > 1 && heap->entries[at / 2 - 1].key > entry.key)
        sift_up(heap, at, entry);
    else
        sift_down(heap, at, entry);
}

void
heap_put(struct heap *heap, struct heap_node *node, int64_t key)
{
    struct heap_entry entry = {key, node};

    if (heap_node_is_in(node)) {
        assert(heap->entries[node->at - 1].node == node);
        settle(heap, node->at, entry);
        return;
    }
    reserve(heap);
    heap->count++;
    sift_up(heap, heap->count, entry);
}

void
heap_remove(struct heap *heap, struct heap_node *node)
{
    uint32_t at = node->at;
    struct heap_entry last;

    if (!heap_node_is_in(node))
        return;
    assert(at <= heap->count && heap->entries[at - 1].node == node);
    last = heap->entries[heap->count - 1];
    heap->count--;
    node->at = 0;
    if (last.node != node)
        settle(heap, at, last);
}

struct heap_node *
heap_first(const struct heap *heap)
{
    return heap->count > 0 ? heap->entries[0].node : NULL;
}

int64_t
heap_first_key(const struct heap *heap)
{
    return heap->count > 0 ? heap->entries[0].key : INT64_MAX;
}

int64_t
heap_key(const struct heap *heap, const struct heap_node *node)
{
    assert(heap_node_is_in(node) && heap->entries[node->at - 1].node == node);
    return heap->entries[node->at - 1].key;
}

void
heap_check(const struct heap *heap)
{
    for (uint32_t at = 1; at <= heap->count; at++) {
        assert(heap->entries[at - 1].node->at == at);
        assert(at == 1 || heap->entries[at / 2 - 1].key <= heap->entries[at - 1].key);
    }
}
