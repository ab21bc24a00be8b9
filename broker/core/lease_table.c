/* lease_table.c - linear probing with deletion by shifting back, as in task_table.c; see lease_table.h. */
#include "broker/core/lease_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Slots. Up to CAPACITY_KEPT, 128 KiB, memory is not given back: a client that offers its tasks in batches empties and fills
 * the table with each. */
enum { CAPACITY_MIN = 64, CAPACITY_KEPT = 8192 };

void
lease_table_init(struct lease_table *table)
{
    memset(table, 0, sizeof *table);
}

void
lease_table_fini(struct lease_table *table)
{
    free(table->slots);
    memset(table, 0, sizeof *table);
}

/* Fences are handed out one after the other. The first bits of their products with the golden ratio (Knuth, TAOCP 3, 6.4)
 * spread evenly and leave gaps: in rows without one, each removal would walk to the end. */
static uint32_t
home_of(const struct lease_table *table, uint64_t fence)
{
    return (uint32_t)(fence * UINT64_C(0x9e3779b97f4a7c15) >> (__builtin_clzll(table->capacity) + 1));
}

static uint32_t
next_of(const struct lease_table *table, uint32_t at)
{
    return (at + 1) & (table->capacity - 1);
}

struct lease *
lease_table_find(const struct lease_table *table, uint64_t fence)
{
    if (table->count == 0)
        return NULL;
    for (uint32_t at = home_of(table, fence); table->slots[at].lease; at = next_of(table, at))
        if (table->slots[at].fence == fence)
            return table->slots[at].lease;
    return NULL;
}

static void
put(struct lease_table *table, struct lease_slot slot)
{
    uint32_t at = home_of(table, slot.fence);

    while (table->slots[at].lease)
        at = next_of(table, at);
    table->slots[at] = slot;
}

static void
resize(struct lease_table *table, uint32_t capacity)
{
    struct lease_table old = *table;

    assert(table->count < capacity);
    table->slots = calloc(capacity, sizeof *table->slots);
    if (!table->slots)
        abort();
    table->capacity = capacity;
    for (uint32_t at = 0; at < old.capacity; at++)
        if (old.slots[at].lease)
            put(table, old.slots[at]);
    free(old.slots);
}

void
lease_table_add(struct lease_table *table, struct lease *lease)
{
    if (table->count >= table->capacity / 2)
        resize(table, table->capacity ? table->capacity * 2 : CAPACITY_MIN);
    put(table, (struct lease_slot){lease->fence, lease});
    table->count++;
}

void
lease_table_remove(struct lease_table *table, const struct lease *lease)
{
    uint32_t hole;

    assert(table->count > 0);
    hole = home_of(table, lease->fence);
    while (table->slots[hole].lease != lease) {
        assert(table->slots[hole].lease);
        hole = next_of(table, hole);
    }
    /* Whoever stands behind only because the hole was taken moves up; so no search ever has to pass a gap. */
    for (uint32_t at = next_of(table, hole); table->slots[at].lease; at = next_of(table, at)) {
        uint32_t distance = (at - home_of(table, table->slots[at].fence)) & (table->capacity - 1);

        if (distance < ((at - hole) & (table->capacity - 1)))
            continue;
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole] = (struct lease_slot){0};
    table->count--;
    if (table->capacity > CAPACITY_KEPT && table->count < table->capacity / 8)
        resize(table, table->capacity / 2);
}
