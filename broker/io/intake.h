/* intake.h - how much connections have sent that we have not received. Knows descriptors only, receives nothing.
 *
 * libzmq keeps the frames of a message to itself until the last one is there, and has no limit for that; nor has it one for
 * whole messages that wait (router_socket.c says why). Over tcp the kernel counts what a connection has sent; less what was
 * received from it, that is what libzmq holds. Of other transports nobody counts. */
#ifndef SNAKEPIT_IO_INTAKE_H
#define SNAKEPIT_IO_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

struct intake;

/* All connections together may have sent `bytes_max` that was not received, or so much that the process takes
 * `bytes_max` more memory. */
struct intake *
intake_new(uint64_t bytes_max);

/* *intake_p becomes NULL; NULL is allowed. */
void
intake_destroy(struct intake **intake_p);

/* A connection with this descriptor begins, has sent a whole message, has ended. */
void
intake_begin(struct intake *intake, int fd);

/* `bytes` are those of the message's frames. */
void
intake_note_message(struct intake *intake, int fd, uint64_t bytes);

void
intake_end(struct intake *intake, int fd);

/* When intake_check is to be called, or INT64_MAX. */
int64_t
intake_next_due_us(const struct intake *intake);

/* `is_drained`: all whole messages have been received. True: it is too much, and the connection that has sent the most was ended (shut down; the descriptor stays libzmq's):
 * *ret_fd and *ret_bytes are of that. */
bool
intake_check(struct intake *intake, bool is_drained, int64_t now_us, int *ret_fd, uint64_t *ret_bytes);

/* How many connections were ended so; never shrinks. */
uint64_t
intake_ended(const struct intake *intake);

#endif
