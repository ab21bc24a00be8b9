/* doctor_endpoint.c - the addresses of the broker: does it answer, and can they be bound? */
#include "client/cli/doctor.h"
#include "client/cli/field.h"
#include "client/cli/probe.h"
#include "client/cli/socket_owner.h"
#include "client/cli/units.h"

#include "broker/io/config_endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libgen.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ADDRESS_BYTES = 512, PING_TIMEOUT_US = 1000000 };

static const char *const endpoint_names[] = {"clients", "workers", "events"};

/* --- the broker ----------------------------------------------------------------------------------------------- */

/* What was named on the command line or in the environment, else the configuration's. */
static void
find_address(const struct doctor *doctor, char address[static ADDRESS_BYTES])
{
    if (doctor->config && strcmp(doctor->cli->endpoint, SNAKEPIT_ENDPOINT_DEFAULT) == 0)
        endpoint_connect_text(doctor->config->clients_endpoint, address, ADDRESS_BYTES);
    else
        snprintf(address, ADDRESS_BYTES, "%s", doctor->cli->endpoint);
}

/* Take the version out of the answer to `ping`. SNAKEPIT_OK, or the status of what failed. */
static int
ping(struct doctor *doctor, struct snakepit_client *client, int timeout_ms)
{
    struct snakepit_result *result = NULL;
    struct snakepit_value value;
    int status = snakepit_connect(client, timeout_ms);

    if (status == SNAKEPIT_OK)
        status = snakepit_admin(client, "ping", NULL, 0, timeout_ms, &result);
    if (status == SNAKEPIT_OK && snakepit_result_value(result, &value) == SNAKEPIT_OK)
        field_text(&value, "version", doctor->broker_version, sizeof doctor->broker_version);
    snakepit_result_destroy(&result);
    return status;
}

void
doctor_check_broker(struct doctor *doctor)
{
    char address[ADDRESS_BYTES], reason[PROBE_TEXT_BYTES], took[UNITS_TEXT_BYTES];
    struct snakepit_client *client;
    int64_t start_us = cli_now_us();
    int status;

    find_address(doctor, address);
    client = snakepit_client_new(&(struct snakepit_client_options){.endpoint = address, .name = "snakepit-doctor"});
    if (!client) {
        findings_add(&doctor->findings, VERDICT_FAIL, "broker", "write tcp://HOST:PORT or ipc://PATH",
                     "\"%s\" is not an endpoint", address);
        return;
    }
    /* The library would wait for a broker to come. */
    status = probe_endpoint(address, reason) == PROBE_ABSENT
                 ? SNAKEPIT_TIMEOUT
                 : ping(doctor, client, cli_timeout_ms(doctor->cli, PING_TIMEOUT_US));
    units_format_duration(took, (double)(cli_now_us() - start_us) / 1e6);
    if (status == SNAKEPIT_OK && strcmp(doctor->broker_version, SNAKEPIT_VERSION) != 0)
        findings_add(&doctor->findings, VERDICT_WARN, "broker", "use the same version everywhere",
                     "snakepitd %s answers at %s, and this is %s", doctor->broker_version, address, SNAKEPIT_VERSION);
    else if (status == SNAKEPIT_OK)
        findings_add(&doctor->findings, VERDICT_OK, "broker", NULL, "snakepitd %s answers at %s (%s)",
                     doctor->broker_version, address, took);
    else if (status == SNAKEPIT_REFUSED)
        findings_add(&doctor->findings, VERDICT_WARN, "broker", NULL, "the broker at %s refuses: %s", address,
                     snakepit_last_error(client));
    else
        findings_add(&doctor->findings, VERDICT_WARN, "broker", "start one with snakepitd -c FILE",
                     "no broker answers at %s: %s", address, reason);
    snakepit_client_destroy(&client);
}

/* --- tcp ------------------------------------------------------------------------------------------------------ */

/* What bind says of the address, with the options that libzmq sets: 0 or an errno. */
static int
try_bind(const struct endpoint *endpoint)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found;
    char port[16];
    int yes = 1, error = 0, fd;

    snprintf(port, sizeof port, "%u", endpoint->port);
    if (getaddrinfo(endpoint->is_wildcard ? NULL : endpoint->host, port, &hints, &found) != 0)
        return EADDRNOTAVAIL;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    freeaddrinfo(found);
    return error;
}

static bool
is_broker(const struct socket_owner *owner)
{
    return strcmp(owner->name, "snakepitd") == 0;
}

