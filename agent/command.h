/* command.h - the command line of a pool's workers, and of its nursery. Runs nothing. */
#ifndef SNAKEPIT_AGENT_COMMAND_H
#define SNAKEPIT_AGENT_COMMAND_H

#include "broker/io/config.h"

enum { COMMAND_ARGUMENTS_MAX = 24, COMMAND_NUMBER_BYTES = 16 };

/* Views of the strings that it was made from, which must outlive it. */
struct command {
    char *argv[COMMAND_ARGUMENTS_MAX]; /* ends in NULL */
    char slots[COMMAND_NUMBER_BYTES];
    char lifeline[COMMAND_NUMBER_BYTES];
    char ready[COMMAND_NUMBER_BYTES];
    char socket[COMMAND_NUMBER_BYTES];
};

/* For a worker of this name; `is_nursery`: for the process that forks the pool's workers instead. The descriptors are
 * those of spawn.h. Must not be moved afterwards. */
void
command_init(struct command *command, const struct pool_config *pool, const char *address, const char *name,
             bool is_nursery);

#endif
