/* finding.c - what `snakepit doctor` found; see finding.h. */
#include "client/cli/finding.h"

#include "client/cli/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPIC_COLUMNS = 12 };

void
findings_init(struct findings *findings)
{
    *findings = (struct findings){0};
}

void
findings_fini(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->list[i].text);
        free(findings->list[i].remedy);
    }
    free(findings->list);
    findings_init(findings);
}

void
findings_add(struct findings *findings, enum verdict verdict, const char *topic, const char *remedy,
             const char *format, ...)
{
    struct finding *list = reallocarray(findings->list, findings->count + 1, sizeof *list);
    struct finding *added;
    va_list arguments;

    if (!list)
        abort();
    findings->list = list;
    added = &list[findings->count++];
    *added = (struct finding){.verdict = verdict, .topic = topic};
    va_start(arguments, format);
    if (vasprintf(&added->text, format, arguments) < 0 || (remedy && !(added->remedy = strdup(remedy))))
        abort();
    va_end(arguments);
    findings->totals[verdict]++;
}

const char *
verdict_name(enum verdict verdict)
{
    static const char *const names[] = {[VERDICT_OK] = "ok", [VERDICT_WARN] = "warn", [VERDICT_FAIL] = "fail"};

    return names[verdict];
}

/* The lines of a text, each but the first one under the column where it began. */
static void
put_text(FILE *out, const char *text, int column)
{
    char *safe = text_make_safe(text, strlen(text), 1);

    if (!safe)
        abort();
    for (char *line = safe, *end; line; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');
        if (line != safe)
            fprintf(out, "%*s", column, "");
        fprintf(out, "%.*s\n", (int)(end ? end - line : (long)strlen(line)), line);
    }
    free(safe);
}

static void
put_finding(FILE *out, const struct finding *finding, bool with_colour)
{
    static const char *const colours[] = {[VERDICT_OK] = "\033[32m", [VERDICT_WARN] = "\033[33m",
                                          [VERDICT_FAIL] = "\033[1;31m"};
    const int column = 6 + TOPIC_COLUMNS + 1;

    fprintf(out, "%s%-4s%s  %-*s ", with_colour ? colours[finding->verdict] : "", verdict_name(finding->verdict),
            with_colour ? "\033[0m" : "", TOPIC_COLUMNS, finding->topic);
    put_text(out, finding->text, column);
    if (!finding->remedy)
        return;
    fprintf(out, "%*s-> ", column, "");
    put_text(out, finding->remedy, column + 3);
}

static const char *
plural(size_t count)
{
    return count == 1 ? "" : "s";
}

char *
findings_format(const struct findings *findings, bool with_colour)
{
    size_t warnings = findings->totals[VERDICT_WARN], failures = findings->totals[VERDICT_FAIL];
    char *text = NULL;
    size_t text_bytes;
    FILE *out = open_memstream(&text, &text_bytes);

    if (!out)
        abort();
    for (size_t i = 0; i < findings->count; i++)
        put_finding(out, &findings->list[i], with_colour);
    fprintf(out, "\n%zu ok, %zu warning%s, %zu failure%s\n", findings->totals[VERDICT_OK], warnings, plural(warnings),
            failures, plural(failures));
    fclose(out);
    return text;
}

/* JSON is UTF-8, and a path or a message need not be: then what cannot be shown is escaped, as for people. */
static json_t *
make_string(const char *text)
{
    json_t *string = text ? json_string(text) : json_null();
    char *safe;

    if (string)
        return string;
    safe = text_make_safe(text, strlen(text), 1);
    string = safe ? json_string(safe) : NULL;
    free(safe);
    return string;
}

json_t *
findings_json(const struct findings *findings)
{
    json_t *array = json_array();

    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];

        json_array_append_new(array, json_pack("{s:s, s:s, s:o, s:o}", "verdict", verdict_name(finding->verdict),
                                               "topic", finding->topic, "text", make_string(finding->text),
                                               "remedy", make_string(finding->remedy)));
    }
    return array;
}
