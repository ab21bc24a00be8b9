/* terminal.h - the whole screen of a terminal, and the keys that are pressed there; given back as it was, however the
 * program ends. One at a time. */
#ifndef SNAKEPIT_CLI_TERMINAL_H
#define SNAKEPIT_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

struct terminal_size {
    unsigned columns, lines;
};

/* Take the screen of standard output and the keys of standard input: another screen without cursor, keys one by one and
 * not shown. Signals that would end, stop or resize (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH) are blocked, and
 * terminal_wait tells of them. OK; ERR_SYSTEM: one of both is no terminal, or errno says why. */
int
terminal_open(void);

/* Give everything back; nothing happens when it was not taken. Also called when the program exits. */
void
terminal_close(void);

/* Lines and columns now. */
struct terminal_size
terminal_size(void);

/* Show these lines, each ended by a newline, from the top; what is too long or too much is cut. */
void
terminal_draw(const char *text);

enum terminal_news {
    TERMINAL_NOTHING, /* time is up */
    TERMINAL_KEY,     /* *ret_value is the byte */
    TERMINAL_RESIZED, /* or it was stopped and goes on: draw again */
    TERMINAL_SIGNAL,  /* *ret_value is the number of a signal that ends the program */
    TERMINAL_GONE,    /* nobody reads or writes there any more */
};

/* Wait for a key or a signal, at most so long. `other_fd` (-1: none) ends the wait as TERMINAL_NOTHING when it is readable. */
enum terminal_news
terminal_wait(int timeout_ms, int other_fd, int *ret_value);

#endif
