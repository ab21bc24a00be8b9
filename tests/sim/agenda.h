/* agenda.h - what will happen when: a binary heap by time, equal times in the order in which they were added.
 * Knows nothing of what the entries mean. */
#ifndef SNAKEPIT_SIM_AGENDA_H
#define SNAKEPIT_SIM_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agenda_entry {
    int64_t at_us;
    uint64_t order;
    int kind;
    uint32_t who;        /* an index that belongs to the kind */
    uint64_t generation; /* lets the owner recognise an entry that is out of date */
    void *thing;         /* the owner's */
};

struct agenda {
    struct agenda_entry *entries;
    size_t count;
    size_t capacity;
    uint64_t order;
};

void
agenda_init(struct agenda *agenda);

/* Frees the heap, not what the entries point to. */
void
agenda_fini(struct agenda *agenda);

void
agenda_add(struct agenda *agenda, struct agenda_entry entry);

/* When the next entry is due; INT64_MAX when there is none. */
int64_t
agenda_next_us(const struct agenda *agenda);

/* Take the next entry out. False when there is none. */
bool
agenda_take(struct agenda *agenda, struct agenda_entry *ret_entry);

#endif
