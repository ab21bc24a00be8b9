/* again.h - says in an encoded SUBMIT that the task was offered before. Sends nothing. */
#ifndef SNAKEPIT_CLIENT_AGAIN_H
#define SNAKEPIT_CLIENT_AGAIN_H

#include <stdint.h>

/* By so many bytes a command may grow. */
enum { AGAIN_BYTES_MAX = 10 };

/* Add the option `again` to the SUBMIT at `command`, behind which there is room for AGAIN_BYTES_MAX bytes. Returns its new
 * size: the old one when it is no SUBMIT that can be read. */
uint32_t
again_mark(uint8_t *command, uint32_t command_bytes);

#endif
