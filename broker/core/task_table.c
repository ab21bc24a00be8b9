/* task_table.c - linear probing with deletion by shifting back (Knuth, TAOCP 3, 6.4, algorithm R); see task_table.h. */
#include "broker/core/task_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Slots. Up to CAPACITY_KEPT, 128 KiB, memory is not given back: a client that offers its tasks in batches empties and fills
 * the table with each. */
enum { CAPACITY_MIN = 64, CAPACITY_KEPT = 8192 };

void
task_table_init(struct task_table *table)
{
    memset(table, 0, sizeof *table);
}

void
task_table_fini(struct task_table *table)
{
    free(table->slots);
    memset(table, 0, sizeof *table);
}

static uint32_t
next_of(const struct task_table *table, uint32_t at)
{
    return (at + 1) & (table->capacity - 1);
}

/* How far a slot lies behind the place where its hash belongs. */
static uint32_t
distance_of(const struct task_table *table, uint32_t at)
{
    return (at - table->slots[at].hash) & (table->capacity - 1);
}

struct task *
task_table_find(const struct task_table *table, const struct task_key *key, uint32_t hash)
{
    if (table->count == 0)
        return NULL;
    for (uint32_t at = hash & (table->capacity - 1); table->slots[at].task; at = next_of(table, at)) {
        struct task *task = table->slots[at].task;

        if (table->slots[at].hash == hash && memcmp(&task->key, key, sizeof *key) == 0)
            return task;
    }
    return NULL;
}

static void
put(struct task_table *table, struct task_slot slot)
{
    uint32_t at = slot.hash & (table->capacity - 1);

    while (table->slots[at].task)
        at = next_of(table, at);
    table->slots[at] = slot;
}

static void
resize(struct task_table *table, uint32_t capacity)
{
    struct task_table old = *table;

    assert(table->count < capacity);
    table->slots = calloc(capacity, sizeof *table->slots);
    if (!table->slots)
        abort();
    table->capacity = capacity;
    for (uint32_t at = 0; at < old.capacity; at++)
        if (old.slots[at].task)
            put(table, old.slots[at]);
    free(old.slots);
}

void
task_table_add(struct task_table *table, struct task *task)
{
    if (table->count >= table->capacity / 3 * 2)
        resize(table, table->capacity ? table->capacity * 2 : CAPACITY_MIN);
    put(table, (struct task_slot){task, task->hash});
    table->count++;
}

void
task_table_remove(struct task_table *table, const struct task *task)
{
    uint32_t hole;

    assert(table->count > 0);
    hole = task->hash & (table->capacity - 1);
    while (table->slots[hole].task != task) {
        assert(table->slots[hole].task);
        hole = next_of(table, hole);
    }
    /* Whoever stands behind only because the hole was taken moves up; so no search ever has to pass a gap. */
    for (uint32_t at = next_of(table, hole); table->slots[at].task; at = next_of(table, at)) {
        if (distance_of(table, at) < ((at - hole) & (table->capacity - 1)))
            continue;
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole] = (struct task_slot){0};
    table->count--;
    if (table->capacity > CAPACITY_KEPT && table->count < table->capacity / 8)
        resize(table, table->capacity / 2);
}

void
task_table_check(const struct task_table *table)
{
    uint32_t count = 0;

    for (uint32_t at = 0; at < table->capacity; at++) {
        const struct task *task = table->slots[at].task;

        if (!task)
            continue;
        assert(task->hash == table->slots[at].hash);
        assert(task_table_find(table, &task->key, task->hash) == task);
        count++;
    }
    assert(count == table->count);
}
