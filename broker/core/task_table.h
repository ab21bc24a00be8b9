/* task_table.h - tasks by their key. Owns none of them.
 *
 * Open addressing and not uthash: with a million tasks each touch of another record is a cache miss, and uthash touches
 * the neighbours in a bucket and in the order of insertion. Here a task costs one line of the table, and 56 bytes less. */
#ifndef SNAKEPIT_CORE_TASK_TABLE_H
#define SNAKEPIT_CORE_TASK_TABLE_H

#include "broker/core/task.h"

struct task_slot {
    struct task *task; /* NULL: free */
    uint32_t hash;
};

struct task_table {
    struct task_slot *slots;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
};

void
task_table_init(struct task_table *table);

void
task_table_fini(struct task_table *table);

/* The task with this key, whose hash is given, or NULL. */
struct task *
task_table_find(const struct task_table *table, const struct task_key *key, uint32_t hash);

/* Add a task by its `key` and `hash`; none with this key may be in the table. */
void
task_table_add(struct task_table *table, struct task *task);

/* Take out a task that is in the table. */
void
task_table_remove(struct task_table *table, const struct task *task);

/* Assert that every task is found where it stands. */
void
task_table_check(const struct task_table *table);

#endif
