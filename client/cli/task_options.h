/* task_options.h - the options of call and submit that describe a task. */
#ifndef SNAKEPIT_CLI_TASK_OPTIONS_H
#define SNAKEPIT_CLI_TASK_OPTIONS_H

#include "client/cli/cli.h"

/* Take one of them into *task. OK; ERR_NOT_FOUND: it is none of them; ERR_INVALID after saying why. */
int
task_options_take(struct cli *cli, int key, const char *value, struct snakepit_task *task);

#endif
