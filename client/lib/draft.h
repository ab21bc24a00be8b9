/* draft.h - from what the caller asks for to a pending task: checks it, encodes it, takes the payload over. Puts it into
 * no table, sends nothing. */
#ifndef SNAKEPIT_CLIENT_DRAFT_H
#define SNAKEPIT_CLIENT_DRAFT_H

#include "client/lib/pending.h"
#include "wire/writer.h"

/* The tasks of one submit, until it is certain. Start it with zeros but for the first two. */
struct draft {
    struct wire_buffer *scratch;
    size_t inline_bytes_max;     /* larger payloads become attachments */
    const char *fault;           /* after ERR_INVALID: what is wrong, in words */
    struct handover *handovers;  /* payloads that the caller still owns */
};

/* Make a pending task, which the caller frees with pending_task_destroy or gives to pending_add.
 * OK, ERR_INVALID, ERR_MEMORY. */
int
draft_task(struct draft *draft, const struct snakepit_task *task, uint64_t id, struct pending_task **ret_pending);

/* From now on the payloads that came with a release function belong to the library. Without this call their owner keeps
 * them when the tasks are destroyed. To be called while the tasks are still there. */
void
draft_commit(struct draft *draft);

#endif
