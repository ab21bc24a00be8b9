/* fields.h - fills records from maps by a table of keys. For answers of the broker; keeps nothing, allocates nothing. */
#ifndef SNAKEPIT_CLIENT_FIELDS_H
#define SNAKEPIT_CLIENT_FIELDS_H

#include "client/include/snakepit.h"

enum field_kind {
    FIELD_UINT = 1, /* uint64_t */
    FIELD_REAL,     /* double; a whole number, too */
    FIELD_BOOL,
    FIELD_TEXT, /* const char *, NUL-terminated, in the caller's memory */
    FIELD_MAP,  /* a record inside the record, with a table of its own */
};

struct field {
    const char *key; /* NULL ends the table */
    enum field_kind kind;
    size_t at;
    const struct field *inner; /* FIELD_MAP */
};

/* Fill what the map says of the table's keys; what it does not say, or says as another kind of value (nil, for instance), stays
 * as it is. Texts are copied to *text_at, which moves on; a map's texts need fewer bytes there than the encoded map has. */
void
fields_fill(const struct field *fields, const struct snakepit_value *map, void *record, char **text_at);

#endif
