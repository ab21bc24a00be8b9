/* wait_line.h - one line on a terminal that says how far a long wait is. Writes to stderr, and only if that is a terminal. */
#ifndef SNAKEPIT_CLI_WAIT_LINE_H
#define SNAKEPIT_CLI_WAIT_LINE_H

#include <stdbool.h>

struct wait_line {
    bool is_on;    /* stderr is a terminal */
    bool is_drawn; /* the line stands there now */
};

void
wait_line_init(struct wait_line *line);

/* Show this text in the place of the last one. It is made safe and cut to the terminal's width. */
void
wait_line_draw(struct wait_line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Take the line off the terminal, before something else is written there. */
void
wait_line_clear(struct wait_line *line);

#endif
