/* inbound.c - one received message; see inbound.h. */
#include "broker/io/inbound.h"

#include "broker/io/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct inbound {
    enum side side;
    uint32_t control_bytes_max;
    uint32_t inline_bytes_max;
    zmq_msg_t routing_id;
    zmq_msg_t control;
    zmq_msg_t *frames; /* MESSAGE_FRAMES_MAX of them, always initialised */
    unsigned frame_count;
    unsigned frames_taken;
    uint64_t bytes; /* of all frames, the routing id left out */
    bool has_delimiter;
    bool is_over;          /* nothing more to give out */
    bool is_short;         /* a command claimed frames that are not there */
    const char *complaint; /* the message as a whole is wrong */
    struct wire_reader reader;
    struct message message;
    struct attachments *attachments; /* of the command given out last */
};

struct inbound *
inbound_new(enum side side, uint64_t control_bytes_max, uint64_t inline_bytes_max)
{
    struct inbound *inbound = calloc(1, sizeof *inbound);

    if (!inbound)
        abort();
    inbound->frames = malloc(MESSAGE_FRAMES_MAX * sizeof inbound->frames[0]);
    if (!inbound->frames)
        abort();
    inbound->side = side;
    inbound->control_bytes_max = (uint32_t)control_bytes_max;
    inbound->inline_bytes_max = (uint32_t)inline_bytes_max;
    inbound->is_over = true;
    zmq_msg_init(&inbound->routing_id);
    zmq_msg_init(&inbound->control);
    for (unsigned i = 0; i < MESSAGE_FRAMES_MAX; i++)
        zmq_msg_init(&inbound->frames[i]);
    return inbound;
}

void
inbound_destroy(struct inbound **inbound_p)
{
    struct inbound *inbound = *inbound_p;

    if (!inbound)
        return;
    inbound_drop(inbound);
    zmq_msg_close(&inbound->routing_id);
    zmq_msg_close(&inbound->control);
    for (unsigned i = 0; i < MESSAGE_FRAMES_MAX; i++)
        zmq_msg_close(&inbound->frames[i]);
    free(inbound->frames);
    free(inbound);
    *inbound_p = NULL;
}

/* --- receiving ------------------------------------------------------------------------------------------------ */

static int
receive_frame(zmq_msg_t *frame, void *socket)
{
    int size;

    do
        size = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size >= 0)
        return OK;
    return errno == EAGAIN ? ERR_AGAIN : ERR_SYSTEM;
}

/* Take all frames behind the control frame, so that the next receive begins a message. Too many are let go one by one. */
static void
receive_attachments(struct inbound *inbound, void *socket)
{
    zmq_msg_t *last = &inbound->control;

    while (zmq_msg_more(last)) {
        if (inbound->frame_count == MESSAGE_FRAMES_MAX) {
            inbound->complaint = "more attachment frames than one message may have";
            inbound->frame_count--;
        }
        last = &inbound->frames[inbound->frame_count++];
        if (receive_frame(last, socket) != OK)
            return;
        inbound->bytes += zmq_msg_size(last);
    }
}

static void
check_control(struct inbound *inbound)
{
    size_t size = zmq_msg_size(&inbound->control);

    if (size == 0)
        inbound->complaint = "the control frame is empty";
    else if (size > inbound->control_bytes_max)
        inbound->complaint = "the control frame is larger than control_max";
}

int
inbound_receive(struct inbound *inbound, void *socket)
{
    int rc = receive_frame(&inbound->routing_id, socket);

    if (rc != OK)
        return rc;
    inbound->has_delimiter = false;
    inbound->is_over = false;
    inbound->is_short = false;
    inbound->complaint = NULL;
    inbound->frame_count = 0;
    inbound->frames_taken = 0;
    if (receive_frame(&inbound->control, socket) != OK)
        return ERR_SYSTEM;
    if (zmq_msg_size(&inbound->control) == 0 && zmq_msg_more(&inbound->control)) {
        inbound->has_delimiter = true;
        if (receive_frame(&inbound->control, socket) != OK)
            return ERR_SYSTEM;
    }
    inbound->bytes = zmq_msg_size(&inbound->control);
    check_control(inbound);
    receive_attachments(inbound, socket);
    wire_reader_init(&inbound->reader,
                     (struct bytes){zmq_msg_data(&inbound->control), (uint32_t)zmq_msg_size(&inbound->control)},
                     inbound->side, TO_BROKER);
    inbound->reader.inline_bytes_max = inbound->inline_bytes_max;
    return OK;
}

struct bytes
inbound_routing_id(const struct inbound *inbound)
{
    /* zmq_msg_data changes nothing; it only lacks the const. */
    zmq_msg_t *routing_id = (zmq_msg_t *)&inbound->routing_id;

    return (struct bytes){zmq_msg_data(routing_id), (uint32_t)zmq_msg_size(routing_id)};
}

