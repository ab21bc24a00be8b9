/* feed.c - lines of JSON into the arguments of tasks; see feed.h. */
#include "client/cli/feed.h"

#include "client/cli/fault.h"
#include "wire/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_WIDTH = 72 };

void
feed_init(struct feed *feed, int fd)
{
    *feed = (struct feed){0};
    lines_init(&feed->lines, fd);
    arguments_init(&feed->arguments);
    wire_buffer_init(&feed->encoded, false);
}

void
feed_fini(struct feed *feed)
{
    wire_buffer_fini(&feed->encoded);
    arguments_fini(&feed->arguments);
    lines_fini(&feed->lines);
}

int
feed_fill(struct feed *feed)
{
    feed->line = NULL;
    feed->status = lines_fill(&feed->lines);
    feed->system_error = errno;
    return feed->status;
}

int
feed_next(struct feed *feed)
{
    if (feed->is_held) {
        feed->is_held = false;
        return OK;
    }
    while (lines_next(&feed->lines, &feed->line, &feed->line_size) == OK) {
        if (feed->line_size == 0 || strspn(feed->line, " \t") >= feed->line_size)
            continue;
        feed->encoded.size = 0;
        feed->status = arguments_read_line(&feed->arguments, feed->line, feed->line_size, &feed->fault);
        if (feed->status == OK)
            feed->status = arguments_encode(&feed->arguments, &feed->encoded, &feed->fault);
        return feed->status;
    }
    return ERR_NOT_FOUND;
}

void
feed_tell(const struct feed *feed, const struct cli *cli)
{
    unsigned long long number = feed->lines.number;
    char *place;

    if (!feed->line && feed->status == ERR_FULL) {
        cli_say(cli, "line %llu is longer than %d MiB", number + 1, LINE_BYTES_MAX / (1024 * 1024));
    } else if (!feed->line) {
        cli_say(cli, "cannot read the input: %s", strerror(feed->system_error));
    } else {
        if (feed->fault.line > 0)
            cli_say(cli, "line %llu, column %zu: not JSON: %s", number, feed->fault.column, feed->fault.text);
        else
            cli_say(cli, "line %llu: %s", number, feed->fault.text);
        place = fault_format(&feed->fault, feed->line, feed->line_size, PLACE_WIDTH);
        fputs(place, stderr);
        free(place);
    }
    cli_say(cli, "nothing from this line on is submitted; what was submitted before it is finished");
}
