/* clock.h - reads the system's clocks. The loop calls it once a turn; nothing below the loop does. */
#ifndef SNAKEPIT_IO_CLOCK_H
#define SNAKEPIT_IO_CLOCK_H

#include <stdint.h>

/* Monotonic time in microseconds. */
int64_t
clock_now_us(void);

/* Wall-clock time in microseconds since 1970, for logs and the epoch only. */
int64_t
clock_wall_us(void);

#endif
