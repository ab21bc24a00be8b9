/* sim_client.c - what simulated clients do; see sim_client.h. */
#include "sim_client.h"
#include "net.h"

#include <inttypes.h>
#include <string.h>

static void
plan(struct world *world, struct sim_client *client, int64_t after_us)
{
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = world->now_us + after_us,
                                   .kind = DUE_CLIENT,
                                   .who = client->index,
                                   .generation = client->life,
                               });
}

static void
send_verb(struct world *world, struct sim_client *client, enum verb verb)
{
    struct message message = {.verb = verb};

    if (verb == VERB_HEARTBEAT)
        message.heartbeat.gil_enabled = -1;
    net_send(world, &client->line, &message);
}

static void
say_hello(struct world *world, struct sim_client *client)
{
    struct message message = {.verb = VERB_HELLO};

    client->mood.says_hello = true; /* also when REHELLO made it */
    message.hello.protocol = bytes_of(PROTOCOL_NAME);
    message.hello.instance = (struct bytes){client->instance, INSTANCE_BYTES};
    message.hello.on_disconnect = client->mood.on_disconnect;
    message.hello.name = bytes_of("client");
    message.hello.slots = 1;
    message.hello.gil_enabled = true;
    net_send(world, &client->line, &message);
}

static void
send_offer(struct world *world, struct sim_client *client, struct offer *offer)
{
    offer->is_elsewhere |= offer->generation > 0 && offer->generation != client->line.generation;
    offer->generation = client->line.generation;
    net_send(world, &client->line, &offer->submit->message);
}

static void
offer_open_again(struct world *world, struct sim_client *client)
{
    for (int i = 0; i < OFFERS_MAX; i++)
        if (client->offers[i].submit && client->offers[i].is_open)
            send_offer(world, client, &client->offers[i]);
}

/* One client in eight is so. Not a mood of its own: one more number drawn would make another world of every kept seed. */
static bool
submits_before_hello(const struct sim_client *client)
{
    return client->instance[0] % 8 == 0;
}

/* Connect if the broker has room. An anonymous client's old offers mean nothing on a new connection. */
static void
connect_again(struct world *world, struct sim_client *client)
{
    if (!net_connect(world, SIDE_CLIENT, client->index, &client->line))
        return;
    client->finals = 0;
    if (client->mood.says_hello) {
        if (submits_before_hello(client)) {
            world->tally.faults[FAULT_EARLY_SUBMIT]++;
            offer_open_again(world, client);
        }
        say_hello(world, client);
        offer_open_again(world, client);
    } else {
        client_fini(client);
    }
}

static unsigned
draw_chance(struct world *world, unsigned often, unsigned permille)
{
    return rng_chance(&world->rng, often) ? (unsigned)rng_below(&world->rng, permille + 1) : 0;
}

static void
draw_mood(struct world *world, struct client_mood *mood)
{
    static const int64_t waits[] = {1, 1, 3, 10, 50};
    struct rng *rng = &world->rng;

    *mood = (struct client_mood){
        .says_hello = rng_chance(rng, 750),
        .on_disconnect = rng_chance(rng, 300) ? DISCONNECT_CANCEL : DISCONNECT_CONTINUE,
        .wake_us = world->scale_us * rng_pick(rng, waits, 5),
        .burst_max = rng_chance(rng, 200) ? 30 : 4,
        .submit = 200 + (unsigned)rng_below(rng, 600),
        .offer_again = draw_chance(world, 600, 100),
        .cancel = draw_chance(world, 600, 150),
        .cut = draw_chance(world, 400, 30),
        .vanish = draw_chance(world, 300, 10),
        .seen = draw_chance(world, 700, 400),
        .wrong = draw_chance(world, 200, 20),
        .second_hello = draw_chance(world, 200, 10),
        .takeover = draw_chance(world, 200, 10),
        .bye = draw_chance(world, 200, 10),
        .bytes_ids = rng_chance(rng, 300),
        .attaches = rng_chance(rng, 300),
        .streams = rng_chance(rng, 300),
        .acks = rng_chance(rng, 500),
        .hurries = rng_chance(rng, 500),
        .delays = rng_chance(rng, 500),
        .payload_max = rng_chance(rng, 200) ? 4000 : 80,
    };
    if (world->has_keys)
        mood->shares = rng_chance(&world->extras, 700) ? (unsigned)rng_below(&world->extras, 600) : 0;
}

