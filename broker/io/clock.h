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

enum { CLOCK_TEXT_BYTES = 32 };

/* An instant of clock_wall_us as ISO 8601 in UTC, "2026-01-02T03:04:05.000006Z". Returns `text`. */
char *
clock_format(int64_t wall_us, char text[CLOCK_TEXT_BYTES]);

#endif
