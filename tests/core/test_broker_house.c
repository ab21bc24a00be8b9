/* test_broker_house.c - tasks that belong to no client: run and counted like all, and nobody is told. */
#include "broker/core/broker_state.h"
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_house, 1);

/* As something inside the broker does it, in a turn. */
static enum error_code
submit_inside(const struct submit *submit, uint64_t *ret_number)
{
    enum error_code code;

    outbox_clear(&kit.outbox);
    kit.broker->outbox = &kit.outbox;
    code = broker_house_submit(kit.broker, submit, ret_number);
    kit.broker->outbox = NULL;
    broker_check(kit.broker);
    return code;
}

Test(broker_house, its_task_runs_and_is_counted_and_nothing_is_kept_of_it)
{
    struct submit submit = kit_task(1);
    struct broker_stats stats;
    uint64_t number = 0;

    kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(submit_inside(&submit, &number), ERROR_NONE);
    cr_assert_gt(number, 0);
    kit_result(&kit, 1, kit_fence(&kit, 1), "6");
    cr_assert_eq(kit_count(&kit, SIDE_CLIENT, 1, VERB_RESULT), 0);
    cr_assert_eq(kit_pool(&kit, "text").succeeded, 1);
    broker_get_stats(kit.broker, &stats);
    cr_assert_eq(stats.tasks, 0);
    cr_assert_eq(stats.undeliverable, 0, "it was meant for nobody");
    cr_assert_eq(stats.clients, 1, "only the kit's client is one");
}

Test(broker_house, the_same_task_twice_is_two_tasks)
{
    struct submit submit = kit_task(1);
    uint64_t first = 0, second = 0;

    cr_assert_eq(submit_inside(&submit, &first), ERROR_NONE);
    cr_assert_eq(submit_inside(&submit, &second), ERROR_NONE);
    cr_assert_gt(second, first);
    cr_assert_eq(kit_pool(&kit, "text").queued, 2);
}

Test(broker_house, what_waits_at_the_end_of_the_broker_is_freed)
{
    struct submit submit = kit_task(1);
    uint64_t number = 0;

    kit_worker(&kit, 1, "text", 1);
    cr_assert_eq(submit_inside(&submit, &number), ERROR_NONE);
    cr_assert_eq(submit_inside(&submit, &number), ERROR_NONE);
    cr_assert_eq(kit_pool(&kit, "text").running, 1);
}

Test(broker_house, a_refusal_is_returned_and_sent_to_nobody)
{
    struct submit submit = kit_task(1);
    uint64_t number = 0;

    submit.pool = bytes_of("nowhere");
    cr_assert_eq(submit_inside(&submit, &number), ERROR_NO_SUCH_POOL);
    submit.pool = bytes_of("text");
    submit.priority = 200;
    cr_assert_eq(submit_inside(&submit, &number), ERROR_BAD_FIELD);
    submit.priority = 5;
    kit_event(&kit, &(struct event){.kind = EVENT_POOL_DRAIN, .pool = bytes_of("text")});
    cr_assert_eq(submit_inside(&submit, &number), ERROR_DRAINING);
    cr_assert_eq(number, 0);
}
