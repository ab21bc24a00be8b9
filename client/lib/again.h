/* again.h - changes an encoded SUBMIT of a task that was offered before: says so, and what is left of its times. Sends
 * nothing. */
#ifndef SNAKEPIT_CLIENT_AGAIN_H
#define SNAKEPIT_CLIENT_AGAIN_H

#include <stdint.h>

/* By so many bytes a command may grow. */
enum { AGAIN_BYTES_MAX = 10 };

/* Add the option `again` to the SUBMIT at `command`, behind which there is room for AGAIN_BYTES_MAX bytes. Returns its new
 * size: the old one when it is no SUBMIT that can be read. */
uint32_t
again_mark(uint8_t *command, uint32_t command_bytes);

/* So much of the SUBMIT's `delay_ms` and `deadline_ms` has passed: what is left stands there from now on, at least 0. Its
 * size stays. */
void
again_pass(uint8_t *command, uint32_t command_bytes, uint64_t ms);

#endif
