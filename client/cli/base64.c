/* base64.c - bytes as text; see base64.h. */
#include "client/cli/base64.h"

#include "wire/err.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct bytes bytes, struct wire_buffer *out)
{
    for (uint32_t at = 0; at < bytes.size; at += 3) {
        uint32_t left = bytes.size - at;
        uint32_t group = (uint32_t)bytes.data[at] << 16 | (left > 1 ? (uint32_t)bytes.data[at + 1] << 8 : 0) |
                         (left > 2 ? bytes.data[at + 2] : 0);
        uint8_t text[4] = {
            (uint8_t)alphabet[group >> 18],
            (uint8_t)alphabet[group >> 12 & 63],
            left > 1 ? (uint8_t)alphabet[group >> 6 & 63] : '=',
            left > 2 ? (uint8_t)alphabet[group & 63] : '=',
        };

        wire_write_raw(out, (struct bytes){text, sizeof text});
    }
}

/* The value of one letter, or -1. */
static int
letter_value(uint8_t letter)
{
    const char *found = letter ? strchr(alphabet, letter) : NULL;

    return found ? (int)(found - alphabet) : -1;
}

int
base64_decode(struct bytes text, struct wire_buffer *out)
{
    if (text.size % 4 != 0)
        return ERR_INVALID;
    for (uint32_t at = 0; at < text.size; at += 4) {
        const uint8_t *letters = text.data + at;
        bool is_last = at + 4 == text.size;
        uint32_t padding = is_last && letters[3] == '=' ? (letters[2] == '=' ? 2 : 1) : 0;
        uint32_t group = 0;

        for (uint32_t i = 0; i < 4; i++) {
            int value = i < 4 - padding ? letter_value(letters[i]) : 0;

            if (value < 0)
                return ERR_INVALID;
            group = group << 6 | (uint32_t)value;
        }
        /* Bits behind the last byte must be zero, else two texts would stand for the same bytes. */
        if (group & ((1u << 8 * padding) - 1))
            return ERR_INVALID;
        wire_write_raw(out, (struct bytes){(uint8_t[]){group >> 16 & 255, group >> 8 & 255, group & 255}, 3 - padding});
    }
    return OK;
}
