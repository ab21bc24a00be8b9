/* progress.c - how far a run of tasks is; see progress.h. */
#include "client/cli/progress.h"

#include "client/cli/text.h"
#include "client/cli/units.h"

#include <stdio.h>
#include <string.h>

enum {
    DRAW_INTERVAL_US = 100 * 1000,
    MARK_INTERVAL_US = 1000 * 1000, /* the recent rate is updated this often */
    BAR_MIN = 8,
    BAR_MAX = 30,
};

void
progress_init(struct progress *progress, int64_t now_us)
{
    *progress = (struct progress){.started_us = now_us, .mark_us = now_us, .recent_per_second = -1};
}

bool
progress_is_due(struct progress *progress, int64_t now_us)
{
    if (progress->drawn_us != 0 && now_us - progress->drawn_us < DRAW_INTERVAL_US)
        return false;
    progress->drawn_us = now_us;
    return true;
}

double
progress_rate(const struct progress *progress, int64_t now_us)
{
    int64_t elapsed_us = now_us - progress->started_us;

    return elapsed_us > 0 ? (double)progress->done * 1e6 / (double)elapsed_us : 0;
}

/* The rate that people want to see is the present one; the one that they trust does not jump. So: seconds, smoothed. */
static double
take_recent_rate(struct progress *progress, int64_t now_us)
{
    int64_t span_us = now_us - progress->mark_us;

    if (span_us >= MARK_INTERVAL_US) {
        double rate = (double)(progress->done - progress->mark_done) * 1e6 / (double)span_us;

        progress->recent_per_second =
            progress->recent_per_second < 0 ? rate : 0.6 * progress->recent_per_second + 0.4 * rate;
        progress->mark_us = now_us;
        progress->mark_done = progress->done;
    }
    return progress->recent_per_second < 0 ? progress_rate(progress, now_us) : progress->recent_per_second;
}

static void
put_bar(char *text, size_t cells, double fraction, bool with_unicode)
{
    size_t full = (size_t)(fraction * (double)cells);

    for (size_t i = 0; i < cells; i++)
        strcat(text, i < full ? (with_unicode ? "█" : "#") : (with_unicode ? "░" : "-"));
}

/* What stands right of the bar: counts, rate, time to go, failures. */
static void
put_facts(const struct progress *progress, double rate, char text[static PROGRESS_TEXT_BYTES])
{
    char done[UNITS_TEXT_BYTES], total[UNITS_TEXT_BYTES], unit[UNITS_TEXT_BYTES];
    char *at = text, *end = text + PROGRESS_TEXT_BYTES;

    units_format_count(done, progress->done);
    if (progress->total > 0)
        at += snprintf(at, (size_t)(end - at), "%s/%s%s", done, progress->is_estimate ? "~" : "",
                       units_format_count(total, progress->total));
    else
        at += snprintf(at, (size_t)(end - at), "%s done", done);
    at += snprintf(at, (size_t)(end - at), "  %s", units_format_rate(unit, rate));
    if (progress->total > progress->done && rate > 0)
        at += snprintf(at, (size_t)(end - at), "  ETA %s",
                       units_format_duration(unit, (double)(progress->total - progress->done) / rate));
    if (progress->failed > 0)
        snprintf(at, (size_t)(end - at), "  %s failed", units_format_count(unit, progress->failed));
}

char *
progress_format(struct progress *progress, int64_t now_us, size_t width, bool with_unicode,
                char text[static PROGRESS_TEXT_BYTES])
{
    char facts[PROGRESS_TEXT_BYTES];
    size_t facts_width, percent_width = strlen("100 %  ");

    put_facts(progress, take_recent_rate(progress, now_us), facts);
    facts_width = text_width(facts);
    text[0] = '\0';
    if (progress->total > 0 && width >= facts_width + percent_width) {
        double fraction = (double)progress->done / (double)progress->total;
        size_t room = width - facts_width - percent_width;

        if (fraction > 1)
            fraction = 1;
        /* Cut off and not rounded: 100 % is said at the end only. */
        snprintf(text, PROGRESS_TEXT_BYTES, "%3d %%  ", (int)(fraction * 100));
        if (room >= BAR_MIN + strlen("  ")) {
            put_bar(text, room - 2 > BAR_MAX ? BAR_MAX : room - 2, fraction, with_unicode);
            strcat(text, "  ");
        }
    }
    strcat(text, facts);
    text_cut(text, width);
    return text;
}
