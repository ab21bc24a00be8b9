/* test_msgpack.c - building arguments and reading values, without a client. */
#include "client/include/snakepit.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(args, .timeout = 10);
TestSuite(value, .timeout = 10);

static struct snakepit_value
parse(const void *data, size_t size)
{
    struct snakepit_value value;

    cr_assert_eq(snakepit_value_parse(data, size, &value), SNAKEPIT_OK);
    return value;
}

static struct snakepit_value
finished(struct snakepit_args *args)
{
    struct snakepit_bytes bytes;

    cr_assert_eq(snakepit_args_finish(args, &bytes), SNAKEPIT_OK);
    return parse(bytes.data, bytes.size);
}

Test(args, no_arguments_are_an_empty_list)
{
    struct snakepit_args *args = snakepit_args_new();
    struct snakepit_bytes bytes;

    cr_assert_eq(snakepit_args_finish(args, &bytes), SNAKEPIT_OK);
    cr_assert_eq(bytes.size, 2);
    cr_assert_arr_eq(bytes.data, "\x91\x90", 2);
    snakepit_args_destroy(&args);
    cr_assert_null(args);
}

Test(args, every_kind_of_value_comes_back)
{
    struct snakepit_args *args = snakepit_args_new();
    struct snakepit_value all, list, item;
    int64_t number;
    uint64_t large;
    double real;

    snakepit_args_nil(args);
    snakepit_args_bool(args, true);
    snakepit_args_int(args, INT64_MIN);
    snakepit_args_uint(args, UINT64_MAX);
    snakepit_args_double(args, -0.5);
    snakepit_args_str(args, "snake");
    snakepit_args_bin(args, "\0\1", 2);
    snakepit_args_encoded(args, "\x92\x01\x02", 3);
    all = finished(args);
    cr_assert_eq(snakepit_value_at(&all, 0, &list), SNAKEPIT_OK);
    cr_assert_eq(list.size, 8);
    snakepit_value_at(&list, 0, &item);
    cr_assert_eq(item.kind, SNAKEPIT_NIL);
    snakepit_value_at(&list, 1, &item);
    cr_assert(item.kind == SNAKEPIT_BOOL && item.boolean);
    snakepit_value_at(&list, 2, &item);
    cr_assert_eq(snakepit_value_int(&item, &number), SNAKEPIT_OK);
    cr_assert_eq(number, INT64_MIN);
    snakepit_value_at(&list, 3, &item);
    cr_assert_eq(snakepit_value_uint(&item, &large), SNAKEPIT_OK);
    cr_assert_eq(large, UINT64_MAX);
    cr_assert_eq(snakepit_value_int(&item, &number), SNAKEPIT_MISMATCH);
    snakepit_value_at(&list, 4, &item);
    cr_assert_eq(snakepit_value_double(&item, &real), SNAKEPIT_OK);
    cr_assert(fabs(real + 0.5) < 1e-12);
    snakepit_value_at(&list, 5, &item);
    cr_assert(snakepit_value_is_text(&item, "snake"));
    cr_assert(!snakepit_value_is_text(&item, "snak"));
    snakepit_value_at(&list, 6, &item);
    cr_assert(item.kind == SNAKEPIT_BIN && item.size == 2);
    snakepit_value_at(&list, 7, &item);
    cr_assert(item.kind == SNAKEPIT_ARRAY && item.size == 2);
    cr_assert_eq(snakepit_value_at(&list, 8, &item), SNAKEPIT_NOT_FOUND);
    snakepit_args_destroy(&args);
}

