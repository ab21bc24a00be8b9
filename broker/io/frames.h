/* frames.h - attachment frames of one command: ZeroMQ messages behind `struct attachments`. Reads no socket. */
#ifndef SNAKEPIT_IO_FRAMES_H
#define SNAKEPIT_IO_FRAMES_H

#include "wire/body.h"
#include "wire/writer.h"

#include <zmq.h>

/* Move `count` messages out of `from`, which are empty messages afterwards. Large ones are never copied. One reference,
 * which the caller drops with attachments_unref. */
struct attachments *
frames_new(zmq_msg_t *from, uint16_t count);

/* One frame that takes over the buffer's bytes; the buffer is empty afterwards. One reference. */
struct attachments *
frames_from_buffer(struct wire_buffer *buffer);

/* Frame number `index`, counted from 0. Stays the attachments'; share it with zmq_msg_copy. */
zmq_msg_t *
frames_at(struct attachments *attachments, uint16_t index);

#endif
