/* kit.c - a broker on the bench; see kit.h. */
#include "tests/core/kit.h"

#include <string.h>

void
kit_settings(struct broker_settings *settings)
{
    broker_settings_init(settings);
    settings->heartbeat_us = SECOND;
    settings->adopt_window_us = 0; /* test_broker_adopt.c has one */
}

void
kit_init_with(struct kit *kit, const struct broker_settings *settings, const struct pool_settings *pool)
{
    struct broker_settings standard;
    struct pool_settings each;

    memset(kit, 0, sizeof *kit);
    kit_settings(&standard);
    kit->now_us = 1000 * SECOND;
    kit->broker = broker_new(settings ? settings : &standard);
    outbox_init(&kit->outbox);
    if (pool)
        each = *pool;
    else
        pool_settings_init(&each, "");
    each.name = "text";
    broker_add_pool(kit->broker, &each);
    each.name = "numbers";
    broker_add_pool(kit->broker, &each);
    broker_tick(kit->broker, kit->now_us, &kit->outbox);
}

void
kit_init(struct kit *kit)
{
    kit_init_with(kit, NULL, NULL);
}

void
kit_fini(struct kit *kit)
{
    outbox_fini(&kit->outbox);
    broker_destroy(&kit->broker);
}

/* --- steps ---------------------------------------------------------------------------------------------------- */

void
kit_event(struct kit *kit, const struct event *event)
{
    outbox_clear(&kit->outbox);
    kit->status = broker_handle(kit->broker, event, kit->now_us, &kit->outbox);
    broker_check(kit->broker);
}

void
kit_pass(struct kit *kit, int64_t us)
{
    outbox_clear(&kit->outbox);
    kit->now_us += us;
    broker_tick(kit->broker, kit->now_us, &kit->outbox);
    broker_check(kit->broker);
}

void
kit_live_through(struct kit *kit, int64_t us)
{
    int64_t end_us = kit->now_us + us;

    outbox_clear(&kit->outbox);
    while (broker_next_due_us(kit->broker) <= end_us) {
        if (broker_next_due_us(kit->broker) > kit->now_us)
            kit->now_us = broker_next_due_us(kit->broker);
        broker_tick(kit->broker, kit->now_us, &kit->outbox);
        broker_check(kit->broker);
    }
    kit->now_us = end_us;
    broker_tick(kit->broker, kit->now_us, &kit->outbox);
}

void
kit_command(struct kit *kit, enum side side, uint32_t peer, const struct message *message)
{
    struct event event = {.kind = EVENT_COMMAND, .side = side, .peer = peer, .message = message};

    kit_event(kit, &event);
}

void
kit_verb(struct kit *kit, enum side side, uint32_t peer, enum verb verb)
{
    struct message message = {.verb = verb};

    kit_command(kit, side, peer, &message);
}

void
kit_gone(struct kit *kit, enum side side, uint32_t peer)
{
    struct event event = {.kind = EVENT_PEER_GONE, .side = side, .peer = peer};

    kit_event(kit, &event);
}

struct hello
kit_client_hello(uint8_t instance)
{
    static uint8_t instances[256][INSTANCE_BYTES];
    struct hello hello = {.protocol = bytes_of(PROTOCOL_NAME), .name = bytes_of("client")};

    memset(instances[instance], instance, INSTANCE_BYTES);
    hello.instance = (struct bytes){instances[instance], INSTANCE_BYTES};
    return hello;
}

struct hello
kit_worker_hello(const char *pool, uint32_t slots)
{
    return (struct hello){
        .is_worker = true,
        .protocol = bytes_of(PROTOCOL_NAME),
        .pool = bytes_of(pool),
        .slots = slots,
        .name = bytes_of("worker"),
        .host = bytes_of("here"),
        .python = bytes_of("3.11.2"),
        .pid = 42,
        .gil_enabled = true,
    };
}

uint64_t
kit_hello(struct kit *kit, enum side side, uint32_t peer, const struct hello *hello)
{
    struct message message = {.verb = VERB_HELLO, .hello = *hello};
    const struct message *welcome;

    kit_command(kit, side, peer, &message);
    welcome = kit_sent(kit, side, peer, VERB_WELCOME);
    return welcome ? welcome->welcome.session : 0;
}

