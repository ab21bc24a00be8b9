/* stock.c - recycled memory; see stock.h. */
#include "wire/stock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

/* What stands before each block: 16 bytes, so that the block is aligned as malloc's. While it is kept, `next` is its place in the
 * list; else `home` is where it belongs. */
struct head {
    _Alignas(max_align_t) union {
        struct stock *home; /* NULL: malloc's */
        struct head *next;
    };
};

struct stock {
    size_t block_bytes;
    struct head *kept;
    uint32_t kept_count;
    uint32_t kept_max;
    uint64_t used_count;
    bool is_closed; /* stock_destroy was called */
};

#if defined(__SANITIZE_ADDRESS__)
enum { IS_SANITIZED = true };
#else
enum { IS_SANITIZED = false };
#endif

struct stock *
stock_new(size_t block_bytes, uint32_t kept_max)
{
    struct stock *stock = calloc(1, sizeof *stock);

    if (!stock)
        abort();
    stock->block_bytes = block_bytes;
    stock->kept_max = IS_SANITIZED ? 0 : kept_max;
    return stock;
}

void
stock_shed(struct stock *stock)
{
    while (stock->kept) {
        struct head *head = stock->kept;

        stock->kept = head->next;
        free(head);
    }
    stock->kept_count = 0;
}

void
stock_destroy(struct stock **stock_p)
{
    struct stock *stock = *stock_p;

    if (!stock)
        return;
    *stock_p = NULL;
    stock_shed(stock);
    stock->kept_max = 0;
    stock->is_closed = true;
    if (stock->used_count == 0)
        free(stock);
}

static void *
allocate(struct stock *home, size_t bytes)
{
    struct head *head = malloc(sizeof *head + bytes);

    if (!head)
        abort();
    head->home = home;
    return head + 1;
}

void *
stock_take(struct stock *stock, size_t bytes)
{
    struct head *head;

    if (!stock || bytes > stock->block_bytes)
        return allocate(NULL, bytes);
    /* In a backlog blocks do not come and go, and what they are larger than their contents adds up. */
    if (!stock->kept && stock->used_count >= stock->kept_max && bytes < stock->block_bytes)
        return allocate(NULL, bytes);
    assert(!stock->is_closed);
    stock->used_count++;
    head = stock->kept;
    /* Not more than is asked for when nothing is kept anyway: the sanitizer sees the true end of the record. */
    if (!head)
        return allocate(stock, IS_SANITIZED ? bytes : stock->block_bytes);
    stock->kept = head->next;
    stock->kept_count--;
    head->home = stock;
    return head + 1;
}

void
stock_give(void *block)
{
    struct head *head = block ? (struct head *)block - 1 : NULL;
    struct stock *stock = head ? head->home : NULL;

    if (!stock) {
        free(head);
        return;
    }
    assert(stock->used_count > 0);
    stock->used_count--;
    if (stock->kept_count < stock->kept_max) {
        head->next = stock->kept;
        stock->kept = head;
        stock->kept_count++;
        return;
    }
    free(head);
    if (stock->is_closed && stock->used_count == 0)
        free(stock);
}
