/* client.c - makes and ends a client. See snakepit.h. */
#include "client/lib/client.h"
#include "client/lib/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TASKS_MAX_DEFAULT 100000
#define BYTES_MAX_DEFAULT ((size_t)256 * 1024 * 1024)
#define BATCH_BYTES_DEFAULT ((size_t)32 * 1024)
#define BATCH_BYTES_MAX ((size_t)1024 * 1024) /* leaves room for one large task below the protocol's control_max */
#define RECONNECT_MS_DEFAULT 100
#define RECONNECT_MAX_MS_DEFAULT 2000
#define LINGER_MS 200

static void
take_options(struct snakepit_client *client, const struct snakepit_client_options *options)
{
    uint32_t reconnect_ms = options->reconnect_ms ? options->reconnect_ms : RECONNECT_MS_DEFAULT;
    uint32_t reconnect_max_ms = options->reconnect_max_ms ? options->reconnect_max_ms : RECONNECT_MAX_MS_DEFAULT;

    client->cancel_on_disconnect = options->cancel_on_disconnect;
    client->retry_busy = options->retry_busy;
    client->tasks_max = options->tasks_max ? options->tasks_max : TASKS_MAX_DEFAULT;
    client->bytes_max = options->bytes_max ? options->bytes_max : BYTES_MAX_DEFAULT;
    client->batch_bytes_max = options->batch_bytes_max ? options->batch_bytes_max : BATCH_BYTES_DEFAULT;
    if (client->batch_bytes_max > BATCH_BYTES_MAX)
        client->batch_bytes_max = BATCH_BYTES_MAX;
    client->reconnect_us = (int64_t)reconnect_ms * 1000;
    client->reconnect_max_us = (int64_t)reconnect_max_ms * 1000;
    if (client->reconnect_max_us < client->reconnect_us)
        client->reconnect_max_us = client->reconnect_us;
    client->retry_delay_us = client->reconnect_us;
    client->on_link = options->on_link;
    client->link_user = options->user;
}

/* OK, or -1 with errno. */
static int
take_texts(struct snakepit_client *client, const struct snakepit_client_options *options)
{
    if (options->name && strlen(options->name) > LABEL_BYTES_MAX) {
        errno = EINVAL;
        return -1;
    }
    client->endpoint = strdup(options->endpoint ? options->endpoint : SNAKEPIT_ENDPOINT_DEFAULT);
    client->name = options->name ? strdup(options->name) : NULL;
    client->frames = calloc(MESSAGE_FRAMES_MAX + 1, sizeof *client->frames);
    if (!client->endpoint || !client->frames || (options->name && !client->name)) {
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = 0; i <= MESSAGE_FRAMES_MAX; i++)
        zmq_msg_init(&client->frames[i]);
    return 0;
}

/* The broker knows this process again by its instance, so that it must be as good as unique. */
static int
draw_instance(struct snakepit_client *client)
{
    if (getrandom(client->instance, INSTANCE_BYTES, 0) != INSTANCE_BYTES)
        return -1;
    memcpy(&client->random, client->instance, sizeof client->random);
    client->random |= 1;
    return 0;
}

static void
free_client(struct snakepit_client *client, int linger_ms)
{
    int error = errno;

    link_fini(&client->link, linger_ms);
    wire_buffer_fini(&client->scratch);
    wire_buffer_fini(&client->commands);
    for (size_t i = 0; client->frames && i <= MESSAGE_FRAMES_MAX; i++)
        zmq_msg_close(&client->frames[i]);
    free(client->frames);
    free(client->text);
    free(client->endpoint);
    free(client->name);
    free(client);
    errno = error;
}

struct snakepit_client *
snakepit_client_new(const struct snakepit_client_options *options)
{
    static const struct snakepit_client_options defaults;
    struct snakepit_client *client = calloc(1, sizeof *client);
    int status;

    if (!client)
        return NULL;
    if (!options)
        options = &defaults;
    wire_buffer_init(&client->scratch, true);
    wire_buffer_init(&client->commands, true);
    client->next_id = 1;
    client->inline_bytes_max = CLIENT_INLINE_BYTES_MAX;
    client->now_us = client_clock_us();
    take_options(client, options);
    if (link_init(&client->link) || take_texts(client, options) || draw_instance(client))
        goto fail;
    /* The first try is made here, so that a wrong endpoint is told at once. */
    status = session_start(client);
    if (status == OK)
        return client;
    if (status == ERR_MEMORY)
        errno = ENOMEM;
fail:
    free_client(client, 0);
    return NULL;
}

void
snakepit_client_destroy(struct snakepit_client **client_p)
{
    struct snakepit_client *client = *client_p;

    if (!client || client->depth > 0)
        return;
    *client_p = NULL;
    client->is_ending = true;
    client->now_us = client_clock_us();
    client->is_blocked = false;
    session_bye(client);
    finish_all(client, SNAKEPIT_STATE_ABANDONED);
    free_client(client, LINGER_MS);
}

bool
snakepit_is_connected(const struct snakepit_client *client)
{
    return client->state == SESSION_UP;
}

size_t
snakepit_pending(const struct snakepit_client *client)
{
    return client->pending.count;
}
