/* wait_line.c - progress of a wait; see wait_line.h. */
#include "client/cli/wait_line.h"

#include "client/cli/cli.h"
#include "client/cli/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
wait_line_init(struct wait_line *line)
{
    *line = (struct wait_line){.is_on = isatty(STDERR_FILENO)};
}

void
wait_line_draw(struct wait_line *line, const char *format, ...)
{
    unsigned width = cli_terminal_width(STDERR_FILENO);
    char text[1024], *safe;
    va_list values;

    if (!line->is_on)
        return;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    safe = text_make_safe(text, strlen(text), 0);
    if (!safe)
        return;
    if (width > 1)
        text_cut(safe, width - 1);
    fprintf(stderr, "\r%s\033[K", safe);
    fflush(stderr);
    free(safe);
    line->is_drawn = true;
}

void
wait_line_clear(struct wait_line *line)
{
    if (line->is_drawn)
        fputs("\r\033[K", stderr);
    line->is_drawn = false;
}
