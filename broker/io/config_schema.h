/* config_schema.h - the table of all options: what each is called, takes, defaults to, where it goes. Only data. */
#ifndef SNAKEPIT_IO_CONFIG_SCHEMA_H
#define SNAKEPIT_IO_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOLS_SECTION "pools"

enum option_type {
    OPTION_TEXT,     /* any string that is not empty */
    OPTION_NAME,     /* a name of SPIT/1 */
    OPTION_APP,      /* "module:attribute" */
    OPTION_ENDPOINT, /* "tcp://ADDRESS:PORT" or "ipc:///PATH" */
    OPTION_ENDPOINT_OR_NONE, /* the same, or "": stored as NULL */
    OPTION_CHOICE,   /* one of `choices`, stored as its index */
    OPTION_BOOL,
    OPTION_COUNT,    /* an integer without a unit */
    OPTION_DURATION, /* "30s"; stored in microseconds */
    OPTION_SIZE,     /* "2GiB"; stored in bytes */
    OPTION_RATE,     /* "100/s"; stored as struct rate */
    OPTION_STRINGS,  /* a list of "NAME=value" */
    OPTION_TYPES,    /* a list of names of exceptions; stored as STRINGS are */
};

struct option {
    const char *section; /* the group it stands in; "" is the top of the file; POOLS_SECTION: each pool */
    const char *name;
    enum option_type type;
    size_t offset; /* in struct config, or in struct pool_config for options of a pool */
    size_t size;   /* of the field there */
    const char *default_text; /* as it would stand in the file; NULL: no default */
    int64_t min, max;         /* COUNT, DURATION, SIZE, and the count of RATE: both allowed */
    const char *const *choices; /* CHOICE: ends in NULL */
    const char *zero;   /* what 0 means, when it is allowed besides min to max; else NULL */
    const char *unit;   /* of a COUNT that does not simply count; else NULL */
    bool needs_restart; /* a reload cannot change it */
    bool is_local;      /* of a pool: matters only to workers that the agent starts */
    const char *help;   /* what it is and why, in whole sentences */
};

/* All options, in the order of the documented file; ends in an entry without a name. */
extern const struct option config_options[];

/* All groups of the top of the file, ends in NULL. */
extern const char *const config_sections[];

#endif