/* Somebody else's socket is a failure for a configuration that wants the address, and worth a word otherwise. */
static enum verdict
verdict_when_taken(const struct doctor *doctor)
{
    return doctor->config ? VERDICT_FAIL : VERDICT_WARN;
}

static void
tell_owner(struct doctor *doctor, const char *name, const char *text, const struct socket_owner *owner)
{
    char remedy[128];

    snprintf(remedy, sizeof remedy, "end that process, or set another address as endpoints.%s", name);
    if (!owner)
        findings_add(&doctor->findings, doctor->broker_version[0] ? VERDICT_OK : VERDICT_WARN, "endpoint",
                     doctor->broker_version[0] ? NULL : remedy, "%s: %s is in use%s", name, text,
                     doctor->broker_version[0] ? "" : " by a process of another user");
    else if (is_broker(owner))
        findings_add(&doctor->findings, VERDICT_OK, "endpoint", NULL, "%s: %s is served by snakepitd (process %d)", name,
                     text, (int)owner->pid);
    else
        findings_add(&doctor->findings, verdict_when_taken(doctor), "endpoint", remedy,
                     "%s: %s is taken by %s (process %d)", name, text, owner->name, (int)owner->pid);
}

static void
check_tcp(struct doctor *doctor, const char *name, const char *text, const struct endpoint *endpoint)
{
    struct socket_owner owner;
    int error = try_bind(endpoint);

    if (error == 0)
        findings_add(&doctor->findings, VERDICT_OK, "endpoint", NULL, "%s: %s is free", name, text);
    else if (error == EADDRINUSE)
        tell_owner(doctor, name, text, socket_owner_of_port(endpoint->port, &owner) == OK ? &owner : NULL);
    else
        findings_add(&doctor->findings, VERDICT_FAIL, "endpoint",
                     error == EACCES ? "ports below 1024 need CAP_NET_BIND_SERVICE" : "bind an address of this machine",
                     "%s: %s cannot be bound: %s", name, text, strerror(error));
}

/* --- ipc ------------------------------------------------------------------------------------------------------ */

static bool
folder_is_writable(const char *path)
{
    char *copy = strdup(path);
    bool is_writable;

    if (!copy)
        abort();
    is_writable = access(dirname(copy), W_OK | X_OK) == 0;
    free(copy);
    return is_writable;
}

static void
check_ipc(struct doctor *doctor, const char *name, const char *text, const char *path)
{
    struct socket_owner owner;
    struct stat facts;

    if (strlen(path) >= sizeof ((struct sockaddr_un *)0)->sun_path)
        findings_add(&doctor->findings, VERDICT_FAIL, "endpoint", "use a path of at most 107 bytes",
                     "%s: the path of %s is too long for a socket", name, text);
    else if (socket_owner_of_path(path, &owner) == OK)
        tell_owner(doctor, name, text, &owner);
    else if (!folder_is_writable(path))
        findings_add(&doctor->findings, VERDICT_FAIL, "endpoint",
                     "make the folder, and let the user of snakepitd write there", "%s: the folder of %s: %s", name, text,
                     strerror(errno));
    else if (lstat(path, &facts) == 0 && !S_ISSOCK(facts.st_mode))
        findings_add(&doctor->findings, VERDICT_FAIL, "endpoint", "remove it, or use another path",
                     "%s: a file that is not a socket is in the way of %s", name, text);
    else
        findings_add(&doctor->findings, VERDICT_OK, "endpoint", NULL, "%s: %s is free", name, text);
}

void
doctor_check_endpoints(struct doctor *doctor)
{
    const char *const defaults[] = {"tcp://127.0.0.1:5570", "tcp://127.0.0.1:5571", "tcp://127.0.0.1:5572"};
    const struct config *config = doctor->config;
    const char *const own[] = {config ? config->clients_endpoint : NULL, config ? config->workers_endpoint : NULL,
                               config ? config->events_endpoint : NULL};
    const char *const *addresses = config ? own : defaults;

    for (size_t i = 0; i < 3; i++) {
        struct endpoint endpoint;
        const char *reason;

        if (!addresses[i] || endpoint_parse(addresses[i], &endpoint, &reason) != OK)
            continue;
        if (endpoint.is_ipc)
            check_ipc(doctor, endpoint_names[i], addresses[i], endpoint.path);
        else
            check_tcp(doctor, endpoint_names[i], addresses[i], &endpoint);
    }
}
