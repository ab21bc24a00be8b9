/* top_view.h - the picture of snakepit top: what the broker said, and how it differs from what it said before. Does no I/O. */
#ifndef SNAKEPIT_CLI_TOP_VIEW_H
#define SNAKEPIT_CLI_TOP_VIEW_H

#include "client/include/snakepit.h"
#include "wire/writer.h"

#include <stdbool.h>

struct top_view;

/* What the admin calls of the same names answered, all at about one time. */
struct top_sample {
    struct snakepit_value status, pools, workers; /* `pools` is that of inspect */
    double now_seconds;                           /* monotonic */
};

struct top_layout {
    size_t columns; /* 0: as wide as it gets */
    size_t lines;   /* 0: as many as there are */
    bool with_colour;
};

/* Remembers nothing yet: the first picture has no rates. */
struct top_view *
top_view_new(void);

void
top_view_destroy(struct top_view **view_p);

/* Append the picture to `out`, NUL excluded, and remember the sample's counters for the next rates. `endpoint` is the
 * broker's, as the user wrote it. */
void
top_view_draw(struct top_view *view, const struct top_sample *sample, const char *endpoint,
              const struct top_layout *layout, struct wire_buffer *out);

#endif
