/* memory.c - MemAvailable, control groups, the count of OOM kills; see memory.h. */
#include "agent/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 16 * 1024 };

struct memory {
    char root[PATH_MAX / 2];
    uint64_t oom_kills;
};

/* Read a small file of the kernel's into `text`. False when there is none. */
static bool
read_file(const struct memory *memory, const char *path, char text[FILE_BYTES_MAX])
{
    char whole[PATH_MAX * 2];

    snprintf(whole, sizeof(whole), "%s%s", memory->root, path);
    int fd = open(whole, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, FILE_BYTES_MAX - 1);
    close(fd);
    if (size < 0)
        return false;
    text[size] = '\0';
    return true;
}

/* The number behind `key` at the beginning of a line, or `otherwise`. */
static uint64_t
find_number(const char *text, const char *key, uint64_t otherwise)
{
    size_t size = strlen(key);

    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, size) == 0 && (line[size] == ' ' || line[size] == ':'))
            return strtoull(line + size + 1, NULL, 10);
        if (*line == '\0')
            break;
    }
    return otherwise;
}

/* What one control group can still give. */
static uint64_t
group_available_bytes(const struct memory *memory, const char *group)
{
    char path[PATH_MAX];
    char text[FILE_BYTES_MAX];

    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group);
    if (!read_file(memory, path, text) || strncmp(text, "max", 3) == 0)
        return UINT64_MAX;
    uint64_t max_bytes = strtoull(text, NULL, 10);
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", group);
    uint64_t used_bytes = read_file(memory, path, text) ? strtoull(text, NULL, 10) : 0;
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.stat", group);
    uint64_t cache_bytes = read_file(memory, path, text) ? find_number(text, "inactive_file", 0) : 0;
    used_bytes -= cache_bytes < used_bytes ? cache_bytes : used_bytes;
    return used_bytes < max_bytes ? max_bytes - used_bytes : 0;
}

/* The group of this process in the unified hierarchy ("" for the root's). */
static void
find_group(const struct memory *memory, char group[PATH_MAX / 2])
{
    char text[FILE_BYTES_MAX];
    const char *line = NULL;

    group[0] = '\0';
    if (read_file(memory, "/proc/self/cgroup", text))
        line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (line == NULL)
        return;
    line = strchr(line, '/');
    if (line != NULL)
        snprintf(group, PATH_MAX / 2, "%.*s", (int)strcspn(line, "\n"), line);
    if (strcmp(group, "/") == 0)
        group[0] = '\0';
}

uint64_t
memory_available_bytes(const struct memory *memory)
{
    char text[FILE_BYTES_MAX];
    char group[PATH_MAX / 2];
    uint64_t bytes = UINT64_MAX;

    if (read_file(memory, "/proc/meminfo", text)) {
        uint64_t kib = find_number(text, "MemAvailable", UINT64_MAX);
        bytes = kib == UINT64_MAX ? UINT64_MAX : kib * 1024;
    }
    find_group(memory, group);
    for (char *end = group + strlen(group); end != NULL; end = strrchr(group, '/')) {
        *end = '\0';
        uint64_t here_bytes = group_available_bytes(memory, group);
        bytes = here_bytes < bytes ? here_bytes : bytes;
    }
    return bytes;
}

/* Kills in control groups count here, too. */
static uint64_t
count_oom_kills(const struct memory *memory)
{
    char text[FILE_BYTES_MAX];

    return read_file(memory, "/proc/vmstat", text) ? find_number(text, "oom_kill", 0) : 0;
}

struct memory *
memory_new(const char *root)
{
    struct memory *memory = calloc(1, sizeof(*memory));

    if (memory == NULL)
        abort();
    snprintf(memory->root, sizeof(memory->root), "%s", root);
    memory->oom_kills = count_oom_kills(memory);
    return memory;
}

void
memory_destroy(struct memory **memory_p)
{
    free(*memory_p);
    *memory_p = NULL;
}

bool
memory_oom_has_killed(struct memory *memory)
{
    uint64_t before = memory->oom_kills;

    memory->oom_kills = count_oom_kills(memory);
    return memory->oom_kills > before;
}
