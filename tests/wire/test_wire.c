/* test_wire.c - what the golden vectors cannot show: limits of encoding, the buffer's fate, texts that are cut. */
#include "wire/wire.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/resource.h>

static struct bytes
text(const char *string)
{
    return (struct bytes){(const uint8_t *)string, (uint32_t)strlen(string)};
}

static struct bytes
written(const struct wire_buffer *buffer)
{
    return (struct bytes){buffer->data, (uint32_t)buffer->size};
}

static struct message
small_submit(void)
{
    return (struct message){.verb = VERB_SUBMIT,
                            .submit = {.id = ref_number(1), .pool = text("text"), .function = text("f"),
                                       .payload = {.data = text("\x90")}, .priority = PRIORITY_DEFAULT}};
}

/* Whether the command is refused and leaves nothing behind. */
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

static uint8_t many[EVENT_BYTES_MAX + 2];

Test(wire, a_submit_that_breaks_a_limit_is_not_encoded)
{
    struct message message;

#define REFUSE(assignment)                                                                                             \
    do {                                                                                                               \
        message = small_submit();                                                                                      \
        message.submit.assignment;                                                                                     \
        expect_refused(SIDE_CLIENT, &message, #assignment);                                                            \
    } while (0)

    memset(many, 'x', sizeof many);
    REFUSE(id = (struct ref){0});
    REFUSE(id.kind = 9);
    REFUSE(id = ((struct ref){.kind = REF_BYTES, .size = 0}));
    REFUSE(id = ((struct ref){.kind = REF_BYTES, .size = 17}));
    REFUSE(pool = text("my pool"));
    REFUSE(pool = ((struct bytes){many, NAME_BYTES_MAX + 1}));
    REFUSE(function = text(""));
    REFUSE(function = ((struct bytes){many, FUNCTION_BYTES_MAX + 1}));
    REFUSE(payload.frames = TASK_FRAMES_MAX + 1);
    REFUSE(priority = PRIORITIES);
    REFUSE(delay_ms = DURATION_MS_MAX + 1);
    REFUSE(max_attempts = ATTEMPTS_MAX + 1);
    REFUSE(on_loss = 2);
    REFUSE(content_type = ((struct bytes){many, CONTENT_TYPE_BYTES_MAX + 1}));
    REFUSE(headers = ((struct bytes){many, HEADERS_BYTES_MAX + 1}));
    message = small_submit();
    message.submit.has_deadline = true;
    message.submit.deadline_ms = DURATION_MS_MAX + 1;
    expect_refused(SIDE_CLIENT, &message, "deadline_ms");
#undef REFUSE
}

Test(wire, a_hello_that_breaks_a_limit_is_not_encoded)
{
    struct message worker = {.verb = VERB_HELLO, .hello = {.is_worker = true, .pool = text("text"), .slots = 1}};
    struct message client = {.verb = VERB_HELLO, .hello = {.instance = {many, INSTANCE_BYTES}}};
    struct message message;

    expect_refused(SIDE_CLIENT, &worker, "a worker on the client socket");
    expect_refused(SIDE_WORKER, &client, "a client on the worker socket");
    message = client;
    message.hello.instance.size = 15;
    expect_refused(SIDE_CLIENT, &message, "an instance of 15 bytes");
    message = client;
    message.hello.name = (struct bytes){many, LABEL_BYTES_MAX + 1};
    expect_refused(SIDE_CLIENT, &message, "a long label");
    message = worker;
    message.hello.pool = text(ADMIN_POOL);
    expect_refused(SIDE_WORKER, &message, "a worker of the broker's pool");
    message = worker;
    message.hello.slots = 0;
    expect_refused(SIDE_WORKER, &message, "no slots");
    message = worker;
    message.hello.slots = SLOTS_MAX + 1;
    expect_refused(SIDE_WORKER, &message, "too many slots");
    message = worker;
    message.hello.leases.count = LEASES_MAX + 1;
    expect_refused(SIDE_WORKER, &message, "too many leases");
}

Test(wire, what_agents_say_is_not_encoded_when_it_breaks_a_limit)
{
    static const struct agent_pool wrong = {{(const uint8_t *)"my pool", 7}, 1};
    struct message agent = {.verb = VERB_HELLO, .hello = {.is_agent = true, .agent = 1}};
    struct message message;

    memset(many, 'x', sizeof many);
    expect_refused(SIDE_CLIENT, &agent, "an agent on the client socket");
    message = agent;
    message.hello.agent = 0;
    expect_refused(SIDE_WORKER, &message, "an agent without a number");
    message = agent;
    message.hello.pools = (struct agent_pools){.count = 1, .list = &wrong};
    expect_refused(SIDE_WORKER, &message, "a pool with a wrong name");
    message.hello.pools = (struct agent_pools){.count = AGENT_POOLS_MAX + 1};
    expect_refused(SIDE_WORKER, &message, "too many pools");
    message = (struct message){.verb = VERB_PROCESSES, .processes = {.count = PROCESSES_MAX + 1}};
    expect_refused(SIDE_WORKER, &message, "too many processes");
    message = (struct message){.verb = VERB_REPLACE, .replace = {.session = 1, .pid = 1}};
    expect_refused(SIDE_WORKER, &message, "REPLACE without a pool");
    message = (struct message){.verb = VERB_EXITED, .exited = {.pool = text(ADMIN_POOL)}};
    expect_refused(SIDE_WORKER, &message, "EXITED of the broker's pool");
    message = (struct message){.verb = VERB_EVENT, .event = {.name = text("worker.lost")}};
    expect_refused(SIDE_WORKER, &message, "an event with a name of the broker's");
    message.event = (struct app_event){.name = text("app.x"), .fields = {many, EVENT_BYTES_MAX + 1}};
    expect_refused(SIDE_WORKER, &message, "too many fields");
}

Test(wire, commands_of_the_wrong_side_or_without_a_ref_are_not_encoded)
{
    struct message message = small_submit();
    struct ref bytes = {.kind = REF_BYTES, .size = 1};

    expect_refused(SIDE_WORKER, &message, "SUBMIT to a worker");
    message = (struct message){.verb = VERB_NONE};
    expect_refused(SIDE_CLIENT, &message, "no verb");
    message = (struct message){.verb = (enum verb)99};
    expect_refused(SIDE_CLIENT, &message, "verb 99");
    message = (struct message){.verb = VERB_RESULT, .result = {.ref = bytes}};
    expect_refused(SIDE_WORKER, &message, "a fence of bytes");
    message = (struct message){.verb = VERB_RESULT};
    expect_refused(SIDE_CLIENT, &message, "RESULT of nothing");
    message = (struct message){.verb = VERB_CHUNK, .chunk = {.ref = bytes, .seq = 0}};
    expect_refused(SIDE_CLIENT, &message, "chunk 0");
    message = (struct message){.verb = VERB_TASK, .task = {.attempt = 0, .function = text("f")}};
    expect_refused(SIDE_WORKER, &message, "attempt 0");
    message = (struct message){.verb = VERB_ERROR, .error = {.code = ERROR_NONE}};
    expect_refused(SIDE_CLIENT, &message, "ERROR without a code");
    message = (struct message){.verb = VERB_ERROR, .error = {.code = ERROR_CODES}};
    expect_refused(SIDE_CLIENT, &message, "ERROR with no such code");
}

/* Make requests for gigabytes fail. A sanitizer needs its own address space; there an option does the same. */
static void
limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
    struct rlimit limit = {1 << 30, 1 << 30};

    cr_assert(setrlimit(RLIMIT_AS, &limit) == 0);
#endif
}

