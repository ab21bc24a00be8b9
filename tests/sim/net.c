/* net.c - connections; see net.h. */
#include "net.h"

uint32_t
net_who(enum side side, uint32_t peer)
{
    return 2 * peer + (side == SIDE_WORKER);
}

enum side
net_side(uint32_t who)
{
    return who & 1 ? SIDE_WORKER : SIDE_CLIENT;
}

uint32_t
net_peer(uint32_t who)
{
    return who / 2;
}

bool
net_connect(struct world *world, enum side side, uint32_t actor, struct line *line)
{
    for (uint32_t peer = 1; peer <= PEERS_MAX; peer++) {
        struct connection *connection = &world->connections[side][peer];

        if (connection->is_known)
            continue;
        *connection = (struct connection){true, true, actor, ++world->generations, world->now_us, world->now_us};
        *line = (struct line){side, peer, connection->generation};
        return true;
    }
    return false;
}

bool
net_is_open(const struct world *world, const struct line *line)
{
    const struct connection *connection = &world->connections[line->side][line->peer];

    return line->peer > 0 && connection->is_open && connection->generation == line->generation;
}

/* Draw when a message arrives that is sent now, behind those before it. */
static int64_t
draw_arrival(struct world *world, int64_t *last_us)
{
    int64_t arrival_us = world->now_us + rng_between(&world->rng, 1, world->scale_us);

    if (rng_chance(&world->rng, 5))
        arrival_us += rng_between(&world->rng, 1, 20 * world->scale_us);
    if (arrival_us > *last_us)
        *last_us = arrival_us;
    return *last_us;
}

void
net_send(struct world *world, const struct line *line, const struct message *message)
{
    struct connection *connection = &world->connections[line->side][line->peer];

    if (!net_is_open(world, line))
        return;
    world->parcels++;
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = draw_arrival(world, &connection->in_us),
                                   .kind = DUE_AT_BROKER,
                                   .who = net_who(line->side, line->peer),
                                   .generation = connection->generation,
                                   .thing = parcel_new(message),
                               });
}

void
net_deliver(struct world *world, enum side side, uint32_t peer, const struct message *message)
{
    struct connection *connection = &world->connections[side][peer];

    world->tally.messages++;
    if (!connection->is_open)
        return;
    world->parcels++;
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = draw_arrival(world, &connection->out_us),
                                   .kind = DUE_AT_PEER,
                                   .who = net_who(side, peer),
                                   .generation = connection->generation,
                                   .thing = parcel_new(message),
                               });
}

void
net_cut(struct world *world, struct line *line, int64_t seen_after_us)
{
    struct connection *connection = &world->connections[line->side][line->peer];
    int64_t at_us = world->now_us + seen_after_us;

    if (!net_is_open(world, line))
        return;
    connection->is_open = false;
    /* Without loss the broker still reads what was sent before the end, so the end comes behind it. */
    if (rng_chance(&world->rng, world->loss))
        world->tally.faults[FAULT_MESSAGE_LOST]++;
    else if (connection->in_us > at_us)
        at_us = connection->in_us;
    agenda_add(&world->agenda, (struct agenda_entry){
                                   .at_us = at_us,
                                   .kind = DUE_GONE,
                                   .who = net_who(line->side, line->peer),
                                   .generation = connection->generation,
                               });
    world->tally.faults[FAULT_CONNECTION_CUT]++;
    line->peer = 0;
}

bool
net_reaches_broker(const struct world *world, const struct agenda_entry *entry)
{
    const struct connection *connection = &world->connections[net_side(entry->who)][net_peer(entry->who)];

    return connection->is_known && connection->generation == entry->generation;
}

const struct connection *
net_reaches_peer(const struct world *world, const struct agenda_entry *entry)
{
    const struct connection *connection = &world->connections[net_side(entry->who)][net_peer(entry->who)];

    return connection->is_open && connection->generation == entry->generation ? connection : NULL;
}

void
net_forget(struct world *world, enum side side, uint32_t peer)
{
    world->connections[side][peer].is_known = false;
    world->connections[side][peer].is_open = false;
}

void
net_cut_all(struct world *world)
{
    for (uint32_t peer = 1; peer <= PEERS_MAX; peer++) {
        net_forget(world, SIDE_CLIENT, peer);
        net_forget(world, SIDE_WORKER, peer);
    }
}
