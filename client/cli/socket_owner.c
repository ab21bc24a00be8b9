/* socket_owner.c - which process listens on an address?; see socket_owner.h. */
#include "client/cli/socket_owner.h"

#include "wire/err.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel's table of TCP sockets has the state LISTEN as 0A. */
enum { TCP_LISTEN_STATE = 0x0a };
/* Of Unix sockets it has a flag for those that listen (__SO_ACCEPTCON). */
enum { UNIX_LISTENS = 0x10000 };

/* The inode of the socket that listens on the port, 0: none. */
static unsigned long
find_port(const char *table, unsigned port)
{
    FILE *file = fopen(table, "re");
    unsigned long inode = 0;
    char line[512];

    while (file && inode == 0 && fgets(line, sizeof line, file)) {
        unsigned line_port, state;
        unsigned long found;

        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*d %lu", &line_port, &state,
                   &found) == 3 &&
            line_port == port && state == TCP_LISTEN_STATE)
            inode = found;
    }
    if (file)
        fclose(file);
    return inode;
}

static unsigned long
find_path(const char *path)
{
    FILE *file = fopen("/proc/net/unix", "re");
    unsigned long inode = 0;
    char line[512];

    while (file && inode == 0 && fgets(line, sizeof line, file)) {
        unsigned flags;
        unsigned long found;
        int path_at = 0;

        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%*[0-9A-Fa-f]: %*x %*x %x %*x %*x %lu %n", &flags, &found, &path_at) == 2 && path_at > 0 &&
            (flags & UNIX_LISTENS) && strcmp(line + path_at, path) == 0)
            inode = found;
    }
    if (file)
        fclose(file);
    return inode;
}

/* Has the process this socket among its descriptors? */
static bool
holds(const char *pid, const char *wanted)
{
    char path[300], target[64];
    struct dirent *entry;
    bool found = false;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
    folder = opendir(path);
    while (folder && !found && (entry = readdir(folder))) {
        ssize_t size;

        snprintf(path, sizeof path, "/proc/%.16s/fd/%.16s", pid, entry->d_name);
        size = readlink(path, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (folder)
        closedir(folder);
    return found;
}

static void
read_name(struct socket_owner *owner)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/comm", (int)owner->pid);
    file = fopen(path, "re");
    if (!file || !fgets(owner->name, sizeof owner->name, file))
        snprintf(owner->name, sizeof owner->name, "?");
    owner->name[strcspn(owner->name, "\n")] = '\0';
    if (file)
        fclose(file);
}

static int
find_owner(unsigned long inode, struct socket_owner *ret_owner)
{
    DIR *processes = inode > 0 ? opendir("/proc") : NULL;
    struct dirent *entry;
    char wanted[64];
    int rc = ERR_NOT_FOUND;

    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    while (processes && rc != OK && (entry = readdir(processes))) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !holds(entry->d_name, wanted))
            continue;
        ret_owner->pid = (pid_t)atol(entry->d_name);
        read_name(ret_owner);
        rc = OK;
    }
    if (processes)
        closedir(processes);
    return rc;
}

int
socket_owner_of_port(unsigned port, struct socket_owner *ret_owner)
{
    unsigned long inode = find_port("/proc/net/tcp", port);

    return find_owner(inode > 0 ? inode : find_port("/proc/net/tcp6", port), ret_owner);
}

int
socket_owner_of_path(const char *path, struct socket_owner *ret_owner)
{
    return find_owner(find_path(path), ret_owner);
}
