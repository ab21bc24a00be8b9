/* batch.h - the tasks of `snakepit submit` that are offered and whose records are not printed yet. Reads no input.
 *
 * When the broker answers `busy`, the batch takes no more under way than the broker took, offers the rest again as tasks
 * end, and grows slowly: so a pool with a short queue is fed as fast as it works, and others find room in it. */
#ifndef SNAKEPIT_CLI_BATCH_H
#define SNAKEPIT_CLI_BATCH_H

#include "client/include/snakepit.h"
#include "wire/writer.h"

#include <stdbool.h>
#include <stdint.h>

struct batch_item;

struct batch {
    struct snakepit_task task; /* pool, function and options of all of them */
    bool is_ordered;           /* print in the order of the input */
    struct wire_buffer *out;   /* where the records go */
    uint64_t window;           /* items at most */
    uint64_t limit;            /* tasks under way at most: the window, or what the broker took when it was busy */
    struct batch_item *items;  /* in the order of the input */
    struct batch_item *refused; /* of those, what the broker was too busy for */
    uint64_t unprinted;        /* items */
    uint64_t under_way;        /* items that the client has */
    uint64_t since_growth;     /* tasks ended since the limit was raised */
    int64_t retry_at_us;       /* one of the refused is offered then, whatever the limit; INT64_MAX: none is refused */
    uint64_t offered, done, failed;
    int stop_code;       /* an answer that every further task would get too: the exit code for it; 0: none */
    char stop_text[256]; /* ... and what it says */
};

/* `task` is copied, what it points to must outlive the batch; so must `out`. */
void
batch_init(struct batch *batch, const struct snakepit_task *task, struct wire_buffer *out, bool is_ordered,
           uint64_t window);

/* Forget what is left; the client must be destroyed already. */
void
batch_fini(struct batch *batch);

bool
batch_has_room(const struct batch *batch);

/* Offer the task of input line `line`; the arguments are copied. What snakepit_submit answers; only with OK a record will
 * be printed for it. */
int
batch_offer(struct batch *batch, struct snakepit_client *client, uint64_t line, const struct wire_buffer *arguments);

/* Offer again what was refused, as far as there is room or time for it. */
void
batch_offer_again(struct batch *batch, struct snakepit_client *client, int64_t now_us);

/* Ask for the end of all that is under way, and end what was refused as `cancelled`. */
void
batch_cancel(struct batch *batch, struct snakepit_client *client);

/* The client is destroyed, which ended what it had: end what was refused as `abandoned` too. */
void
batch_abandon(struct batch *batch);

#endif
