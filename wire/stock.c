/* stock.c - recycled memory; see stock.h. */
#include "wire/stock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

/* What stands before each block. While it is kept, `next` is its place in the list; else `home` is where it belongs. */
union head {
    struct stock *home; /* NULL: malloc's */
    union head *next;
    max_align_t alignment;
};

struct stock {
    size_t block_bytes;
    union head *kept;
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
stock_destroy(struct stock **stock_p)
{
    struct stock *stock = *stock_p;

    if (!stock)
        return;
    *stock_p = NULL;
    while (stock->kept) {
        union head *head = stock->kept;

        stock->kept = head->next;
        free(head);
    }
    stock->kept_count = stock->kept_max = 0;
    stock->is_closed = true;
    if (stock->used_count == 0)
        free(stock);
}

static void *
allocate(struct stock *home, size_t bytes)
{
    union head *head = malloc(sizeof *head + bytes);

    if (!head)
        abort();
    head->home = home;
    return head + 1;
}

void *
stock_take(struct stock *stock, size_t bytes)
{
    union head *head;

    if (!stock || bytes > stock->block_bytes)
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
    union head *head = block ? (union head *)block - 1 : NULL;
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
