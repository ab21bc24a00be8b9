/* poll.c - a client inside somebody else's event loop: each line of the standard input becomes a task, and results are
 * printed as they come.
 *
 *     poll [ENDPOINT] < LINES
 */
#include <poll.h>
#include <snakepit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
print_result(struct snakepit_client *client, const struct snakepit_result *result, void *user)
{
    (void)client;
    (void)user;
    if (result->state == SNAKEPIT_STATE_OK && result->part_count > 0)
        printf("%.*s\n", (int)result->parts[0].size, (const char *)result->parts[0].data);
    else
        printf("%s: %s\n", result->code, result->message);
    fflush(stdout);
}

/* Submit each whole line, and what is left at the end of the input. How many bytes were used, or a status. */
static int
submit_lines(struct snakepit_client *client, const char *text, size_t size, bool is_end)
{
    size_t used = 0;

    while (used < size) {
        const char *end = memchr(text + used, '\n', size - used);
        size_t length = end ? (size_t)(end - text) - used : size - used;
        const struct snakepit_task task = {.pool = "echo", .function = "echo", .content_type = "raw",
                                           .args = text + used, .args_bytes = length, .on_done = print_result};
        int status;

        if (!end && !is_end)
            break;
        status = snakepit_submit(client, &task, NULL);
        if (status)
            return status;
        used += length + (end ? 1 : 0);
    }
    return (int)used;
}

int
main(int argc, char **argv)
{
    struct snakepit_client_options options = {.endpoint = argc > 1 ? argv[1] : NULL};
    struct snakepit_client *client = snakepit_client_new(&options);
    struct pollfd items[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
    char text[4096];
    size_t size = 0;
    int status = SNAKEPIT_OK;

    if (!client)
        return 1;
    items[1].fd = snakepit_fd(client);
    while (status >= 0 && (items[0].fd >= 0 || snakepit_pending(client) > 0) && poll(items, 2, -1) >= 0) {
        if (items[0].fd >= 0 && items[0].revents) {
            ssize_t got = read(STDIN_FILENO, text + size, sizeof text - size);

            size += got > 0 ? (size_t)got : 0;
            if (got <= 0)
                items[0].fd = -1; /* poll(2) passes over negative descriptors */
            status = submit_lines(client, text, size, got <= 0 || size == sizeof text);
            if (status > 0)
                memmove(text, text + status, size - (size_t)status);
            size -= status > 0 ? (size_t)status : 0;
        }
        if (status >= 0 && items[1].revents)
            status = snakepit_process(client, 0);
    }
    if (status < 0)
        fprintf(stderr, "poll: %s: %s\n", snakepit_strerror(status), snakepit_last_error(client));
    snakepit_client_destroy(&client);
    return status < 0 ? 1 : 0;
}
