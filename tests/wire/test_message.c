/* test_message.c - names of the verbs, refs, and which commands carry a payload. */
#include "wire/message.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ref
ref_bytes(const char *bytes)
{
    struct ref ref;

    memset(&ref, 0, sizeof ref);
    ref.kind = REF_BYTES;
    ref.size = (uint8_t)strlen(bytes);
    memcpy(ref.bytes, bytes, ref.size);
    return ref;
}

Test(message, every_verb_has_the_name_of_the_protocol_and_no_other_number_has_one)
{
    cr_expect_str_eq(verb_name(VERB_HELLO), "HELLO");
    cr_expect_str_eq(verb_name(VERB_SUBMIT), "SUBMIT");
    cr_expect_str_eq(verb_name(VERB_STOP), "STOP");
    for (unsigned verb = 0; verb < 300; verb++) {
        bool is_one = verb >= 1 && verb <= 29 && verb != 7 && verb != 22 && verb != 23;

        cr_expect((strcmp(verb_name(verb), "?") != 0) == is_one, "verb %u", verb);
    }
}

Test(message, refs_are_equal_when_kind_and_value_are)
{
    struct ref none = {0}, seven = ref_number(7), text = ref_bytes("7"), longer = ref_bytes("77");

    cr_expect(ref_equal(&none, &none));
    cr_expect(ref_equal(&seven, &(struct ref){.kind = REF_NUMBER, .number = 7}));
    cr_expect(ref_equal(&text, &text));
    cr_expect(!ref_equal(&seven, &(struct ref){.kind = REF_NUMBER, .number = 8}));
    cr_expect(!ref_equal(&seven, &text));
    cr_expect(!ref_equal(&text, &longer));
    cr_expect(!ref_equal(&none, &seven));
}

Test(message, equal_refs_are_equal_bytes_so_that_they_can_be_hash_keys)
{
    struct ref a, b;

    memset(&a, 0x55, sizeof a);
    memset(&b, 0xaa, sizeof b);
    a = ref_number(7);
    b = ref_number(7);
    cr_expect(memcmp(&a, &b, sizeof a) == 0);
}

Test(message, four_verbs_carry_a_payload)
{
    for (unsigned verb = 0; verb <= VERB_EVENT; verb++) {
        struct message message = {.verb = (enum verb)verb};
        bool has_one = verb == VERB_SUBMIT || verb == VERB_TASK || verb == VERB_RESULT || verb == VERB_CHUNK;

        cr_expect((message_payload(&message) != NULL) == has_one, "%s", verb_name(verb));
    }
}
