/* test_reader.c - the cursor: every form of every type, and nothing past the end. */
#include "wire/reader.h"

#include "wire/err.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A reader over a copy of exactly `size` bytes, so that a sanitizer sees what is read behind them. */
static struct reader
reader_over(const void *bytes, size_t size)
{
    struct reader reader;

    reader_init(&reader, (struct bytes){memcpy(malloc(size > 0 ? size : 1), bytes, size), (uint32_t)size});
    return reader;
}

#define OVER(literal) reader_over(literal, sizeof literal - 1)

static void
fini(struct reader *reader)
{
    free((void *)(uintptr_t)reader->data);
}

static void
expect_uint(struct reader reader, uint64_t expected)
{
    uint64_t value = 0;

    cr_expect(reader_peek(&reader) == VALUE_UINT);
    cr_expect(reader_uint(&reader, &value) == OK && value == expected, "%llu", (unsigned long long)value);
    cr_expect(reader_is_at_end(&reader));
    fini(&reader);
}

static void
expect_int(struct reader reader, int64_t expected)
{
    int64_t value = 0;

    cr_expect(reader_int(&reader, &value) == OK && value == expected, "%lld", (long long)value);
    cr_expect(reader_is_at_end(&reader));
    fini(&reader);
}

static void
expect_float(struct reader reader, double expected)
{
    double value = 0;

    cr_expect(reader_peek(&reader) == VALUE_FLOAT);
    cr_expect(reader_float(&reader, &value) == OK && fabs(value - expected) < 1e-9);
    fini(&reader);
}

