/* kit.h - a broker on the bench: feed it events, read what it did. Every step ends with broker_check.
 *
 * The outbox shows what the last step did; the next step clears it. Peers are numbered by the test; a client's instance
 * and a task's id are small numbers, too. */
#ifndef SNAKEPIT_TESTS_CORE_KIT_H
#define SNAKEPIT_TESTS_CORE_KIT_H

#include "broker/core/broker.h"

#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)

struct kit {
    struct broker *broker;
    struct outbox outbox;
    int64_t now_us;
    int status; /* of the last event */
};

/* A broker with the pools `text` and `numbers` and small intervals: heartbeat 1 s, grace 500 ms, retention 60 s. */
void
kit_init(struct kit *kit);

/* The same with these settings; the pools have `pool`'s limits. NULL: as above. */
void
kit_init_with(struct kit *kit, const struct broker_settings *settings, const struct pool_settings *pool);

void
kit_settings(struct broker_settings *settings);

void
kit_fini(struct kit *kit);

/* --- steps ---------------------------------------------------------------------------------------------------- */

void
kit_event(struct kit *kit, const struct event *event);

/* Let time pass and tick. */
void
kit_pass(struct kit *kit, int64_t us);

/* Go from due instant to due instant, as a shell does, until `us` have passed; the outbox shows all that was done. */
void
kit_live_through(struct kit *kit, int64_t us);

void
kit_command(struct kit *kit, enum side side, uint32_t peer, const struct message *message);

/* A command without fields, or where they do not matter. */
void
kit_verb(struct kit *kit, enum side side, uint32_t peer, enum verb verb);

void
kit_gone(struct kit *kit, enum side side, uint32_t peer);

/* HELLO of a client; returns its session, or 0 when it was refused. */
uint64_t
kit_client(struct kit *kit, uint32_t peer, uint8_t instance);

struct hello
kit_client_hello(uint8_t instance);

/* HELLO of a worker; returns its session, or 0 when it was refused. */
uint64_t
kit_worker(struct kit *kit, uint32_t peer, const char *pool, uint32_t slots);

struct hello
kit_worker_hello(const char *pool, uint32_t slots);

/* HELLO of an agent with this number that keeps `wanted` workers of the pool `text`; returns its session, or 0. */
uint64_t
kit_agent(struct kit *kit, uint32_t peer, uint64_t number, uint32_t wanted);

/* HELLO of a worker of `text` that an agent started; `pid` is also its name. Returns its session, or 0. */
uint64_t
kit_agents_worker(struct kit *kit, uint32_t peer, uint64_t agent, uint64_t pid, uint64_t replaces);

/* What agents tell. */
void
kit_uses(struct kit *kit, uint32_t peer, uint64_t pid, uint64_t rss_bytes);

void
kit_exited(struct kit *kit, uint32_t peer, const struct exited *exited);

void
kit_pool_says(struct kit *kit, uint32_t peer, const struct pool_report *report);

/* The operator's wish: replace this worker, or (0) all of `text`. Returns how many will be. */
uint64_t
kit_recycle(struct kit *kit, uint64_t worker);

uint64_t
kit_hello(struct kit *kit, enum side side, uint32_t peer, const struct hello *hello);

/* SUBMIT to the pool `text`, with defaults that the caller may change before kit_offer. */
struct submit
kit_task(uint64_t id);

void
kit_offer(struct kit *kit, uint32_t peer, const struct submit *submit);

void
kit_submit(struct kit *kit, uint32_t peer, uint64_t id);

void
kit_cancel(struct kit *kit, uint32_t peer, uint64_t id);

void
kit_seen(struct kit *kit, uint32_t peer, uint64_t count);

void
kit_result(struct kit *kit, uint32_t peer, uint64_t fence, const char *value);

void
kit_error(struct kit *kit, uint32_t peer, uint64_t fence, enum error_code code);

void
kit_nack(struct kit *kit, uint32_t peer, uint64_t fence);

void
kit_chunk(struct kit *kit, uint32_t peer, uint64_t fence, uint64_t seq);

/* --- what it did ---------------------------------------------------------------------------------------------- */

/* The first message of this verb that went to the peer, or NULL. */
const struct message *
kit_sent(const struct kit *kit, enum side side, uint32_t peer, enum verb verb);

/* The n-th, from 0. */
const struct message *
kit_sent_nth(const struct kit *kit, enum side side, uint32_t peer, enum verb verb, size_t n);

size_t
kit_count(const struct kit *kit, enum side side, uint32_t peer, enum verb verb);

/* The fence of the first TASK that went to the worker, or 0. */
uint64_t
kit_fence(const struct kit *kit, uint32_t peer);

/* The code of the first ERROR that went to the client, or ERROR_NONE. */
enum error_code
kit_client_error(const struct kit *kit, uint32_t peer);

enum error_code
kit_worker_error(const struct kit *kit, uint32_t peer);

/* The first note of this kind, or NULL. */
const struct note *
kit_note(const struct kit *kit, enum note_kind kind);

size_t
kit_count_notes(const struct kit *kit, enum note_kind kind);

bool
kit_is_shut(const struct kit *kit);

/* --- views ---------------------------------------------------------------------------------------------------- */

struct bytes
bytes_of(const char *text);

bool
bytes_are(struct bytes bytes, const char *text);

struct pool_stats
kit_pool(const struct kit *kit, const char *name);

struct broker_stats
kit_stats(const struct kit *kit);

/* The state of the first worker with this session, or "none". */
const char *
kit_worker_state(const struct kit *kit, uint64_t session);

/* --- suites --------------------------------------------------------------------------------------------------- */

/* A suite whose tests find a fresh `kit`, in which so many clients have said hello: peers and instances from 1 on. */
#define KIT_SUITE(suite, clients)                                                                                      \
    static struct kit kit;                                                                                             \
                                                                                                                       \
    static void                                                                                                        \
    set_up(void)                                                                                                       \
    {                                                                                                                  \
        kit_init(&kit);                                                                                                \
        for (uint32_t number = 1; number <= (clients); number++)                                                       \
            kit_client(&kit, number, number);                                                                          \
    }                                                                                                                  \
                                                                                                                       \
    static void                                                                                                        \
    tear_down(void)                                                                                                    \
    {                                                                                                                  \
        kit_fini(&kit);                                                                                                \
    }                                                                                                                  \
                                                                                                                       \
    TestSuite(suite, .init = set_up, .fini = tear_down)

#endif
