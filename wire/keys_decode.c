/* keys_decode.c - reads a map into a struct by its table; see keys.h. */
#include "wire/keys.h"

#include "wire/reader_quick.h"
#include "wire/text.h"

#include <string.h>

/* A map is the second container of a command, so a value of an unknown key lies in two. */
enum { MAP_DEPTH = 2 };

static int
take_number(struct decoder *decoder, const struct key *key, void *field)
{
    uint64_t value;

    if (take_uint(decoder, key->name, key->min, key->max, &value) != OK)
        return ERR_INVALID;
    if (key->kind == KEY_UINT8)
        *(uint8_t *)field = (uint8_t)value;
    else if (key->kind == KEY_UINT32)
        *(uint32_t *)field = (uint32_t)value;
    else
        *(uint64_t *)field = value;
    return OK;
}

static int
take_tristate(struct decoder *decoder, const struct key *key, int *field)
{
    bool value;

    if (take_bool(decoder, key->name, &value) != OK)
        return ERR_INVALID;
    *field = value;
    return OK;
}

static int
take_word(struct decoder *decoder, const struct key *key, unsigned *field)
{
    uint32_t at = decoder->reader.at;
    struct bytes word;

    if (take_str(decoder, key->name, 0, UINT32_MAX, &word) != OK)
        return ERR_INVALID;
    for (unsigned i = 0; key->words[i]; i++) {
        if (text_is(word, key->words[i])) {
            *field = i;
            return OK;
        }
    }
    decoder->reader.at = at;
    return decoder_fail(decoder, ERROR_BAD_FIELD, key->name, "not one of the words that are allowed here");
}

static int
take_content_type(struct decoder *decoder, const struct key *key, struct bytes *field)
{
    if (take_str(decoder, key->name, key->min, key->max, field) != OK)
        return ERR_INVALID;
    if (text_is(*field, "msgpack"))
        *field = (struct bytes){0};
    return OK;
}

static int
take_protocols(struct decoder *decoder, const struct key *key, bool *field)
{
    uint32_t at = decoder->reader.at;
    uint32_t count;
    struct bytes text;

    if (reader_array(&decoder->reader, &count) != OK)
        return decoder_fail(decoder, ERROR_BAD_FIELD, key->name, "must be an array");
    for (uint32_t i = 0; i < count; i++) {
        if (quick_str(&decoder->reader, &text) == OK)
            continue;
        decoder->reader.at = at;
        return decoder_fail(decoder, ERROR_BAD_FIELD, key->name, "must be an array of str");
    }
    decoder->values_left--;
    *field = true;
    return OK;
}

static int
take_value(struct decoder *decoder, const struct key *key, uint8_t *target)
{
    void *field = target + key->at;

    if (key->said_at > 0)
        *(bool *)(target + key->said_at) = true;
    switch (key->kind) {
    case KEY_UINT8:
    case KEY_UINT32:
    case KEY_UINT64:
        return take_number(decoder, key, field);
    case KEY_BOOL:
        return take_bool(decoder, key->name, field);
    case KEY_TRISTATE:
        return take_tristate(decoder, key, field);
    case KEY_WORD:
        return take_word(decoder, key, field);
    case KEY_STR:
        return take_str(decoder, key->name, (uint32_t)key->min, (uint32_t)key->max, field);
    case KEY_TEXT:
        return take_text(decoder, key->name, (uint32_t)key->max, field);
    case KEY_CONTENT_TYPE:
        return take_content_type(decoder, key, field);
    case KEY_BIN:
        return take_bin(decoder, key->name, (uint32_t)key->min, (uint32_t)key->max, field);
    case KEY_POOL:
        return take_pool(decoder, false, field);
    case KEY_FENCES:
        return take_fences(decoder, key->name, field);
    case KEY_HEADERS:
        return take_headers(decoder, key->name, field);
    case KEY_MAP:
        return take_map(decoder, key->name, (uint32_t)key->max, MAP_DEPTH + 1, field);
    case KEY_AGENT_POOLS:
        return take_agent_pools(decoder, key->name, field);
    case KEY_TEXTS:
        return take_texts(decoder, key->name, (uint32_t)key->max, field);
    case KEY_HOLDS:
        return take_holds(decoder, key->name, field);
    case KEY_PROTOCOLS:
        return take_protocols(decoder, key, field);
    }
    return ERR_INVALID;
}

static uint32_t
find(const struct keys *keys, struct bytes name)
{
    uint32_t i = 0;

    while (i < keys->count &&
           (keys->list[i].name_size != name.size || memcmp(keys->list[i].name, name.data, name.size) != 0))
        i++;
    return i;
}

/* Refuse a key that nobody knows, with its name: cut, and with ? for what a terminal must not see. */
static int
fail_unknown(struct decoder *decoder, uint32_t at, const char *field, struct bytes name)
{
    struct wire_fault *fault = decoder->fault;
    uint32_t size = name.size < sizeof fault->unknown ? name.size : sizeof fault->unknown - 1;

    decoder->reader.at = at;
    decoder_fail(decoder, ERROR_UNSUPPORTED, field, "there is no such option");
    for (uint32_t i = 0; i < size; i++)
        fault->unknown[i] = name.data[i] > 0x20 && name.data[i] < 0x7f ? (char)name.data[i] : '?';
    return ERR_INVALID;
}

static int
take_pair(struct decoder *decoder, const struct keys *keys, const char *field, uint32_t *seen, uint8_t *target)
{
    uint32_t at = decoder->reader.at;
    struct bytes name;
    uint32_t i;

    if (quick_str(&decoder->reader, &name) != OK)
        return decoder_fail(decoder, ERROR_BAD_FIELD, field, "a key must be a str");
    decoder->values_left--;
    i = find(keys, name);
    if (i == keys->count)
        return keys->refuses_unknown ? fail_unknown(decoder, at, field, name) : take_anything(decoder, MAP_DEPTH);
    if (*seen & 1u << i) {
        decoder->reader.at = at;
        return decoder_fail(decoder, ERROR_BAD_FIELD, keys->list[i].name, "the key is there twice");
    }
    *seen |= 1u << i;
    return take_value(decoder, &keys->list[i], target);
}

/* Note the first key that is required and not there. */
static int
fail_missing(struct decoder *decoder, const struct keys *keys, uint32_t seen)
{
    uint32_t i = 0;

    while (!(keys->required & ~seen & 1u << i))
        i++;
    return decoder_fail(decoder, ERROR_BAD_FIELD, keys->list[i].name, "the key is missing");
}

int
keys_decode(struct decoder *decoder, const struct keys *keys, const char *field, void *target)
{
    uint32_t command_values_left;
    uint32_t pairs;
    uint32_t seen = 0;

    if (decoder->values_left == 0)
        return keys->required == 0 ? OK : fail_missing(decoder, keys, seen);
    if (reader_map(&decoder->reader, &pairs) != OK)
        return decoder_fail(decoder, ERROR_BAD_FIELD, field, "must be a map");
    command_values_left = decoder->values_left - 1;
    decoder->values_left = 2 * pairs;
    while (decoder->values_left > 0)
        if (take_pair(decoder, keys, field, &seen, target) != OK)
            return ERR_INVALID;
    decoder->values_left = command_values_left;
    return (keys->required & ~seen) == 0 ? OK : fail_missing(decoder, keys, seen);
}
