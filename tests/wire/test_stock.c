/* test_stock.c - memory that is given back is taken again, and a stock outlives its last block. */
#include "wire/stock.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>

TestSuite(stock, .timeout = 10);

#if !defined(__SANITIZE_ADDRESS__)
Test(stock, a_block_that_was_given_back_is_the_next_that_is_taken)
{
    struct stock *stock = stock_new(100, 10);
    void *first = stock_take(stock, 100);
    void *second = stock_take(stock, 1);

    cr_assert_neq(first, second);
    stock_give(first);
    cr_assert_eq(stock_take(stock, 50), first);
    stock_give(first);
    stock_give(second);
    cr_assert_eq(stock_take(stock, 50), second);
    stock_give(second);
    stock_destroy(&stock);
    cr_assert_null(stock);
}

Test(stock, a_backlog_does_not_take_more_than_it_asks_for_and_leaves_nothing_behind)
{
    enum { COUNT = 2000, ASKED = 100, KEPT = 100, SIZE = 1000 };
    struct stock *stock = stock_new(SIZE, KEPT);
    void *blocks[COUNT];
    size_t before = mallinfo2().uordblks;

    for (size_t i = 0; i < COUNT; i++)
        blocks[i] = stock_take(stock, ASKED);
    cr_assert_lt(mallinfo2().uordblks - before, COUNT * (ASKED + 32) + KEPT * (SIZE + 32));
    for (size_t i = 0; i < COUNT; i++)
        stock_give(blocks[i]);
    stock_shed(stock);
    cr_assert_lt(mallinfo2().uordblks, before + KEPT * SIZE / 2, "the allocator itself keeps a few");
    stock_destroy(&stock);
}
#endif

Test(stock, every_block_has_the_room_that_was_asked_for_and_is_aligned)
{
    struct stock *stock = stock_new(100, 2);
    uint8_t *blocks[6];

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 6; i++) {
            blocks[i] = stock_take(stock, 30 * i); /* up to 150: larger than the stock's blocks */
            cr_assert_eq((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
            memset(blocks[i], (int)i, 30 * i);
        }
        for (size_t i = 0; i < 6; i++) {
            for (size_t at = 0; at < 30 * i; at++)
                cr_assert_eq(blocks[i][at], i);
            stock_give(blocks[i]); /* more than it keeps */
        }
    }
    stock_destroy(&stock);
}

Test(stock, without_a_stock_a_block_is_mallocs)
{
    void *block = stock_take(NULL, 10);

    memset(block, 1, 10);
    stock_give(block);
    stock_give(NULL);
    stock_destroy(&(struct stock *){NULL});
}

Test(stock, blocks_stay_good_after_the_stock_and_the_last_takes_it_along)
{
    struct stock *stock = stock_new(20, 5);
    uint8_t *first = stock_take(stock, 20);
    uint8_t *second = stock_take(stock, 20);

    memset(first, 7, 20);
    stock_destroy(&stock);
    cr_assert_eq(first[19], 7);
    stock_give(second);
    cr_assert_eq(first[0], 7);
    stock_give(first); /* the leak sanitizer looks for the stock */
}
