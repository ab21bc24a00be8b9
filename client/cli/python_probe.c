/* python_probe.c - runs probe.py in an interpreter; see python_probe.h. */
#include "client/cli/python_probe.h"

#include "client/cli/child.h"
#include "client/cli/embedded.h"
#include "wire/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Importing an app may load models; an interpreter alone answers in a tenth of a second. */
enum { PROBE_TIMEOUT_MS = 10000, APP_TIMEOUT_MS = 60000 };

static const char *
last_line(char *text)
{
    char *line;

    while (*text && text[strlen(text) - 1] == '\n')
        text[strlen(text) - 1] = '\0';
    line = strrchr(text, '\n');
    return line ? line + 1 : text;
}

static int
read_result(struct child_result *result, int timeout_ms, struct python_record *ret_record,
            char text[static PYTHON_PROBE_TEXT_BYTES])
{
    if (result->timed_out) {
        snprintf(text, PYTHON_PROBE_TEXT_BYTES, "no answer within %d s", timeout_ms / 1000);
        return ERR_AGAIN;
    }
    if (python_record_parse(result->output, ret_record) == OK)
        return OK;
    if (*last_line(result->errors))
        snprintf(text, PYTHON_PROBE_TEXT_BYTES, "%s", last_line(result->errors));
    else
        snprintf(text, PYTHON_PROBE_TEXT_BYTES, "it ended with status %d and said nothing", result->status);
    return ERR_INVALID;
}

int
python_probe_run(const struct python_probe *probe, struct python_record *ret_record,
                 char text[static PYTHON_PROBE_TEXT_BYTES])
{
    char *argv[] = {(char *)probe->python, "-c", (char *)embedded_probe, (char *)probe->app, NULL};
    struct child_plan plan = {.argv = argv,
                              .directory = probe->directory,
                              .environment = probe->environment,
                              .timeout_ms = probe->app ? APP_TIMEOUT_MS : PROBE_TIMEOUT_MS};
    struct child_result result;
    int rc;

    if (child_run(&plan, &result) != OK) {
        snprintf(text, PYTHON_PROBE_TEXT_BYTES, "cannot start it: %s", strerror(errno));
        return ERR_SYSTEM;
    }
    rc = read_result(&result, plan.timeout_ms, ret_record, text);
    child_fini(&result);
    return rc;
}
