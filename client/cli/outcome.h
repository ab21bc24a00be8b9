/* outcome.h - what became of a task: as JSON, as words for people, as an exit code. Sends nothing. */
#ifndef SNAKEPIT_CLI_OUTCOME_H
#define SNAKEPIT_CLI_OUTCOME_H

#include "client/include/snakepit.h"
#include "wire/writer.h"

/* Append a payload as one JSON value; what is not readable as its content type becomes {"$payload": ...}. */
void
outcome_put_payload(struct wire_buffer *out, const char *content_type, const struct snakepit_bytes *parts, size_t count);

/* Append the members of a record, without braces: "state", then "result" or "error", and what the broker told of
 * attempts and times. */
void
outcome_put_members(struct wire_buffer *out, const struct snakepit_result *result);

/* Tell on stderr how the task failed: type, message and traceback, made safe for a terminal. */
void
outcome_report(const struct snakepit_result *result);

/* The exit code that a result stands for. */
int
outcome_exit_code(const struct snakepit_result *result);

#endif
