/* pool.c - waits for the workers of a pool, calls one, and says what the pool is doing.
 *
 *     pool [ENDPOINT]
 */
#include <inttypes.h>
#include <snakepit.h>
#include <stdio.h>

static int
show_pool(struct snakepit_client *client)
{
    struct snakepit_pool_stats stats;
    struct snakepit_workers *workers;
    int status = snakepit_list_workers(client, "echo", 5000, &workers);

    if (status)
        return status;
    for (size_t i = 0; i < workers->count; i++)
        printf("worker of %s: %s, %" PRIu64 " slots\n", workers->list[i].pool, workers->list[i].state,
               workers->list[i].slots);
    snakepit_workers_destroy(&workers);
    status = snakepit_get_stats(client, "echo", 5000, &stats);
    if (status == SNAKEPIT_OK)
        printf("%" PRIu64 " succeeded, %" PRIu64 " queued\n", stats.succeeded, stats.queued);
    return status;
}

int
main(int argc, char **argv)
{
    struct snakepit_client_options options = {.endpoint = argc > 1 ? argv[1] : NULL};
    struct snakepit_client *client = snakepit_client_new(&options);
    struct snakepit_result *result = NULL;
    int status;

    if (!client)
        return 1;
    status = snakepit_await_ready(client, "echo", 1, 10000);
    if (status == SNAKEPIT_OK)
        status = snakepit_call(client, "echo", "echo", NULL, 0, 10000, &result);
    if (status == SNAKEPIT_OK)
        status = show_pool(client);
    if (status)
        fprintf(stderr, "pool: %s: %s\n", snakepit_strerror(status), snakepit_last_error(client));
    snakepit_result_destroy(&result);
    snakepit_client_destroy(&client);
    return status ? 1 : 0;
}
