/* test_broker_work.c - a task's way through the broker and back. */
#include "tests/core/kit.h"

#include <criterion/criterion.h>

KIT_SUITE(broker_work, 0);

Test(broker_work, a_task_goes_to_a_free_worker_and_its_result_back_to_the_client)
{
    const struct message *message;
    uint64_t fence;

    kit_client(&kit, 1, 1);
    kit_worker(&kit, 1, "text", 1);
    kit_submit(&kit, 1, 7);
    message = kit_sent(&kit, SIDE_WORKER, 1, VERB_TASK);
    cr_assert_not_null(message);
    cr_assert_eq(message->task.attempt, 1);
    cr_assert(bytes_are(message->task.function, "count_words"));
    cr_assert(bytes_are(message->task.payload.data, "to be or not to be"));
    fence = message->task.fence;
    kit_result(&kit, 1, fence, "6");
    message = kit_sent(&kit, SIDE_CLIENT, 1, VERB_RESULT);
    cr_assert_not_null(message);
    cr_assert_eq(message->result.ref.number, 7);
    cr_assert(bytes_are(message->result.payload.data, "6"));
    cr_assert_eq(kit_pool(&kit, "text").succeeded, 1);
}
