/* meter.c - draws a progress line on stderr; see meter.h. */
#include "client/cli/meter.h"

#include "client/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
meter_init(struct meter *meter, bool is_wanted, int64_t now_us)
{
    progress_init(&meter->progress, now_us);
    meter->is_on = is_wanted && isatty(STDERR_FILENO);
    meter->is_drawn = false;
    meter->with_unicode = MB_CUR_MAX > 1;
}

void
meter_draw(struct meter *meter, int64_t now_us)
{
    char text[PROGRESS_TEXT_BYTES];
    unsigned width;

    if (!meter->is_on || !progress_is_due(&meter->progress, now_us))
        return;
    /* The last column stays free: a terminal that wraps there would scroll. */
    width = cli_terminal_width(STDERR_FILENO);
    progress_format(&meter->progress, now_us, width > 1 ? width - 1 : 1, meter->with_unicode, text);
    fprintf(stderr, "\r%s\033[K", text);
    fflush(stderr);
    meter->is_drawn = true;
}

void
meter_clear(struct meter *meter)
{
    if (!meter->is_drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    meter->is_drawn = false;
    meter->progress.drawn_us = 0;
}
