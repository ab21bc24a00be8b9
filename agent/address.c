/* address.c - an endpoint from a host or a configuration; see address.h. */
#include "agent/address.h"

#include "wire/err.h"

#include <stdio.h>
#include <string.h>

/* A host name, an IPv4 address, or an IPv6 address in brackets. */
static bool
is_host(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

    if (text[0] == '[')
        return strspn(text + 1, "0123456789abcdefABCDEF:.%") + 2 == strlen(text) && text[strlen(text) - 1] == ']';
    return text[0] != '\0' && text[strspn(text, letters)] == '\0';
}

int
address_find(const struct config *config, const char *connect, char ret_address[ADDRESS_BYTES])
{
    if (connect == NULL) {
        config_worker_address(config, ret_address, ADDRESS_BYTES);
        return OK;
    }
    bool is_endpoint = strncmp(connect, "tcp://", 6) == 0 || strncmp(connect, "ipc://", 6) == 0;
    if (is_endpoint && connect[6] != '\0' && strlen(connect) < ADDRESS_BYTES) {
        strcpy(ret_address, connect);
        return OK;
    }
    const char *port = strrchr(config->workers_endpoint, ':');
    if (!is_host(connect) || strncmp(config->workers_endpoint, "tcp://", 6) != 0 || port == NULL)
        return ERR_INVALID;
    int size = snprintf(ret_address, ADDRESS_BYTES, "tcp://%s%s", connect, port);
    return size < ADDRESS_BYTES ? OK : ERR_INVALID;
}