Test(reader, unsigned_numbers_of_every_width_are_read)
{
    expect_uint(OVER("\x00"), 0);
    expect_uint(OVER("\x7f"), 127);
    expect_uint(OVER("\xcc\x80"), 128);
    expect_uint(OVER("\xcd\x01\x00"), 256);
    expect_uint(OVER("\xce\x00\x01\x00\x00"), 65536);
    expect_uint(OVER("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), UINT64_MAX);
}

Test(reader, a_wider_form_than_needed_and_signed_forms_are_the_same_number)
{
    expect_uint(OVER("\xcf\0\0\0\0\0\0\0\x05"), 5);
    expect_uint(OVER("\xd0\x05"), 5);
    expect_uint(OVER("\xd1\0\x05"), 5);
    expect_uint(OVER("\xd2\0\0\0\x05"), 5);
    expect_uint(OVER("\xd3\0\0\0\0\0\0\0\x05"), 5);
}

Test(reader, negative_numbers_are_ints_and_no_uints)
{
    struct reader reader = OVER("\xff");
    uint64_t value;

    cr_expect(reader_peek(&reader) == VALUE_INT);
    cr_expect(reader_uint(&reader, &value) == ERR_INVALID);
    cr_expect(reader.at == 0);
    fini(&reader);
    expect_int(OVER("\xff"), -1);
    expect_int(OVER("\xe0"), -32);
    expect_int(OVER("\xd0\x80"), -128);
    expect_int(OVER("\xd1\x80\x00"), -32768);
    expect_int(OVER("\xd2\x80\x00\x00\x00"), INT32_MIN);
    expect_int(OVER("\xd3\x80\0\0\0\0\0\0\0"), INT64_MIN);
    expect_int(OVER("\xcc\xff"), 255);
}

Test(reader, a_number_over_the_range_of_an_int_is_refused_and_stays)
{
    struct reader reader = OVER("\xcf\x80\0\0\0\0\0\0\0");
    int64_t value;

    cr_expect(reader_int(&reader, &value) == ERR_INVALID);
    cr_expect(reader.at == 0);
    fini(&reader);
}

Test(reader, floats_of_both_widths_are_read)
{
    expect_float(OVER("\xca\x3f\xc0\x00\x00"), 1.5);
    expect_float(OVER("\xcb\x3f\xf8\0\0\0\0\0\0"), 1.5);
}

Test(reader, nil_and_bools_are_read_once)
{
    struct reader reader = OVER("\xc0\xc3\xc2");
    bool value = false;

    cr_expect(reader_bool(&reader, &value) == ERR_INVALID);
    cr_expect(reader_nil(&reader) == OK);
    cr_expect(reader_nil(&reader) == ERR_INVALID);
    cr_expect(reader_bool(&reader, &value) == OK && value);
    cr_expect(reader_bool(&reader, &value) == OK && !value);
    cr_expect(reader_bool(&reader, &value) == ERR_INVALID);
    fini(&reader);
}

Test(reader, strs_and_bins_of_every_width_are_views_into_the_bytes)
{
    struct reader reader = OVER("\xa2" "ab" "\xd9\x02" "cd" "\xda\0\x02" "ef" "\xdb\0\0\0\x02" "gh"
                                "\xc4\x02" "ij" "\xc5\0\x02" "kl" "\xc6\0\0\0\x02" "mn");
    struct bytes bytes;

    for (unsigned i = 0; i < 7; i++) {
        const char expected[2] = {(char)('a' + 2 * i), (char)('b' + 2 * i)};

        cr_expect((i < 4 ? reader_bin : reader_str)(&reader, &bytes) == ERR_INVALID);
        cr_expect((i % 2 ? reader_text : i < 4 ? reader_str : reader_bin)(&reader, &bytes) == OK);
        cr_expect(bytes.size == 2 && memcmp(bytes.data, expected, 2) == 0);
        cr_expect(bytes.data > reader.data && bytes.data < reader.data + reader.size);
    }
    cr_expect(reader_is_at_end(&reader));
    fini(&reader);
}

Test(reader, arrays_and_maps_of_every_width_give_their_number)
{
    struct reader reader = OVER("\x92\xc0\xc0\xdc\0\x01\xc0\xdd\0\0\0\x00\x81\xc0\xc0\xde\0\x01\xc0\xc0\xdf\0\0\0\x00");
    uint32_t count;

    cr_expect(reader_map(&reader, &count) == ERR_INVALID);
    cr_expect(reader_array(&reader, &count) == OK && count == 2);
    reader.at += 2;
    cr_expect(reader_array(&reader, &count) == OK && count == 1);
    reader.at += 1;
    cr_expect(reader_array(&reader, &count) == OK && count == 0);
    cr_expect(reader_array(&reader, &count) == ERR_INVALID);
    cr_expect(reader_map(&reader, &count) == OK && count == 1);
    reader.at += 2;
    cr_expect(reader_map(&reader, &count) == OK && count == 1);
    reader.at += 2;
    cr_expect(reader_map(&reader, &count) == OK && count == 0);
    fini(&reader);
}

Test(reader, a_number_of_children_that_cannot_fit_is_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {{"\x91", 1}, {"\x92\xc0", 2}, {"\x81\xc0", 2}, {"\xdc\x00\x02\xc0", 4},
                 {"\xdd\xff\xff\xff\xff\xc0", 6},
                 {"\xde\x00\x01\xc0", 4}, {"\xdf\x80\x00\x00\x00\xc0\xc0", 7}, {"\xdf\xff\xff\xff\xff\xc0\xc0", 7}};
    uint32_t count;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reader reader = reader_over(cases[i].bytes, cases[i].size);

        cr_expect(reader_array(&reader, &count) == ERR_INVALID, "case %zu", i);
        cr_expect(reader_map(&reader, &count) == ERR_INVALID, "case %zu", i);
        cr_expect(reader_peek(&reader) == VALUE_NONE, "case %zu", i);
        cr_expect(reader.at == 0);
        fini(&reader);
    }
}

Test(reader, every_value_cut_short_is_refused_by_every_function)
{
    static const struct {
        const char *bytes;
        uint32_t size;
    } cases[] = {
        {"\xcc\x80", 2}, {"\xcd\x01\x00", 3}, {"\xce\0\1\0\0", 5}, {"\xcf\1\1\1\1\1\1\1\1", 9}, {"\xd0\x80", 2},
        {"\xd1\x80\0", 3}, {"\xd2\x80\0\0\0", 5}, {"\xd3\x80\0\0\0\0\0\0\0", 9}, {"\xca\0\0\0\0", 5},
        {"\xcb\0\0\0\0\0\0\0\0", 9}, {"\xa2" "ab", 3}, {"\xd9\x01" "a", 3}, {"\xda\0\x01" "a", 4},
        {"\xdb\0\0\0\x01" "a", 6}, {"\xc4\x01" "a", 3}, {"\xc5\0\x01" "a", 4}, {"\xc6\0\0\0\x01" "a", 6},
        {"\xd4\x01" "a", 3}, {"\xd5\x01" "ab", 4}, {"\xd8\x01" "0123456789abcdef", 18}, {"\xc7\x01\x05" "a", 4},
        {"\xc8\0\x01\x05" "a", 5}, {"\xc9\0\0\0\x01\x05" "a", 7},
    };
    uint64_t number;
    int64_t integer;
    double real;
    struct bytes bytes;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reader whole = reader_over(cases[i].bytes, cases[i].size);

        cr_expect(reader_skip(&whole, 0, &bytes) == OK && bytes.size == cases[i].size, "case %zu", i);
        fini(&whole);
        for (uint32_t size = 0; size < cases[i].size; size++) {
            struct reader reader = reader_over(cases[i].bytes, size);

            cr_expect(reader_peek(&reader) == VALUE_NONE);
            cr_expect(reader_uint(&reader, &number) == ERR_INVALID && reader_int(&reader, &integer) == ERR_INVALID);
            cr_expect(reader_float(&reader, &real) == ERR_INVALID && reader_text(&reader, &bytes) == ERR_INVALID);
            cr_expect(reader_str(&reader, &bytes) == ERR_INVALID && reader_bin(&reader, &bytes) == ERR_INVALID);
            cr_expect(reader_skip(&reader, 16, NULL) == ERR_INVALID && reader.at == 0, "case %zu, %u", i, size);
            fini(&reader);
        }
    }
}