Test(args, named_arguments_and_containers_nest)
{
    struct snakepit_args *args = snakepit_args_new();
    struct snakepit_value all, named, item, inner;

    snakepit_args_int(args, 1);
    snakepit_args_name(args, "options");
    snakepit_args_begin_map(args);
    snakepit_args_str(args, "depths");
    snakepit_args_begin_array(args);
    snakepit_args_int(args, 10);
    snakepit_args_int(args, 20);
    snakepit_args_end(args);
    snakepit_args_end(args);
    snakepit_args_int(args, 2);
    snakepit_args_name(args, "strict");
    snakepit_args_bool(args, false);
    all = finished(args);
    cr_assert_eq(all.size, 2);
    snakepit_value_at(&all, 0, &item);
    cr_assert_eq(item.size, 2, "a positional argument after a named one is still positional");
    snakepit_value_at(&all, 1, &named);
    cr_assert(named.kind == SNAKEPIT_MAP && named.size == 2);
    cr_assert_eq(snakepit_value_get(&named, "options", &item), SNAKEPIT_OK);
    cr_assert_eq(snakepit_value_get(&item, "depths", &inner), SNAKEPIT_OK);
    cr_assert_eq(inner.size, 2);
    cr_assert_eq(snakepit_value_get(&named, "strict", &item), SNAKEPIT_OK);
    cr_assert_eq(item.kind, SNAKEPIT_BOOL);
    cr_assert_eq(snakepit_value_get(&named, "missing", &item), SNAKEPIT_NOT_FOUND);
    snakepit_args_destroy(&args);
}

Test(args, an_error_stays_until_the_reset)
{
    struct snakepit_args *args = snakepit_args_new();
    struct snakepit_bytes bytes;

    cr_assert_eq(snakepit_args_end(args), SNAKEPIT_INVALID);
    cr_assert_eq(snakepit_args_int(args, 1), SNAKEPIT_INVALID);
    cr_assert_eq(snakepit_args_finish(args, &bytes), SNAKEPIT_INVALID);
    snakepit_args_reset(args);
    cr_assert_eq(snakepit_args_int(args, 1), SNAKEPIT_OK);
    cr_assert_eq(snakepit_args_finish(args, &bytes), SNAKEPIT_OK);
    snakepit_args_destroy(&args);
}

Test(args, what_is_not_whole_cannot_be_finished)
{
    struct snakepit_args *args = snakepit_args_new();
    struct snakepit_bytes bytes;

    snakepit_args_begin_array(args);
    cr_assert_eq(snakepit_args_finish(args, &bytes), SNAKEPIT_INVALID);
    snakepit_args_reset(args);
    snakepit_args_name(args, "left_alone");
    cr_assert_eq(snakepit_args_finish(args, &bytes), SNAKEPIT_INVALID);
    snakepit_args_reset(args);
    snakepit_args_begin_map(args);
    snakepit_args_str(args, "key without value");
    cr_assert_eq(snakepit_args_end(args), SNAKEPIT_INVALID);
    snakepit_args_reset(args);
    cr_assert_eq(snakepit_args_encoded(args, "\x01\x02", 2), SNAKEPIT_INVALID, "two values");
    snakepit_args_reset(args);
    cr_assert_eq(snakepit_args_encoded(args, "\x92\x01", 2), SNAKEPIT_INVALID, "half a value");
    snakepit_args_reset(args);
    cr_assert_eq(snakepit_args_strn(args, NULL, 3), SNAKEPIT_INVALID);
    snakepit_args_destroy(&args);
}

Test(args, seventeen_levels_are_too_deep)
{
    struct snakepit_args *args = snakepit_args_new();

    for (int i = 0; i < 16; i++)
        cr_assert_eq(snakepit_args_begin_array(args), SNAKEPIT_OK);
    cr_assert_eq(snakepit_args_begin_array(args), SNAKEPIT_FULL);
    snakepit_args_destroy(&args);
}

Test(args, a_hundred_thousand_elements_are_counted_right)
{
    struct snakepit_args *args = snakepit_args_new();
    struct snakepit_value all, list, array;

    snakepit_args_begin_array(args);
    for (int i = 0; i < 100000; i++)
        snakepit_args_int(args, i);
    snakepit_args_end(args);
    all = finished(args);
    snakepit_value_at(&all, 0, &list);
    snakepit_value_at(&list, 0, &array);
    cr_assert_eq(array.size, 100000);
    snakepit_args_destroy(&args);
}

