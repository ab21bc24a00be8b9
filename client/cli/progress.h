/* progress.h - how far a run of tasks is, as one line for a terminal. Pure: time is passed in, nothing is printed. */
#ifndef SNAKEPIT_CLI_PROGRESS_H
#define SNAKEPIT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_TEXT_BYTES = 512 };

struct progress {
    int64_t started_us;
    int64_t drawn_us;  /* last time that it was due; 0: never */
    uint64_t done;     /* final tasks */
    uint64_t failed;   /* of those, not ok */
    uint64_t total;    /* 0: not known */
    bool is_estimate;  /* `total` is a guess from the size of the input */
    int64_t mark_us;   /* where the recent rate is measured from */
    uint64_t mark_done;
    double recent_per_second; /* smoothed; < 0: not known yet */
};

void
progress_init(struct progress *progress, int64_t now_us);

/* Is it time to draw again (10 times a second)? Answers yes once per interval. */
bool
progress_is_due(struct progress *progress, int64_t now_us);

/* Tasks per second since the start. */
double
progress_rate(const struct progress *progress, int64_t now_us);

/* The line, at most `width` columns and without control characters. Returns `text`. */
char *
progress_format(struct progress *progress, int64_t now_us, size_t width, bool with_unicode,
                char text[static PROGRESS_TEXT_BYTES]);

#endif