void
client_start(struct world *world, struct sim_client *client)
{
    client_fini(client);
    client->life++;
    client->next_id = rng_below(&world->rng, 3);
    client->line = (struct line){.side = SIDE_CLIENT};
    rng_fill(&world->rng, client->instance, INSTANCE_BYTES);
    draw_mood(world, &client->mood);
    connect_again(world, client);
    plan(world, client, rng_between(&world->rng, 0, client->mood.wake_us));
}

void
client_fini(struct sim_client *client)
{
    for (int i = 0; i < OFFERS_MAX; i++) {
        parcel_free(client->offers[i].submit);
        client->offers[i] = (struct offer){0};
    }
}

bool
message_is_final(const struct message *message)
{
    if (message->verb == VERB_RESULT)
        return true;
    if (message->verb != VERB_ERROR)
        return false;
    switch (message->error.code) {
    case ERROR_FAILED:
    case ERROR_NO_SUCH_FUNCTION:
    case ERROR_BAD_PAYLOAD:
    case ERROR_CANCELLED:
    case ERROR_EXPIRED:
    case ERROR_DEAD:
    case ERROR_LOST:
    case ERROR_POOL_FAILED:
    case ERROR_TIMED_OUT:
    case ERROR_SESSION_LOST:
        return true;
    default:
        return false;
    }
}

/* --- offering ------------------------------------------------------------------------------------------------- */

static struct offer *
find_offer(struct sim_client *client, const struct ref *ref)
{
    for (int i = 0; i < OFFERS_MAX; i++)
        if (client->offers[i].submit && ref_equal(&client->offers[i].submit->message.submit.id, ref))
            return &client->offers[i];
    return NULL;
}

static struct ref
draw_id(struct world *world, struct sim_client *client)
{
    struct ref ref = ref_number(client->next_id++);

    if (client->mood.bytes_ids && rng_chance(&world->rng, 500)) {
        ref = (struct ref){.kind = REF_BYTES, .size = (uint8_t)(1 + rng_below(&world->rng, ID_BYTES_MAX))};
        rng_fill(&world->rng, ref.bytes, ref.size);
    }
    if (find_offer(client, &ref))
        return draw_id(world, client);
    return ref;
}

/* Options that most tasks leave at their defaults. */
static void
draw_options(struct world *world, struct sim_client *client, struct submit *submit)
{
    struct rng *rng = &world->rng;

    submit->priority = rng_chance(rng, 300) ? (uint8_t)rng_below(rng, PRIORITIES) : PRIORITY_DEFAULT;
    submit->ack = client->mood.acks && rng_chance(rng, 700);
    submit->stream = client->mood.streams && rng_chance(rng, 500);
    submit->info = rng_chance(rng, 200);
    submit->on_loss = rng_chance(rng, 150) ? LOSS_FINAL : LOSS_REQUEUE;
    if (rng_chance(rng, 300))
        submit->max_attempts = 1 + (uint32_t)rng_below(rng, 4);
    if (client->mood.delays && rng_chance(rng, 200))
        submit->delay_ms = rng_below(rng, (uint64_t)(30 * world->scale_us / 1000 + 3));
    if (client->mood.hurries && rng_chance(rng, 300)) {
        submit->has_deadline = true;
        submit->deadline_ms = rng_below(rng, (uint64_t)(40 * world->scale_us / 1000 + 4));
    }
    if (!world->has_ladders)
        return;
    if (rng_chance(&world->ladders, 200))
        submit->run_ms = 1 + rng_below(&world->ladders, (uint64_t)(100 * world->scale_us / 1000 + 3));
    if (submit->stream && rng_chance(&world->ladders, 600))
        submit->credit = 1 + (uint32_t)rng_below(&world->ladders, 4);
}

/* Keys are few, and shared by all clients. */
static void
draw_fair_key(struct world *world, struct submit *submit)
{
    static const char *const keys[] = {"a", "b", "c", "d", "a key of some other length"};

    if (world->has_shares && rng_chance(&world->shares, 600))
        submit->fair_key = bytes_of(keys[rng_below(&world->shares, 5)]);
}

/* Groups are shared by all clients, too. */
static void
draw_order(struct world *world, struct submit *submit)
{
    static const char *const groups[] = {"a", "b", "c", "d", "e", "f"};
    static const char *const sessions[] = {"q", "r", "s", "t", "u", "v", "w", "x"};
    struct rng *order = &world->order;

    if (rng_chance(order, world->groups))
        submit->group = bytes_of(groups[rng_below(order, 6)]);
    if (!rng_chance(&world->bonds, world->sessions))
        return;
    submit->session = bytes_of(sessions[rng_below(&world->bonds, 8)]);
    submit->session_mode = (enum session_mode)rng_below(&world->bonds, 3);
}

