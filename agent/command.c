/* command.c - arguments of snakepit.worker and snakepit.nursery; see command.h. */
#include "agent/command.h"

#include "agent/spawn.h"

#include <assert.h>
#include <stdio.h>

static void
print_number(char text[COMMAND_NUMBER_BYTES], unsigned number)
{
    snprintf(text, COMMAND_NUMBER_BYTES, "%u", number);
}

static void
add(struct command *command, size_t *at, const char *argument)
{
    assert(*at < COMMAND_ARGUMENTS_MAX - 1);
    command->argv[(*at)++] = (char *)argument;
}

static void
add_option(struct command *command, size_t *at, const char *option, const char *value)
{
    add(command, at, option);
    add(command, at, value);
}

void
command_init(struct command *command, const struct pool_config *pool, const char *address, const char *name,
             bool is_nursery)
{
    size_t at = 0;

    print_number(command->slots, pool->slots);
    print_number(command->lifeline, SPAWN_LIFELINE_FD);
    print_number(command->ready, SPAWN_READY_FD);
    print_number(command->socket, SPAWN_SOCKET_FD);
    add(command, &at, pool->python);
    add_option(command, &at, "-m", is_nursery ? "snakepit.nursery" : "snakepit.worker");
    add(command, &at, pool->app);
    add_option(command, &at, "--pool", pool->core.name);
    add_option(command, &at, "--connect", address);
    add_option(command, &at, "--name", name);
    add_option(command, &at, "--lifeline", command->lifeline);
    add_option(command, &at, "--ready", command->ready);
    if (is_nursery)
        add_option(command, &at, "--socket", command->socket);
    if (pool->profile == PROFILE_THREAD) {
        add_option(command, &at, "--profile", "thread");
        add_option(command, &at, "--slots", command->slots);
        if (pool->thread_unsafe == THREAD_UNSAFE_REFUSE)
            add_option(command, &at, "--thread-unsafe", "refuse");
    }
    if (pool->core.require_free_threading)
        add(command, &at, "--require-free-threading");
    command->argv[at] = NULL;
}
