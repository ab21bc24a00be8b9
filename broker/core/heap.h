/* heap.h - a binary heap of nodes that live inside other records, smallest key first. Owns none of them. */
#ifndef SNAKEPIT_CORE_HEAP_H
#define SNAKEPIT_CORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: in no heap. The node knows where it stands, so that it can leave from the middle in O(log n). */
struct heap_node {
    uint32_t at; /* 1-based place; 0: in no heap */
    uint32_t tag; /* the owner's; the heap never looks at it */
};

/* Keys stand here and not in the nodes: comparing them then touches one array and no record. */
struct heap_entry {
    int64_t key;
    struct heap_node *node;
};

struct heap {
    struct heap_entry *entries;
    uint32_t count;
    uint32_t capacity;
};

/* The record of `type` whose `member` is this node. */
#define heap_owner(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

void
heap_init(struct heap *heap);

/* Frees the array; the nodes are their owners'. */
void
heap_fini(struct heap *heap);

static inline bool
heap_node_is_in(const struct heap_node *node)
{
    return node->at > 0;
}

/* Put the node in with this key, or change its key when it is in already. */
void
heap_put(struct heap *heap, struct heap_node *node, int64_t key);

/* Take the node out; nothing happens when it is in no heap. */
void
heap_remove(struct heap *heap, struct heap_node *node);

/* The node with the smallest key, or NULL. */
struct heap_node *
heap_first(const struct heap *heap);

/* The smallest key, or INT64_MAX when the heap is empty. */
int64_t
heap_first_key(const struct heap *heap);

/* The key of a node that is in the heap. */
int64_t
heap_key(const struct heap *heap, const struct heap_node *node);

/* Assert that the order holds and that every node knows its place. */
void
heap_check(const struct heap *heap);

#endif
