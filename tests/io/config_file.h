/* config_file.h - for tests: configuration files in a directory of their own, loaded and gone again. */
#ifndef SNAKEPIT_TESTS_IO_CONFIG_FILE_H
#define SNAKEPIT_TESTS_IO_CONFIG_FILE_H

#include "broker/io/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ONE_POOL "pools = ( { name = \"work\"; } );\n"

/* Write the text to a temporary file, load it, remove it. Returns what config_load does. */
static inline int
load_text(const char *text, struct config **ret_config, char **ret_text)
{
    char path[] = "/tmp/snakepit-test-XXXXXX.conf";
    int fd = mkstemps(path, 5);
    FILE *file = fdopen(fd, "w");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    int err = config_load(path, ret_config, ret_text);
    unlink(path);
    return err;
}

/* Load a text that must be right and without warnings. The caller frees it with config_unload. */
static inline struct config *
load_good(const char *text)
{
    struct config *config = NULL;
    char *report = NULL;
    int err = load_text(text, &config, &report);

    cr_assert_eq(err, OK, "%s", report == NULL ? "" : report);
    cr_assert_null(report, "%s", report == NULL ? "" : report);
    return config;
}

#endif
