/* test_crew.c - workers by load. */
#include "broker/core/crew.h"

#include <criterion/criterion.h>

static struct crew crew;
static struct worker workers[8];

static void
set_up(void)
{
    crew_init(&crew);
    for (int i = 0; i < 8; i++) {
        workers[i].state = WORKER_READY;
        workers[i].slots = SLOTS_MAX;
    }
}

static void
tear_down(void)
{
    crew_fini(&crew);
}

TestSuite(crew, .init = set_up, .fini = tear_down);

static void
add(int i, uint32_t busy)
{
    workers[i].busy = busy;
    crew_add(&crew, &workers[i]);
    crew_check(&crew);
}

Test(crew, an_empty_crew_has_no_first)
{
    cr_assert_null(crew_first(&crew));
}

Test(crew, the_least_loaded_is_first)
{
    add(0, 5);
    add(1, 2);
    add(2, 7);
    cr_assert_eq(crew_first(&crew), &workers[1]);
    crew_remove(&crew, &workers[1]);
    cr_assert_eq(crew_first(&crew), &workers[0]);
    crew_remove(&crew, &workers[0]);
    cr_assert_eq(crew_first(&crew), &workers[2]);
    crew_remove(&crew, &workers[2]);
    cr_assert_null(crew_first(&crew));
}

Test(crew, among_equals_the_one_that_came_first_is_first)
{
    for (int i = 0; i < 8; i++)
        add(i, 1);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(crew_first(&crew), &workers[i]);
        crew_remove(&crew, &workers[i]);
        add(i, 2);
    }
    cr_assert_eq(crew_first(&crew), &workers[0]);
}

Test(crew, a_worker_with_less_load_than_all_before_becomes_the_first)
{
    add(0, 4000);
    cr_assert_eq(crew_first(&crew), &workers[0]);
    add(1, 3);
    cr_assert_eq(crew_first(&crew), &workers[1]);
    add(2, 0);
    cr_assert_eq(crew_first(&crew), &workers[2]);
    cr_assert_eq(crew.count, 3);
}

Test(crew, one_leaves_from_the_middle)
{
    for (int i = 0; i < 5; i++)
        add(i, 1);
    crew_remove(&crew, &workers[2]);
    crew_check(&crew);
    cr_assert_not(workers[2].is_in_crew);
    cr_assert_eq(crew.count, 4);
}