Test(value, an_iterator_visits_pairs_and_elements_in_order)
{
    /* {"a": 1, 2: [3, -4]} */
    const char bytes[] = "\x82\xa1"
                         "a\x01\x02\x92\x03\xfc";
    struct snakepit_value map = parse(bytes, sizeof bytes - 1);
    struct snakepit_value key, value, item;
    struct snakepit_iter iter = snakepit_iter_of(&map), inner;
    int64_t number;

    cr_assert(snakepit_iter_next(&iter, &key, &value));
    cr_assert(snakepit_value_is_text(&key, "a"));
    cr_assert_eq(value.uint, 1);
    cr_assert(snakepit_iter_next(&iter, &key, &value));
    cr_assert_eq(key.uint, 2);
    inner = snakepit_iter_of(&value);
    cr_assert(snakepit_iter_next(&inner, NULL, &item));
    cr_assert(snakepit_iter_next(&inner, NULL, &item));
    cr_assert_eq(snakepit_value_int(&item, &number), SNAKEPIT_OK);
    cr_assert_eq(number, -4);
    cr_assert(!snakepit_iter_next(&inner, NULL, &item));
    cr_assert(!snakepit_iter_next(&iter, &key, &value));
    iter = snakepit_iter_of(&item);
    cr_assert(!snakepit_iter_next(&iter, NULL, &item), "a number has no elements");
}

Test(value, bytes_that_lie_about_their_length_are_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"", 0}, {"\xc1", 1}, {"\xdd\xff\xff\xff\xff", 5}, {"\xdf\xff\xff\xff\xff", 5}, {"\xc6\x40\x00\x00\x00", 5},
        {"\xdb\x00\x00\x00\x05" "abc", 8}, {"\x92\x01", 2}, {"\x81\x01", 2}, {"\xcf\x00", 2},
    };
    struct snakepit_value value;
    char deep[200];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(snakepit_value_parse(bad[i].bytes, bad[i].size, &value), SNAKEPIT_MISMATCH, "case %zu", i);
    memset(deep, 0x91, sizeof deep);
    deep[sizeof deep - 1] = 1;
    cr_assert_eq(snakepit_value_parse(deep, sizeof deep, &value), SNAKEPIT_MISMATCH);
    cr_assert_eq(snakepit_value_parse(NULL, 0, &value), SNAKEPIT_MISMATCH);
}

Test(value, random_bytes_are_walked_without_reading_past_their_end)
{
    unsigned seed = 1;

    for (int round = 0; round < 200000; round++) {
        struct snakepit_value value, key, item;
        struct snakepit_iter iter;
        uint8_t *bytes;
        size_t size;

        seed = seed * 1103515245u + 12345u;
        size = (seed >> 16) % 40;
        bytes = malloc(size ? size : 1); /* of exactly this size, for the address sanitizer */
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1103515245u + 12345u;
            bytes[i] = (uint8_t)(seed >> 16);
        }
        if (snakepit_value_parse(bytes, size, &value) == SNAKEPIT_OK) {
            cr_assert_leq(value.encoded.size, size);
            iter = snakepit_iter_of(&value);
            while (snakepit_iter_next(&iter, &key, &item))
                cr_assert_leq(item.encoded.size, size);
            snakepit_value_get(&value, "a", &item);
            snakepit_value_at(&value, 2, &item);
        }
        free(bytes);
    }
}

Test(value, every_status_and_state_has_its_own_text)
{
    for (int status = SNAKEPIT_MISMATCH; status < SNAKEPIT_OK; status++)
        for (int other = status + 1; other <= SNAKEPIT_OK; other++)
            cr_assert_str_neq(snakepit_strerror(status), snakepit_strerror(other));
    cr_assert_str_eq(snakepit_state_name(SNAKEPIT_STATE_OK), "ok");
    cr_assert_str_eq(snakepit_state_name(SNAKEPIT_STATE_ABANDONED), "abandoned");
    cr_assert_str_eq(snakepit_state_name((enum snakepit_state)99), "unknown");
    cr_assert_str_eq(snakepit_strerror(-99), "unknown status");
    cr_assert_str_eq(snakepit_version(), "0.1.0");
}
