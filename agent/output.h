/* output.h - what one worker prints, from its pipe into the log line by line, and the last of it kept. Never blocks. */
#ifndef SNAKEPIT_AGENT_OUTPUT_H
#define SNAKEPIT_AGENT_OUTPUT_H

#include "broker/io/log.h"

#include <sys/types.h>

enum {
    OUTPUT_LINE_BYTES_MAX = 8 * 1024, /* a longer line is logged in pieces */
    OUTPUT_TAIL_BYTES = 4 * 1024,
};

/* Whose output it is, for the log. The strings are the owner's. */
struct output_source {
    const char *pool;
    const char *worker;
    pid_t pid;
};

struct output {
    struct log *log;
    struct output_source source;
    int fd; /* non-blocking read end, owned; -1: closed */
    size_t line_size;
    size_t tail_size;
    char line[OUTPUT_LINE_BYTES_MAX];
    char tail[OUTPUT_TAIL_BYTES];
};

/* Take the read end of the worker's pipe. Ended with output_close. */
void
output_open(struct output *output, int fd, const struct output_source *source, struct log *log);

/* Log what is there, at most some 64 KiB, so that one worker that prints a lot does not keep the loop from the others.
 * False at the end of the stream; it is closed then. */
bool
output_read(struct output *output);

/* Log what is left in the pipe, within a bound, and close it. The tail stays. */
void
output_close(struct output *output);

#endif
