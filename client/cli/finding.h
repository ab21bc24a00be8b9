/* finding.h - what `snakepit doctor` found, one verdict after another, and how it is shown. Looks at nothing itself. */
#ifndef SNAKEPIT_CLI_FINDING_H
#define SNAKEPIT_CLI_FINDING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL, VERDICTS };

struct finding {
    enum verdict verdict;
    const char *topic; /* static: "clock", "pool", ... */
    char *text;        /* one sentence */
    char *remedy;      /* what to do about it; NULL: nothing */
};

struct findings {
    struct finding *list;
    size_t count;
    size_t totals[VERDICTS];
};

void
findings_init(struct findings *findings);

void
findings_fini(struct findings *findings);

/* Add one. Copies `remedy` (NULL: none) and the text; aborts when memory ends. */
void
findings_add(struct findings *findings, enum verdict verdict, const char *topic, const char *remedy,
             const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The lines for people and the summary, with what strangers wrote made safe; the caller frees it. */
char *
findings_format(const struct findings *findings, bool with_colour);

/* An array of {verdict, topic, text, remedy}; a new reference. */
json_t *
findings_json(const struct findings *findings);

/* "ok", "warn", "fail" */
const char *
verdict_name(enum verdict verdict);

#endif
