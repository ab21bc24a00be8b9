/* host.c - can the host of an endpoint be found at all?; see host.h. */
#include "client/lib/host.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool
host_is_unknown(const char *endpoint, char *text, size_t size)
{
    static const char scheme[] = "tcp://";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found = NULL;
    const char *name = endpoint + sizeof scheme - 1;
    char host[256];
    const char *colon;
    int status;

    if (strncmp(endpoint, scheme, sizeof scheme - 1) != 0 || !(colon = strrchr(name, ':')) || name[0] == '[')
        return false;
    if (memchr(name, ';', (size_t)(colon - name))) /* tcp://SOURCE;HOST:PORT */
        name = strchr(name, ';') + 1;
    snprintf(host, sizeof host, "%.*s", (int)(colon - name), name);
    status = getaddrinfo(host, NULL, &hints, &found);
    if (status == EAI_NONAME) {
        hints.ai_flags = 0;
        status = getaddrinfo(host, NULL, &hints, &found);
    }
    if (status == 0) {
        freeaddrinfo(found);
        return false;
    }
    snprintf(text, size, "the host \"%s\" cannot be found: %s", host, gai_strerror(status));
    return true;
}
