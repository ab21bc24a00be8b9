/* client.h - the client object as the library's own files see it. Not installed. */
#ifndef SNAKEPIT_CLIENT_CLIENT_H
#define SNAKEPIT_CLIENT_CLIENT_H

#include "client/include/snakepit.h"
#include "client/lib/link.h"
#include "client/lib/pending.h"
#include "wire/message.h"
#include "wire/writer.h"

/* Larger payloads travel as attachments, which the broker forwards without a copy (docs/protocol.md, section 6). */
#define CLIENT_INLINE_BYTES_MAX 8191

enum session_state {
    SESSION_DOWN,     /* no connection; the next try is at retry_at_us */
    SESSION_GREETING, /* HELLO is sent, WELCOME is not there */
    SESSION_UP,
    SESSION_REFUSED,  /* the broker never wants this client; nothing is tried any more */
};

struct snakepit_client {
    struct link link;
    struct pending pending;

    char *endpoint;
    char *name;
    uint8_t instance[INSTANCE_BYTES];
    bool cancel_on_disconnect;
    bool retry_busy;
    size_t tasks_max;
    size_t bytes_max;
    size_t batch_bytes_max;
    int64_t reconnect_us;
    int64_t reconnect_max_us;
    snakepit_link_fn *on_link;
    void *link_user;

    enum session_state state;
    int64_t retry_at_us;      /* DOWN */
    int64_t retry_delay_us;   /* the pause before the try after the next */
    int64_t greeting_end_us;  /* GREETING: the broker has not answered by then */
    int64_t heartbeat_us;     /* UP: interval */
    int64_t heartbeat_at_us;  /* UP: when the next one goes out */
    uint32_t heartbeats_unanswered; /* sent since the broker was heard */
    uint64_t finals;          /* on this connection since the WELCOME */
    int64_t finals_due_us;    /* when SEEN goes out by itself; 0: nothing to tell */
    uint64_t frame_bytes_max; /* the broker's, from its WELCOME */
    size_t inline_bytes_max;  /* larger payloads are attachments: ours, or the broker's if that is less */
    size_t message_bytes_max; /* of a control frame: batch_bytes_max, or less if the broker takes less */

    uint64_t next_id;
    struct wire_buffer scratch;  /* the SUBMIT that is being encoded */
    struct wire_buffer commands; /* what goes out before the next SUBMITs: CANCEL, SEEN, HEARTBEAT */
    zmq_msg_t *frames;           /* the message that is being received: MESSAGE_FRAMES_MAX + 1 */
    char *text;                  /* texts of the result that is being told, ended by NUL */
    size_t text_capacity;

    int64_t now_us;   /* of this turn */
    bool is_blocked;  /* the socket took no more in this turn */
    bool is_broken;   /* the connection is of no use any more; session_turn ends it */
    bool has_input;   /* there may be input: the turn ended before it did, or has sent since it looked */
    bool has_fd;      /* somebody watches the descriptor */
    bool is_ending;    /* in snakepit_client_destroy */
    uint32_t depth;   /* > 0: inside a callback or a function that drives the client */
    int callbacks;    /* called in this turn */
    enum error_code refusal; /* REFUSED: why */
    char refusal_text[160];  /* REFUSED: in the broker's words */
    uint64_t random;  /* state of the jitter */
    char error[256];
};

/* Keep a text for snakepit_last_error; returns `status`. */
int
client_fail(struct snakepit_client *client, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Monotonic microseconds. */
int64_t
client_clock_us(void);

/* Send the commands and as many waiting tasks as the socket takes. OK, also when it takes none now; MEMORY. Calls nobody:
 * a connection that turns out to be broken is left to session_turn. Nothing is sent before the WELCOME. */
int
offer_turn(struct snakepit_client *client);

/* Receive what is there and call the callbacks. OK or MEMORY. */
int
receive_turn(struct snakepit_client *client);

/* End the tasks that end without the broker, and let those that were refused as `busy` wait again when it is time. */
void
finish_turn(struct snakepit_client *client);

/* Drive the client until the question is answered with yes. OK, TIMEOUT, or what snakepit_process answers. */
typedef bool
client_question_fn(const struct snakepit_client *client, const void *argument);

int
client_wait_until(struct snakepit_client *client, client_question_fn *is_done, const void *argument, int timeout_ms);

/* One turn: receive, end, offer, keep the session. A status; client->callbacks counts. */
int
client_turn(struct snakepit_client *client);

/* End every task with that state, whatever list it is in. */
void
finish_all(struct snakepit_client *client, enum snakepit_state state);

/* Tell a final result to the task's owner and free the task. */
void
finish_task(struct snakepit_client *client, struct pending_task *task, const struct snakepit_result *result);

/* A result that has no text and no payload. */
struct snakepit_result
finish_result(uint64_t id, enum snakepit_state state, const char *code);

#endif
