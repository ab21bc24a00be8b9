/* config_report.c - problems and warnings in the order of their lines; see config_report.h. */
#include "broker/io/config_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
report_init(struct config_report *report, const char *path)
{
    memset(report, 0, sizeof(*report));
    report->path = path;
}

static void
free_remarks(struct config_remarks *remarks)
{
    for (size_t i = 0; i < remarks->count; i++)
        free(remarks->list[i].text);
    remarks->count = 0;
}

void
report_fini(struct config_report *report)
{
    free_remarks(&report->problems);
    free_remarks(&report->warnings);
}

/* "FILE:LINE: option: message" */
static char *
format_remark(const char *path, unsigned line, const char *option, const char *format, va_list arguments)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL)
        abort();
    fprintf(stream, "%s:", path);
    if (line > 0)
        fprintf(stream, "%u:", line);
    if (option != NULL)
        fprintf(stream, " %s:", option);
    fputc(' ', stream);
    vfprintf(stream, format, arguments);
    if (fclose(stream) != 0)
        abort();
    return text;
}

/* Insert behind all remarks of the same or an earlier line; the last one is dropped when there is no room. */
static void
insert_remark(struct config_remarks *remarks, unsigned line, char *text)
{
    size_t at = remarks->count;

    while (at > 0 && remarks->list[at - 1].line > line)
        at--;
    if (remarks->count == REPORT_PROBLEMS_MAX) {
        remarks->left_out++;
        if (at == REPORT_PROBLEMS_MAX) {
            free(text);
            return;
        }
        free(remarks->list[--remarks->count].text);
    }
    memmove(&remarks->list[at + 1], &remarks->list[at], (remarks->count - at) * sizeof(remarks->list[0]));
    remarks->list[at] = (struct config_remark){.line = line, .text = text};
    remarks->count++;
}

void
report_problem(struct config_report *report, unsigned line, const char *option, const char *format, ...)
{
    va_list arguments;

    line = line > 0 ? line : report->line;
    va_start(arguments, format);
    insert_remark(&report->problems, line, format_remark(report->path, line, option, format, arguments));
    va_end(arguments);
}

void
report_warning(struct config_report *report, unsigned line, const char *option, const char *format, ...)
{
    va_list arguments;

    line = line > 0 ? line : report->line;
    va_start(arguments, format);
    insert_remark(&report->warnings, line, format_remark(report->path, line, option, format, arguments));
    va_end(arguments);
}

bool
report_has_problems(const struct config_report *report)
{
    return report->problems.count > 0;
}

char *
report_text(struct config_report *report)
{
    bool is_bad = report_has_problems(report);
    const struct config_remarks *remarks = is_bad ? &report->problems : &report->warnings;
    char *text = NULL;
    size_t size = 0;

    if (remarks->count == 0)
        return NULL;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        abort();
    for (size_t i = 0; i < remarks->count; i++)
        fprintf(stream, "%s\n", remarks->list[i].text);
    if (remarks->left_out > 0)
        fprintf(stream, "%s: and %zu more\n", report->path, remarks->left_out);
    if (fclose(stream) != 0)
        abort();
    return text;
}
