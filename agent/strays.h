/* strays.h - children that this process did not start: the kernel gives it the orphans of its workers. */
#ifndef SNAKEPIT_AGENT_STRAYS_H
#define SNAKEPIT_AGENT_STRAYS_H

/* Kill every child of this process, and theirs when they become its children; reap them all within timeout_ms. */
void
strays_kill(int timeout_ms);

#endif
