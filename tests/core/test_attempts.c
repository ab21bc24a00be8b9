/* test_attempts.c - the record of a task's attempts. */
#include "broker/core/attempts.h"

#include <criterion/criterion.h>
#include <string.h>

static void
add(struct attempts *attempts, uint32_t number, const char *cause)
{
    struct attempt attempt = {.number = number, .worker = 100 + number, .worker_name = "w", .cause = cause};

    attempts_add(attempts, &attempt);
}

Test(attempts, a_new_record_is_empty_and_may_be_freed)
{
    struct attempts attempts = {0};

    cr_assert_eq(attempts_bytes(&attempts), 0);
    attempts_fini(&attempts);
}

Test(attempts, texts_are_copied)
{
    struct attempts attempts = {0};
    char cause[] = "killed";

    add(&attempts, 1, cause);
    memset(cause, 'x', sizeof cause - 1);
    cr_assert_str_eq(attempts.list->cause, "killed");
    cr_assert_str_eq(attempts.list->worker_name, "w");
    cr_assert_eq(attempts.list->worker, 101);
    cr_assert_geq(attempts_bytes(&attempts), sizeof(struct attempt) + strlen("killed") + strlen("w"));
    attempts_fini(&attempts);
    cr_assert_eq(attempts.count, 0);
}

Test(attempts, only_the_last_ones_are_kept)
{
    struct attempts attempts = {0};

    for (uint32_t number = 1; number <= ATTEMPTS_KEPT_MAX + 3; number++)
        add(&attempts, number, "lost");
    cr_assert_eq(attempts.count, ATTEMPTS_KEPT_MAX);
    cr_assert_eq(attempts.list->number, 4);
    cr_assert_eq(attempts.list->prev->number, ATTEMPTS_KEPT_MAX + 3);
    attempts_fini(&attempts);
}

Test(attempts, a_long_cause_is_cut)
{
    struct attempts attempts = {0};
    char cause[1000];

    memset(cause, 'c', sizeof cause);
    cause[sizeof cause - 1] = '\0';
    add(&attempts, 1, cause);
    cr_assert_eq(strlen(attempts.list->cause), ATTEMPT_CAUSE_BYTES_MAX);
    attempts_fini(&attempts);
}