bool
inbound_has_delimiter(const struct inbound *inbound)
{
    return inbound->has_delimiter;
}

uint64_t
inbound_bytes(const struct inbound *inbound)
{
    return inbound->bytes;
}

int
inbound_fd(struct inbound *inbound)
{
    return zmq_msg_get(&inbound->control, ZMQ_SRCFD);
}

/* --- walking -------------------------------------------------------------------------------------------------- */

static struct ref
find_ref(const struct message *message)
{
    switch (message->verb) {
    case VERB_SUBMIT:
        return message->submit.id;
    case VERB_CANCEL:
        return message->cancel.ref;
    case VERB_RESULT:
        return message->result.ref;
    case VERB_ERROR:
        return message->error.ref;
    case VERB_CHUNK:
        return message->chunk.ref;
    case VERB_STARTED:
        return ref_number(message->fence);
    case VERB_NACK:
        return ref_number(message->nack.fence);
    default:
        return (struct ref){.kind = REF_NONE};
    }
}

static enum inbound_next
complain(const struct inbound *inbound, const char *text, struct ref ref, struct wire_fault *ret_fault)
{
    *ret_fault =
        (struct wire_fault){.code = ERROR_BAD_MESSAGE, .ref = ref, .text = text, .offset = inbound->reader.at};
    return INBOUND_FAULT;
}

/* Pass over the frames of a command. False: they are not all there. */
static bool
take_frames(struct inbound *inbound, unsigned frames)
{
    if (inbound->is_short || inbound->frame_count - inbound->frames_taken < frames)
        inbound->is_short = true;
    else
        inbound->frames_taken += frames;
    return !inbound->is_short;
}

static enum inbound_next
give_out(struct inbound *inbound, const struct message **ret_message, struct wire_fault *ret_fault)
{
    struct payload *payload = message_payload(&inbound->message);
    unsigned frames = payload ? payload->frames : 0;

    if (!take_frames(inbound, frames)) {
        complain(inbound, "attachment frames are missing", find_ref(&inbound->message), ret_fault);
        ret_fault->verb = inbound->message.verb;
        return INBOUND_FAULT;
    }
    if (frames > 0) {
        zmq_msg_t *first = &inbound->frames[inbound->frames_taken - frames];

        inbound->attachments = frames_new(first, (uint16_t)frames);
        payload->attachments = inbound->attachments;
    }
    *ret_message = &inbound->message;
    return INBOUND_COMMAND;
}

static enum inbound_next
finish(struct inbound *inbound, struct wire_fault *ret_fault)
{
    bool is_left_over = !inbound->is_short && inbound->frames_taken < inbound->frame_count;

    inbound_drop(inbound);
    if (is_left_over)
        return complain(inbound, "attachment frames are left over", (struct ref){.kind = REF_NONE}, ret_fault);
    return INBOUND_END;
}

enum inbound_next
inbound_next(struct inbound *inbound, const struct message **ret_message, struct wire_fault *ret_fault)
{
    attachments_unref(inbound->attachments);
    inbound->attachments = NULL;
    if (inbound->is_over)
        return INBOUND_END;
    if (inbound->complaint) {
        complain(inbound, inbound->complaint, (struct ref){.kind = REF_NONE}, ret_fault);
        inbound_drop(inbound);
        return INBOUND_FAULT;
    }
    switch (wire_next(&inbound->reader, &inbound->message, ret_fault)) {
    case WIRE_COMMAND:
        return give_out(inbound, ret_message, ret_fault);
    case WIRE_FAULT:
        if (!take_frames(inbound, ret_fault->frames))
            complain(inbound, "attachment frames are missing", ret_fault->ref, ret_fault);
        else if (ret_fault->code == ERROR_BAD_MESSAGE)
            inbound_drop(inbound); /* or each byte of "GET / HTTP" would be answered */
        return INBOUND_FAULT;
    case WIRE_BROKEN:
        inbound_drop(inbound);
        return INBOUND_FAULT;
    case WIRE_END:
        break;
    }
    return finish(inbound, ret_fault);
}

void
inbound_drop(struct inbound *inbound)
{
    attachments_unref(inbound->attachments);
    inbound->attachments = NULL;
    inbound->is_over = true;
    /* A frame holds its memory until something else is received into it, which may be never. */
    zmq_msg_close(&inbound->control);
    zmq_msg_init(&inbound->control);
    while (inbound->frame_count > 0) {
        zmq_msg_t *frame = &inbound->frames[--inbound->frame_count];

        zmq_msg_close(frame);
        zmq_msg_init(frame);
    }
    inbound->frames_taken = 0;
}
