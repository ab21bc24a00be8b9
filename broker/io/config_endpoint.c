/* config_endpoint.c - addresses; see config_endpoint.h. */
#include "broker/io/config_endpoint.h"

#include "wire/err.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static int
parse_ipc(const char *path, struct endpoint *ret_endpoint, const char **ret_reason)
{
    if (path[0] != '/') {
        *ret_reason = "the path of an ipc endpoint must be absolute, since workers may run in another directory: "
                      "\"ipc:///run/snakepit/clients\"";
        return ERR_INVALID;
    }
    if (strlen(path) >= sizeof ((struct sockaddr_un *)NULL)->sun_path) {
        *ret_reason = "the path of an ipc endpoint may have at most 107 bytes";
        return ERR_INVALID;
    }
    *ret_endpoint = (struct endpoint){.is_ipc = true, .path = path};
    return OK;
}

/* Whether `host` is a numeric address; fills is_wildcard and is_loopback. */
static bool
classify_host(struct endpoint *endpoint)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (strcmp(endpoint->host, "*") == 0) {
        endpoint->is_wildcard = true;
        return true;
    }
    if (inet_pton(AF_INET, endpoint->host, &v4) == 1) {
        endpoint->is_wildcard = v4.s_addr == htonl(INADDR_ANY);
        endpoint->is_loopback = ntohl(v4.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, endpoint->host, &v6) == 1) {
        endpoint->is_wildcard = IN6_IS_ADDR_UNSPECIFIED(&v6);
        endpoint->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6);
        return true;
    }
    return false;
}

static int
parse_tcp(const char *address, struct endpoint *ret_endpoint, const char **ret_reason)
{
    struct endpoint endpoint = {0};
    const char *colon = strrchr(address, ':');
    const char *host = address;
    char *end = NULL;

    if (!colon || colon[1] < '0' || colon[1] > '9') {
        *ret_reason = "a tcp endpoint ends in a port number: \"tcp://127.0.0.1:5570\"";
        return ERR_INVALID;
    }
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port < 1 || port > 65535) {
        *ret_reason = "the port must be a number from 1 to 65535";
        return ERR_INVALID;
    }
    size_t host_size = (size_t)(colon - host);
    if (host_size >= 2 && host[0] == '[' && host[host_size - 1] == ']') {
        host++;
        host_size -= 2;
    }
    endpoint.port = (unsigned)port;
    if (host_size < sizeof endpoint.host)
        memcpy(endpoint.host, host, host_size);
    if (!classify_host(&endpoint) || (strchr(endpoint.host, ':') && host == address)) {
        *ret_reason = "the address must be numeric: \"tcp://127.0.0.1:5570\", \"tcp://[::1]:5570\", or * for every "
                      "interface";
        return ERR_INVALID;
    }
    *ret_endpoint = endpoint;
    return OK;
}

int
endpoint_parse(const char *text, struct endpoint *ret_endpoint, const char **ret_reason)
{
    if (strncmp(text, "ipc://", 6) == 0)
        return parse_ipc(text + 6, ret_endpoint, ret_reason);
    if (strncmp(text, "tcp://", 6) == 0)
        return parse_tcp(text + 6, ret_endpoint, ret_reason);
    *ret_reason = "an endpoint begins with tcp:// or ipc://";
    return ERR_INVALID;
}

bool
endpoint_overlaps(const struct endpoint *a, const struct endpoint *b)
{
    if (a->is_ipc != b->is_ipc)
        return false;
    if (a->is_ipc)
        return strcmp(a->path, b->path) == 0;
    return a->port == b->port && (a->is_wildcard || b->is_wildcard || strcmp(a->host, b->host) == 0);
}

void
endpoint_connect_text(const char *text, char *ret_text, size_t size)
{
    struct endpoint endpoint;
    const char *reason;

    if (endpoint_parse(text, &endpoint, &reason) != OK || !endpoint.is_wildcard) {
        snprintf(ret_text, size, "%s", text);
        return;
    }
    const char *loopback = strchr(endpoint.host, ':') ? "[::1]" : "127.0.0.1";
    snprintf(ret_text, size, "tcp://%s:%u", loopback, endpoint.port);
}
