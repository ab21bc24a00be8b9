/* report_map.h - an encoded map whose pairs are counted while they are written. Does no I/O. */
#ifndef SNAKEPIT_IO_REPORT_MAP_H
#define SNAKEPIT_IO_REPORT_MAP_H

#include "wire/writer.h"

struct report_map {
    struct wire_buffer *buffer;
    size_t at; /* where its head stands */
    uint32_t pairs;
};

/* Open a map at the end of the buffer. What is written there until report_map_end belongs to it. */
void
report_map_begin(struct report_map *map, struct wire_buffer *buffer);

void
report_map_end(const struct report_map *map);

/* The key of a value that the caller writes to the buffer next: exactly one. */
void
report_put_key(struct report_map *map, const char *key);

void
report_put_uint(struct report_map *map, const char *key, uint64_t value);

/* NULL is written as an empty string. */
void
report_put_text(struct report_map *map, const char *key, const char *value);

void
report_put_str(struct report_map *map, const char *key, struct bytes value);

void
report_put_bool(struct report_map *map, const char *key, bool value);

void
report_put_float(struct report_map *map, const char *key, double value);

/* Microseconds as seconds. */
void
report_put_seconds(struct report_map *map, const char *key, int64_t duration_us);

/* An encoded map as it is; nil when it is empty. */
void
report_put_encoded(struct report_map *map, const char *key, struct bytes encoded);

#endif
