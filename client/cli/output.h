/* output.h - a descriptor that is written to without ever blocking for long: while a pager waits for its reader, the
 * program must go on answering the broker. */
#ifndef SNAKEPIT_CLI_OUTPUT_H
#define SNAKEPIT_CLI_OUTPUT_H

#include "wire/writer.h"

#include <stdbool.h>

struct output {
    int fd;
    struct wire_buffer pending; /* append to it freely */
    size_t written;             /* of `pending` */
    int error;                  /* errno of the write that failed; then all else is thrown away */
};

/* The descriptor stays the caller's; SIGPIPE must be ignored. */
void
output_init(struct output *output, int fd);

void
output_fini(struct output *output);

/* Bytes that are not written yet. */
size_t
output_left(const struct output *output);

/* Write as much as the descriptor takes now. OK (look at output_left), or ERR_SYSTEM: output->error says why. Also
 * notices that the reader is gone when there is nothing to write. */
int
output_flush(struct output *output);

#endif
