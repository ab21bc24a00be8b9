/* admin_answer.c - what a caller of the broker gets; see admin_answer.h. */
#include "broker/io/admin_answer.h"

#include "broker/io/frames.h"
#include "broker/io/report_map.h"
#include "wire/text.h"

void
admin_answer(struct outbox *outbox, const struct admin_caller *caller, struct wire_buffer *buffer)
{
    const struct bytes none = {NULL, 0};
    struct payload payload = {.data = {buffer->data, (uint32_t)buffer->size}};
    struct body *body;
    struct result *result;

    if (buffer->size > INLINE_BYTES_MAX)
        payload = (struct payload){.frames = 1, .attachments = frames_from_buffer(buffer)};
    body = body_new(NULL, none, none, none, &payload);
    result = &outbox_send(outbox, SIDE_CLIENT, caller->peer, VERB_RESULT, body)->result;
    result->ref = caller->ref;
    result->payload = body->payload;
    body_unref(body);
    attachments_unref(payload.attachments);
    wire_buffer_fini(buffer);
}

void
admin_answer_fault(struct outbox *outbox, const struct admin_caller *caller, const struct admin_fault *fault)
{
    const struct bytes none = {NULL, 0};
    struct payload text = {.data = text_bytes(fault->text)};
    struct bytes field = text_bytes(fault->field);
    struct body *body = body_new(NULL, field, none, none, &text);
    struct error *error = &outbox_send(outbox, SIDE_CLIENT, caller->peer, VERB_ERROR, body)->error;

    error->ref = caller->ref;
    error->code = fault->code;
    error->text = body->payload.data;
    error->field = body->function;
    body_unref(body);
}

void
admin_answer_word(struct outbox *outbox, const struct admin_caller *caller, const char *key, const char *value)
{
    struct wire_buffer buffer;
    struct report_map map;

    wire_buffer_init(&buffer, false);
    report_map_begin(&map, &buffer);
    report_put_text(&map, key, value);
    report_map_end(&map);
    admin_answer(outbox, caller, &buffer);
}
