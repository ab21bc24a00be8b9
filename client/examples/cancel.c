/* cancel.c - a task is submitted, and given up as soon as the broker has taken it.
 *
 *     cancel [ENDPOINT]
 */
#include <snakepit.h>
#include <stdio.h>

static void
cancel_it(struct snakepit_client *client, uint64_t id, uint64_t number, void *user)
{
    (void)number;
    (void)user;
    printf("accepted\n");
    snakepit_cancel(client, id);
}

static void
print_state(struct snakepit_client *client, const struct snakepit_result *result, void *user)
{
    (void)client;
    (void)user;
    printf("%s\n", snakepit_state_name(result->state));
}

int
main(int argc, char **argv)
{
    struct snakepit_client_options options = {.endpoint = argc > 1 ? argv[1] : NULL};
    struct snakepit_client *client = snakepit_client_new(&options);
    const struct snakepit_task task = {.pool = "echo", .function = "hold", .on_accepted = cancel_it,
                                       .on_done = print_state};
    int status;

    if (!client)
        return 1;
    status = snakepit_submit(client, &task, NULL);
    if (status == SNAKEPIT_OK)
        status = snakepit_wait(client, 10000);
    if (status)
        fprintf(stderr, "cancel: %s: %s\n", snakepit_strerror(status), snakepit_last_error(client));
    snakepit_client_destroy(&client);
    return status == SNAKEPIT_OK ? 0 : 1;
}
