/* intake.c - what libzmq holds, by the kernel's count; see intake.h. */
#include "broker/io/intake.h"

#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One look costs a system call for each connection. Where much has come, the next look comes soon: a local peer sends half
 * a gigabyte in a second. */
#define CALM_US 1000000
#define ALERT_US 20000
#define ALERT_PART 64 /* of bytes_max */

struct line {
    bool is_open;
    bool has_spoken; /* since the last look */
    uint64_t taken_bytes; /* received from libzmq since then, heads of frames not counted */
    uint64_t base_bytes;  /* what the kernel had received of what we have received */
};

struct intake {
    uint64_t bytes_max;
    struct line *lines; /* by descriptor */
    unsigned capacity;
    unsigned open_count;
    int64_t due_us;
    uint64_t calm_bytes; /* resident memory when little had come */
    bool was_much; /* at an earlier look */
    uint64_t ended;
};

static uint64_t
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct intake *
intake_new(uint64_t bytes_max)
{
    struct intake *intake = calloc(1, sizeof *intake);

    if (!intake)
        abort();
    intake->bytes_max = bytes_max;
    intake->calm_bytes = resident_bytes();
    return intake;
}

void
intake_destroy(struct intake **intake_p)
{
    struct intake *intake = *intake_p;

    if (!intake)
        return;
    free(intake->lines);
    free(intake);
    *intake_p = NULL;
}

static void
grow(struct intake *intake, unsigned fd)
{
    unsigned capacity = intake->capacity ? intake->capacity : 64;

    while (fd >= capacity)
        capacity *= 2;
    intake->lines = realloc(intake->lines, capacity * sizeof intake->lines[0]);
    if (!intake->lines)
        abort();
    memset(intake->lines + intake->capacity, 0, (capacity - intake->capacity) * sizeof intake->lines[0]);
    intake->capacity = capacity;
}

void
intake_begin(struct intake *intake, int fd)
{
    if ((unsigned)fd >= intake->capacity)
        grow(intake, (unsigned)fd);
    intake->open_count += !intake->lines[fd].is_open;
    intake->lines[fd] = (struct line){.is_open = true};
}

void
intake_note_message(struct intake *intake, int fd, uint64_t bytes)
{
    if ((unsigned)fd >= intake->capacity)
        return;
    intake->lines[fd].has_spoken = true;
    intake->lines[fd].taken_bytes += bytes;
}

void
intake_end(struct intake *intake, int fd)
{
    if ((unsigned)fd >= intake->capacity || !intake->lines[fd].is_open)
        return;
    intake->lines[fd] = (struct line){0};
    intake->open_count--;
}

int64_t
intake_next_due_us(const struct intake *intake)
{
    return intake->open_count > 0 || intake->was_much ? intake->due_us : INT64_MAX;
}

/* What the kernel has received, or 0 when it does not count. */
static uint64_t
received_bytes(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return 0;
    return info.tcpi_bytes_received;
}

/* What libzmq holds of a connection, as far as it is known. When nothing whole is left there, what has come until the last
 * message is ours, and the heads of frames need not be counted. A descriptor that was closed, and whose end was not told yet,
 * may be another's: then the kernel's count is less than before. */
static uint64_t
measure(struct line *line, int fd, bool is_drained)
{
    uint64_t bytes = received_bytes(fd);

    line->base_bytes += line->taken_bytes;
    if ((line->has_spoken && is_drained) || bytes < line->base_bytes)
        line->base_bytes = bytes;
    line->has_spoken = false;
    line->taken_bytes = 0;
    return bytes - line->base_bytes;
}

/* Little is there, and what libzmq had is free; the allocator would keep it. */
static void
give_back(struct intake *intake, uint64_t resident)
{
    if (intake->was_much && resident > intake->calm_bytes + intake->bytes_max / ALERT_PART)
        malloc_trim(0);
    intake->was_much = false;
    intake->calm_bytes = resident_bytes();
}

/* A frame of a byte takes libzmq seventy: of tiny ones, less is too much. Then it shows in the memory of the process. */
static bool
is_too_much(struct intake *intake, uint64_t total)
{
    uint64_t resident = resident_bytes();

    if (total <= intake->bytes_max / ALERT_PART) {
        give_back(intake, resident);
        return false;
    }
    intake->was_much = true;
    return total > intake->bytes_max ||
           (resident > intake->calm_bytes && resident - intake->calm_bytes > intake->bytes_max);
}

bool
intake_check(struct intake *intake, bool is_drained, int64_t now_us, int *ret_fd, uint64_t *ret_bytes)
{
    uint64_t total = 0, most = 0;

    for (unsigned fd = 0; fd < intake->capacity; fd++) {
        uint64_t bytes = intake->lines[fd].is_open ? measure(&intake->lines[fd], (int)fd, is_drained) : 0;

        total += bytes;
        if (bytes <= most)
            continue;
        most = bytes;
        *ret_fd = (int)fd;
    }
    intake->due_us = now_us + (total > intake->bytes_max / ALERT_PART ? ALERT_US : CALM_US);
    if (!is_too_much(intake, total))
        return false;
    shutdown(*ret_fd, SHUT_RDWR);
    intake_end(intake, *ret_fd);
    intake->ended++;
    intake->due_us = now_us + (total - most > intake->bytes_max ? ALERT_US : CALM_US);
    *ret_bytes = most;
    return true;
}

uint64_t
intake_ended(const struct intake *intake)
{
    return intake->ended;
}
