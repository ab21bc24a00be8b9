/* settings.h - compares two configurations of one pool: would its workers be started otherwise? */
#ifndef SNAKEPIT_AGENT_SETTINGS_H
#define SNAKEPIT_AGENT_SETTINGS_H

#include "broker/io/config.h"

/* Whether workers of both are started in the same way: program, arguments, directory, environment. How many there are,
 * and how they are replaced, does not count. */
bool
settings_equal(const struct pool_config *a, const struct pool_config *b);

#endif
