/* agenda.c - a binary heap; see agenda.h. */
#include "agenda.h"

#include <stdlib.h>

void
agenda_init(struct agenda *agenda)
{
    *agenda = (struct agenda){0};
}

void
agenda_fini(struct agenda *agenda)
{
    free(agenda->entries);
    agenda_init(agenda);
}

static bool
is_before(const struct agenda_entry *a, const struct agenda_entry *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void
grow(struct agenda *agenda)
{
    agenda->capacity = agenda->capacity ? 2 * agenda->capacity : 256;
    agenda->entries = realloc(agenda->entries, agenda->capacity * sizeof *agenda->entries);
    if (!agenda->entries)
        abort();
}

void
agenda_add(struct agenda *agenda, struct agenda_entry entry)
{
    size_t at = agenda->count;

    if (agenda->count == agenda->capacity)
        grow(agenda);
    entry.order = agenda->order++;
    agenda->count++;
    while (at > 0 && is_before(&entry, &agenda->entries[(at - 1) / 2])) {
        agenda->entries[at] = agenda->entries[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    agenda->entries[at] = entry;
}

int64_t
agenda_next_us(const struct agenda *agenda)
{
    return agenda->count ? agenda->entries[0].at_us : INT64_MAX;
}

bool
agenda_take(struct agenda *agenda, struct agenda_entry *ret_entry)
{
    struct agenda_entry last;
    size_t at = 0;

    if (agenda->count == 0)
        return false;
    *ret_entry = agenda->entries[0];
    last = agenda->entries[--agenda->count];
    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= agenda->count)
            break;
        if (child + 1 < agenda->count && is_before(&agenda->entries[child + 1], &agenda->entries[child]))
            child++;
        if (!is_before(&agenda->entries[child], &last))
            break;
        agenda->entries[at] = agenda->entries[child];
        at = child;
    }
    agenda->entries[at] = last;
    return true;
}
