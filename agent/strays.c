/* strays.c - children by adoption, found in /proc; see strays.h. */
#include "agent/strays.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The parent of a process from /proc, or 0. The name in parentheses may hold anything, so its last ')' counts. */
static pid_t
read_parent(const char *pid_text)
{
    char path[64];
    char text[512];
    int parent = 0;

    snprintf(path, sizeof path, "/proc/%.20s/stat", pid_text);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    const char *end_of_name = strrchr(text, ')');
    if (!end_of_name || sscanf(end_of_name, ") %*c %d", &parent) != 1)
        return 0;
    return parent;
}

static void
kill_children(void)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;

    if (!directory)
        return;
    while ((entry = readdir(directory)))
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && read_parent(entry->d_name) == getpid())
            kill((pid_t)atoi(entry->d_name), SIGKILL);
    closedir(directory);
}

/* Whether children are left. */
static bool
reap_children(void)
{
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        ;
    return pid == 0;
}

void
strays_kill(int timeout_ms)
{
    struct timespec turn = {.tv_nsec = 100 * 1000 * 1000};
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    /* Each death may give us grandchildren, so look again after each. SIGCHLD is blocked, so none is missed. */
    for (int waited_ms = 0; reap_children() && waited_ms < timeout_ms;) {
        kill_children();
        if (sigtimedwait(&child, NULL, &turn) < 0 && errno == EAGAIN)
            waited_ms += 100;
    }
}
