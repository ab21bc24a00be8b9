/* test_memory.c - tests of agent/memory.c with files in place of the kernel's, and of agent/procfs.c with real processes. */
#include "agent/memory.h"
#include "agent/procfs.h"

#include "tests/agent/scene.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64];

static void
make_root(void)
{
    strcpy(root, "/tmp/snakepit-memory-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void
remove_root(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", root);
    cr_assert_eq(system(command), 0);
}

/* Make root/path with this text, and the folders above it. */
static void
put(const char *path, const char *text)
{
    char whole[256];

    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cr_assert(mkdir(whole, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

TestSuite(memory, .init = make_root, .fini = remove_root);

Test(memory, is_what_the_kernel_says_is_available)
{
    put("proc/meminfo", "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    700 kB\n");
    struct memory *memory = memory_new(root);
    cr_expect_eq(memory_available_bytes(memory), 700 * 1024);
    memory_destroy(&memory);
}

Test(memory, is_bounded_by_each_control_group_above_whose_page_cache_is_free)
{
    put("proc/meminfo", "MemAvailable:    700 kB\n");
    put("proc/self/cgroup", "4:memory:/old\n0::/system.slice/spit.service\n");
    put("sys/fs/cgroup/system.slice/memory.max", "409600\n");
    put("sys/fs/cgroup/system.slice/memory.current", "309600\n");
    put("sys/fs/cgroup/system.slice/memory.stat", "anon 5\ninactive_file 50000\n");
    put("sys/fs/cgroup/system.slice/spit.service/memory.max", "max\n");
    struct memory *memory = memory_new(root);
    cr_expect_eq(memory_available_bytes(memory), 150000);
    put("sys/fs/cgroup/system.slice/spit.service/memory.max", "1000\n");
    put("sys/fs/cgroup/system.slice/spit.service/memory.current", "2000\n");
    cr_expect_eq(memory_available_bytes(memory), 0);
    memory_destroy(&memory);
}

Test(memory, is_without_limit_where_nothing_says)
{
    struct memory *memory = memory_new(root);

    cr_expect_eq(memory_available_bytes(memory), UINT64_MAX);
    cr_expect_not(memory_oom_has_killed(memory));
    memory_destroy(&memory);
}

Test(memory, tells_of_each_rise_of_the_kills_once)
{
    put("proc/vmstat", "nr_free_pages 1\noom_kill 7\noom_kill_other 9\n");
    struct memory *memory = memory_new(root);
    cr_expect_not(memory_oom_has_killed(memory));
    put("proc/vmstat", "nr_free_pages 1\noom_kill 8\n");
    cr_expect(memory_oom_has_killed(memory));
    cr_expect_not(memory_oom_has_killed(memory));
    memory_destroy(&memory);
}

/* A child with a child of its own in another session; each has written so many bytes. Says when it has. */
static pid_t
start_family(size_t bytes, pid_t *ret_child)
{
    int ends[2];
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        child = fork();
        if (child == 0)
            setsid();
        char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(memory, 1, bytes);
        pid_t self = child == 0 ? getpid() : 0;
        if (write(ends[1], &self, sizeof(self)) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    *ret_child = 0;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(read(ends[0], &child, sizeof(child)), (ssize_t)sizeof(child));
        *ret_child += child;
    }
    close(ends[0]);
    close(ends[1]);
    return parent;
}

Test(procfs, the_memory_of_a_worker_is_that_of_its_descendants_too_wherever_they_went)
{
    size_t bytes = 32 * 1024 * 1024;
    pid_t child;
    pid_t parent = start_family(bytes, &child);
    struct process_usage usage[] = {{.pid = (uint64_t)parent}, {.pid = 1}, {.pid = 0x7ffffffe, .rss_bytes = 5}};

    procfs_measure(usage, 3);
    cr_expect_eq(usage[0].pid, 1, "sorted by pid");
    cr_expect_eq(usage[1].pid, (uint64_t)parent);
    cr_expect_geq(usage[1].rss_bytes, 2 * bytes);
    cr_expect_lt(usage[1].rss_bytes, 4 * bytes);
    cr_expect_eq(usage[2].rss_bytes, 0, "there is no such process");
    kill(child, SIGKILL);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
}

Test(procfs, cpu_time_counts_for_the_one_that_used_it)
{
    pid_t busy = fork();
    if (busy == 0)
        for (volatile unsigned long i = 0;; i++)
            ;
    struct process_usage usage[] = {{.pid = (uint64_t)busy}};
    for (int i = 0; i < 1000 && usage[0].cpu_us < 100000; i++) {
        usleep(10000);
        procfs_measure(usage, 1);
    }
    cr_expect_geq(usage[0].cpu_us, 100000);
    kill(busy, SIGKILL);
    waitpid(busy, NULL, 0);
}
