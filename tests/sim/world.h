/* world.h - everything outside of the broker in one seed: clock, connections, clients, workers, operator, and chance.
 * Knows what peers know; never looks into the broker, and never judges it (that is the oracle's). */
#ifndef SNAKEPIT_SIM_WORLD_H
#define SNAKEPIT_SIM_WORLD_H

#include "agenda.h"
#include "history.h"
#include "parcel.h"
#include "rng.h"
#include "tally.h"

#include "broker/core/broker.h"

enum {
    POOLS_MAX = 4,
    CLIENTS_MAX = 8,
    WORKERS_MAX = 12,
    AGENTS_MAX = 2,
    PEERS_MAX = 64,  /* connections of one side that the broker knows at one time */
    OFFERS_MAX = 64, /* submissions that one client remembers */
    RUNS_MAX = 64,   /* tasks that one worker holds */
    FOREIGN_MAX = 16,
    SCHEDULES_SIM_MAX = 3,
    BYTES_UNLIMITED = 1000000000, /* more than a seed can hold */
};

/* What is on the agenda. */
enum due {
    DUE_AT_BROKER, /* thing: parcel */
    DUE_AT_PEER,   /* thing: parcel */
    DUE_GONE,      /* the broker sees a connection end */
    DUE_CLIENT,    /* a client wakes */
    DUE_WORKER,    /* a worker wakes */
    DUE_AGENT,     /* an agent wakes */
    DUE_SPAWN,     /* a replacement has started; who: the worker */
    DUE_RUN,       /* a worker has finished a task; generation: the run's fence */
    DUE_OPERATOR,
    DUE_PAUSE,     /* the broker stops for a while */
    DUE_UNPAUSE,
    DUE_RELOAD, /* another configuration: pools come, change and go */
    DUE_KILL, /* the broker is killed, and started again */
};

struct connection {
    bool is_known; /* the broker has not been told that it ended: the number is in use */
    bool is_open;  /* the peer still has it */
    uint32_t actor;
    uint64_t generation;
    int64_t in_us, out_us; /* arrival of the latest message each way: order is kept */
};

/* Where an actor is connected. peer 0: nowhere. */
struct line {
    enum side side;
    uint32_t peer;
    uint64_t generation;
};

struct offer {
    struct parcel *submit; /* NULL: unused */
    bool is_open;          /* neither final nor refused */
    bool is_elsewhere;     /* it was offered on an earlier connection, too */
    uint64_t generation;   /* of the connection on which it was offered last; 0: none */
    uint64_t read;         /* chunks of its stream, by their number, of */
    uint32_t attempt;      /* this attempt */
};

/* How a client behaves; chances are per thousand wakings. */
struct client_mood {
    bool says_hello;
    enum on_disconnect on_disconnect;
    int64_t wake_us;
    unsigned burst_max;
    unsigned submit, offer_again, cancel, cut, vanish, seen, wrong, second_hello, takeover, bye;
    bool bytes_ids, attaches, streams, acks, hurries, delays;
    uint32_t payload_max;
    unsigned shares; /* its tasks have dedup keys, from the world's other chance */
};

struct sim_client {
    uint32_t index;
    uint64_t life; /* counts its processes */
    struct line line;
    uint8_t instance[INSTANCE_BYTES];
    struct client_mood mood;
    uint64_t next_id;
    uint64_t finals; /* on this connection, since WELCOME */
    struct offer offers[OFFERS_MAX];
};

struct run {
    uint64_t fence; /* 0: unused */
    uint64_t content;
    bool has_begun;
    bool is_silent; /* never answered, unless all is healed */
    bool asked_to_cancel;
    bool is_stream;
    uint64_t sent, parts;  /* chunks of a stream with credit, and how many there will be; 0: it has no credit */
    uint64_t allowed;
    bool is_blocked;       /* until there is credit */
    bool is_waiting;       /* for a slot */
};

struct worker_mood {
    uint32_t slots;
    int64_t wake_us, run_us;
    unsigned kill, cut, resume, lie, duplicate, stale, foreign, nack, silent, fail, stall, drain, bye, wrong, second_hello,
        started, obeys_cancel, obeys_raise, ignores_stop, greedy;
};

