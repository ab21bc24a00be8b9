/* feed.h - lines of JSON from a descriptor into the arguments of tasks. Offers no task. */
#ifndef SNAKEPIT_CLI_FEED_H
#define SNAKEPIT_CLI_FEED_H

#include "client/cli/arguments.h"
#include "client/cli/cli.h"
#include "client/cli/lines.h"

struct feed {
    struct lines lines;
    struct arguments arguments;
    struct wire_buffer encoded; /* of the line that was read last */
    bool is_held;               /* feed_next gives this line once more */
    /* what was wrong, for feed_tell */
    struct json_fault fault;
    const char *line; /* a view into `lines`; NULL: the input itself could not be read */
    size_t line_size;
    int status, system_error;
};

/* The descriptor stays the caller's. Aborts when memory ends. */
void
feed_init(struct feed *feed, int fd);

void
feed_fini(struct feed *feed);

/* Read what is there; call it when poll says that the descriptor is readable. OK, or another value: see feed_tell. */
int
feed_fill(struct feed *feed);

/* Take the next line that is not empty. OK: its number is feed->lines.number, its arguments are feed->encoded.
 * ERR_NOT_FOUND: fill first (or the input is at its end). ERR_INVALID: it is no task, see feed_tell. */
int
feed_next(struct feed *feed);

/* Say on stderr what was wrong with the input, and where. */
void
feed_tell(const struct feed *feed, const struct cli *cli);

#endif
