/* test_config_documents.c - the documented file and the manual agree with the table of options. */
#include "broker/io/config_describe.h"
#include "tests/io/config_file.h"

#include <string.h>

/* The whole file of the source tree; the caller frees it. */
static char *
read_source(const char *name)
{
    char path[1024];

    cr_assert_not_null(getenv("SOURCE_ROOT"), "set SOURCE_ROOT to the top of the source tree");
    snprintf(path, sizeof(path), "%s/%s", getenv("SOURCE_ROOT"), name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    char *text = calloc(1, 256 * 1024);
    size_t size = fread(text, 1, 256 * 1024 - 1, file);
    cr_assert_gt(size, 0);
    fclose(file);
    return text;
}

/* Make the comments prose: no marks, one space between words. */
static void
flatten(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++)
        if (strchr(" #\n", *from) == NULL)
            *to++ = *from;
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    *to = '\0';
}

Test(config_documents, the_file_explains_each_option_with_its_default_and_its_range)
{
    char *text = read_source("conf/snakepit.conf");

    flatten(text);
    for (const struct option *option = config_options; option->name != NULL; option++) {
        char allowed[256];
        char want[1024];
        char assignment[64];
        option_describe(option, allowed, sizeof(allowed));
        snprintf(want, sizeof(want), "%s %s%s. Allowed: %s", option->help,
                 option->default_text == NULL ? "No default" : "Default: ",
                 option->default_text == NULL ? "" : option->default_text, allowed);
        snprintf(assignment, sizeof(assignment), " %s = ", option->name);
        const char *found = strstr(text, want);
        cr_expect_not_null(found, "%s.%s: not in the file: %s", option->section, option->name, want);
        if (found == NULL)
            continue;
        const char *set = strstr(found, assignment);
        const char *next = strstr(found, " = ");
        cr_expect(set != NULL && set + strlen(assignment) == next + 3, "%s.%s is not what follows its explanation",
                  option->section, option->name);
    }
    free(text);
}

static bool
is_same_field(const struct option *option, const struct config *a, const struct config *b)
{
    const char *a_field = (const char *)a + option->offset;
    const char *b_field = (const char *)b + option->offset;

    if (option->type == OPTION_ENDPOINT || option->type == OPTION_ENDPOINT_OR_NONE)
        return strcmp(*(char *const *)a_field, *(char *const *)b_field) == 0;
    return memcmp(a_field, b_field, option->size) == 0;
}

Test(config_documents, the_file_passes_the_check_and_its_values_are_the_defaults)
{
    struct config *defaults = load_good(ONE_POOL);
    struct config *config = NULL;
    char *report = NULL;
    char path[1024];

    snprintf(path, sizeof(path), "%s/conf/snakepit.conf", getenv("SOURCE_ROOT"));
    int err = config_load(path, &config, &report);
    cr_assert_eq(err, OK, "%s", report == NULL ? "" : report);
    cr_expect_null(report, "%s", report == NULL ? "" : report);
    for (const struct option *option = config_options; option->name != NULL; option++)
        if (strcmp(option->section, POOLS_SECTION) != 0 && option->default_text != NULL)
            cr_expect(is_same_field(option, config, defaults), "%s.%s", option->section, option->name);
    free(report);
    config_unload(&config);
    config_unload(&defaults);
}

Test(config_documents, the_manual_says_what_needs_a_restart)
{
    char *text = read_source("docs/man/snakepit.conf.5");
    const char *start = strstr(text, ".Ss Reload");

    cr_assert_not_null(start);
    *strstr(start, ".Sh FILES") = '\0';
    for (const struct option *option = config_options; option->name != NULL; option++) {
        char word[64];
        /* bytes_max is in send_bytes_max */
        snprintf(word, sizeof word, "%c%s", strcmp(option->section, "timers") == 0 ? '.' : ' ', option->name);
        bool is_named = strstr(start, word) != NULL || strcmp(option->section, "endpoints") == 0 ||
                        strcmp(option->section, "log") == 0;
        if (option->needs_restart)
            cr_expect(is_named, "%s.%s needs a restart", option->section, option->name);
        else
            cr_expect_not(is_named && strcmp(option->section, "limits") == 0, "%s needs no restart", option->name);
    }
    free(text);
}

Test(config_documents, the_manual_names_each_option_with_its_default)
{
    char *text = read_source("docs/man/snakepit.conf.5");

    for (const struct option *option = config_options; option->name != NULL; option++) {
        char item[128];
        char section[64];
        snprintf(section, sizeof(section), ".Ss %s", option->section[0] == '\0' ? "Top of the file" : option->section);
        const char *place = strstr(text, section);
        cr_assert_not_null(place, "no section %s", section);
        snprintf(item, sizeof(item), "\n.It Ic %s ", option->name);
        const char *found = strstr(place, item);
        cr_assert_not_null(found, "no item %s.%s", option->section, option->name);
        const char *end = strstr(found + 1, "\n.It");
        if (option->default_text == NULL)
            continue;
        snprintf(item, sizeof(item), "\nDefault: %s.\n", option->default_text);
        found = strstr(found, item);
        cr_expect(found != NULL && (end == NULL || found < end), "%s.%s: no line %s", option->section, option->name,
                  item + 1);
    }
    free(text);
}
