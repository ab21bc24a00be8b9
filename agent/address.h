/* address.h - where the broker is, from the configuration and the command line. Connects to nothing. */
#ifndef SNAKEPIT_AGENT_ADDRESS_H
#define SNAKEPIT_AGENT_ADDRESS_H

#include "broker/io/config.h"

enum { ADDRESS_BYTES = 256 };

/* The endpoint for workers and agents. `connect` is an endpoint, or a host, whose port is then that of the configuration's
 * endpoint for workers, or NULL: as the configuration says. OK; ERR_INVALID: it is none of these, or there is no port. */
int
address_find(const struct config *config, const char *connect, char ret_address[ADDRESS_BYTES]);

#endif
