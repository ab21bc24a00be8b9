/* procfs.h - what workers and all that they started use, from one walk through /proc. Keeps nothing. */
#ifndef SNAKEPIT_AGENT_PROCFS_H
#define SNAKEPIT_AGENT_PROCFS_H

#include "wire/message.h"

#include <stddef.h>

/* Fill in rss_bytes and cpu_us of each process of the list, whose pids are the caller's: the sums over itself and its
 * descendants, those by parent and those in its process group. Memory that they share counts for each. A process that
 * does not exist gets zeros. */
void
procfs_measure(struct process_usage *list, size_t count);

#endif
