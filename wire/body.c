/* body.c - shared bytes; see body.h. */
#include "wire/body.h"

#include <assert.h>
#include <string.h>

void
attachments_ref(struct attachments *attachments)
{
    assert(attachments->refs > 0);
    attachments->refs++;
}

void
attachments_unref(struct attachments *attachments)
{
    if (!attachments)
        return;
    assert(attachments->refs > 0);
    if (--attachments->refs == 0)
        attachments->release(attachments);
}

size_t
payload_bytes(const struct payload *payload)
{
    return payload->attachments ? payload->attachments->total_bytes : payload->data.size;
}

/* Copy `from` to *at, move *at behind it, and return the view of the copy. */
static struct bytes
store_bytes(uint8_t **at, struct bytes from)
{
    struct bytes copy = {*at, from.size};

    if (from.size > 0)
        memcpy(*at, from.data, from.size);
    *at += from.size;
    return copy;
}

struct body *
body_new(struct stock *stock, struct bytes function, struct bytes content_type, struct bytes headers,
         const struct payload *payload)
{
    size_t inline_bytes =
        sizeof(struct body) + function.size + content_type.size + headers.size + (size_t)payload->data.size;
    struct body *body = stock_take(stock, inline_bytes);
    uint8_t *at;

    at = body->store;
    assert(inline_bytes <= UINT32_MAX);
    body->refs = 1;
    body->inline_bytes = (uint32_t)inline_bytes;
    body->function = store_bytes(&at, function);
    body->content_type = store_bytes(&at, content_type);
    body->headers = store_bytes(&at, headers);
    body->payload = *payload;
    body->payload.data = store_bytes(&at, payload->data);
    if (payload->attachments)
        attachments_ref(payload->attachments);
    return body;
}

void
body_ref(struct body *body)
{
    assert(body->refs > 0);
    body->refs++;
}

void
body_unref(struct body *body)
{
    if (!body)
        return;
    assert(body->refs > 0);
    if (--body->refs > 0)
        return;
    attachments_unref(body->payload.attachments);
    stock_give(body);
}
