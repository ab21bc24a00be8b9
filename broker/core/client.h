/* client.h - one session of a client: the record, its life, and what it holds. Sends nothing. */
#ifndef SNAKEPIT_CORE_CLIENT_H
#define SNAKEPIT_CORE_CLIENT_H

#include "broker/core/hash.h"
#include "broker/core/heap.h"
#include "wire/message.h"

struct task;

enum client_state {
    CLIENT_NEW,
    CLIENT_ATTACHED, /* connected */
    CLIENT_DETACHED, /* its connection ended, it may come back; `timer` runs, then it waits for its last task */
    CLIENT_GONE,     /* will not come back; stays only until its last task has ended */
    CLIENT_STATES,
};

struct client {
    uint64_t session;
    uint32_t peer;     /* 0: not connected */
    uint8_t state;     /* enum client_state; changed by client_become only */
    bool is_anonymous; /* sent no HELLO: nothing is kept for it, and `instance` is nothing */
    bool is_cancelling; /* on_disconnect = cancel */
    bool is_vacant;    /* in broker.vacant: detached, and it held nothing then */
    bool is_departed;  /* in broker.departed_clients: freed at the end of the turn */
    uint8_t instance[INSTANCE_BYTES];
    UT_hash_handle hh; /* in broker.clients_by_instance; not when anonymous or gone */
    struct client *prev, *next;               /* broker.clients, or broker.departed_clients */
    struct client *vacant_prev, *vacant_next; /* broker.vacant, oldest first */
    struct heap_node timer;                   /* DETACHED: client_retention */
    char name[LABEL_BYTES_MAX + 1];

    struct task *live; /* not final, oldest first; linked by older and younger, as are the next two */
    uint64_t live_count;
    uint64_t live_bytes;
    struct task *sent;   /* final messages sent on this connection and not seen yet, in the order of sending */
    struct task *unsent; /* final messages not sent on this connection, oldest first */
    uint64_t kept_count; /* of both */
    uint64_t kept_bytes;
    uint64_t finals_sent; /* on this connection since the WELCOME: what SEEN counts */
};

/* Make a client in state NEW. `hello` is NULL for an anonymous one. */
struct client *
client_new(uint64_t session, const struct hello *hello);

/* Take over what a HELLO says; the client is not anonymous any more. */
void
client_introduce(struct client *client, const struct hello *hello);

/* Frees a client that holds nothing. */
void
client_destroy(struct client **client_p);

/* The only function that changes `state`. */
void
client_become(struct client *client, enum client_state state);

static inline bool
client_holds_nothing(const struct client *client)
{
    return client->live_count == 0 && client->kept_count == 0;
}

/* --- its tasks ------------------------------------------------------------------------------------------------ */

void
client_add_live(struct client *client, struct task *task);

void
client_remove_live(struct client *client, struct task *task);

/* Keep a final task: behind those that were sent when the client is connected, and it then gets its position; else
 * with the unsent. */
void
client_keep(struct client *client, struct task *task);

/* A kept task is no longer kept. */
void
client_unkeep(struct client *client, struct task *task);

/* The connection ended: on the next one, nothing was sent yet. */
void
client_forget_sent(struct client *client);

/* The kept task that is kept for longest, or NULL. */
struct task *
client_oldest_kept(const struct client *client);

void
client_check(const struct client *client);

#endif
