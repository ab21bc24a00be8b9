/* units.h - numbers for people, and durations from people. Pure: no I/O, no clock, no locale. */
#ifndef SNAKEPIT_CLI_UNITS_H
#define SNAKEPIT_CLI_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Enough for every function of this module. */
enum { UNITS_TEXT_BYTES = 32 };

/* "0 B", "1023 B", "1.5 KiB", "12 MiB". Returns `text`. */
char *
units_format_bytes(char text[static UNITS_TEXT_BYTES], uint64_t bytes);

/* "1,234,567". Returns `text`. */
char *
units_format_count(char text[static UNITS_TEXT_BYTES], uint64_t count);

/* The two largest units: "43 us", "2.8 ms", "250 ms", "12.3 s", "4m 05s", "3h 20m", "12d 04h". Negative counts as 0. Returns `text`. */
char *
units_format_duration(char text[static UNITS_TEXT_BYTES], double seconds);

/* "0.5/s", "12.3/s", "1,234/s". Returns `text`. */
char *
units_format_rate(char text[static UNITS_TEXT_BYTES], double per_second);

/* Read "2", "2.5" (seconds) or a number with one of the units us, ms, s, m, h, d.
 * OK, or ERR_INVALID when it is not one, is negative, or is longer than ten years. */
int
units_parse_duration(const char *text, int64_t *ret_us);

/* Read a decimal number between min and max. OK or ERR_INVALID. */
int
units_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret_count);

#endif
