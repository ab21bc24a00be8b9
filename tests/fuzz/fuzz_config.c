/* fuzz_config.c - libFuzzer's entry to the loader of the configuration: any text is loaded or refused with reasons; what is
 * loaded prints as a file that loads to the same, and so does the modern form that the warning for an old file shows. */
#include "broker/io/config.h"
#include "broker/io/config_diff.h"
#include "broker/io/config_print.h"
#include "broker/io/config_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *
__lsan_default_suppressions(void);

/* libconfig 1.5 loses a string of its own at each syntax error that follows one, and nobody can free that. */
const char *
__lsan_default_suppressions(void)
{
    return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

#define MODERN_FOLLOWS "in the modern form the file would be:\n\n"

#define MEMORY_FILE "/proc/self/fd/"

#define HOLDS(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "does not hold: %s\n", #condition);                                                       \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Load from memory, as the broker's agent does. */
static int
load(const void *text, size_t size, struct config **ret_config, char **ret_text)
{
    int fd = memfd_create("snakepit.conf", MFD_CLOEXEC);
    char path[64];
    int err;

    HOLDS(fd >= 0 && write(fd, text, size) == (ssize_t)size, "no memory file\n");
    snprintf(path, sizeof path, MEMORY_FILE "%d", fd);
    err = config_load(path, ret_config, ret_text);
    close(fd);
    return err;
}

/* A second file that must mean the same as the first. */
static void
check_same(const struct config *config, const char *text)
{
    struct config *again = NULL;
    struct config_report report;
    char *remarks, *difference;
    int err = load(text, strlen(text), &again, &remarks);

    HOLDS(err == OK, "%s\n--- of ---\n%s\n", remarks, text);
    report_init(&report, "again");
    difference = config_diff(config, again, &report);
    HOLDS(!difference, "%s\n--- of ---\n%s\n", difference, text);
    HOLDS(config->pool_count == again->pool_count, "%s\n", text);
    report_fini(&report);
    config_unload(&again);
    free(remarks);
}

static void
check_printed(const struct config *config, void (*print)(const struct config *config, FILE *stream))
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    HOLDS(stream, "no stream\n");
    print(config, stream);
    fclose(stream);
    check_same(config, text);
    free(text);
}

static void
check_loaded(const struct config *config, char *warnings)
{
    char *modern = warnings ? strstr(warnings, MODERN_FOLLOWS) : NULL;
    char *next = modern ? strstr(modern, "\n" MEMORY_FILE) : NULL; /* warning */

    HOLDS(config->pool_count > 0, "no pool\n");
    check_printed(config, config_print);
    check_printed(config, config_print_brief);
    if (next)
        *next = '\0';
    if (modern)
        check_same(config, modern + strlen(MODERN_FOLLOWS));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    char *text = NULL;

    if (load(data, size, &config, &text) == OK) {
        check_loaded(config, text);
        config_unload(&config);
    } else {
        HOLDS(text && text[0] && !config, "refused without a reason\n");
    }
    free(text);
    return 0;
}
