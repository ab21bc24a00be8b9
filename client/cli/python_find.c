/* python_find.c - where interpreters are on this machine; see python_find.h. */
#include "client/cli/python_find.h"

#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
python_paths_add(struct python_paths *paths, const char *path)
{
    if (paths->count == PYTHON_PATHS_MAX)
        return;
    for (size_t i = 0; i < paths->count; i++)
        if (strcmp(paths->list[i], path) == 0)
            return;
    paths->list[paths->count] = strdup(path);
    if (!paths->list[paths->count++])
        abort();
}

/* Add the path if there is a program. */
static void
add_present(struct python_paths *paths, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
add_present(struct python_paths *paths, const char *format, ...)
{
    char path[4096];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size < sizeof path && access(path, X_OK) == 0)
        python_paths_add(paths, path);
}

static void
add_environments(struct python_paths *paths)
{
    static const char *const variables[] = {"VIRTUAL_ENV", "CONDA_PREFIX"};
    char here[4096];

    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *prefix = getenv(variables[i]);

        if (prefix && *prefix)
            add_present(paths, "%s/bin/python", prefix);
    }
    if (getcwd(here, sizeof here))
        add_present(paths, "%s/.venv/bin/python", here);
}

static void
add_folder(struct python_paths *paths, const char *folder)
{
    static const char *const names[] = {"python3",    "python3.10",  "python3.11", "python3.12", "python3.13",
                                        "python3.13t", "python3.14", "python3.14t"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add_present(paths, "%s/%s", folder, names[i]);
}

static void
add_path(struct python_paths *paths)
{
    const char *path = getenv("PATH");
    char *folders = strdup(path ? path : "/usr/local/bin:/usr/bin:/bin"), *rest = folders, *folder;

    if (!folders)
        abort();
    while ((folder = strsep(&rest, ":")))
        /* pyenv's shims are scripts that start one of its versions, and those are found by themselves. */
        if (*folder == '/' && !strstr(folder, "pyenv/shims"))
            add_folder(paths, folder);
    free(folders);
}

/* Add what matches the pattern, which is that format with the folder put in. */
static void
add_all(struct python_paths *paths, const char *format, const char *folder)
{
    char pattern[4096];
    glob_t found;

    if ((size_t)snprintf(pattern, sizeof pattern, format, folder) >= sizeof pattern || glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        add_present(paths, "%s", found.gl_pathv[i]);
    globfree(&found);
}

static void
add_pyenv(struct python_paths *paths)
{
    const char *root = getenv("PYENV_ROOT"), *home = getenv("HOME");

    if (root && *root)
        add_all(paths, "%s/versions/*/bin/python3", root);
    else if (home && *home)
        add_all(paths, "%s/.pyenv/versions/*/bin/python3", home);
}

/* What tools/free-threaded-python has made. */
static void
add_own(struct python_paths *paths)
{
    const char *own = getenv("SNAKEPIT_CACHE"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (own && *own)
        add_all(paths, "%s/venv-*/bin/python", own);
    else if (cache && *cache)
        add_all(paths, "%s/snakepit/venv-*/bin/python", cache);
    else if (home && *home)
        add_all(paths, "%s/.cache/snakepit/venv-*/bin/python", home);
}

void
python_paths_init(struct python_paths *paths)
{
    *paths = (struct python_paths){0};
    add_environments(paths);
    add_path(paths);
    add_pyenv(paths);
    add_own(paths);
}

void
python_paths_fini(struct python_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->list[i]);
    *paths = (struct python_paths){0};
}
