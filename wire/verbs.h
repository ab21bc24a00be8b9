/* verbs.h - decoders and encoders of the single verbs. Private to wire/; wire.c holds the table of them. */
#ifndef SNAKEPIT_WIRE_VERBS_H
#define SNAKEPIT_WIRE_VERBS_H

#include "decoder.h"

/* Each takes the fields behind the verb: OK, or ERR_INVALID with the fault noted. Trailing fields stay unread. */
int decode_hello(struct decoder *decoder, struct message *message);
int decode_welcome(struct decoder *decoder, struct message *message);
int decode_error(struct decoder *decoder, struct message *message); /* ERROR and REFUSE */
int decode_heartbeat(struct decoder *decoder, struct message *message);
int decode_reason(struct decoder *decoder, struct message *message); /* BYE */
int decode_nothing(struct decoder *decoder, struct message *message); /* REHELLO, DRAINING */
int decode_submit(struct decoder *decoder, struct message *message);
int decode_accepted(struct decoder *decoder, struct message *message);
int decode_cancel(struct decoder *decoder, struct message *message);
int decode_credit(struct decoder *decoder, struct message *message);
int decode_result(struct decoder *decoder, struct message *message);
int decode_chunk(struct decoder *decoder, struct message *message);
int decode_seen(struct decoder *decoder, struct message *message);
int decode_task(struct decoder *decoder, struct message *message);
int decode_fence(struct decoder *decoder, struct message *message); /* STARTED, RECALL */
int decode_nack(struct decoder *decoder, struct message *message);
int decode_stop(struct decoder *decoder, struct message *message);
int decode_replace(struct decoder *decoder, struct message *message);
int decode_retire(struct decoder *decoder, struct message *message);
int decode_processes(struct decoder *decoder, struct message *message);
int decode_exited(struct decoder *decoder, struct message *message);
int decode_pool(struct decoder *decoder, struct message *message);
int decode_event(struct decoder *decoder, struct message *message);

/* Each appends one command: OK, or ERR_INVALID when a field breaks a limit; then a part may have been written. */
int encode_hello(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_welcome(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_error(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_heartbeat(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_reason(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_nothing(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_submit(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_accepted(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_credit(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_cancel(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_result(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_chunk(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_seen(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_task(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_fence(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_nack(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_stop(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_replace(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_retire(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_processes(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_exited(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_pool(struct wire_buffer *buffer, enum side side, const struct message *message);
int encode_event(struct wire_buffer *buffer, enum side side, const struct message *message);

#endif
