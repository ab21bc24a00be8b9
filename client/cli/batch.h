/* batch.h - the tasks that `snakepit submit` has offered and whose results are not printed yet. Reads no input. */
#ifndef SNAKEPIT_CLI_BATCH_H
#define SNAKEPIT_CLI_BATCH_H

#include "client/include/snakepit.h"
#include "wire/writer.h"

#include <stdbool.h>
#include <stdint.h>

struct batch_item;

struct batch {
    struct snakepit_task task;  /* pool, function and options of all of them */
    bool is_ordered;            /* print in the order of the input */
    struct wire_buffer *out;    /* where the records go */
    struct batch_item *items;   /* in the order of the input */
    uint64_t unprinted;         /* how many items there are */
    uint64_t offered, done, failed;
    int stop_code; /* an answer that every further task would get too: the exit code for it; 0: none */
    char stop_text[256]; /* ... and what it says */
};

/* `task` is copied, what it points to must outlive the batch; so must `out`. */
void
batch_init(struct batch *batch, const struct snakepit_task *task, struct wire_buffer *out, bool is_ordered);

/* Forget what is left; the client must be destroyed already. */
void
batch_fini(struct batch *batch);

/* Offer the task of input line `line`; the arguments are copied. What snakepit_submit answers; only with OK a record will
 * be printed for it. */
int
batch_offer(struct batch *batch, struct snakepit_client *client, uint64_t line, const struct wire_buffer *arguments);

/* Ask for the end of all that is not done. */
void
batch_cancel(struct batch *batch, struct snakepit_client *client);

#endif