/* One of a few keys, so that several clients meet. A stream cannot be shared. */
static void
draw_key(struct world *world, const struct sim_client *client, struct submit *submit)
{
    static const char *const keys[] = {"a", "b", "c", "quite a long key, as long as a sentence"};
    struct rng *extras = &world->extras;

    if (!rng_chance(extras, client->mood.shares))
        return;
    submit->dedup_key = bytes_of(keys[rng_below(extras, 4)]);
    submit->stream = false;
    submit->has_dedup_ms = rng_chance(extras, 300);
    if (submit->has_dedup_ms)
        submit->dedup_ms = rng_below(extras, (uint64_t)(200 * world->scale_us / 1000 + 3));
}

/* How it is tried again, where that is not left to the pool. */
static void
draw_patience(struct world *world, struct submit *submit)
{
    static const struct bytes types[] = {{(const uint8_t *)"Timeout", 7}, {(const uint8_t *)"KeyError", 8}};
    struct rng *rng = &world->mishaps;

    if (rng_chance(rng, 150)) {
        submit->has_retries = true;
        submit->retries = (uint32_t)rng_below(rng, 5);
    }
    if (rng_chance(rng, 100)) {
        submit->has_backoff = true;
        submit->backoff_ms = rng_below(rng, (uint64_t)(20 * world->scale_us / 1000 + 3));
    }
    if (rng_chance(rng, 100))
        submit->retry_on = (struct texts){.count = 1 + (uint32_t)rng_below(rng, 2), .list = types};
    if (rng_chance(rng, 150))
        submit->kills_max = 1 + (uint32_t)rng_below(rng, world->has_suspects ? 4 : 1);
}

/* Make the message and let `offer` own it. */
static void
fill_offer(struct world *world, struct sim_client *client, struct offer *offer)
{
    static uint8_t filler[8192];
    struct rng *rng = &world->rng;
    uint64_t content = ++world->contents;
    struct message message = {.verb = VERB_SUBMIT};
    struct submit *submit = &message.submit;
    char function[32];

    snprintf(function, sizeof function, "f%016" PRIx64, content);
    submit->id = draw_id(world, client);
    submit->pool = bytes_of(rng_chance(rng, 5) ? "nowhere" : world->pools[rng_below(rng, world->pool_count)].name);
    submit->function = bytes_of(function);
    submit->content_type = bytes_of(rng_chance(rng, 100) ? "raw" : "");
    submit->headers = bytes_of(rng_chance(rng, 100) ? "\x81\xa1k\xa1v" : "");
    draw_options(world, client, submit);
    draw_fair_key(world, submit);
    draw_order(world, submit);
    if (world->has_keys)
        draw_key(world, client, submit);
    draw_patience(world, submit);
    if (client->mood.attaches && rng_chance(rng, 300)) {
        submit->payload.frames = (uint16_t)(1 + rng_below(rng, 3));
        submit->payload.attachments = tracked_new(content, submit->payload.frames, 1 + rng_below(rng, 100000),
                                                  &world->attachments_alive);
    } else {
        uint32_t size = (uint32_t)rng_below(rng, client->mood.payload_max);
        memset(filler, (int)content, size);
        submit->payload.data = (struct bytes){filler, size};
    }
    offer->submit = parcel_new(&message);
    offer->is_open = true;
    attachments_unref(submit->payload.attachments);
}

/* A place for a new offer: an unused one, or one that is done with. NULL: all wait. */
static struct offer *
make_room(struct world *world, struct sim_client *client)
{
    size_t start = rng_below(&world->rng, OFFERS_MAX);

    for (size_t i = 0; i < OFFERS_MAX; i++) {
        struct offer *offer = &client->offers[(start + i) % OFFERS_MAX];

        if (offer->submit && offer->is_open)
            continue;
        parcel_free(offer->submit);
        *offer = (struct offer){0};
        return offer;
    }
    return NULL;
}

static void
offer_new(struct world *world, struct sim_client *client)
{
    struct offer *offer = make_room(world, client);

    if (!offer)
        return;
    fill_offer(world, client, offer);
    send_offer(world, client, offer);
    if (rng_chance(&world->rng, 10)) {
        struct message other = offer->submit->message;
        char function[32];

        /* The same id with other content: the first one counts. */
        snprintf(function, sizeof function, "f%016" PRIx64, ++world->contents);
        other.submit.function = bytes_of(function);
        other.submit.priority = 9;
        net_send(world, &client->line, &other);
        world->tally.faults[FAULT_DUPLICATE_ID]++;
    }
}

/* Allow as many chunks as there is credit beyond those that were read. Now and then say it of an attempt that is over, or
 * of any. */
