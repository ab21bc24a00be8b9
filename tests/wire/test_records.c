/* test_records.c - lists within commands: walked whether they were decoded or are about to be encoded, and never past
 * what is there. What breaks a limit of a command that has a ref or a list is not encoded. */
#include "wire/wire.h"

#include <criterion/criterion.h>
#include <string.h>

static uint8_t many[1024];

static struct bytes
text(const char *string)
{
    return (struct bytes){(const uint8_t *)string, (uint32_t)strlen(string)};
}

static void
expect_refused(enum side side, const struct message *message, const char *what)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    wire_write_nil(&buffer);
    cr_expect(wire_encode(&buffer, side, message) == ERR_INVALID, "%s is encoded", what);
    cr_expect(buffer.size == 1, "%s leaves bytes behind", what);
    wire_buffer_fini(&buffer);
}

/* --- walking -------------------------------------------------------------------------------------------------------- */

/* Bytes that no list begins with: a walk over them ends at once, whatever they claim to be. */
static const uint8_t garbage[] = {0xc1, 0x93, 0x01};

Test(records, a_walk_over_bytes_that_are_no_record_ends)
{
    const struct bytes encoded = {garbage, sizeof garbage};
    struct fences fences = {.count = 3, .encoded = encoded};
    struct agent_pools pools = {.count = 3, .encoded = encoded};
    struct processes processes = {.count = 3, .encoded = encoded};
    struct texts texts = {.count = 3, .encoded = encoded};
    struct holds holds = {.count = 3, .encoded = encoded};
    struct process_usage usage;
    struct agent_pool pool;
    struct bytes one;
    struct hold hold;
    uint64_t fence;

    cr_expect(wire_fences_next(&fences, &fence) == ERR_NOT_FOUND);
    cr_expect(wire_agent_pools_next(&pools, &pool) == ERR_NOT_FOUND);
    cr_expect(wire_processes_next(&processes, &usage) == ERR_NOT_FOUND);
    cr_expect(wire_texts_next(&texts, &one) == ERR_NOT_FOUND);
    cr_expect(wire_holds_next(&holds, &hold) == ERR_NOT_FOUND);
}

Test(records, a_record_whose_fields_are_of_another_type_ends_the_walk)
{
    static const char *const records[] = {"\x93\xa1x\x01\x02", "\x93\x01\xa1x\x02", "\x93\x01\x02\xa1x"};

    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        const struct bytes encoded = text(records[i]);
        struct agent_pools pools = {.count = 1, .encoded = encoded};
        struct processes processes = {.count = 1, .encoded = encoded};
        struct holds holds = {.count = 1, .encoded = encoded};
        struct process_usage usage;
        struct agent_pool pool;
        struct hold hold;

        cr_expect(wire_processes_next(&processes, &usage) == ERR_NOT_FOUND);
        cr_expect(wire_holds_next(&holds, &hold) == ERR_NOT_FOUND);
        cr_expect(wire_agent_pools_next(&pools, &pool) == (i == 0 ? OK : ERR_NOT_FOUND));
    }
}

Test(records, a_list_to_be_encoded_is_walked_as_one_that_was_decoded)
{
    const struct bytes list[] = {text("ValueError"), text("OSError")};
    const struct hold held[] = {{.fence = 7, .attempt = 2, .origin = text("abc")}};
    struct texts texts = {.count = 2, .list = list};
    struct holds holds = {.count = 1, .list = held};
    struct bytes one;
    struct hold hold;

    cr_assert(wire_texts_next(&texts, &one) == OK && one.data == list[0].data);
    cr_assert(wire_texts_next(&texts, &one) == OK && one.data == list[1].data);
    cr_assert(wire_texts_next(&texts, &one) == ERR_NOT_FOUND);
    cr_assert(wire_holds_next(&holds, &hold) == OK && hold.fence == 7 && hold.attempt == 2);
    cr_assert(wire_holds_next(&holds, &hold) == ERR_NOT_FOUND);
}

/* --- not encoded ------------------------------------------------------------------------------------------------------ */

Test(records, no_command_about_a_task_is_encoded_without_its_ref)
{
    const struct message messages[] = {
        {.verb = VERB_CANCEL},
        {.verb = VERB_ACCEPTED},
        {.verb = VERB_RESULT},
        {.verb = VERB_CHUNK, .chunk.seq = 1},
        {.verb = VERB_CREDIT},
    };
    struct message wrong = {.verb = VERB_ERROR, .error = {.code = ERROR_FAILED, .ref.kind = 9}};

    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        expect_refused(SIDE_CLIENT, &messages[i], verb_name(messages[i].verb));
    expect_refused(SIDE_CLIENT, &wrong, "an ERROR of a ref that is none");
}

Test(records, no_payload_is_encoded_that_claims_too_many_frames)
{
    const struct payload payload = {.frames = TASK_FRAMES_MAX + 1};
    struct message message = {.verb = VERB_RESULT, .result = {.ref = ref_number(1), .payload = payload}};

    expect_refused(SIDE_CLIENT, &message, "RESULT");
    message = (struct message){.verb = VERB_CHUNK, .chunk = {.ref = ref_number(1), .seq = 1, .payload = payload}};
    expect_refused(SIDE_CLIENT, &message, "CHUNK");
    message = (struct message){
        .verb = VERB_TASK, .task = {.fence = 1, .attempt = 1, .function = text("f"), .payload = payload}};
    expect_refused(SIDE_WORKER, &message, "TASK");
    message.task.payload.frames = 0;
    message.task.function = text("");
    expect_refused(SIDE_WORKER, &message, "a TASK without a function");
}

