/* test_writer.c - the buffer and its values. */
#include "wire/writer.h"

#include "wire/err.h"
#include "wire/reader.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bytes
written(const struct wire_buffer *buffer)
{
    return (struct bytes){buffer->data, (uint32_t)buffer->size};
}

static bool
is_written(const struct wire_buffer *buffer, const char *bytes, size_t size)
{
    return buffer->size == size && memcmp(buffer->data, bytes, size) == 0;
}

Test(writer, numbers_take_their_shortest_form)
{
    static const struct {
        uint64_t value;
        size_t size;
    } cases[] = {{0, 1}, {127, 1}, {128, 2}, {255, 2}, {256, 3}, {65535, 3}, {65536, 5}, {UINT32_MAX, 5},
                 {UINT64_C(1) << 32, 9}, {UINT64_MAX, 9}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_buffer buffer;
        struct reader reader;
        uint64_t value;

        wire_buffer_init(&buffer, false);
        wire_write_uint(&buffer, cases[i].value);
        cr_expect(buffer.size == cases[i].size);
        reader_init(&reader, written(&buffer));
        cr_expect(reader_uint(&reader, &value) == OK && value == cases[i].value);
        wire_buffer_fini(&buffer);
    }
}

Test(writer, negative_numbers_are_read_back)
{
    static const int64_t cases[] = {-1, -32, -33, -128, -129, -32768, -32769, INT32_MIN, INT64_MIN, 0, INT64_MAX};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_buffer buffer;
        struct reader reader;
        int64_t value;

        wire_buffer_init(&buffer, false);
        wire_write_int(&buffer, cases[i]);
        reader_init(&reader, written(&buffer));
        cr_expect(reader_int(&reader, &value) == OK && value == cases[i]);
        wire_buffer_fini(&buffer);
    }
}

Test(writer, every_kind_of_value_has_the_bytes_of_messagepack)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    wire_write_array(&buffer, 7);
    wire_write_nil(&buffer);
    wire_write_bool(&buffer, true);
    wire_write_bool(&buffer, false);
    wire_write_float(&buffer, 1.5);
    wire_write_text(&buffer, "ab");
    wire_write_bin(&buffer, (struct bytes){(const uint8_t *)"cd", 2});
    wire_write_map(&buffer, 1);
    wire_write_str(&buffer, (struct bytes){NULL, 0});
    wire_write_raw(&buffer, (struct bytes){(const uint8_t *)"\x07", 1});
    cr_expect(is_written(&buffer, "\x97\xc0\xc3\xc2\xcb\x3f\xf8\0\0\0\0\0\0\xa2" "ab\xc4\x02" "cd\x81\xa0\x07", 23));
    wire_buffer_fini(&buffer);
}

Test(writer, lengths_take_their_shortest_form)
{
    static const uint8_t zeros[70000];
    static const struct {
        uint32_t size;
        size_t str_head, bin_head;
    } cases[] = {{0, 1, 2}, {31, 1, 2}, {32, 2, 2}, {255, 2, 2}, {256, 3, 3}, {65535, 3, 3}, {65536, 5, 5}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_buffer buffer;

        wire_buffer_init(&buffer, false);
        wire_write_str(&buffer, (struct bytes){zeros, cases[i].size});
        cr_expect(buffer.size == cases[i].str_head + cases[i].size);
        buffer.size = 0;
        wire_write_bin(&buffer, (struct bytes){zeros, cases[i].size});
        cr_expect(buffer.size == cases[i].bin_head + cases[i].size);
        wire_buffer_fini(&buffer);
    }
}

Test(writer, a_count_can_be_corrected_afterwards)
{
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, false);
    wire_write_nil(&buffer);
    wire_write_map(&buffer, 0);
    wire_write_array(&buffer, 5);
    wire_set_count(&buffer, 1, 15);
    wire_set_count(&buffer, 2, 4);
    cr_expect(is_written(&buffer, "\xc0\x8f\x94", 3));
    wire_buffer_fini(&buffer);
}

Test(writer, a_buffer_grows_by_doubling_and_keeps_what_is_in_it)
{
    struct wire_buffer buffer;
    struct reader reader;
    uint64_t value;
    unsigned growths = 0;
    size_t capacity = 0;

    wire_buffer_init(&buffer, false);
    for (uint64_t i = 0; i < 100000; i++) {
        wire_write_uint(&buffer, i);
        growths += buffer.capacity != capacity;
        capacity = buffer.capacity;
    }
    cr_expect(growths < 16, "%u times", growths);
    reader_init(&reader, written(&buffer));
    for (uint64_t i = 0; i < 100000; i++)
        cr_assert(reader_uint(&reader, &value) == OK && value == i);
    wire_buffer_fini(&buffer);
    cr_expect(!buffer.data && buffer.size == 0);
}

Test(writer, a_fallible_buffer_that_has_failed_takes_nothing_more)
{
    static const uint8_t byte = 7;
    struct wire_buffer buffer;

    wire_buffer_init(&buffer, true);
    wire_write_text(&buffer, "abc");
    /* A buffer that could only grow to more than can be addressed: that is refused without asking the system. */
    buffer.size = buffer.capacity = SIZE_MAX / 2 + 1;
    wire_write_raw(&buffer, (struct bytes){&byte, 1});
    cr_expect(buffer.failed);
    wire_write_nil(&buffer);
    wire_set_count(&buffer, 0, 1);
    cr_expect(buffer.size == SIZE_MAX / 2 + 1);
    buffer.size = 4;
    cr_expect(is_written(&buffer, "\xa3" "abc", 4));
    wire_buffer_fini(&buffer);
}

/* What each kind of value does with a buffer that cannot grow. */
static void
write_kind(struct wire_buffer *buffer, unsigned kind)
{
    static const uint8_t byte = 7;
    const struct bytes bytes = {&byte, 1};

    switch (kind) {
    case 0:
        wire_write_nil(buffer);
        return;
    case 1:
        wire_write_bool(buffer, true);
        return;
    case 2:
        wire_write_uint(buffer, 1);
        return;
    case 3:
        wire_write_int(buffer, -1);
        return;
    case 4:
        wire_write_float(buffer, 0.5);
        return;
    case 5:
        wire_write_str(buffer, bytes);
        return;
    case 6:
        wire_write_bin(buffer, bytes);
        return;
    case 7:
        wire_write_array(buffer, 1);
        return;
    case 8:
        wire_write_map(buffer, 1);
        return;
    default:
        wire_write_raw(buffer, bytes);
    }
}

Test(writer, no_kind_of_value_is_written_when_memory_ends)
{
    for (unsigned kind = 0; kind < 10; kind++) {
        struct wire_buffer buffer;

        wire_buffer_init(&buffer, true);
        buffer.size = buffer.capacity = SIZE_MAX / 2 + 1;
        write_kind(&buffer, kind);
        cr_expect(buffer.failed && buffer.size == SIZE_MAX / 2 + 1, "kind %u", kind);
        buffer.size = buffer.capacity = 0;
        wire_buffer_fini(&buffer);
    }
}