Test(wire, when_memory_ends_nothing_of_the_command_stays)
{
    struct wire_buffer buffer;
    struct message message = small_submit();
    size_t size;

    limit_memory();
    wire_buffer_init(&buffer, true);
    cr_expect(wire_encode(&buffer, SIDE_CLIENT, &message) == OK);
    size = buffer.size;
    message.submit.payload.data.size = UINT32_MAX; /* more than the limit: never read */
    cr_expect(wire_encode(&buffer, SIDE_CLIENT, &message) == ERR_MEMORY);
    cr_expect(buffer.size == size, "%zu bytes, not %zu", buffer.size, size);
    cr_expect(wire_encode(&buffer, SIDE_CLIENT, &message) == ERR_MEMORY);
    wire_buffer_fini(&buffer);
}

/* Decode the one command of a buffer. */
static struct message
decode_one(const struct wire_buffer *buffer, enum side side, enum direction direction)
{
    struct wire_reader reader;
    struct message message = {.verb = VERB_NONE};
    struct wire_fault fault = {.code = ERROR_NONE};

    wire_reader_init(&reader, written(buffer), side, direction);
    cr_assert(wire_next(&reader, &message, &fault) == WIRE_COMMAND, "%s", fault.text);
    cr_assert(wire_next(&reader, &message, &fault) == WIRE_END);
    return message;
}

