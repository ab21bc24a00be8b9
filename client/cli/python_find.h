/* python_find.h - where interpreters are on this machine. Looks for files; runs none of them. */
#ifndef SNAKEPIT_CLI_PYTHON_FIND_H
#define SNAKEPIT_CLI_PYTHON_FIND_H

#include <stddef.h>

enum { PYTHON_PATHS_MAX = 64 };

/* Paths, each once. Beyond PYTHON_PATHS_MAX, further ones are left out. */
struct python_paths {
    char *list[PYTHON_PATHS_MAX];
    size_t count;
};

/* The virtual environment that is active ($VIRTUAL_ENV, $CONDA_PREFIX), or in the folder .venv here; python3 and
 * python3.10 to python3.14, also the free-threaded ones, in each folder of $PATH; all versions of pyenv; what
 * tools/free-threaded-python has made. The caller ends it with python_paths_fini. */
void
python_paths_init(struct python_paths *paths);

void
python_paths_fini(struct python_paths *paths);

/* Add one that the configuration names. Copies it. */
void
python_paths_add(struct python_paths *paths, const char *path);

#endif
