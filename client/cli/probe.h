/* probe.h - why does no broker answer at an endpoint? Asks the system, waits for at most a second. */
#ifndef SNAKEPIT_CLI_PROBE_H
#define SNAKEPIT_CLI_PROBE_H

enum { PROBE_TEXT_BYTES = 256 };

/* A sentence for people; returns `text`. */
char *
probe_endpoint(const char *endpoint, char text[static PROBE_TEXT_BYTES]);

#endif
