/* test_heap.c - the heap of nodes that live in other records. */
#include "broker/core/heap.h"

#include <criterion/criterion.h>

struct record {
    int64_t key;
    struct heap_node node;
};

static struct heap heap;

static void
set_up(void)
{
    heap_init(&heap);
}

static void
tear_down(void)
{
    heap_fini(&heap);
}

TestSuite(heap, .init = set_up, .fini = tear_down);

/* The same sequence each time: a test must not depend on luck. */
static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

Test(heap, an_empty_heap_has_no_first_and_a_key_that_never_comes)
{
    cr_assert_null(heap_first(&heap));
    cr_assert_eq(heap_first_key(&heap), INT64_MAX);
}

Test(heap, nodes_come_out_in_the_order_of_their_keys)
{
    static struct record records[1000];
    uint32_t random = 1;
    int64_t last = INT64_MIN;

    for (int i = 0; i < 1000; i++) {
        records[i].key = next_random(&random) % 500;
        heap_put(&heap, &records[i].node, records[i].key);
        heap_check(&heap);
    }
    for (int i = 0; i < 1000; i++) {
        struct record *first = heap_owner(heap_first(&heap), struct record, node);

        cr_assert_eq(heap_first_key(&heap), first->key);
        cr_assert_geq(first->key, last);
        last = first->key;
        heap_remove(&heap, &first->node);
        cr_assert_not(heap_node_is_in(&first->node));
    }
    cr_assert_null(heap_first(&heap));
}

Test(heap, a_node_leaves_from_the_middle_and_the_order_holds)
{
    static struct record records[300];
    uint32_t random = 2;

    for (int i = 0; i < 300; i++)
        heap_put(&heap, &records[i].node, next_random(&random));
    for (int i = 0; i < 300; i += 3) {
        heap_remove(&heap, &records[i].node);
        heap_check(&heap);
    }
    cr_assert_eq(heap.count, 200);
}

Test(heap, putting_a_node_again_changes_its_key)
{
    struct record a = {0}, b = {0}, c = {0};

    heap_put(&heap, &a.node, 1);
    heap_put(&heap, &b.node, 2);
    heap_put(&heap, &c.node, 3);
    heap_put(&heap, &a.node, 9);
    cr_assert_eq(heap_first(&heap), &b.node);
    heap_put(&heap, &c.node, 0);
    cr_assert_eq(heap_first(&heap), &c.node);
    cr_assert_eq(heap_key(&heap, &a.node), 9);
    cr_assert_eq(heap.count, 3);
}

Test(heap, removing_a_node_that_is_in_no_heap_does_nothing)
{
    struct record a = {0}, b = {0};

    heap_put(&heap, &a.node, 1);
    heap_remove(&heap, &b.node);
    cr_assert_eq(heap.count, 1);
    heap_check(&heap);
}
