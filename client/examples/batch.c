/* batch.c - a thousand tasks in one submit, and the sum of their results.
 *
 *     batch [ENDPOINT]
 */
#include <inttypes.h>
#include <snakepit.h>
#include <stdio.h>

#define TASKS 1000

struct sum {
    int64_t total;
    int failed;
};

static void
add_result(struct snakepit_client *client, const struct snakepit_result *result, void *sum_v)
{
    struct sum *sum = sum_v;
    struct snakepit_value value;
    int64_t number;

    (void)client;
    if (result->state == SNAKEPIT_STATE_OK && snakepit_result_value(result, &value) == SNAKEPIT_OK &&
        snakepit_value_int(&value, &number) == SNAKEPIT_OK)
        sum->total += number;
    else
        sum->failed++;
}

int
main(int argc, char **argv)
{
    struct snakepit_client_options options = {.endpoint = argc > 1 ? argv[1] : NULL, .retry_busy = true};
    struct snakepit_client *client = snakepit_client_new(&options);
    static struct snakepit_task tasks[TASKS];
    static unsigned char args[TASKS][5];
    struct sum sum = {0};
    int status;

    if (!client)
        return 1;
    for (int i = 0; i < TASKS; i++) {
        /* [[i]] in MessagePack, by hand: two arrays of one, and a number of 16 bits. */
        const unsigned char encoded[] = {0x91, 0x91, 0xcd, (unsigned char)(i >> 8), (unsigned char)i};
        for (int at = 0; at < 5; at++)
            args[i][at] = encoded[at];
        tasks[i] = (struct snakepit_task){.pool = "echo", .function = "identity", .args = args[i], .args_bytes = 5,
                                          .on_done = add_result, .user = &sum};
    }
    status = snakepit_submit_many(client, tasks, TASKS, NULL);
    if (status == SNAKEPIT_OK)
        status = snakepit_wait(client, 10000);
    if (status == SNAKEPIT_OK)
        printf("sum %" PRId64 ", failed %d\n", sum.total, sum.failed);
    else
        fprintf(stderr, "batch: %s: %s\n", snakepit_strerror(status), snakepit_last_error(client));
    snakepit_client_destroy(&client);
    return status == SNAKEPIT_OK && sum.failed == 0 ? 0 : 1;
}
