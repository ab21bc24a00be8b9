/* config_report.h - the problems found in one configuration file, in the order of its lines. Prints nothing. */
#ifndef SNAKEPIT_IO_CONFIG_REPORT_H
#define SNAKEPIT_IO_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>

enum { REPORT_PROBLEMS_MAX = 20 };

struct config_remark {
    unsigned line; /* 0: about the file as a whole */
    char *text;
};

/* Beyond REPORT_PROBLEMS_MAX of a kind, further ones are only counted. */
struct config_remarks {
    struct config_remark list[REPORT_PROBLEMS_MAX];
    size_t count;
    size_t left_out;
};

struct config_report {
    const char *path; /* of the file; the caller's */
    unsigned line;    /* what remarks without a line of their own are about; 0: the file as a whole */
    struct config_remarks problems;
    struct config_remarks warnings;
};

void
report_init(struct config_report *report, const char *path);

void
report_fini(struct config_report *report);

/* Add a problem. `option` is its path ("pools.text.workers"), or NULL. */
void
report_problem(struct config_report *report, unsigned line, const char *option, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Add a warning: the file is usable, but probably not what was meant. */
void
report_warning(struct config_report *report, unsigned line, const char *option, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

bool
report_has_problems(const struct config_report *report);

/* All problems, or all warnings when there is no problem, one line each; the caller frees it. NULL when there are
 * none. */
char *
report_text(struct config_report *report);

#endif
