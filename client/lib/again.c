/* again.c - changes options of an encoded SUBMIT, see again.h. They are its last field, and the last bytes. */
#include "client/lib/again.h"
#include "wire/err.h"
#include "wire/reader.h"
#include "wire/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
    FIELDS_WITHOUT_OPTIONS = 5,
    FIXARRAY = 0x90,
    FIXMAP = 0x80,
    FIXMAP_MAX = 15,
    MAP_16 = 0xde,
    DEPTH_MAX = 16,
};

/* The key and `true`. */
static const uint8_t option[] = {0xa5, 'a', 'g', 'a', 'i', 'n', 0xc3};

/* Where the options begin, or 0. */
static uint32_t
find_options(const uint8_t *command, uint32_t command_bytes)
{
    struct reader reader;
    uint32_t fields;

    reader_init(&reader, (struct bytes){command, command_bytes});
    if (reader_array(&reader, &fields) != OK || fields < FIELDS_WITHOUT_OPTIONS)
        return 0;
    for (int i = 0; i < FIELDS_WITHOUT_OPTIONS; i++)
        if (reader_skip(&reader, DEPTH_MAX, NULL) != OK)
            return 0;
    return reader.at;
}

/* Make the map at `map` one pair longer; its head takes two bytes more when it was as long as a short one can be. */
static uint32_t
lengthen(uint8_t *map, uint32_t bytes)
{
    unsigned pairs = map[0] == MAP_16 ? (unsigned)map[1] << 8 | map[2] : (unsigned)map[0] - FIXMAP;

    if (map[0] != MAP_16 && pairs < FIXMAP_MAX) {
        map[0]++;
        return bytes;
    }
    if (map[0] != MAP_16) {
        memmove(map + 3, map + 1, bytes - 1);
        map[0] = MAP_16;
        bytes += 2;
    }
    pairs++;
    map[1] = (uint8_t)(pairs >> 8);
    map[2] = (uint8_t)pairs;
    return bytes;
}

uint32_t
again_mark(uint8_t *command, uint32_t command_bytes)
{
    uint32_t at = find_options(command, command_bytes);
    uint32_t bytes = command_bytes - at;

    if (at == 0)
        return command_bytes;
    if (bytes == 0) {
        command[0] = FIXARRAY + FIELDS_WITHOUT_OPTIONS + 1;
        command[at] = FIXMAP;
        bytes = 1;
    }
    bytes = lengthen(command + at, bytes);
    memcpy(command + at + bytes, option, sizeof option);
    return at + bytes + (uint32_t)sizeof option;
}

/* The number's last bytes are those of lowest value, in each of its forms. */
static void
write_over(uint8_t *at, uint32_t bytes, uint64_t value)
{
    if (bytes == 1)
        at[0] = (uint8_t)value; /* a short one, which stays so as it does not grow */
    for (uint32_t i = bytes - 1; bytes > 1 && i > 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

static bool
is_time(struct bytes key)
{
    return text_is(key, "delay_ms") || text_is(key, "deadline_ms");
}

void
again_pass(uint8_t *command, uint32_t command_bytes, uint64_t ms)
{
    struct reader reader;
    struct bytes key;
    uint64_t value;
    uint32_t pairs;

    reader_init(&reader, (struct bytes){command, command_bytes});
    reader.at = find_options(command, command_bytes);
    if (reader.at == 0 || reader.at == command_bytes || reader_map(&reader, &pairs) != OK)
        return;
    while (pairs-- > 0 && reader_str(&reader, &key) == OK) {
        uint32_t at = reader.at;

        if (!is_time(key)) {
            if (reader_skip(&reader, DEPTH_MAX, NULL) != OK)
                return;
        } else if (reader_uint(&reader, &value) == OK) {
            write_over(command + at, reader.at - at, value > ms ? value - ms : 0);
        }
    }
}