static void
send_credit(struct world *world, struct sim_client *client, const struct offer *offer)
{
    struct rng *rng = &world->ladders;
    struct message message = {.verb = VERB_CREDIT};
    const struct submit *submit = &offer->submit->message.submit;

    message.credit.ref = submit->id;
    message.credit.count = offer->read + submit->credit;
    message.credit.attempt = offer->attempt;
    if (!world->is_healed && rng_chance(rng, 100))
        message.credit.attempt = (uint32_t)rng_below(rng, 3);
    if (rng_chance(rng, 20))
        message.credit.count = UINT64_MAX; /* it reads all of it from now on */
    net_send(world, &client->line, &message);
}

/* A stream that it has no use for any more would wait for credit for ever. */
static void
read_chunk(struct world *world, struct sim_client *client, struct offer *offer, const struct chunk *chunk)
{
    struct message cancel = {.verb = VERB_CANCEL, .cancel = {.ref = chunk->ref}};

    if (world->has_ladders && (!offer || !offer->is_open))
        net_send(world, &client->line, &cancel);
    if (!offer || !offer->is_open || offer->submit->message.submit.credit == 0)
        return;
    offer->read = chunk->seq;
    offer->attempt = chunk->info.attempt ? chunk->info.attempt : 1;
    if (rng_chance(&world->ladders, 600))
        send_credit(world, client, offer);
}

/* A slow reader comes to it in the end. */
static void
read_on(struct world *world, struct sim_client *client)
{
    for (int i = 0; world->has_ladders && i < OFFERS_MAX; i++) {
        const struct offer *offer = &client->offers[i];

        if (offer->submit && offer->is_open && offer->submit->message.submit.credit > 0 && offer->attempt > 0 &&
            (world->is_healed || rng_chance(&world->ladders, 200)))
            send_credit(world, client, offer);
    }
}

static struct offer *
draw_offer(struct world *world, struct sim_client *client)
{
    struct offer *offer = &client->offers[rng_below(&world->rng, OFFERS_MAX)];

    return offer->submit ? offer : NULL;
}

/* --- everything else -------------------------------------------------------------------------------------------- */

static void
cancel_one(struct world *world, struct sim_client *client)
{
    struct offer *offer = draw_offer(world, client);
    struct message message = {.verb = VERB_CANCEL};

    message.cancel.ref = offer && !rng_chance(&world->rng, 50) ? offer->submit->message.submit.id
                                                        : ref_number(rng_below(&world->rng, 1000000));
    net_send(world, &client->line, &message);
}

static void
send_seen(struct world *world, struct sim_client *client)
{
    struct message message = {.verb = VERB_SEEN, .seen_count = client->finals};

    if (client->mood.says_hello)
        net_send(world, &client->line, &message);
}

static void
send_wrong(struct world *world, struct sim_client *client)
{
    static const int64_t verbs[] = {VERB_STARTED, VERB_NACK, VERB_DRAINING, VERB_RESULT, VERB_CHUNK, VERB_ERROR};

    world->tally.faults[FAULT_WRONG_VERB]++;
    send_verb(world, client, (enum verb)rng_pick(&world->rng, verbs, 6));
}

/* A second connection of the same process, while the broker may still believe in the first. */
static void
take_over(struct world *world, struct sim_client *client)
{
    struct line old = client->line;

    connect_again(world, client);
    if (old.peer != client->line.peer)
        net_cut(world, &old, rng_between(&world->rng, 0, 100 * world->scale_us));
}

/* Its BYE may come after the HELLO of its next connection, and means nothing then. Whoever came back under the same name
 * would leave streams that it has forgotten waiting for credit. */
static bool
reads_streams(const struct sim_client *client)
{
    for (int i = 0; i < OFFERS_MAX; i++)
        if (client->offers[i].submit && client->offers[i].is_open && client->offers[i].submit->message.submit.credit > 0)
            return true;
    return false;
}

static void
misbehave(struct world *world, struct sim_client *client)
{
    const struct client_mood *mood = &client->mood;
    struct rng *rng = &world->rng;

    if (rng_chance(rng, mood->cut))
        net_cut(world, &client->line, rng_between(rng, 0, 5 * world->scale_us));
    if (rng_chance(rng, mood->wrong))
        send_wrong(world, client);
    if (mood->says_hello && rng_chance(rng, mood->takeover))
        take_over(world, client);
    if (mood->says_hello && rng_chance(rng, mood->second_hello)) {
        world->tally.faults[FAULT_SECOND_HELLO]++;
        if (rng_chance(rng, 500)) {
            client_fini(client);
            rng_fill(rng, client->instance, INSTANCE_BYTES);
        }
        client->finals = 0;
        say_hello(world, client);
    }
    if (rng_chance(rng, mood->bye)) {
        send_verb(world, client, VERB_BYE);
        if (reads_streams(client))
            client->instance[INSTANCE_BYTES - 1]++;
        client_fini(client);
    }
}

