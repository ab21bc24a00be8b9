/* json_line.h - one JSON object, field by field, as text in a buffer. Does no I/O. */
#ifndef SNAKEPIT_IO_JSON_LINE_H
#define SNAKEPIT_IO_JSON_LINE_H

#include "wire/writer.h"

/* Empty the buffer and open the object. */
void
json_line_begin(struct wire_buffer *line);

void
json_line_text(struct wire_buffer *line, const char *key, const char *value);

void
json_line_uint(struct wire_buffer *line, const char *key, uint64_t value);

/* Microseconds as seconds: 1500000 is 1.5. Negative ones are 0. */
void
json_line_seconds(struct wire_buffer *line, const char *key, int64_t duration_us);

/* An encoded map. Bytes, extensions and floats that are no numbers become null, and pairs whose key is no string are left
 * out. OK; ERR_INVALID: it is not one map, or is deeper than NESTING_MAX; then nothing is written. */
int
json_line_map(struct wire_buffer *line, const char *key, struct bytes map);

/* Close the object. */
void
json_line_end(struct wire_buffer *line);

#endif