uint64_t
kit_client(struct kit *kit, uint32_t peer, uint8_t instance)
{
    struct hello hello = kit_client_hello(instance);

    return kit_hello(kit, SIDE_CLIENT, peer, &hello);
}

uint64_t
kit_worker(struct kit *kit, uint32_t peer, const char *pool, uint32_t slots)
{
    struct hello hello = kit_worker_hello(pool, slots);

    return kit_hello(kit, SIDE_WORKER, peer, &hello);
}

uint64_t
kit_agent(struct kit *kit, uint32_t peer, uint64_t number, uint32_t wanted)
{
    struct agent_pool pool = {bytes_of("text"), wanted};
    struct hello hello = {
        .is_agent = true,
        .protocol = bytes_of(PROTOCOL_NAME),
        .agent = number,
        .name = bytes_of("agent"),
        .pid = 7,
        .pools = {.count = 1, .list = &pool},
    };

    return kit_hello(kit, SIDE_WORKER, peer, &hello);
}

uint64_t
kit_agents_worker(struct kit *kit, uint32_t peer, uint64_t agent, uint64_t pid, uint64_t replaces)
{
    struct hello hello = kit_worker_hello("text", 1);

    hello.agent = agent;
    hello.pid = pid;
    hello.replaces = replaces;
    return kit_hello(kit, SIDE_WORKER, peer, &hello);
}

void
kit_uses(struct kit *kit, uint32_t peer, uint64_t pid, uint64_t rss_bytes)
{
    struct process_usage usage = {pid, rss_bytes, 1};
    struct message message = {.verb = VERB_PROCESSES, .processes = {.count = 1, .list = &usage}};

    kit_command(kit, SIDE_WORKER, peer, &message);
}

void
kit_exited(struct kit *kit, uint32_t peer, const struct exited *exited)
{
    struct message message = {.verb = VERB_EXITED, .exited = *exited};

    kit_command(kit, SIDE_WORKER, peer, &message);
}

void
kit_pool_says(struct kit *kit, uint32_t peer, const struct pool_report *report)
{
    struct message message = {.verb = VERB_POOL, .pool = *report};

    kit_command(kit, SIDE_WORKER, peer, &message);
}

uint64_t
kit_recycle(struct kit *kit, uint64_t worker)
{
    uint64_t count = 0;
    struct event event = {
        .kind = EVENT_RECYCLE, .pool = bytes_of(worker ? "" : "text"), .worker = worker, .ret_workers = &count};

    kit_event(kit, &event);
    return count;
}

struct submit
kit_task(uint64_t id)
{
    return (struct submit){
        .id = ref_number(id),
        .pool = bytes_of("text"),
        .function = bytes_of("count_words"),
        .payload = {.data = bytes_of("to be or not to be")},
        .priority = PRIORITY_DEFAULT,
    };
}

void
kit_offer(struct kit *kit, uint32_t peer, const struct submit *submit)
{
    struct message message = {.verb = VERB_SUBMIT, .submit = *submit};

    kit_command(kit, SIDE_CLIENT, peer, &message);
}

void
kit_submit(struct kit *kit, uint32_t peer, uint64_t id)
{
    struct submit submit = kit_task(id);

    kit_offer(kit, peer, &submit);
}

void
kit_cancel(struct kit *kit, uint32_t peer, uint64_t id)
{
    struct message message = {.verb = VERB_CANCEL, .cancel.ref = ref_number(id)};

    kit_command(kit, SIDE_CLIENT, peer, &message);
}

void
kit_seen(struct kit *kit, uint32_t peer, uint64_t count)
{
    struct message message = {.verb = VERB_SEEN, .seen_count = count};

    kit_command(kit, SIDE_CLIENT, peer, &message);
}

void
kit_result(struct kit *kit, uint32_t peer, uint64_t fence, const char *value)
{
    struct message message = {.verb = VERB_RESULT,
                              .result = {.ref = ref_number(fence), .payload = {.data = bytes_of(value)}}};

    kit_command(kit, SIDE_WORKER, peer, &message);
}

