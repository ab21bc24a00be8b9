/* malloc_client.c - one life of a client whose memory fails at one place (fail_malloc.c): some tasks, a call, an admin call.
 * Says how it ended: "ok", or "error" with the typed error (status 3), and "unreached" when no allocation failed. */
#include <snakepit.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS 200
#define PATIENCE_MS 20000

/* MessagePack of [[0, "work", 0, bytes]]; the last has no bytes, or 9000 of them. */
static const unsigned char ARGUMENTS[] = {0x91, 0x94, 0x00, 0xa4, 'w', 'o', 'r', 'k', 0x00, 0xc4, 0x00};

static unsigned ends, wrong;

static void
count_end(struct snakepit_client *client, const struct snakepit_result *result, void *user)
{
    (void)client, (void)user;
    ends++;
    wrong += result->state != SNAKEPIT_STATE_OK;
}

static int
end_with(const char *where, const char *what, int status)
{
    bool (*was_reached)(void);

    *(void **)&was_reached = dlsym(RTLD_DEFAULT, "fail_malloc_was_reached"); /* POSIX's way round ISO C */
    printf("%s %s %s%s\n", status == 0 ? "ok" : "error", where, what,
           was_reached && !was_reached() ? " unreached" : "");
    return status;
}

static int
submit_all(struct snakepit_client *client)
{
    struct snakepit_task task = {.pool = "p", .function = "work", .args = ARGUMENTS, .args_bytes = sizeof ARGUMENTS,
                                 .on_done = count_end};

    for (unsigned i = 0; i < TASKS; i++) {
        int rc = snakepit_submit(client, &task, NULL);

        if (rc == SNAKEPIT_MEMORY)
            rc = snakepit_submit(client, &task, NULL); /* nothing was taken: the same call works later */
        if (rc != SNAKEPIT_OK)
            return rc;
    }
    return SNAKEPIT_OK;
}

static int
wait_all(struct snakepit_client *client)
{
    int rc = snakepit_wait(client, PATIENCE_MS);

    return rc == SNAKEPIT_MEMORY ? snakepit_wait(client, PATIENCE_MS) : rc;
}

int
main(void)
{
    struct snakepit_client_options options = {.endpoint = getenv("SNAKEPIT_ENDPOINT"), .name = "malloc"};
    struct snakepit_client *client = snakepit_client_new(&options);
    struct snakepit_result *result = NULL;
    int rc;

    if (!client)
        return errno == ENOMEM ? end_with("new", strerror(errno), 3) : end_with("new", strerror(errno), 1);
    rc = submit_all(client);
    if (rc == SNAKEPIT_OK)
        rc = wait_all(client);
    if (rc != SNAKEPIT_OK || ends != TASKS || wrong > 0) {
        fprintf(stderr, "%d: %s: %u ends, %u wrong\n", rc, snakepit_last_error(client), ends, wrong);
        return end_with("tasks", snakepit_strerror(rc), 1);
    }
    rc = snakepit_call(client, "p", "work", ARGUMENTS, sizeof ARGUMENTS, PATIENCE_MS, &result);
    snakepit_result_destroy(&result);
    if (rc != SNAKEPIT_OK)
        return end_with("call", snakepit_strerror(rc), rc == SNAKEPIT_MEMORY ? 3 : 1);
    rc = snakepit_admin(client, "status", NULL, 0, PATIENCE_MS, &result);
    snakepit_result_destroy(&result);
    if (rc != SNAKEPIT_OK)
        return end_with("admin", snakepit_strerror(rc), rc == SNAKEPIT_MEMORY ? 3 : 1);
    snakepit_client_destroy(&client);
    return end_with("all", "", 0);
}
