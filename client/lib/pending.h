/* pending.h - the tasks that a client has not seen the end of: found by id, kept in order. Sends nothing, calls nobody. */
#ifndef SNAKEPIT_CLIENT_PENDING_H
#define SNAKEPIT_CLIENT_PENDING_H

#include "client/include/snakepit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* Every failed allocation of the table is an error that pending_add reports, never an exit. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <zmq.h>

/* Which list a task is in. */
enum pending_state {
    PENDING_WAITING,  /* to be offered on this connection, or on the next */
    PENDING_OFFERED,  /* the broker of this connection was told of it */
    PENDING_RETRYING, /* refused as `busy`; waiting again from retry_at_us on */
    PENDING_DOOMED,   /* ends without the broker, at the next turn */
    PENDING_STATES,
};

struct pending_task {
    uint64_t id;
    enum pending_state state;
    struct pending_task *prev; /* in its state's list */
    struct pending_task *next;
    UT_hash_handle hh;

    snakepit_done_fn *on_done;
    snakepit_chunk_fn *on_chunk;
    snakepit_accepted_fn *on_accepted;
    snakepit_progress_fn *on_progress;
    void *user;

    bool is_admin;     /* the broker's own pool: its errors are all answers to the SUBMIT */
    bool was_sent;     /* some broker may know it */
    bool is_again;     /* its SUBMIT says that it was offered before, on another connection */
    bool cancel_asked; /* CANCEL goes out behind each SUBMIT of it */
    uint32_t refusals; /* `busy`, in a row */
    uint32_t credit;         /* of a stream; 0: no limit */
    uint32_t credit_attempt; /* which attempt is read, */
    uint64_t credit_told;    /* and up to which of its chunks the worker may send */
    int64_t retry_at_us;
    int64_t offered_us;      /* the times in its SUBMIT are counted from here; 0: no broker took it yet */
    size_t cost_bytes;       /* counts against bytes_max */
    size_t frame_bytes_max;  /* its largest attachment frame */
    uint8_t *command;        /* the encoded SUBMIT, behind the frames, and behind it AGAIN_BYTES_MAX of room */
    uint32_t command_bytes;
    uint32_t frame_count;
    zmq_msg_t frames[];      /* its attachments */
};

struct pending {
    struct pending_task *by_id; /* the hash table */
    struct pending_task *lists[PENDING_STATES];
    size_t count;
    size_t cost_bytes;
    size_t waiting_bytes; /* encoded size of what is PENDING_WAITING */
};

/* A task with room for `command_bytes` and `frame_count` empty frames, in no table. NULL when memory ends.
 * The caller owns it until pending_add takes it, and frees it with pending_task_destroy. */
struct pending_task *
pending_task_new(size_t command_bytes, uint32_t frame_count);

/* Close its frames and free it. NULL is allowed. */
void
pending_task_destroy(struct pending_task **task_p);

/* Take the task over as PENDING_WAITING, behind the others. OK, or ERR_MEMORY: nothing was taken. */
int
pending_add(struct pending *pending, struct pending_task *task);

struct pending_task *
pending_find(const struct pending *pending, uint64_t id);

/* The first of a state's tasks, or NULL. */
struct pending_task *
pending_first(const struct pending *pending, enum pending_state state);

/* Put the task behind the others of that state; RETRYING is kept in order of retry_at_us. */
void
pending_move(struct pending *pending, struct pending_task *task, enum pending_state state);

/* Forget the task; the caller owns it again. */
void
pending_remove(struct pending *pending, struct pending_task *task);

/* A connection ended: all that was offered or is retrying is waiting again, before what was waiting. The broker may have
 * taken what was offered, and the SUBMIT says so from now on. */
void
pending_rewind(struct pending *pending);

/* Tasks that were offered before will be so again: their SUBMITs say what is left of their times. */
void
pending_pass_time(struct pending *pending, int64_t now_us);

/* Everything ends without the broker. */
void
pending_doom_all(struct pending *pending);

#endif
