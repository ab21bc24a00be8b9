/* keys.h - the maps of SPIT/1 as tables: which key is which field of which struct. Private to wire/. */
#ifndef SNAKEPIT_WIRE_KEYS_H
#define SNAKEPIT_WIRE_KEYS_H

#include "decoder.h"

enum key_kind {
    KEY_UINT8,  /* min to max */
    KEY_UINT32, /* min to max */
    KEY_UINT64, /* min to max */
    KEY_BOOL,
    KEY_TRISTATE,     /* an int: 0, 1, or -1 for not said */
    KEY_WORD,         /* an enum whose values are the indices of `words` */
    KEY_STR,          /* min to max bytes */
    KEY_TEXT,         /* for people: cut to max bytes */
    KEY_CONTENT_TYPE, /* a str; "msgpack" is the same as none */
    KEY_BIN,          /* min to max bytes */
    KEY_POOL,
    KEY_FENCES,
    KEY_HEADERS,
    KEY_MAP, /* of anything, at most max bytes */
    KEY_AGENT_POOLS,
    KEY_TEXTS, /* up to RETRY_TYPES_MAX str of min to max bytes */
    KEY_HOLDS,
    KEY_PROTOCOLS, /* a bool: whether the list is there */
};

struct key {
    const char *name;
    uint32_t name_size;
    enum key_kind kind;
    uint16_t at;      /* offset of the field in its struct */
    uint16_t said_at; /* offset of a bool that says whether the key is there; 0: a value unlike `initial` says so */
    uint64_t initial;
    uint64_t min;
    uint64_t max;
    const char *const *words; /* ends with NULL */
};

struct keys {
    const struct key *list;
    uint32_t count;       /* at most 32 */
    uint32_t required;    /* bits of those keys that must be there, 1 for the first */
    bool refuses_unknown; /* else unknown keys are passed over */
};

/* For struct hello (of a client, a worker, an agent), welcome, heartbeat, submit, task_command, info, error, cancel,
 * stop, replace, retire, exited and pool_report. */
extern const struct keys client_keys;
extern const struct keys worker_keys;
extern const struct keys agent_keys;
extern const struct keys welcome_keys;
extern const struct keys heartbeat_keys;
extern const struct keys submit_keys;
extern const struct keys task_keys;
extern const struct keys info_keys;
extern const struct keys details_keys;
extern const struct keys cancel_keys;
extern const struct keys credit_keys;
extern const struct keys stop_keys;
extern const struct keys replace_keys;
extern const struct keys retire_keys;
extern const struct keys exited_keys;
extern const struct keys pool_keys;

/* How the map begins that only says `origin`: the bin follows. */
static const uint8_t origin_map_head[] = {0x81, 0xa6, 'o', 'r', 'i', 'g', 'i', 'n'};

/* Take a map, or nothing where the command has ended, into a struct that holds the initial values. */
int
keys_decode(struct decoder *decoder, const struct keys *keys, const char *field, void *target);

/* Append a map of what is not initial, as the last field of the command that starts at `command_at`; when there is
 * nothing, the command gets one field less. OK; ERR_INVALID when a value breaks a limit. */
int
keys_encode(struct wire_buffer *buffer, size_t command_at, const struct keys *keys, const void *source);

#endif
