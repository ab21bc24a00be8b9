/* test_body.c - shared bytes: copies, counts, and who is told at the end. */
#include "wire/body.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct frames {
    struct attachments attachments;
    int *released;
};

static void
release_frames(struct attachments *attachments)
{
    struct frames *frames = (struct frames *)attachments;

    ++*frames->released;
    free(frames);
}

static struct attachments *
frames_new(uint16_t count, size_t total_bytes, int *released)
{
    struct frames *frames = malloc(sizeof *frames);

    *frames = (struct frames){{1, count, total_bytes, release_frames}, released};
    return &frames->attachments;
}

static struct bytes
text(const char *string)
{
    return (struct bytes){(const uint8_t *)string, (uint32_t)strlen(string)};
}

static bool
is_text(struct bytes bytes, const char *string)
{
    return bytes.size == strlen(string) && memcmp(bytes.data, string, bytes.size) == 0;
}

Test(body, a_body_has_its_own_copy_of_all_bytes)
{
    char function[] = "count_words", payload_text[] = "to be";
    struct payload payload = {.data = text(payload_text)};
    struct body *body = body_new(NULL, text(function), text("json"), text("\x80"), &payload);

    memset(function, 'x', sizeof function - 1);
    memset(payload_text, 'x', sizeof payload_text - 1);
    cr_expect(is_text(body->function, "count_words"));
    cr_expect(is_text(body->content_type, "json"));
    cr_expect(is_text(body->headers, "\x80"));
    cr_expect(is_text(body->payload.data, "to be"));
    cr_expect(body_bytes(body) == sizeof *body + 11 + 4 + 1 + 5);
    body_unref(body);
}

Test(body, a_body_of_nothing_is_possible)
{
    struct payload payload = {.data = {NULL, 0}};
    struct body *body = body_new(NULL, (struct bytes){NULL, 0}, (struct bytes){NULL, 0}, (struct bytes){NULL, 0}, &payload);

    cr_expect(body_bytes(body) == sizeof *body);
    cr_expect(payload_bytes(&body->payload) == 0);
    body_unref(body);
}

Test(body, attachments_are_shared_and_released_once_with_the_last_reference)
{
    int released = 0;
    struct attachments *attachments = frames_new(2, 100000, &released);
    struct payload payload = {.frames = 2, .attachments = attachments};
    struct body *body = body_new(NULL, text("f"), text(""), text(""), &payload);

    cr_expect(attachments->refs == 2);
    cr_expect(payload_bytes(&payload) == 100000);
    cr_expect(body_bytes(body) == sizeof *body + 1 + 100000);
    attachments_unref(attachments);
    body_ref(body);
    body_unref(body);
    cr_expect(released == 0);
    body_unref(body);
    cr_expect(released == 1);
}

Test(body, to_drop_nothing_is_allowed)
{
    body_unref(NULL);
    attachments_unref(NULL);
}
