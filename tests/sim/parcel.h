/* parcel.h - a message that travels: a private copy of a `struct message` and of all that its views point at. Attachments
 * are referenced, never copied, and every one that is made is counted until it is released. */
#ifndef SNAKEPIT_SIM_PARCEL_H
#define SNAKEPIT_SIM_PARCEL_H

#include "wire/message.h"

struct parcel {
    struct message message;
    uint8_t store[];
};

/* Copy the message. The caller frees the result with parcel_free. */
struct parcel *
parcel_new(const struct message *message);

/* Drops the reference to attachments, too. NULL is allowed. */
void
parcel_free(struct parcel *parcel);

/* Attachments with a number by which a receiver knows them again. `*alive` counts those not yet released. */
struct tracked {
    struct attachments base;
    uint64_t content;
    uint64_t *alive;
};

/* New attachments with one reference, which the caller drops with attachments_unref. */
struct attachments *
tracked_new(uint64_t content, uint16_t frames, size_t total_bytes, uint64_t *alive);

/* One number for all that a peer can see of these bytes and attachments. */
uint64_t
hash_bytes(uint64_t hash, struct bytes bytes);

uint64_t
hash_payload(uint64_t hash, const struct payload *payload);

/* Write fences as a MessagePack sequence of uint 64 into `space` of 9 * count bytes and return the view. */
struct fences
fences_encode(uint8_t *space, const uint64_t *fences, uint32_t count);

struct bytes
bytes_of(const char *text);

#endif
