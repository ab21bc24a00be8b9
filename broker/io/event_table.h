/* event_table.h - which events there are, how loud they are in the log, and which fields they have: a table that
 * docs/operations.md is compared with. Only data. */
#ifndef SNAKEPIT_IO_EVENT_TABLE_H
#define SNAKEPIT_IO_EVENT_TABLE_H

#include "broker/core/outbox.h"
#include "broker/io/log.h"

enum field_type {
    FIELD_TEXT,    /* const char *; left out when it is NULL */
    FIELD_UINT,    /* uint64_t */
    FIELD_SECONDS, /* int64_t of microseconds, told as seconds */
};

struct event_field {
    const char *name;
    enum field_type type;
    size_t offset; /* in struct note */
    uint32_t bit;
};

/* All fields that any event has, in the order in which they are told; the last one has no name. */
extern const struct event_field event_fields[];

struct event_kind {
    enum log_level level;
    uint32_t fields;   /* bits of event_fields */
    const char *count; /* what note.count is here; NULL: not used */
};

/* The row of this kind. */
const struct event_kind *
event_table_find(enum note_kind kind);

#endif
