/* stock.h - keeps the memory of freed records for the next ones, which malloc does at three times the cost when hundreds
 * are freed in one turn. Knows nothing of what is in them, does no I/O. */
#ifndef SNAKEPIT_WIRE_STOCK_H
#define SNAKEPIT_WIRE_STOCK_H

#include <stddef.h>
#include <stdint.h>

struct stock;

/* A stock of blocks of up to `block_bytes`; it keeps at most `kept_max` of them. Aborts when memory ends. Under the
 * address sanitizer it keeps none, so that the use of a freed record is seen. */
struct stock *
stock_new(size_t block_bytes, uint32_t kept_max);

/* Free what is kept. Blocks that are in use stay good: the last one takes the stock with it. NULL is allowed. */
void
stock_destroy(struct stock **stock_p);

/* Free what is kept, for instance after a backlog: each kept block holds the page on which it stands. */
void
stock_shed(struct stock *stock);

/* A block of at least `bytes`, with any contents, aligned for anything. From malloc when `stock` is NULL or has smaller
 * blocks. Aborts when memory ends. */
void *
stock_take(struct stock *stock, size_t bytes);

/* Give a block back to where it came from. NULL is allowed. */
void
stock_give(void *block);

#endif