void
kit_error(struct kit *kit, uint32_t peer, uint64_t fence, enum error_code code)
{
    struct message message = {.verb = VERB_ERROR,
                              .error = {.ref = ref_number(fence),
                                        .code = code,
                                        .text = bytes_of("went wrong"),
                                        .type = bytes_of("ValueError"),
                                        .traceback = bytes_of("line 1")}};

    kit_command(kit, SIDE_WORKER, peer, &message);
}

void
kit_nack(struct kit *kit, uint32_t peer, uint64_t fence)
{
    struct message message = {.verb = VERB_NACK, .nack = {.fence = fence}};

    kit_command(kit, SIDE_WORKER, peer, &message);
}

void
kit_chunk(struct kit *kit, uint32_t peer, uint64_t fence, uint64_t seq)
{
    struct message message = {
        .verb = VERB_CHUNK,
        .chunk = {.ref = ref_number(fence), .seq = seq, .payload = {.data = bytes_of("part")}}};

    kit_command(kit, SIDE_WORKER, peer, &message);
}

/* --- what it did ---------------------------------------------------------------------------------------------- */

const struct message *
kit_sent_nth(const struct kit *kit, enum side side, uint32_t peer, enum verb verb, size_t n)
{
    for (size_t i = 0; i < kit->outbox.count; i++) {
        const struct action *action = &kit->outbox.actions[i];

        if (action->kind == ACTION_SEND && action->side == side && action->peer == peer &&
            action->message.verb == verb && n-- == 0)
            return &action->message;
    }
    return NULL;
}

const struct message *
kit_sent(const struct kit *kit, enum side side, uint32_t peer, enum verb verb)
{
    return kit_sent_nth(kit, side, peer, verb, 0);
}

size_t
kit_count(const struct kit *kit, enum side side, uint32_t peer, enum verb verb)
{
    size_t count = 0;

    while (kit_sent_nth(kit, side, peer, verb, count))
        count++;
    return count;
}

uint64_t
kit_fence(const struct kit *kit, uint32_t peer)
{
    const struct message *message = kit_sent(kit, SIDE_WORKER, peer, VERB_TASK);

    return message ? message->task.fence : 0;
}

enum error_code
kit_client_error(const struct kit *kit, uint32_t peer)
{
    const struct message *message = kit_sent(kit, SIDE_CLIENT, peer, VERB_ERROR);

    return message ? message->error.code : ERROR_NONE;
}

enum error_code
kit_worker_error(const struct kit *kit, uint32_t peer)
{
    const struct message *message = kit_sent(kit, SIDE_WORKER, peer, VERB_ERROR);

    return message ? message->error.code : ERROR_NONE;
}

const struct note *
kit_note(const struct kit *kit, enum note_kind kind)
{
    for (size_t i = 0; i < kit->outbox.count; i++)
        if (kit->outbox.actions[i].kind == ACTION_NOTE && kit->outbox.actions[i].note.kind == kind)
            return &kit->outbox.actions[i].note;
    return NULL;
}

size_t
kit_count_notes(const struct kit *kit, enum note_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < kit->outbox.count; i++)
        count += kit->outbox.actions[i].kind == ACTION_NOTE && kit->outbox.actions[i].note.kind == kind;
    return count;
}

bool
kit_is_shut(const struct kit *kit)
{
    return kit->outbox.count > 0 && kit->outbox.actions[kit->outbox.count - 1].kind == ACTION_SHUT;
}

/* --- views ---------------------------------------------------------------------------------------------------- */

struct bytes
bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}

bool
bytes_are(struct bytes bytes, const char *text)
{
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

struct pool_stats
kit_pool(const struct kit *kit, const char *name)
{
    struct pool_stats stats = {0};

    broker_find_pool(kit->broker, bytes_of(name), &stats);
    return stats;
}

struct broker_stats
kit_stats(const struct kit *kit)
{
    struct broker_stats stats;

    broker_get_stats(kit->broker, &stats);
    return stats;
}

struct wanted {
    uint64_t session;
    const char *state;
};

static void
match_worker(void *context, const struct worker_stats *stats)
{
    struct wanted *wanted = context;

    if (stats->id == wanted->session)
        wanted->state = stats->state;
}

const char *
kit_worker_state(const struct kit *kit, uint64_t session)
{
    struct wanted wanted = {session, "none"};

    broker_each_worker(kit->broker, NULL, match_worker, &wanted);
    return wanted.state;
}