Test(reader, skip_passes_over_one_value_with_all_that_is_in_it)
{
    struct reader reader = OVER("\x92\x81\xa1k\x01\x93\xc0\xc7\x01\x05x\xcb\0\0\0\0\0\0\0\0\x07");
    struct bytes value;
    uint64_t number;

    cr_expect(reader_skip(&reader, 1, &value) == ERR_FULL);
    cr_expect(reader_skip(&reader, 2, &value) == OK);
    cr_expect(value.data == reader.data && value.size == reader.size - 1);
    cr_expect(reader_uint(&reader, &number) == OK && number == 7);
    fini(&reader);
}

Test(reader, skip_says_full_when_it_is_too_deep_and_stays)
{
    uint8_t bomb[40];
    struct reader reader;

    memset(bomb, 0x91, sizeof bomb);
    bomb[sizeof bomb - 1] = 0xc0;
    reader = reader_over(bomb + sizeof bomb - 17, 17); /* 16 arrays, then nil */
    cr_expect(reader_skip(&reader, 15, NULL) == ERR_FULL && reader.at == 0);
    cr_expect(reader_skip(&reader, 16, NULL) == OK && reader.at == 17);
    fini(&reader);
    reader = reader_over(bomb, sizeof bomb);
    cr_expect(reader_skip(&reader, 1000, NULL) == ERR_FULL, "32 is the most");
    fini(&reader);
}

Test(reader, an_empty_frame_holds_nothing)
{
    struct reader reader;

    reader_init(&reader, (struct bytes){NULL, 0});
    cr_expect(reader_is_at_end(&reader));
    cr_expect(reader_peek(&reader) == VALUE_NONE);
    cr_expect(reader_nil(&reader) == ERR_INVALID);
    cr_expect(reader_skip(&reader, 1, NULL) == ERR_INVALID);
}