Test(wire, a_list_of_fences_is_encoded_and_read_back_one_by_one)
{
    const uint64_t list[] = {7, UINT64_MAX, 300};
    struct message message = {.verb = VERB_WELCOME, .welcome = {.session = 1, .leases = {.count = 3, .list = list}}};
    struct wire_buffer buffer;
    struct fences fences;
    uint64_t fence;

    wire_buffer_init(&buffer, false);
    cr_assert(wire_encode(&buffer, SIDE_WORKER, &message) == OK);
    fences = decode_one(&buffer, SIDE_WORKER, FROM_BROKER).welcome.leases;
    cr_expect(fences.count == 3 && !fences.list);
    for (int i = 0; i < 3; i++)
        cr_expect(wire_fences_next(&fences, &fence) == OK && fence == list[i]);
    cr_expect(wire_fences_next(&fences, &fence) == ERR_NOT_FOUND);
    wire_buffer_fini(&buffer);
}

Test(wire, an_error_text_that_is_too_long_is_cut_between_characters_by_both_ends)
{
    static char words[ERROR_TEXT_BYTES_MAX + 8];
    struct message message = {.verb = VERB_ERROR, .error = {.ref = ref_number(1), .code = ERROR_FAILED}};
    struct wire_buffer buffer;

    /* The character of 2 bytes stands across the limit. */
    memset(words, 'm', sizeof words);
    memcpy(words + ERROR_TEXT_BYTES_MAX - 1, "\xc3\xa4", 2);
    message.error.text = (struct bytes){(const uint8_t *)words, sizeof words};
    wire_buffer_init(&buffer, false);
    cr_assert(wire_encode(&buffer, SIDE_WORKER, &message) == OK);
    cr_expect(decode_one(&buffer, SIDE_WORKER, TO_BROKER).error.text.size == ERROR_TEXT_BYTES_MAX - 1);

    buffer.size = 0;
    wire_write_array(&buffer, 4);
    wire_write_uint(&buffer, VERB_ERROR);
    wire_write_uint(&buffer, 1);
    wire_write_text(&buffer, "failed");
    wire_write_str(&buffer, message.error.text);
    cr_expect(decode_one(&buffer, SIDE_WORKER, TO_BROKER).error.text.size == ERROR_TEXT_BYTES_MAX - 1);
    wire_buffer_fini(&buffer);
}

static enum error_code
code_heard(const char *name, enum side side, enum direction direction)
{
    struct wire_buffer buffer;
    enum error_code code;

    wire_buffer_init(&buffer, false);
    wire_write_array(&buffer, 3);
    wire_write_uint(&buffer, VERB_ERROR);
    wire_write_uint(&buffer, 1);
    wire_write_text(&buffer, name);
    code = decode_one(&buffer, side, direction).error.code;
    wire_buffer_fini(&buffer);
    return code;
}

