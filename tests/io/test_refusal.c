/* test_refusal.c - tests of broker/io/refusal.c. */
#include "broker/io/refusal.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static struct wire_fault
make_fault(unsigned verb, enum error_code code)
{
    return (struct wire_fault){.code = code,
                               .verb = verb,
                               .ref = {.kind = REF_NUMBER, .number = 7},
                               .field = "priority",
                               .text = "the priority is not an integer",
                               .offset = 12};
}

static bool
is_text(struct bytes bytes, const char *text)
{
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

Test(refusal, names_the_command_the_field_and_the_place)
{
    struct wire_fault fault = make_fault(VERB_SUBMIT, ERROR_BAD_FIELD);
    struct message answer;

    refusal_answer(&fault, 100, &answer);
    cr_assert_eq(answer.verb, VERB_ERROR);
    cr_assert_eq(answer.error.code, ERROR_BAD_FIELD);
    cr_assert_eq(answer.error.ref.number, 7);
    cr_assert(is_text(answer.error.field, "priority"));
    cr_assert(is_text(answer.error.text, "the priority is not an integer"));
    cr_assert(answer.error.has_offset);
    cr_assert_eq(answer.error.offset, 12);
    cr_assert_null(answer.error.limit.data);
}

Test(refusal, names_an_unknown_option_as_it_was_given)
{
    struct wire_fault fault = make_fault(VERB_SUBMIT, ERROR_UNSUPPORTED);
    struct message answer;

    strcpy(fault.unknown, "prioritty");
    refusal_answer(&fault, 100, &answer);
    cr_assert(is_text(answer.error.field, "prioritty"));
}

Test(refusal, of_too_many_bytes_names_the_limit)
{
    struct wire_fault fault = make_fault(VERB_SUBMIT, ERROR_TOO_LARGE);
    struct message answer;

    refusal_answer(&fault, 100, &answer);
    cr_assert(is_text(answer.error.limit, "inline_max"));
    cr_assert_eq(answer.error.limit_bytes, 100);
}

Test(refusal, of_a_hello_is_a_refuse)
{
    struct wire_fault fault = make_fault(VERB_HELLO, ERROR_BAD_FIELD);
    struct message answer;

    refusal_answer(&fault, 100, &answer);
    cr_assert_eq(answer.verb, VERB_REFUSE);
}

Test(refusal, ends_an_attempt_only_when_it_was_a_workers_answer_to_one)
{
    struct wire_fault result = make_fault(VERB_RESULT, ERROR_BAD_FIELD);
    struct wire_fault chunk = make_fault(VERB_CHUNK, ERROR_BAD_FIELD);
    struct wire_fault nameless = make_fault(VERB_RESULT, ERROR_BAD_FIELD);
    struct message verdict;

    nameless.ref.kind = REF_NONE;
    cr_assert(refusal_ends_attempt(SIDE_WORKER, &result));
    cr_assert_not(refusal_ends_attempt(SIDE_CLIENT, &result));
    cr_assert_not(refusal_ends_attempt(SIDE_WORKER, &chunk));
    cr_assert_not(refusal_ends_attempt(SIDE_WORKER, &nameless));

    refusal_verdict(&result, &verdict);
    cr_assert_eq(verdict.verb, VERB_ERROR);
    cr_assert_eq(verdict.error.ref.number, 7);
    cr_assert_eq(verdict.error.code, ERROR_FAILED);
}

Test(refusal, the_last_offence_that_is_allowed_is_one_less_than_the_limit)
{
    struct connection peer = {0};

    for (int i = 1; i < REFUSAL_OFFENCES_MAX; i++)
        cr_assert_not(refusal_count_offence(&peer));
    cr_assert(refusal_count_offence(&peer));
}
