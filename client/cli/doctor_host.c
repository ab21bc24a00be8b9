/* doctor_host.c - what the machine has to offer: libzmq, clocks, descriptors, memory. */
#include "client/cli/doctor.h"
#include "client/cli/units.h"

#include "broker/io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <zmq.h>

/* The floor that all parts are tested on. */
#define LIBZMQ_MIN ZMQ_MAKE_VERSION(4, 3, 4)
/* What snakepitd and its agent need besides connections. */
#define DESCRIPTORS_SPARE 64
/* Years of which a clock may tell. */
enum { YEAR_MIN = 2025, YEAR_MAX = 2100 };

static void
check_libzmq(struct doctor *doctor)
{
    int major, minor, patch;

    zmq_version(&major, &minor, &patch);
    if (ZMQ_MAKE_VERSION(major, minor, patch) < LIBZMQ_MIN)
        findings_add(&doctor->findings, VERDICT_FAIL, "libzmq", "install libzmq 4.3.4 or later",
                     "%d.%d.%d is too old", major, minor, patch);
    else if (!zmq_has("ipc"))
        findings_add(&doctor->findings, VERDICT_WARN, "libzmq", "use tcp endpoints", "%d.%d.%d, without ipc", major,
                     minor, patch);
    else
        findings_add(&doctor->findings, VERDICT_OK, "libzmq", NULL, "%d.%d.%d, ipc, %s", major, minor, patch,
                     zmq_has("curve") ? "curve" : "no curve");
}

/* --- clocks --------------------------------------------------------------------------------------------------- */

static void
check_clock(struct doctor *doctor)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t before_us = clock_now_us(), passed_us;
    char text[CLOCK_TEXT_BYTES];
    int year;

    nanosleep(&pause, NULL);
    passed_us = clock_now_us() - before_us;
    if (passed_us < 1000)
        findings_add(&doctor->findings, VERDICT_FAIL, "clock", "all timers stand on it: change the clock source of the "
                     "kernel or of the virtual machine",
                     "the monotonic clock went on by %" PRId64 " us in 2 ms", passed_us);
    clock_format(clock_wall_us(), text);
    year = atoi(text);
    if (year < YEAR_MIN || year > YEAR_MAX)
        findings_add(&doctor->findings, VERDICT_FAIL, "clock",
                     "set the system's clock: a broker that starts with an earlier time than its predecessor had takes "
                     "the numbers of sessions and attempts a second time",
                     "the time of day is %s, which cannot be", text);
    else if (passed_us >= 1000)
        findings_add(&doctor->findings, VERDICT_OK, "clock", NULL, "the monotonic clock runs; the time of day is %s",
                     text);
}

/* --- descriptors ---------------------------------------------------------------------------------------------- */

static void
check_descriptors(struct doctor *doctor)
{
    const uint32_t peers_max = doctor->config ? doctor->config->broker.peers_max : 10000;
    const rlim_t wanted = (rlim_t)peers_max + DESCRIPTORS_SPARE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= wanted)
        findings_add(&doctor->findings, VERDICT_OK, "descriptors", NULL, "up to %ju here; limits.peers_max needs %ju",
                     (uintmax_t)limit.rlim_max, (uintmax_t)wanted);
    else
        findings_add(&doctor->findings, VERDICT_WARN, "descriptors",
                     "raise the hard limit (ulimit -Hn; LimitNOFILE= in the systemd unit), or lower limits.peers_max: "
                     "beyond nine tenths of the limit connections are refused",
                     "at most %ju here, and limits.peers_max (%" PRIu32 ") needs %ju", (uintmax_t)limit.rlim_max,
                     peers_max, (uintmax_t)wanted);
}

/* --- memory --------------------------------------------------------------------------------------------------- */

/* The number after `prefix` on the first line that begins with it; 0 when there is none ("max" is none). */
static uint64_t
read_number(const char *path, const char *prefix)
{
    FILE *file = fopen(path, "re");
    uint64_t number = 0;
    char line[256];

    if (!file)
        return 0;
    while (number == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, prefix, strlen(prefix)) == 0)
            number = strtoull(line + strlen(prefix), NULL, 10);
    fclose(file);
    return number;
}

/* The limit of the control group that this process is in, or of one above it; 0: none. */
static uint64_t
read_group_limit(void)
{
    uint64_t least = read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", "");
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[2048], path[4096], *end;

    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        for (end = line + strlen(line); end && end > line + 3; end = strrchr(line + 3, '/')) {
            uint64_t limit;

            *end = '\0';
            snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", line + 3);
            limit = read_number(path, "");
            if (limit > 0 && (least == 0 || limit < least))
                least = limit;
        }
    }
    if (file)
        fclose(file);
    return least;
}

/* What all local workers may take together. Counts those that have no limit. */
static uint64_t
sum_workers(const struct config *config, unsigned *ret_unlimited)
{
    uint64_t sum = 0;

    *ret_unlimited = 0;
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct pool_settings *pool = &config->pools[i].core;

        if (pool->worker_memory_max == 0)
            *ret_unlimited += pool->workers_wanted;
        sum += pool->worker_memory_max * pool->workers_wanted;
    }
    return sum;
}

static void
check_memory(struct doctor *doctor)
{
    uint64_t present = read_number("/proc/meminfo", "MemTotal:") * 1024, group = read_group_limit();
    uint64_t total = group > 0 && group < present ? group : present, workers, needed;
    char texts[3][UNITS_TEXT_BYTES];
    unsigned unlimited;

    units_format_bytes(texts[0], total);
    if (!doctor->config) {
        findings_add(&doctor->findings, VERDICT_OK, "memory", NULL, "%s%s", texts[0],
                     total < present ? " (the limit of the control group)" : "");
        return;
    }
    workers = sum_workers(doctor->config, &unlimited);
    needed = workers + doctor->config->broker.bytes_max;
    units_format_bytes(texts[1], workers);
    units_format_bytes(texts[2], doctor->config->broker.bytes_max);
    if (needed > total)
        findings_add(&doctor->findings, VERDICT_WARN, "memory",
                     "lower worker_memory_max, the number of workers, or limits.bytes_max: otherwise the system ends "
                     "processes before Snakepit recycles them",
                     "the workers' limits (%s) and the broker's tasks (%s) are more than the %s here", texts[1], texts[2],
                     texts[0]);
    else if (unlimited > 0)
        findings_add(&doctor->findings, VERDICT_OK, "memory",
                     "worker_memory_max in a pool recycles workers that grow",
                     "%s; %u worker%s without a limit, %s%sthe broker's tasks up to %s", texts[0], unlimited,
                     unlimited == 1 ? "" : "s", workers > 0 ? texts[1] : "", workers > 0 ? " for the others, " : "",
                     texts[2]);
    else
        findings_add(&doctor->findings, VERDICT_OK, "memory", NULL,
                     "%s; the workers' limits are %s, the broker's tasks up to %s", texts[0], texts[1], texts[2]);
}

void
doctor_check_host(struct doctor *doctor)
{
    check_libzmq(doctor);
    check_clock(doctor);
    check_descriptors(doctor);
    check_memory(doctor);
}
