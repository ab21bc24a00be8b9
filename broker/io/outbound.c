/* outbound.c - what waits for one peer; see outbound.h. */
#include "broker/io/outbound.h"

#include "broker/io/frames.h"
#include "wire/wire.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A control frame below this size is copied into the ZeroMQ message: that is cheaper than to hand the buffer over. */
#define COPY_BYTES_MAX 4096
/* Beyond this a message waits too long for its own end; the next command begins another one. */
#define CONTROL_BYTES_WANTED (512 * 1024)
/* What spare parcels may keep: together 4 MiB. */
#define SPARE_PARCELS_MAX 64
#define SPARE_BYTES_MAX (64 * 1024)

/* One message to be. */
struct parcel {
    struct wire_buffer control;
    struct attachments **attachments;
    unsigned attachment_count;
    unsigned attachment_capacity;
    unsigned frames;
    size_t bytes;
    struct parcel *prev, *next;
};

/* Counts what one peer has in ZeroMQ. Shared with libzmq's I/O threads, which free the buffers. */
struct flight {
    atomic_size_t bytes;
    atomic_uint refs;
};

/* The hint of one buffer that was handed over. */
struct handover {
    struct flight *flight;
    size_t bytes;
};

static void
unref_flight(struct flight *flight)
{
    if (flight && atomic_fetch_sub(&flight->refs, 1) == 1)
        free(flight);
}

/* Called by libzmq, in whichever thread has written the frame. */
static void
free_handover(void *data, void *hint)
{
    struct handover *handover = hint;

    atomic_fetch_sub(&handover->flight->bytes, handover->bytes);
    unref_flight(handover->flight);
    free(handover);
    free(data);
}

static void *
allocate(size_t size)
{
    void *memory = malloc(size);

    if (!memory)
        abort();
    return memory;
}

/* --- parcels -------------------------------------------------------------------------------------------------- */

static void
destroy_parcel(struct parcel *parcel)
{
    wire_buffer_fini(&parcel->control);
    free(parcel->attachments);
    free(parcel);
}

static struct parcel *
take_parcel(struct parcel_store *store)
{
    struct parcel *parcel = store->spare;

    if (parcel) {
        LL_DELETE(store->spare, parcel);
        store->count--;
        return parcel;
    }
    parcel = allocate(sizeof *parcel);
    memset(parcel, 0, sizeof *parcel);
    wire_buffer_init(&parcel->control, false);
    return parcel;
}

static void
give_back_parcel(struct parcel_store *store, struct parcel *parcel)
{
    for (unsigned i = 0; i < parcel->attachment_count; i++)
        attachments_unref(parcel->attachments[i]);
    parcel->attachment_count = 0;
    parcel->frames = 0;
    parcel->bytes = 0;
    parcel->control.size = 0;
    if (store->count >= SPARE_PARCELS_MAX || parcel->control.capacity > SPARE_BYTES_MAX) {
        destroy_parcel(parcel);
        return;
    }
    LL_PREPEND(store->spare, parcel);
    store->count++;
}

void
parcel_store_fini(struct parcel_store *store)
{
    struct parcel *parcel, *next;

    LL_FOREACH_SAFE(store->spare, parcel, next)
        destroy_parcel(parcel);
    store->spare = NULL;
    store->count = 0;
}

/* --- adding --------------------------------------------------------------------------------------------------- */

void
outbound_init(struct outbound *outbound, struct parcel_store *store, size_t control_bytes_max)
{
    *outbound = (struct outbound){.store = store, .control_bytes_max = control_bytes_max};
}

void
outbound_drop(struct outbound *outbound)
{
    struct parcel *parcel, *next;

    DL_FOREACH_SAFE(outbound->parcels, parcel, next)
        give_back_parcel(outbound->store, parcel);
    outbound->parcels = NULL;
    outbound->waiting_bytes = 0;
}

void
outbound_fini(struct outbound *outbound)
{
    outbound_drop(outbound);
    unref_flight(outbound->flight);
    *outbound = (struct outbound){.store = outbound->store};
}

static struct parcel *
begin_parcel(struct outbound *outbound)
{
    struct parcel *parcel = take_parcel(outbound->store);

    if (parcel->control.capacity < outbound->buffer_bytes) {
        free(parcel->control.data);
        parcel->control.data = allocate(outbound->buffer_bytes);
        parcel->control.capacity = outbound->buffer_bytes;
    }
    DL_APPEND(outbound->parcels, parcel);
    return parcel;
}

static struct parcel *
open_parcel(struct outbound *outbound, unsigned frames)
{
    struct parcel *last = outbound->parcels ? outbound->parcels->prev : NULL;

    if (!last || last->control.size >= CONTROL_BYTES_WANTED || last->frames + frames > MESSAGE_FRAMES_MAX)
        return begin_parcel(outbound);
    return last;
}

static void
attach(struct parcel *parcel, struct attachments *attachments)
{
    if (parcel->attachment_count == parcel->attachment_capacity) {
        parcel->attachment_capacity = parcel->attachment_capacity ? 2 * parcel->attachment_capacity : 4;
        parcel->attachments =
            realloc(parcel->attachments, parcel->attachment_capacity * sizeof parcel->attachments[0]);
        if (!parcel->attachments)
            abort();
    }
    attachments_ref(attachments);
    parcel->attachments[parcel->attachment_count++] = attachments;
    parcel->frames += attachments->frames;
    parcel->bytes += attachments->total_bytes;
}

static struct attachments *
find_attachments(const struct message *message)
{
    /* message_payload only finds the field; it changes nothing. */
    struct payload *payload = message_payload((struct message *)message);

    return payload && payload->frames > 0 ? payload->attachments : NULL;
}

