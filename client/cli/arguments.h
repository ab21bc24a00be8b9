/* arguments.h - the arguments of one call, from words of a command line or from a line of JSON. Does no I/O. */
#ifndef SNAKEPIT_CLI_ARGUMENTS_H
#define SNAKEPIT_CLI_ARGUMENTS_H

#include "client/cli/json_value.h"

struct arguments {
    json_t *positional; /* array; owned */
    json_t *named;      /* object; owned */
};

/* No arguments. End it with arguments_fini. Aborts when memory ends. */
void
arguments_init(struct arguments *arguments);

void
arguments_fini(struct arguments *arguments);

/* Add a positional argument that is given as JSON. OK, or ERR_INVALID with *fault. */
int
arguments_add(struct arguments *arguments, const char *json, struct json_fault *fault);

/* Add a named argument. OK; ERR_INVALID with *fault; ERR_FULL: the name is there already. */
int
arguments_add_named(struct arguments *arguments, const char *name, const char *json, struct json_fault *fault);

/* Replace all by what a line of `snakepit submit` means (docs/cli.md, "Input"): an array holds the positional arguments;
 * an object with no other keys than "args" and "kwargs" holds both kinds; any other object holds the named ones; and
 * anything else is the one positional argument. OK, or ERR_INVALID with *fault. */
int
arguments_read_line(struct arguments *arguments, const char *line, size_t size, struct json_fault *fault);

/* Append them as docs/protocol.md, section 6 has them. OK, or ERR_INVALID with *fault. */
int
arguments_encode(const struct arguments *arguments, struct wire_buffer *out, struct json_fault *fault);

#endif
