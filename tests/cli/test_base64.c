/* test_base64.c - tests of client/cli/base64.c. */
#include "client/cli/base64.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bytes
view(const char *text)
{
    return (struct bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}

/* The vectors of RFC 4648, section 10. */
static const char *const pairs[][2] = {{"", ""},           {"f", "Zg=="},         {"fo", "Zm8="},         {"foo", "Zm9v"},
                                       {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

Test(base64, the_vectors_of_the_rfc_go_both_ways)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct wire_buffer text, bytes;

        wire_buffer_init(&text, false);
        wire_buffer_init(&bytes, false);
        base64_encode(view(pairs[i][0]), &text);
        cr_assert_eq(text.size, strlen(pairs[i][1]));
        cr_assert(text.size == 0 || memcmp(text.data, pairs[i][1], text.size) == 0);
        cr_assert_eq(base64_decode(view(pairs[i][1]), &bytes), OK);
        cr_assert_eq(bytes.size, strlen(pairs[i][0]));
        cr_assert(bytes.size == 0 || memcmp(bytes.data, pairs[i][0], bytes.size) == 0);
        wire_buffer_fini(&text);
        wire_buffer_fini(&bytes);
    }
}

Test(base64, other_text_is_refused)
{
    const char *const wrong[] = {"Z", "Zg", "Zg=", "Zg===", "=Zg=", "Zh==", "Zm9=", "Zm-v", "Zm 9", "Zg==Zg==", "===="};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct wire_buffer bytes;

        wire_buffer_init(&bytes, false);
        cr_assert_eq(base64_decode(view(wrong[i]), &bytes), ERR_INVALID, "\"%s\"", wrong[i]);
        wire_buffer_fini(&bytes);
    }
}