static void
work(struct world *world, struct sim_client *client)
{
    const struct client_mood *mood = &client->mood;
    struct rng *rng = &world->rng;
    struct offer *offer;

    if (rng_chance(rng, mood->submit))
        for (uint64_t burst = 1 + rng_below(rng, mood->burst_max); burst > 0; burst--)
            offer_new(world, client);
    if (rng_chance(rng, mood->cancel))
        cancel_one(world, client);
    if (rng_chance(rng, mood->offer_again) && (offer = draw_offer(world, client))) {
        offer->is_open |= offer->submit->message.submit.credit > 0; /* whoever offers a stream reads it */
        send_offer(world, client, offer);
    }
    if (rng_chance(rng, 100))
        send_verb(world, client, VERB_HEARTBEAT);
}

bool
client_is_waiting(const struct sim_client *client)
{
    for (int i = 0; i < OFFERS_MAX; i++)
        if (client->offers[i].submit && client->offers[i].is_open)
            return true;
    return false;
}

void
client_wake(struct world *world, struct sim_client *client)
{
    struct rng *rng = &world->rng;

    if (!net_is_open(world, &client->line)) {
        if (rng_chance(rng, world->is_healed ? 1000 : 300))
            connect_again(world, client);
    } else if (world->is_healed && !client_is_waiting(client)) {
        /* Done: make room for others. */
        send_verb(world, client, VERB_BYE);
        net_cut(world, &client->line, world->scale_us);
        return;
    } else if (world->is_healed) {
        send_seen(world, client);
        send_verb(world, client, VERB_HEARTBEAT);
        offer_open_again(world, client);
        read_on(world, client);
    } else if (rng_chance(rng, client->mood.vanish)) {
        world->tally.faults[FAULT_CLIENT_VANISHED]++;
        net_cut(world, &client->line, rng_between(rng, 0, 20 * world->scale_us));
        client_start(world, client);
        return;
    } else {
        work(world, client);
        read_on(world, client);
        misbehave(world, client);
        if (rng_chance(rng, client->mood.seen))
            send_seen(world, client);
    }
    plan(world, client, world->is_healed ? 200 * world->scale_us : rng_between(rng, 1, 2 * client->mood.wake_us));
}

/* Offered before HELLO, a task may be refused that the session has, or will have when an earlier connection says its HELLO: a
 * client that then forgot its stream would leave it waiting for credit. */
static bool
is_doubtful(const struct world *world, const struct sim_client *client, const struct offer *offer,
            const struct message *message)
{
    bool is_for_ever = world->is_healed || message_is_final(message) || message->error.code == ERROR_TOO_LARGE;

    return !is_for_ever && (submits_before_hello(client) || offer->is_elsewhere) &&
           offer->submit->message.submit.credit > 0;
}

void
client_receive(struct world *world, struct sim_client *client, const struct message *message)
{
    const struct ref *ref = message->verb == VERB_RESULT ? &message->result.ref : &message->error.ref;
    struct offer *offer;

    if (message->verb == VERB_WELCOME) {
        client->finals = 0;
    } else if (message->verb == VERB_REHELLO) {
        client->finals = 0;
        say_hello(world, client);
        offer_open_again(world, client);
    } else if (message->verb == VERB_CHUNK) {
        read_chunk(world, client, find_offer(client, &message->chunk.ref), &message->chunk);
    } else if (message->verb == VERB_ACCEPTED) {
        world->last_task = message->accepted.task;
    } else if (message->verb == VERB_RESULT || message->verb == VERB_ERROR) {
        client->finals += message_is_final(message);
        offer = find_offer(client, ref);
        /* Refused for now: whoever still wants it when all is healed offers it again. */
        if (offer && (message_is_final(message) || message->error.code == ERROR_NO_SUCH_POOL ||
                      message->error.code == ERROR_TOO_LARGE ||
                      (!world->is_healed && message->error.code != ERROR_TOO_LATE &&
                       message->error.code != ERROR_NOT_FOUND && message->error.code != ERROR_SHUTDOWN)) &&
            !is_doubtful(world, client, offer, message))
            offer->is_open = false;
    }
}

void
client_heal(struct world *world, struct sim_client *client)
{
    client->life++; /* what is planned is off */
    client_wake(world, client);
}
