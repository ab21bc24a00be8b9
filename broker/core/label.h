/* label.h - short texts in records: names, hosts, versions. Copied, cut to their limit, and ended by the first NUL. */
#ifndef SNAKEPIT_CORE_LABEL_H
#define SNAKEPIT_CORE_LABEL_H

#include "wire/message.h"

#include <string.h>

static inline void
label_copy(char label[LABEL_BYTES_MAX + 1], struct bytes text)
{
    size_t size = text.size < LABEL_BYTES_MAX ? text.size : LABEL_BYTES_MAX;

    memset(label, 0, LABEL_BYTES_MAX + 1);
    if (size > 0)
        memcpy(label, text.data, size);
}

/* Would this text be copied to that label? */
static inline bool
label_is(const char *label, struct bytes text)
{
    char other[LABEL_BYTES_MAX + 1];

    label_copy(other, text);
    return strcmp(label, other) == 0;
}

#endif
