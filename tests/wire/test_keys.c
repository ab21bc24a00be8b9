/* test_keys.c - every key of the maps that are mostly empty is written although it is the only one. */
#include "wire/keys.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct bytes word = {(const uint8_t *)"x", 1};
/* {"a": "b"} */
static const struct bytes headers = {(const uint8_t *)"\x81\xa1"
                                                      "a\xa1"
                                                      "b",
                                     5};

/* Set one field to a value that is not its initial one, and is allowed. */
static void
set(void *map, const struct key *key)
{
    void *field = (uint8_t *)map + key->at;

    if (key->said_at > 0)
        *(bool *)((uint8_t *)map + key->said_at) = true;
    switch (key->kind) {
    case KEY_UINT8:
        *(uint8_t *)field = (uint8_t)(key->initial + 1);
        break;
    case KEY_UINT32:
        *(uint32_t *)field = (uint32_t)(key->initial + 1);
        break;
    case KEY_UINT64:
        *(uint64_t *)field = key->initial + 1;
        break;
    case KEY_BOOL:
        *(bool *)field = !key->initial;
        break;
    case KEY_WORD:
        *(unsigned *)field = 1;
        break;
    case KEY_TEXTS:
        *(struct texts *)field = (struct texts){.count = 1, .list = &word};
        break;
    case KEY_STR:
    case KEY_BIN:
    case KEY_CONTENT_TYPE:
        *(struct bytes *)field = word;
        break;
    case KEY_HEADERS:
        *(struct bytes *)field = headers;
        break;
    default:
        cr_assert_fail("%s: this test does not know its kind", key->name);
    }
}

static bool
contains(const struct wire_buffer *buffer, const char *name)
{
    return memmem(buffer->data, buffer->size, name, strlen(name)) != NULL;
}

/* `map` is the map's struct within `message`, which has no key set. */
static void
expect_each_alone(enum side side, struct message *message, void *map, size_t map_bytes, const struct keys *keys)
{
    uint8_t empty[sizeof *message];
    struct wire_buffer buffer;

    memcpy(empty, map, map_bytes);
    wire_buffer_init(&buffer, false);
    for (uint32_t i = 0; i < keys->count; i++) {
        buffer.size = 0;
        set(map, &keys->list[i]);
        cr_expect(wire_encode(&buffer, side, message) == OK, "%s is refused", keys->list[i].name);
        cr_expect(contains(&buffer, keys->list[i].name), "%s is not written when it is alone", keys->list[i].name);
        memcpy(map, empty, map_bytes);
    }
    wire_buffer_fini(&buffer);
}

Test(keys, each_option_of_a_submit_is_written_when_it_is_alone)
{
    struct message message = {
        .verb = VERB_SUBMIT,
        .submit = {.id = ref_number(1), .pool = word, .function = word, .priority = PRIORITY_DEFAULT},
    };

    expect_each_alone(SIDE_CLIENT, &message, &message.submit, sizeof message.submit, &submit_keys);
}

Test(keys, each_option_of_a_task_is_written_when_it_is_alone)
{
    struct message message = {.verb = VERB_TASK, .task = {.fence = 1, .attempt = 1, .function = word}};

    expect_each_alone(SIDE_WORKER, &message, &message.task, sizeof message.task, &task_keys);
}

Test(keys, each_info_of_a_result_is_written_when_it_is_alone)
{
    struct message message = {.verb = VERB_RESULT, .result = {.ref = ref_number(1)}};

    expect_each_alone(SIDE_CLIENT, &message, &message.result.info, sizeof message.result.info, &info_keys);
}
