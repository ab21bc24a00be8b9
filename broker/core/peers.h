/* peers.h - which session speaks over which connection: one array per side, since peer numbers are small and dense.
 * Owns no session. */
#ifndef SNAKEPIT_CORE_PEERS_H
#define SNAKEPIT_CORE_PEERS_H

#include <stdbool.h>
#include <stdint.h>

struct peer {
    void *session;    /* struct client or struct worker; NULL: none */
    void *agent;      /* struct agent, which speaks on the workers' side; then `session` is NULL */
    bool is_asked;    /* REHELLO was sent, and nothing heard since that could be an answer */
    bool is_replaced; /* its session speaks over another connection now: only HELLO and HEARTBEAT are heard */
};

struct peers {
    struct peer *array;
    uint32_t count;
};

void
peers_init(struct peers *peers);

void
peers_fini(struct peers *peers);

/* The entry of a peer, made when it is new. Valid until the next call. */
struct peer *
peers_get(struct peers *peers, uint32_t number);

#endif
