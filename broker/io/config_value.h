/* config_value.h - values with units ("500ms", "2GiB") to numbers and back. Pure text; knows no option. */
#ifndef SNAKEPIT_IO_CONFIG_VALUE_H
#define SNAKEPIT_IO_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNIT_TEXT_BYTES = 32 };

/* "250us", "500ms", "30s", "5m", "2h", "1d": a whole number and its unit. OK, or ERR_INVALID (other text, or too
 * large). */
int
duration_parse(const char *text, int64_t *ret_us);

/* The shortest exact spelling, for instance "90s". */
void
duration_format(int64_t us, char ret_text[UNIT_TEXT_BYTES]);

/* "512B", "64KiB", "256MiB", "2GiB", "1TiB". OK, or ERR_INVALID. */
int
size_parse(const char *text, int64_t *ret_bytes);

void
size_format(int64_t bytes, char ret_text[UNIT_TEXT_BYTES]);

/* "100/s", "6000/m", "5/h", "1/d": a whole number and a period; "0/s" and the like are no rate, stored as 0 and 0.
 * OK, or ERR_INVALID (other text, or too large). */
int
rate_parse(const char *text, uint32_t *ret_count, uint32_t *ret_period_s);

void
rate_format(uint32_t count, uint32_t period_s, char ret_text[UNIT_TEXT_BYTES]);

/* Whether it reads "module:attribute", both dotted Python identifiers. */
bool
app_is_valid(const char *app);

/* Of `count` words in small letters, the one that `given` most likely means, or NULL when none is near. */
const char *
word_nearest(const char *given, const char *const *words, size_t count);

#endif
