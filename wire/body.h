/* body.h - bytes that belong to a task or a result, shared by count. Never looks into them, does no I/O. */
#ifndef SNAKEPIT_WIRE_BODY_H
#define SNAKEPIT_WIRE_BODY_H

#include "stock.h"

#include <stddef.h>
#include <stdint.h>

/* A borrowed view; `data` may be NULL when `size` is 0. */
struct bytes {
    const uint8_t *data;
    uint32_t size;
};

/* Attachment frames of one command. Whoever makes them embeds this struct and supplies `release`,
 * which is called once, when the last reference is dropped. */
struct attachments {
    uint32_t refs;
    uint16_t frames;
    size_t total_bytes;
    void (*release)(struct attachments *);
};

void
attachments_ref(struct attachments *attachments);

/* Drop one reference; NULL is allowed. */
void
attachments_unref(struct attachments *attachments);

/* What a task or a result carries: inline bytes, or `frames` attachment frames.
 * A decoder sets `frames` to the number that the command claims, and whoever holds the frames sets `attachments`. */
struct payload {
    struct bytes data;
    uint16_t frames; /* 0: inline */
    struct attachments *attachments;
};

/* Bytes that the payload occupies, inline or attached. */
size_t
payload_bytes(const struct payload *payload);

/* A private copy of all that a task or result carries, in one allocation; attachments are referenced, not copied. */
struct body {
    uint32_t refs;
    uint32_t inline_bytes; /* of this record and what it stores */
    struct bytes function;     /* empty for a result */
    struct bytes content_type; /* empty: msgpack */
    struct bytes headers;      /* one encoded msgpack map, or empty */
    struct payload payload;
    uint8_t store[];
};

/* Copy the views into a new body with one reference. Small ones take their memory from `stock`, which may be NULL.
 * Aborts when memory ends. */
struct body *
body_new(struct stock *stock, struct bytes function, struct bytes content_type, struct bytes headers, const struct payload *payload);

void
body_ref(struct body *body);

/* Drop one reference; NULL is allowed. */
void
body_unref(struct body *body);

/* Memory that the body occupies, attachments included. */
static inline size_t
body_bytes(const struct body *body)
{
    return body->inline_bytes + (body->payload.attachments ? body->payload.attachments->total_bytes : 0);
}

#endif
