/* meter.h - draws a progress line on stderr, if that is a terminal. */
#ifndef SNAKEPIT_CLI_METER_H
#define SNAKEPIT_CLI_METER_H

#include "client/cli/progress.h"

struct meter {
    struct progress progress;
    bool is_on;
    bool is_drawn;     /* the line stands on the terminal now */
    bool with_unicode; /* the terminal reads UTF-8 */
};

/* `is_wanted` false: it never draws. */
void
meter_init(struct meter *meter, bool is_wanted, int64_t now_us);

/* Draw if it is time. */
void
meter_draw(struct meter *meter, int64_t now_us);

/* Take the line off the terminal, before something else is written there. */
void
meter_clear(struct meter *meter);

#endif
