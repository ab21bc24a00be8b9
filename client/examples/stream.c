/* stream.c - a function that gives its result in parts: each is printed when it comes.
 *
 *     stream [ENDPOINT]
 */
#include <inttypes.h>
#include <snakepit.h>
#include <stdio.h>

static void
print_chunk(struct snakepit_client *client, const struct snakepit_chunk *chunk, void *user)
{
    (void)client;
    (void)user;
    printf("chunk %" PRIu64 ": %.*s\n", chunk->seq, (int)chunk->parts[0].size, (const char *)chunk->parts[0].data);
}

int
main(int argc, char **argv)
{
    struct snakepit_client_options options = {.endpoint = argc > 1 ? argv[1] : NULL};
    struct snakepit_client *client = snakepit_client_new(&options);
    const struct snakepit_task task = {.pool = "echo", .function = "stream", .content_type = "raw", .args = "drip",
                                       .args_bytes = 4, .on_chunk = print_chunk};
    struct snakepit_result *result = NULL;
    int status;

    if (!client)
        return 1;
    status = snakepit_call_task(client, &task, 10000, &result);
    if (status == SNAKEPIT_OK)
        printf("end\n");
    else
        fprintf(stderr, "stream: %s: %s\n", snakepit_strerror(status), snakepit_last_error(client));
    snakepit_result_destroy(&result);
    snakepit_client_destroy(&client);
    return status == SNAKEPIT_OK ? 0 : 1;
}