struct sim_worker {
    uint32_t index;
    uint64_t life;
    struct line line;
    uint32_t pool;
    struct worker_mood mood;
    uint64_t session; /* 0: none yet */
    bool is_stalled;  /* on purpose */
    bool is_draining;
    int64_t stop_by_us; /* it ends by then; 0: when its tasks have ended */
    int64_t beat_us; /* last sign of life */
    struct run runs[RUNS_MAX];
    uint64_t old_fences[FOREIGN_MAX];
    uint32_t old_count;
    uint64_t agent;         /* number of its agent; 0: none */
    uint64_t replaces;      /* session whose place this process takes */
    uint64_t next_replaces; /* of the process that follows */
    bool is_off;            /* no process */
    bool is_starting;       /* it will be one */
    bool is_doomed;         /* when it ends, it is not started again */
    bool is_spare;          /* not one of those that its agent wants */
};

/* Keeps workers of all pools; chances are per thousand. */
struct sim_agent {
    uint32_t index;
    struct line line;
    uint64_t number;
    int64_t wake_us, beat_us;
    unsigned cut, fail, no_memory, changed;
};

struct world {
    struct rng rng;
    struct rng shares;  /* the same for limits and fair keys */
    bool has_shares;
    struct rng reloads; /* a chance of its own, so that worlds without reloads stay what they were */
    struct rng ladders; /* the same, for worlds in which running tasks are ended, and streams have credit */
    bool has_ladders;
    int64_t now_us;
    int64_t scale_us; /* a round trip, about; all other times are multiples */
    struct agenda agenda;
    struct history history;
    struct tally tally;
    uint64_t contents;          /* numbers given to payloads */
    uint64_t attachments_alive;
    struct broker_settings settings;
    struct pool_settings pools[POOLS_MAX];
    uint32_t pool_count;
    struct connection connections[2][PEERS_MAX + 1];
    uint64_t generations;
    unsigned loss;          /* permille of messages that are lost with their connection */
    int64_t heartbeat_us;   /* as WELCOME said */
    uint64_t fences[FOREIGN_MAX]; /* some fences that were dispatched to somebody */
    uint64_t fence_count;
    uint64_t last_task; /* a broker's number that an ACCEPTED told */
    struct sim_client clients[CLIENTS_MAX];
    struct sim_worker workers[WORKERS_MAX];
    struct sim_agent agents[AGENTS_MAX];
    uint32_t client_count, worker_count, agent_count;
    bool has_agents;
    bool has_keys;     /* clients use dedup keys */
    bool has_schedules; /* operators set some, and take them away */
    struct rng mishaps; /* of retries, kinds of failures and dead tasks, apart, too */
    struct rng extras; /* of what pools may be set to besides, apart for the same reason */
    struct rng fate; /* of agents, apart, so that worlds without them stay what they were */
    struct rng ahead;    /* of what is sent ahead, apart for the same reason */
    bool has_ahead;
    struct rng order;    /* of groups, apart for the same reason */
    unsigned groups;     /* permille of tasks that have one */
    struct rng bonds;    /* of sessions, apart as well */
    bool has_suspects;   /* else a task is dead with its first worker. A session has them, or workers with several slots */
    unsigned sessions;   /* the same; never together with has_shares: whose turn it is would be the broker's secret */
    bool checks_all; /* the oracle is to check all after each step */
    bool is_healed; /* no more faults; all want to finish */
    uint64_t parcels; /* under way */
};

/* Draw a world from its seed and put everybody's first deed on the agenda. */
void
world_init(struct world *world, uint64_t seed);

/* Other limits of how much of this pool, and of each key, runs and starts. */
void
world_draw_shares(struct world *world, struct pool_settings *pool);

/* The limits and intervals that were drawn, for people. */
void
world_print(const struct world *world, FILE *out);

/* Frees what is under way and what actors hold. */
void
world_fini(struct world *world);

/* An actor wakes or a task's run ends: not a matter of the broker. */
void
world_act(struct world *world, const struct agenda_entry *entry);

/* Draw a schedule: its strings are there for ever. */
void
world_draw_schedule(struct world *world, struct schedule_settings *ret_settings);

/* The name of the index-th. */
const char *
world_schedule_name(uint32_t index);

/* Carry out a SEND of the broker: copy it and put it under way. */
void
world_carry(struct world *world, const struct action *action);

/* A parcel arrives at its peer. Frees it. */
void
world_arrive(struct world *world, const struct agenda_entry *entry);

/* End all faults: whoever is gone returns, works, and asks for what it has not got. */
void
world_heal(struct world *world);

/* Whether a living client still waits for a task. */
bool
world_is_waiting(const struct world *world);

#endif
