/* compat_table.c - the matrix of libraries and threads; see compat_table.h. */
#include "client/cli/compat_table.h"

#include "client/cli/suggest.h"
#include "wire/err.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 64 };

static const char *const thread_safeties[] = {"safe", "conditional", "unsafe", "unknown"};
static const char *const free_threadings[] = {"yes", "source", "no", "pure", "unknown"};

const char *
thread_safety_name(enum thread_safety thread_safety)
{
    return thread_safeties[thread_safety];
}

/* The place of the word in the list, or -1. */
static int
find_word(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; word && i < count; i++)
        if (strcmp(word, list[i]) == 0)
            return (int)i;
    return -1;
}

static int
read_library(const json_t *record, struct compat_library *ret_library)
{
    const char *safety = json_string_value(json_object_get(record, "thread_safety"));
    const char *free_threading = json_string_value(json_object_get(record, "free_threading"));
    int safety_index = find_word(safety, thread_safeties, sizeof thread_safeties / sizeof *thread_safeties);
    int free_index = find_word(free_threading, free_threadings, sizeof free_threadings / sizeof *free_threadings);

    *ret_library = (struct compat_library){
        .name = json_string_value(json_object_get(record, "name")),
        .thread_safety = (enum thread_safety)safety_index,
        .free_threading = (enum free_threading)free_index,
        .since = json_string_value(json_object_get(record, "since")),
        .advice = json_string_value(json_object_get(record, "advice")),
        .json = record,
    };
    return safety_index >= 0 && free_index >= 0 && ret_library->name && ret_library->advice ? OK : ERR_INVALID;
}

int
compat_table_init(struct compat_table *table, const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    const json_t *records = json_object_get(json, "libraries");

    *table = (struct compat_table){.json = json, .count = json_array_size(records)};
    table->libraries = calloc(table->count + 1, sizeof *table->libraries);
    if (!table->libraries)
        abort();
    for (size_t i = 0; i < table->count; i++)
        if (read_library(json_array_get(records, i), &table->libraries[i]) != OK)
            table->count = 0;
    if (table->count > 0)
        return OK;
    compat_table_fini(table);
    return ERR_INVALID;
}

void
compat_table_fini(struct compat_table *table)
{
    free(table->libraries);
    json_decref(table->json);
    *table = (struct compat_table){0};
}

/* Packaging's rule: case does not matter, and '_' and '.' are '-'. */
static void
normalise(const char *name, char text[static NAME_BYTES])
{
    size_t i;

    for (i = 0; name[i] && i < NAME_BYTES - 1; i++)
        text[i] = strchr("_.", name[i]) ? '-' : (char)tolower((unsigned char)name[i]);
    text[i] = '\0';
}

/* Whether `fits(word, known)` for the library's name or one of its modules, all normalised. */
static bool
matches(const struct compat_library *library, const char *word, bool (*fits)(const char *, const char *))
{
    const json_t *modules = json_object_get(library->json, "modules");
    char known[NAME_BYTES];

    normalise(library->name, known);
    if (fits(word, known))
        return true;
    for (size_t i = 0; i < json_array_size(modules); i++) {
        const char *module = json_string_value(json_array_get(modules, i));

        normalise(module ? module : "", known);
        if (fits(word, known))
            return true;
    }
    return false;
}

static bool
is_same(const char *word, const char *known)
{
    return strcmp(word, known) == 0;
}

static const struct compat_library *
find_first(const struct compat_table *table, const char *name, bool (*fits)(const char *, const char *))
{
    char word[NAME_BYTES];

    normalise(name, word);
    for (size_t i = 0; i < table->count; i++)
        if (matches(&table->libraries[i], word, fits))
            return &table->libraries[i];
    return NULL;
}

const struct compat_library *
compat_find(const struct compat_table *table, const char *name)
{
    return find_first(table, name, is_same);
}

const struct compat_library *
compat_suggest(const struct compat_table *table, const char *name)
{
    return find_first(table, name, suggest_is_near);
}
