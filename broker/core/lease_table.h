/* lease_table.h - leases by their fence. Owns none of them.
 *
 * Open addressing and not uthash, for the reasons in task_table.h: each task passes here three times. */
#ifndef SNAKEPIT_CORE_LEASE_TABLE_H
#define SNAKEPIT_CORE_LEASE_TABLE_H

#include "broker/core/lease.h"

struct lease_slot {
    uint64_t fence;
    struct lease *lease; /* NULL: free */
};

struct lease_table {
    struct lease_slot *slots;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
};

void
lease_table_init(struct lease_table *table);

void
lease_table_fini(struct lease_table *table);

/* The lease with this fence, or NULL. */
struct lease *
lease_table_find(const struct lease_table *table, uint64_t fence);

/* Add a lease; none with its fence may be in the table. */
void
lease_table_add(struct lease_table *table, struct lease *lease);

/* Take out a lease that is in the table. */
void
lease_table_remove(struct lease_table *table, const struct lease *lease);

#endif