int
outbound_add(struct outbound *outbound, enum side side, const struct message *message)
{
    struct attachments *attachments = find_attachments(message);
    struct parcel *parcel = open_parcel(outbound, attachments ? attachments->frames : 0);
    size_t begin = parcel->control.size;
    size_t size;

    if (wire_encode(&parcel->control, side, message) != OK) {
        parcel->control.size = begin;
        if (begin == 0) {
            DL_DELETE(outbound->parcels, parcel);
            give_back_parcel(outbound->store, parcel);
        }
        return ERR_INVALID;
    }
    size = parcel->control.size - begin;
    if (begin > 0 && parcel->control.size > outbound->control_bytes_max) {
        struct bytes command = {parcel->control.data + begin, (uint32_t)size};

        parcel->control.size = begin;
        parcel = begin_parcel(outbound);
        wire_write_raw(&parcel->control, command);
    }
    parcel->bytes += size;
    outbound->waiting_bytes += size;
    if (attachments) {
        attach(parcel, attachments);
        outbound->waiting_bytes += attachments->total_bytes;
    }
    return OK;
}

/* --- sending -------------------------------------------------------------------------------------------------- */

static int
send_bytes(void *socket, struct bytes bytes, int flags)
{
    zmq_msg_t message;

    if (zmq_msg_init_size(&message, bytes.size) != 0)
        abort();
    if (bytes.size > 0)
        memcpy(zmq_msg_data(&message), bytes.data, bytes.size);
    if (zmq_msg_send(&message, socket, flags | ZMQ_DONTWAIT) >= 0)
        return OK;
    zmq_msg_close(&message);
    return ERR_SYSTEM;
}

/* Let the message own the parcel's buffer, and count it until ZeroMQ has written it. */
static void
hand_over(struct outbound *outbound, struct parcel *parcel, zmq_msg_t *message)
{
    struct handover *handover = allocate(sizeof *handover);

    if (!outbound->flight) {
        outbound->flight = allocate(sizeof *outbound->flight);
        atomic_init(&outbound->flight->bytes, 0);
        atomic_init(&outbound->flight->refs, 1);
    }
    *handover = (struct handover){outbound->flight, parcel->bytes};
    atomic_fetch_add(&outbound->flight->bytes, parcel->bytes);
    atomic_fetch_add(&outbound->flight->refs, 1);
    if (zmq_msg_init_data(message, parcel->control.data, parcel->control.size, free_handover, handover) != 0)
        abort();
    outbound->buffer_bytes = parcel->control.capacity;
    wire_buffer_init(&parcel->control, false);
}

static int
send_control(struct outbound *outbound, struct parcel *parcel, void *socket, int flags)
{
    zmq_msg_t message;

    if (parcel->bytes < COPY_BYTES_MAX) {
        outbound->buffer_bytes = 0;
        return send_bytes(socket, (struct bytes){parcel->control.data, (uint32_t)parcel->control.size}, flags);
    }
    hand_over(outbound, parcel, &message);
    if (zmq_msg_send(&message, socket, flags | ZMQ_DONTWAIT) >= 0)
        return OK;
    zmq_msg_close(&message);
    return ERR_SYSTEM;
}

static int
send_attachments(const struct parcel *parcel, void *socket)
{
    unsigned left = parcel->frames;

    for (unsigned i = 0; i < parcel->attachment_count; i++) {
        for (uint16_t n = 0; n < parcel->attachments[i]->frames; n++) {
            zmq_msg_t shared;
            int flags = --left > 0 ? ZMQ_SNDMORE : 0;

            zmq_msg_init(&shared);
            zmq_msg_copy(&shared, frames_at(parcel->attachments[i], n));
            if (zmq_msg_send(&shared, socket, flags | ZMQ_DONTWAIT) < 0) {
                zmq_msg_close(&shared);
                return ERR_SYSTEM;
            }
        }
    }
    return OK;
}

/* Only the routing id can be refused for the peer's sake. Once a ROUTER has taken it, the rest is taken or, if the
 * connection just ended, dropped. */
static int
send_parcel(struct outbound *outbound, struct parcel *parcel, void *socket, struct bytes routing_id, bool has_delimiter)
{
    if (send_bytes(socket, routing_id, ZMQ_SNDMORE) != OK)
        return errno == EAGAIN ? ERR_AGAIN : errno == EHOSTUNREACH ? ERR_NOT_FOUND : ERR_SYSTEM;
    if (has_delimiter && send_bytes(socket, (struct bytes){NULL, 0}, ZMQ_SNDMORE) != OK)
        return ERR_SYSTEM;
    if (send_control(outbound, parcel, socket, parcel->frames > 0 ? ZMQ_SNDMORE : 0) != OK)
        return ERR_SYSTEM;
    return send_attachments(parcel, socket);
}

int
outbound_send(struct outbound *outbound, void *socket, struct bytes routing_id, bool has_delimiter, uint64_t *sent)
{
    while (outbound->parcels) {
        struct parcel *parcel = outbound->parcels;
        int rc = send_parcel(outbound, parcel, socket, routing_id, has_delimiter);

        if (rc != OK)
            return rc;
        outbound->waiting_bytes -= parcel->bytes;
        DL_DELETE(outbound->parcels, parcel);
        give_back_parcel(outbound->store, parcel);
        (*sent)++;
    }
    return OK;
}

size_t
outbound_bytes(const struct outbound *outbound)
{
    return outbound->waiting_bytes + (outbound->flight ? atomic_load(&outbound->flight->bytes) : 0);
}
