/* probe.h - why does no broker answer at an endpoint? Asks the system, waits for at most a second. */
#ifndef SNAKEPIT_CLI_PROBE_H
#define SNAKEPIT_CLI_PROBE_H

enum { PROBE_TEXT_BYTES = 256 };

enum probe {
    PROBE_ABSENT,  /* nobody is there */
    PROBE_LISTENS, /* somebody is */
    PROBE_UNKNOWN, /* a name, or a transport, that is not looked into */
};

/* Try to connect to the endpoint once more, for at most a second, and put into `text` what came of it. */
enum probe
probe_endpoint(const char *endpoint, char text[static PROBE_TEXT_BYTES]);

#endif