Test(wire, a_worker_has_four_codes_and_any_other_counts_as_failed)
{
    cr_expect(code_heard("failed", SIDE_WORKER, TO_BROKER) == ERROR_FAILED);
    cr_expect(code_heard("cancelled", SIDE_WORKER, TO_BROKER) == ERROR_CANCELLED);
    cr_expect(code_heard("no_such_function", SIDE_WORKER, TO_BROKER) == ERROR_NO_SUCH_FUNCTION);
    cr_expect(code_heard("bad_payload", SIDE_WORKER, TO_BROKER) == ERROR_BAD_PAYLOAD);
    cr_expect(code_heard("dead", SIDE_WORKER, TO_BROKER) == ERROR_FAILED);
    cr_expect(code_heard("out_of_cheese", SIDE_WORKER, TO_BROKER) == ERROR_FAILED);
}

Test(wire, a_code_of_a_later_broker_is_an_internal_error)
{
    cr_expect(code_heard("busy", SIDE_CLIENT, FROM_BROKER) == ERROR_BUSY);
    cr_expect(code_heard("out_of_cheese", SIDE_CLIENT, FROM_BROKER) == ERROR_INTERNAL);
}

Test(wire, the_inline_limit_is_the_readers)
{
    struct message message = small_submit();
    struct wire_buffer buffer;
    struct wire_reader reader;
    struct wire_fault fault;

    wire_buffer_init(&buffer, false);
    message.submit.payload.data = text("12345");
    wire_encode(&buffer, SIDE_CLIENT, &message);
    wire_reader_init(&reader, written(&buffer), SIDE_CLIENT, TO_BROKER);
    reader.inline_bytes_max = 4;
    cr_expect(wire_next(&reader, &message, &fault) == WIRE_FAULT);
    cr_expect(fault.code == ERROR_TOO_LARGE && fault.ref.kind == REF_NUMBER && fault.ref.number == 1);
    wire_reader_init(&reader, written(&buffer), SIDE_CLIENT, TO_BROKER);
    reader.inline_bytes_max = 5;
    cr_expect(wire_next(&reader, &message, &fault) == WIRE_COMMAND);
    wire_buffer_fini(&buffer);
}

Test(wire, a_verb_too_large_for_its_field_is_named_as_the_largest)
{
    struct wire_buffer buffer;
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;

    wire_buffer_init(&buffer, false);
    wire_write_array(&buffer, 1);
    wire_write_uint(&buffer, UINT64_MAX);
    wire_reader_init(&reader, written(&buffer), SIDE_CLIENT, TO_BROKER);
    cr_expect(wire_next(&reader, &message, &fault) == WIRE_FAULT);
    cr_expect(fault.code == ERROR_UNKNOWN_VERB && fault.verb == UINT32_MAX && fault.ref.kind == REF_NONE);
    wire_buffer_fini(&buffer);
}

Test(wire, an_empty_frame_is_broken_once_and_then_ends)
{
    struct wire_reader reader;
    struct message message;
    struct wire_fault fault;

    wire_reader_init(&reader, (struct bytes){NULL, 0}, SIDE_CLIENT, TO_BROKER);
    cr_expect(wire_next(&reader, &message, &fault) == WIRE_BROKEN);
    cr_expect(wire_next(&reader, &message, &fault) == WIRE_END);
    cr_expect(wire_next(&reader, &message, &fault) == WIRE_END);
}

Test(wire, the_unused_bytes_of_a_decoded_ref_are_zero_so_that_it_can_be_a_hash_key)
{
    struct ref id = {.kind = REF_BYTES, .size = 2, .bytes = "ab"};
    struct message message = {.verb = VERB_RESULT, .result = {.ref = id}};
    struct wire_buffer buffer;
    struct wire_reader reader;
    struct wire_fault fault;
    struct ref refs[2];

    wire_buffer_init(&buffer, false);
    wire_encode(&buffer, SIDE_CLIENT, &message);
    for (int i = 0; i < 2; i++) {
        memset(&message, i == 0 ? 0x55 : 0xaa, sizeof message);
        wire_reader_init(&reader, written(&buffer), SIDE_CLIENT, FROM_BROKER);
        cr_assert(wire_next(&reader, &message, &fault) == WIRE_COMMAND);
        memcpy(&refs[i], &message.result.ref, sizeof refs[i]);
    }
    cr_expect(memcmp(&refs[0], &refs[1], sizeof refs[0]) == 0);
    wire_buffer_fini(&buffer);
}
