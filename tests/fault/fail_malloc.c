/* fail_malloc.c - with LD_PRELOAD: lets the $FAIL_MALLOC_AT-th allocation that libsnakepit asks for fail (from 0). Those of
 * other libraries succeed: libzmq ends the process when its own fail, and no client of it can help that. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
bool fail_malloc_was_reached(void);

static uintptr_t library_begin, library_end;
static atomic_long left = -1;
static atomic_bool was_reached;

static int
find_library(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size, (void)data;
    if (!strstr(info->dlpi_name, "libsnakepit.so"))
        return 0;
    library_begin = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            library_end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
    return 1;
}

__attribute__((constructor)) static void
prepare(void)
{
    const char *at = getenv("FAIL_MALLOC_AT");

    dl_iterate_phdr(find_library, NULL);
    if (at)
        atomic_store(&left, atol(at));
}

static bool
must_fail(void *caller)
{
    uintptr_t address = (uintptr_t)caller;

    if (address < library_begin || address >= library_end || atomic_load(&left) < 0)
        return false;
    if (atomic_fetch_sub(&left, 1) != 0)
        return false;
    atomic_store(&was_reached, true);
    errno = ENOMEM;
    return true;
}

/* For the program: whether an allocation has failed. */
bool
fail_malloc_was_reached(void)
{
    return atomic_load(&was_reached);
}

void *
malloc(size_t size)
{
    return must_fail(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return must_fail(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
    return must_fail(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

char *
strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = must_fail(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);

    return copy ? memcpy(copy, text, bytes) : NULL;
}
