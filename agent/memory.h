/* memory.h - how much memory this host, or the control group that this process is in, can still give; and whether the
 * kernel has killed for the lack of it. Reads /proc and /sys, keeps only a counter. */
#ifndef SNAKEPIT_AGENT_MEMORY_H
#define SNAKEPIT_AGENT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct memory;

/* `root` stands in front of /proc and /sys/fs/cgroup; "" but in tests. */
struct memory *
memory_new(const char *root);

/* *memory_p becomes NULL; NULL is allowed. */
void
memory_destroy(struct memory **memory_p);

/* Bytes that can be had without swapping: MemAvailable, or less when a control group (version 2) above this process
 * allows less; what its page cache holds counts as free. UINT64_MAX when nothing says. */
uint64_t
memory_available_bytes(const struct memory *memory);

/* Whether the kernel has killed a process for lack of memory since the last call of this (or since memory_new), here or
 * in a control group. */
bool
memory_oom_has_killed(struct memory *memory);

#endif
