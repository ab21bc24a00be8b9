/* monitor.h - tells which connections of a socket ended, and ends new ones when descriptors run out. Knows no peers. */
#ifndef SNAKEPIT_IO_MONITOR_H
#define SNAKEPIT_IO_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

struct intake;
struct monitor;

/* Watch `socket`, before it is bound and after the limit of descriptors was set; `intake`, the caller's or NULL, is told which connections begin and end. `name` makes the inner address and is unique in the context. NULL: errno says why. */
struct monitor *
monitor_new(void *context, void *socket, const char *name, struct intake *intake);

/* Call it before the watched socket is closed. *monitor_p becomes NULL; NULL is allowed. */
void
monitor_destroy(struct monitor **monitor_p);

/* Readable when there may be something for monitor_next. */
int
monitor_fd(const struct monitor *monitor);

/* The descriptor of the next connection that ended. The event is written before the descriptor is closed, so it is
 * here before any message of a connection that got the same descriptor afterwards. False: no more for now. */
bool
monitor_next(struct monitor *monitor, int *ret_fd);

/* How many connections failed to become ZMTP ones; never shrinks. */
uint64_t
monitor_handshakes_failed(const struct monitor *monitor);

/* Whether the last descriptors are reached: monitor_next ends connections that come now. Those that stand go on. */
bool
monitor_is_full(const struct monitor *monitor);

/* How many connections were ended for that; never shrinks. */
uint64_t
monitor_refused(const struct monitor *monitor);

#endif
