/* array_value.h - the marker of a numeric array (docs/protocol.md, section 6.1) to plain MessagePack. Does no I/O. */
#ifndef SNAKEPIT_CLI_ARRAY_VALUE_H
#define SNAKEPIT_CLI_ARRAY_VALUE_H

#include "wire/reader.h"
#include "wire/writer.h"

/* The attachment frames that belong to a value; the first has number 1 in it. */
struct value_frames {
    const struct bytes *list;
    size_t count;
};

/* If the reader stands at the marker of an array whose elements are booleans, integers or floats of 4 or 8 bytes, append it as
 * nested arrays, and move on. OK; ERR_INVALID: it is none such, and nothing has changed. */
int
array_value_take(struct reader *reader, const struct value_frames *frames, struct wire_buffer *out);

#endif
