/* sim_client.h - a client of the simulated world with moods: floods, cancels, offers again, vanishes, forgets SEEN. */
#ifndef SNAKEPIT_SIM_CLIENT_H
#define SNAKEPIT_SIM_CLIENT_H

#include "world.h"

/* A new process: new instance, new moods, nothing offered yet. Connects. */
void
client_start(struct world *world, struct sim_client *client);

/* Do one thing, then plan the next waking. */
void
client_wake(struct world *world, struct sim_client *client);

void
client_receive(struct world *world, struct sim_client *client, const struct message *message);

/* The connection is gone, whoever ended it; it may return. */
void
client_heal(struct world *world, struct sim_client *client);

bool
client_is_waiting(const struct sim_client *client);

void
client_fini(struct sim_client *client);

/* Whether this message ends a task for its client. */
bool
message_is_final(const struct message *message);

#endif
