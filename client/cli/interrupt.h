/* interrupt.h - Ctrl-C, SIGTERM and SIGHUP as something to poll for, so that a command can cancel its tasks first. */
#ifndef SNAKEPIT_CLI_INTERRUPT_H
#define SNAKEPIT_CLI_INTERRUPT_H

/* Block SIGINT, SIGTERM and SIGHUP in this thread and those made after it, and hand them out through a descriptor; the
 * caller closes it. Those that our caller had ignored (nohup, a shell's background) stay ignored. Call it before the client
 * is made. Negative: they end the program as ever. */
int
interrupt_open(void);

/* The signal that came, or 0. Does not block. */
int
interrupt_take(int fd);

#endif