Test(records, no_list_is_encoded_that_breaks_a_limit)
{
    struct message submit = {.verb = VERB_SUBMIT,
                             .submit = {.id = ref_number(1), .pool = text("text"), .function = text("f"),
                                        .payload = {.data = text("\x90")}, .priority = PRIORITY_DEFAULT}};
    struct message hello = {.verb = VERB_HELLO, .hello = {.is_worker = true, .pool = text("text"), .slots = 1}};
    struct message pool = {.verb = VERB_POOL, .pool = {.pool = text("my pool")}};
    const struct bytes texts[] = {{many, 129}, {many, 0}};
    const struct hold holds[] = {{.fence = 1, .attempt = 0, .origin = text("a")},
                                 {.fence = 1, .attempt = 1, .origin = text("")},
                                 {.fence = 1, .attempt = 1, .origin = {many, 49}}};

    submit.submit.retry_on = (struct texts){.count = 17, .list = texts};
    expect_refused(SIDE_CLIENT, &submit, "17 types");
    for (size_t i = 0; i < 2; i++) {
        submit.submit.retry_on = (struct texts){.count = 1, .list = &texts[i]};
        expect_refused(SIDE_CLIENT, &submit, "a type of a wrong length");
    }
    hello.hello.holds = (struct holds){.count = LEASES_MAX + 1, .list = holds};
    expect_refused(SIDE_WORKER, &hello, "too many held leases");
    for (size_t i = 0; i < 3; i++) {
        hello.hello.holds = (struct holds){.count = 1, .list = &holds[i]};
        expect_refused(SIDE_WORKER, &hello, "a wrong held lease");
    }
    expect_refused(SIDE_WORKER, &pool, "a pool with a wrong name");
}

/* --- the map that nearly each TASK has ---------------------------------------------------------------------------- */

/* Decode a TASK with these options. */
static enum wire_next
decode_task_options(const void *options, size_t size, struct message *ret_message)
{
    struct wire_fault fault;
    struct wire_reader reader;
    struct wire_buffer buffer;
    enum wire_next next;

    wire_buffer_init(&buffer, false);
    wire_write_raw(&buffer, text("\x96\x10\x07\x01\xa1" "f\xc4\x01x"));
    wire_write_raw(&buffer, (struct bytes){options, (uint32_t)size});
    wire_reader_init(&reader, (struct bytes){buffer.data, (uint32_t)buffer.size}, SIDE_WORKER, FROM_BROKER);
    next = wire_next(&reader, ret_message, &fault);
    cr_expect(next == WIRE_COMMAND || fault.code == ERROR_BAD_FIELD || fault.code == ERROR_BAD_MESSAGE);
    wire_buffer_fini(&buffer);
    return next;
}

#define DECODE(options, message) decode_task_options(options, sizeof options - 1, message)

Test(records, an_origin_is_read_in_every_form_of_its_map)
{
    static const char *const forms[] = {
        "\x81\xa6origin\xc4\x02no",                 /* the shortest */
        "\xde\x00\x01\xa6origin\xc4\x02no",         /* a longer head of the map, */
        "\x81\xd9\x06origin\xc4\x02no",             /* of the key, */
        "\x81\xa6origin\xc5\x00\x02no",             /* of the bin */
        "\x82\xa6origin\xc4\x02no\xa6stream\xc3",   /* beside another option */
    };
    static const size_t sizes[] = {12, 14, 13, 13, 20};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct message message;

        cr_expect(decode_task_options(forms[i], sizes[i], &message) == WIRE_COMMAND, "form %zu", i);
        cr_expect(message.task.origin.size == 2, "form %zu", i);
    }
}

Test(records, an_origin_that_is_empty_too_long_or_cut_short_is_refused)
{
    char longer[11 + 49] = "\x81\xa6origin\xc4\x31";
    struct message message;

    cr_expect(decode_task_options(longer, 10 + 48, &message) == WIRE_BROKEN);
    cr_expect(decode_task_options(longer, 10 + 49, &message) == WIRE_FAULT);
    longer[9] = 48;
    cr_expect(decode_task_options(longer, 10 + 47, &message) == WIRE_BROKEN);
    cr_expect(decode_task_options(longer, 10 + 48, &message) == WIRE_COMMAND);
    cr_expect(DECODE("\x81\xa6origin\xc4\x00", &message) == WIRE_FAULT);
    cr_expect(DECODE("\x81\xa6origin\xc4", &message) == WIRE_BROKEN);
    cr_expect(DECODE("\x81\xa6origin", &message) == WIRE_BROKEN);
    cr_expect(DECODE("\x81\xa6orig", &message) == WIRE_BROKEN);
}

Test(records, no_task_is_encoded_with_an_origin_that_is_too_long)
{
    struct message message = {
        .verb = VERB_TASK,
        .task = {.fence = 1, .attempt = 1, .function = text("f"), .origin = {many, ORIGIN_BYTES_MAX + 1}}};

    expect_refused(SIDE_WORKER, &message, "a TASK with nothing but a long origin");
    message.task.stream = true;
    expect_refused(SIDE_WORKER, &message, "a TASK with a long origin");
}
