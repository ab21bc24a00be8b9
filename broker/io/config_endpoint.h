/* config_endpoint.h - the addresses that the broker binds and its workers connect to. Opens nothing. */
#ifndef SNAKEPIT_IO_CONFIG_ENDPOINT_H
#define SNAKEPIT_IO_CONFIG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

enum { ENDPOINT_HOST_BYTES = 64 };

struct endpoint {
    bool is_ipc;
    bool is_wildcard; /* tcp: binds every interface */
    bool is_loopback; /* tcp: reachable from this host only */
    unsigned port;    /* tcp */
    char host[ENDPOINT_HOST_BYTES]; /* tcp: without brackets */
    const char *path; /* ipc: a view into the text */
};

/* OK; ERR_INVALID and a sentence in *ret_reason (static text) that says what is wrong. */
int
endpoint_parse(const char *text, struct endpoint *ret_endpoint, const char **ret_reason);

/* Whether both could not be bound at one time. */
bool
endpoint_overlaps(const struct endpoint *a, const struct endpoint *b);

/* What a worker on the same host connects to, for an endpoint that was parsed OK: a wildcard becomes the loopback
 * address. */
void
endpoint_connect_text(const char *text, char *ret_text, size_t size);

#endif
