/* net.h - connections of the simulated world: ordered, slow, and lost with all that is under way on them. */
#ifndef SNAKEPIT_SIM_NET_H
#define SNAKEPIT_SIM_NET_H

#include "world.h"

/* Open a connection with the smallest free number. False when all numbers are taken; *line is unchanged then. */
bool
net_connect(struct world *world, enum side side, uint32_t actor, struct line *line);

bool
net_is_open(const struct world *world, const struct line *line);

/* Send to the broker. Without an open connection it is lost, as with a socket that is closed. */
void
net_send(struct world *world, const struct line *line, const struct message *message);

/* Put a message of the broker under way to this peer. */
void
net_deliver(struct world *world, enum side side, uint32_t peer, const struct message *message);

/* End a connection on the peer's side. What is under way to the peer is lost; what is under way to the broker may be.
 * The broker sees it after a while. */
void
net_cut(struct world *world, struct line *line, int64_t seen_after_us);

/* Whether an entry of the agenda still belongs to a connection that stands at the broker's end. */
bool
net_reaches_broker(const struct world *world, const struct agenda_entry *entry);

/* The connection at the peer's end of a DUE_AT_PEER, or NULL when it was cut. */
const struct connection *
net_reaches_peer(const struct world *world, const struct agenda_entry *entry);

/* The broker was told of the end: the number is free. */
void
net_forget(struct world *world, enum side side, uint32_t peer);

/* The broker's process ended: all connections are gone at both ends. */
void
net_cut_all(struct world *world);

/* How an entry's `who` names a connection. */
uint32_t
net_who(enum side side, uint32_t peer);

enum side
net_side(uint32_t who);

uint32_t
net_peer(uint32_t who);

#endif
