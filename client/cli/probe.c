/* probe.c - why does no broker answer?; see probe.h. */
#include "client/cli/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PROBE_MS = 1000 };

/* Try to connect: 0 or an errno. */
static int
try_connect(const struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    socklen_t error_size = sizeof error;

    if (fd < 0)
        return errno;
    if (connect(fd, address, size) != 0) {
        error = errno;
        if (error == EINPROGRESS) {
            struct pollfd wanted = {.fd = fd, .events = POLLOUT};

            error = ETIMEDOUT;
            if (poll(&wanted, 1, PROBE_MS) == 1)
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
        }
    }
    close(fd);
    return error;
}

static enum probe
explain(int error, char text[static PROBE_TEXT_BYTES])
{
    if (error == 0) {
        snprintf(text, PROBE_TEXT_BYTES, "something listens there, but it does not speak SPIT/1 to clients "
                 "(is it the endpoint for workers or events?)");
        return PROBE_LISTENS;
    }
    if (error == ECONNREFUSED)
        snprintf(text, PROBE_TEXT_BYTES, "nothing listens there (connection refused)");
    else
        snprintf(text, PROBE_TEXT_BYTES, "%s", strerror(error));
    return PROBE_ABSENT;
}

static enum probe
say(enum probe probe, const char *sentence, char text[static PROBE_TEXT_BYTES])
{
    snprintf(text, PROBE_TEXT_BYTES, "%s", sentence);
    return probe;
}

static enum probe
probe_ipc(const char *path, char text[static PROBE_TEXT_BYTES])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat facts;

    if (strlen(path) >= sizeof address.sun_path)
        return say(PROBE_ABSENT, "the path is too long for a socket", text);
    if (path[0] != '@' && stat(path, &facts) != 0)
        return say(PROBE_ABSENT, errno == ENOENT ? "there is no such socket file" : strerror(errno), text);
    strcpy(address.sun_path, path);
    if (path[0] == '@') /* Linux: a name that is no file */
        address.sun_path[0] = '\0';
    return explain(try_connect((struct sockaddr *)&address,
                               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))), text);
}

/* Only numbers are tried: what is behind a name may be several hosts, and the client has tried them. */
static enum probe
probe_name(const char *host, char text[static PROBE_TEXT_BYTES])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int status = getaddrinfo(host, NULL, &hints, &found);

    if (status == 0) {
        freeaddrinfo(found);
        return say(PROBE_UNKNOWN, "nothing came back", text);
    }
    snprintf(text, PROBE_TEXT_BYTES, "the host \"%.100s\" cannot be found: %s", host, gai_strerror(status));
    return PROBE_ABSENT;
}

static enum probe
probe_tcp(const char *host_and_port, char text[static PROBE_TEXT_BYTES])
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const char *colon = strrchr(host_and_port, ':');
    char host[256];

    if (!colon)
        return say(PROBE_ABSENT, "the address has no port", text);
    v4.sin_port = v6.sin6_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    snprintf(host, sizeof host, "%.*s", (int)(colon - host_and_port), host_and_port);
    if (host[0] == '[' && host[strlen(host) - 1] == ']') {
        memmove(host, host + 1, strlen(host));
        host[strlen(host) - 1] = '\0';
    }
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4.sin_addr) == 1)
        return explain(try_connect((struct sockaddr *)&v4, sizeof v4), text);
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        return explain(try_connect((struct sockaddr *)&v6, sizeof v6), text);
    return probe_name(host, text);
}

enum probe
probe_endpoint(const char *endpoint, char text[static PROBE_TEXT_BYTES])
{
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return probe_ipc(endpoint + 6, text);
    if (strncmp(endpoint, "tcp://", 6) == 0)
        return probe_tcp(endpoint + 6, text);
    return say(PROBE_UNKNOWN, "nothing came back", text);
}
