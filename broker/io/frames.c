/* frames.c - attachment frames; see frames.h. */
#include "broker/io/frames.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A message that was decoded inside libzmq's 8 KiB receive buffer pins that whole buffer for as long as it lives.
 * Below this size a copy costs less than what would be pinned. */
#define COPY_BYTES_MAX 4096

struct frames {
    struct attachments head; /* first, so that a pointer to it is a pointer to this */
    zmq_msg_t frame[];
};

static void
release(struct attachments *attachments)
{
    struct frames *frames = (struct frames *)attachments;

    for (uint16_t i = 0; i < attachments->frames; i++)
        zmq_msg_close(&frames->frame[i]);
    free(frames);
}

static struct frames *
allocate(uint16_t count)
{
    struct frames *frames = malloc(sizeof *frames + count * sizeof frames->frame[0]);

    if (!frames)
        abort();
    frames->head = (struct attachments){.refs = 1, .frames = count, .release = release};
    return frames;
}

static void
take(zmq_msg_t *into, zmq_msg_t *from)
{
    size_t size = zmq_msg_size(from);

    if (size > COPY_BYTES_MAX) {
        zmq_msg_init(into);
        zmq_msg_move(into, from);
        return;
    }
    if (zmq_msg_init_size(into, size) != 0)
        abort();
    memcpy(zmq_msg_data(into), zmq_msg_data(from), size);
    zmq_msg_close(from);
    zmq_msg_init(from);
}

struct attachments *
frames_new(zmq_msg_t *from, uint16_t count)
{
    struct frames *frames = allocate(count);

    for (uint16_t i = 0; i < count; i++) {
        take(&frames->frame[i], &from[i]);
        frames->head.total_bytes += zmq_msg_size(&frames->frame[i]);
    }
    return &frames->head;
}

static void
free_buffer(void *data, void *hint)
{
    (void)hint;
    free(data);
}

struct attachments *
frames_from_buffer(struct wire_buffer *buffer)
{
    struct frames *frames = allocate(1);

    if (zmq_msg_init_data(&frames->frame[0], buffer->data, buffer->size, free_buffer, NULL) != 0)
        abort();
    frames->head.total_bytes = buffer->size;
    wire_buffer_init(buffer, buffer->is_fallible);
    return &frames->head;
}

zmq_msg_t *
frames_at(struct attachments *attachments, uint16_t index)
{
    struct frames *frames = (struct frames *)attachments;

    assert(index < attachments->frames);
    return &frames->frame[index];
}
