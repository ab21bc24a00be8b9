/* report_map.c - maps that count themselves; see report_map.h. */
#include "broker/io/report_map.h"

/* MessagePack's map with a length of 32 bits: its head has one size, whatever comes. */
enum { MAP_32 = 0xdf, HEAD_BYTES = 5 };

void
report_map_begin(struct report_map *map, struct wire_buffer *buffer)
{
    static const uint8_t head[HEAD_BYTES] = {MAP_32};

    *map = (struct report_map){.buffer = buffer, .at = buffer->size};
    wire_write_raw(buffer, (struct bytes){head, HEAD_BYTES});
}

void
report_map_end(const struct report_map *map)
{
    uint8_t *head = map->buffer->data + map->at;

    for (int i = 0; i < 4; i++)
        head[1 + i] = (uint8_t)(map->pairs >> (24 - 8 * i));
}

void
report_put_key(struct report_map *map, const char *key)
{
    map->pairs++;
    wire_write_text(map->buffer, key);
}

void
report_put_uint(struct report_map *map, const char *key, uint64_t value)
{
    report_put_key(map, key);
    wire_write_uint(map->buffer, value);
}

void
report_put_text(struct report_map *map, const char *key, const char *value)
{
    report_put_key(map, key);
    wire_write_text(map->buffer, value ? value : "");
}

void
report_put_str(struct report_map *map, const char *key, struct bytes value)
{
    report_put_key(map, key);
    wire_write_str(map->buffer, value);
}

void
report_put_bool(struct report_map *map, const char *key, bool value)
{
    report_put_key(map, key);
    wire_write_bool(map->buffer, value);
}

void
report_put_float(struct report_map *map, const char *key, double value)
{
    report_put_key(map, key);
    wire_write_float(map->buffer, value);
}

void
report_put_seconds(struct report_map *map, const char *key, int64_t duration_us)
{
    report_put_float(map, key, (double)duration_us / 1e6);
}

void
report_put_encoded(struct report_map *map, const char *key, struct bytes encoded)
{
    report_put_key(map, key);
    if (encoded.size > 0)
        wire_write_raw(map->buffer, encoded);
    else
        wire_write_nil(map->buffer);
}
