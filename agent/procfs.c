/* procfs.c - /proc/PID/stat of all processes; see procfs.h and proc(5). */
#include "agent/procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* So many parents are followed; deeper trees are rare, and the table may change while it is read. */
enum { DEPTH_MAX = 64, FIELDS_MAX = 24, STAT_BYTES = 1024 };

/* Fields of stat behind the name, the state being the first. */
enum { FIELD_PARENT = 1, FIELD_GROUP = 2, FIELD_UTIME = 11, FIELD_STIME, FIELD_CUTIME, FIELD_CSTIME, FIELD_RSS = 21 };

struct record {
    pid_t pid;
    pid_t parent;
    pid_t group;
    uint64_t ticks;
    uint64_t pages;
};

struct records {
    struct record *list;
    size_t count;
    size_t capacity;
};

/* The name in parentheses may hold anything, so its last ')' counts. */
static bool
read_record(const char *pid_text, struct record *ret_record)
{
    char path[64];
    char text[STAT_BYTES];
    long long fields[FIELDS_MAX] = {0};

    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid_text);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (size <= 0)
        return false;
    text[size] = '\0';
    char *at = strrchr(text, ')');
    if (at == NULL || strlen(at) < 4)
        return false;
    at += 3; /* behind the state, a letter */
    for (size_t i = 1; i < FIELDS_MAX; i++)
        fields[i] = strtoll(at, &at, 10);
    *ret_record = (struct record){
        .pid = (pid_t)atoi(pid_text),
        .parent = (pid_t)fields[FIELD_PARENT],
        .group = (pid_t)fields[FIELD_GROUP],
        .ticks = (uint64_t)(fields[FIELD_UTIME] + fields[FIELD_STIME] + fields[FIELD_CUTIME] + fields[FIELD_CSTIME]),
        .pages = (uint64_t)fields[FIELD_RSS],
    };
    return true;
}

static struct records
read_all(void)
{
    struct records records = {0};
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    struct record record;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || !read_record(entry->d_name, &record))
            continue;
        if (records.count == records.capacity) {
            records.capacity = records.capacity == 0 ? 256 : records.capacity * 2;
            records.list = realloc(records.list, records.capacity * sizeof(*records.list));
            if (records.list == NULL)
                abort();
        }
        records.list[records.count++] = record;
    }
    if (directory != NULL)
        closedir(directory);
    return records;
}

static int
compare_records(const void *a, const void *b)
{
    pid_t left = ((const struct record *)a)->pid;
    pid_t right = ((const struct record *)b)->pid;

    return (left > right) - (left < right);
}

static int
compare_usage(const void *a, const void *b)
{
    uint64_t left = ((const struct process_usage *)a)->pid;
    uint64_t right = ((const struct process_usage *)b)->pid;

    return (left > right) - (left < right);
}

static struct process_usage *
find_usage(struct process_usage *list, size_t count, pid_t pid)
{
    struct process_usage key = {.pid = (uint64_t)pid};

    return bsearch(&key, list, count, sizeof(*list), compare_usage);
}

/* The worker that a process belongs to: the one of its group, or the nearest among its parents; NULL: none. */
static struct process_usage *
find_owner(const struct records *records, const struct record *record, struct process_usage *list, size_t count)
{
    struct process_usage *owner = find_usage(list, count, record->group);

    for (unsigned depth = 0; owner == NULL && record != NULL && depth < DEPTH_MAX; depth++) {
        struct record key = {.pid = record->parent};
        owner = find_usage(list, count, record->pid);
        record = bsearch(&key, records->list, records->count, sizeof(key), compare_records);
    }
    return owner;
}

void
procfs_measure(struct process_usage *list, size_t count)
{
    struct records records = read_all();
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);

    qsort(list, count, sizeof(*list), compare_usage);
    if (records.count > 0)
        qsort(records.list, records.count, sizeof(*records.list), compare_records);
    for (size_t i = 0; i < count; i++)
        list[i].rss_bytes = list[i].cpu_us = 0;
    for (size_t i = 0; i < records.count; i++) {
        struct process_usage *owner = find_owner(&records, &records.list[i], list, count);
        if (owner == NULL)
            continue;
        owner->rss_bytes += records.list[i].pages * page_bytes;
        owner->cpu_us += records.list[i].ticks * tick_us;
    }
    free(records.list);
}
