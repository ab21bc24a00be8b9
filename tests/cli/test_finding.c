/* test_finding.c - tests of client/cli/finding.c. */
#include "client/cli/finding.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct findings findings;

static void
set_up(void)
{
    findings_init(&findings);
}

static void
tear_down(void)
{
    findings_fini(&findings);
}

TestSuite(finding, .init = set_up, .fini = tear_down);

Test(finding, each_line_has_its_verdict_and_its_remedy_stands_below)
{
    findings_add(&findings, VERDICT_OK, "clock", NULL, "it runs");
    findings_add(&findings, VERDICT_FAIL, "pool", "mend it", "text: %d of %d", 1, 2);

    char *text = findings_format(&findings, false);

    cr_assert_str_eq(text, "ok    clock        it runs\n"
                           "fail  pool         text: 1 of 2\n"
                           "                   -> mend it\n"
                           "\n1 ok, 0 warnings, 1 failure\n");
    free(text);
}

Test(finding, what_a_stranger_wrote_cannot_move_the_cursor)
{
    findings_add(&findings, VERDICT_WARN, "python", NULL, "%s", "a\033[2Jb\nc");

    char *text = findings_format(&findings, false);

    cr_assert_null(strchr(text, '\033'));
    cr_assert(strstr(text, "\n                   c\n"));
    free(text);
}

Test(finding, json_tells_the_same)
{
    findings_add(&findings, VERDICT_WARN, "memory", "less", "much");

    json_t *json = findings_json(&findings);
    const json_t *entry = json_array_get(json, 0);

    cr_assert_str_eq(json_string_value(json_object_get(entry, "verdict")), "warn");
    cr_assert_str_eq(json_string_value(json_object_get(entry, "topic")), "memory");
    cr_assert_str_eq(json_string_value(json_object_get(entry, "text")), "much");
    cr_assert_str_eq(json_string_value(json_object_get(entry, "remedy")), "less");
    json_decref(json);
}

Test(finding, what_is_not_utf8_is_still_told_as_json)
{
    findings_add(&findings, VERDICT_WARN, "config", NULL, "%s", "\xff: no such file");

    json_t *json = findings_json(&findings);

    cr_assert_eq(json_array_size(json), 1);
    cr_assert(json_is_object(json_array_get(json, 0)));
    json_decref(json);
}
