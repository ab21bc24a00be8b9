/* test_lease_table.c - leases by their fence. */
#include "broker/core/lease_table.h"

#include <criterion/criterion.h>

#define LEASES 40000

static struct lease leases[LEASES];

static void
add_all(struct lease_table *table)
{
    lease_table_init(table);
    for (uint64_t i = 0; i < LEASES; i++) {
        leases[i] = (struct lease){.fence = (UINT64_C(7) << 32) + i};
        lease_table_add(table, &leases[i]);
    }
}

Test(lease_table, every_lease_is_found_by_its_fence_and_no_other_is)
{
    struct lease_table table;

    add_all(&table);
    for (uint64_t i = 0; i < LEASES; i++)
        cr_assert_eq(lease_table_find(&table, leases[i].fence), &leases[i]);
    cr_expect_null(lease_table_find(&table, 0));
    cr_expect_null(lease_table_find(&table, (UINT64_C(7) << 32) + LEASES));
    lease_table_fini(&table);
}

Test(lease_table, removing_some_keeps_the_others)
{
    struct lease_table table;

    add_all(&table);
    for (uint64_t i = 0; i < LEASES; i++)
        if (i % 7 != 3)
            lease_table_remove(&table, &leases[i]);
    for (uint64_t i = 0; i < LEASES; i++)
        cr_assert_eq(lease_table_find(&table, leases[i].fence), i % 7 == 3 ? &leases[i] : NULL);
    cr_expect_eq(table.count, LEASES / 7 + (LEASES % 7 > 3));
    lease_table_fini(&table);
}

Test(lease_table, it_shrinks_when_it_empties)
{
    struct lease_table table;

    add_all(&table);
    for (uint64_t i = 0; i < LEASES; i++)
        lease_table_remove(&table, &leases[i]);
    cr_expect_eq(table.count, 0);
    cr_expect_leq(table.capacity, 8192, "128 KiB are not worth giving back");
    lease_table_fini(&table);
}
