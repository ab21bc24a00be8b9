/* call.c - the shortest client: call a function of a pool, print what it returns.
 *
 *     call [ENDPOINT]
 */
#include <snakepit.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
    struct snakepit_client_options options = {.endpoint = argc > 1 ? argv[1] : NULL};
    struct snakepit_client *client = snakepit_client_new(&options);
    struct snakepit_args *args = snakepit_args_new();
    struct snakepit_result *result = NULL;
    struct snakepit_bytes bytes;
    struct snakepit_value value;
    int status;

    if (!client || !args)
        return 1;
    snakepit_args_str(args, "hello, pit");
    status = snakepit_args_finish(args, &bytes);
    if (status == SNAKEPIT_OK)
        status = snakepit_call(client, "echo", "identity", bytes.data, bytes.size, 10000, &result);
    if (status == SNAKEPIT_OK)
        status = snakepit_result_value(result, &value);
    if (status == SNAKEPIT_OK && value.kind == SNAKEPIT_STR)
        printf("%.*s\n", (int)value.size, value.data);
    else
        fprintf(stderr, "call: %s: %s\n", snakepit_strerror(status), snakepit_last_error(client));
    snakepit_result_destroy(&result);
    snakepit_args_destroy(&args);
    snakepit_client_destroy(&client);
    return status == SNAKEPIT_OK ? 0 : 1;
}
