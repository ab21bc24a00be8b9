/* message.c - names of the verbs and small questions about commands; see message.h. */
#include "wire/message.h"

#include <string.h>

static const char *const names[] = {
    [VERB_HELLO] = "HELLO",       [VERB_WELCOME] = "WELCOME", [VERB_REFUSE] = "REFUSE",
    [VERB_HEARTBEAT] = "HEARTBEAT", [VERB_BYE] = "BYE",       [VERB_REHELLO] = "REHELLO",
    [VERB_SUBMIT] = "SUBMIT",     [VERB_ACCEPTED] = "ACCEPTED", [VERB_CANCEL] = "CANCEL",
    [VERB_RESULT] = "RESULT",     [VERB_ERROR] = "ERROR",     [VERB_CHUNK] = "CHUNK",
    [VERB_SEEN] = "SEEN",         [VERB_TASK] = "TASK",       [VERB_STARTED] = "STARTED",
    [VERB_RECALL] = "RECALL",     [VERB_NACK] = "NACK",       [VERB_DRAINING] = "DRAINING",
    [VERB_STOP] = "STOP",         [VERB_REPLACE] = "REPLACE", [VERB_RETIRE] = "RETIRE",
    [VERB_PROCESSES] = "PROCESSES", [VERB_EXITED] = "EXITED", [VERB_POOL] = "POOL",
    [VERB_EVENT] = "EVENT",     [VERB_CREDIT] = "CREDIT",
};

const char *
verb_name(unsigned verb)
{
    return verb < sizeof names / sizeof *names && names[verb] ? names[verb] : "?";
}

bool
ref_equal(const struct ref *a, const struct ref *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == REF_NUMBER)
        return a->number == b->number;
    return a->kind == REF_NONE || (a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0);
}

struct ref
ref_number(uint64_t number)
{
    struct ref ref;

    memset(&ref, 0, sizeof ref); /* the padding too: a ref can be a hash key */
    ref.kind = REF_NUMBER;
    ref.number = number;
    return ref;
}

struct payload *
message_payload(struct message *message)
{
    switch (message->verb) {
    case VERB_SUBMIT:
        return &message->submit.payload;
    case VERB_TASK:
        return &message->task.payload;
    case VERB_RESULT:
        return &message->result.payload;
    case VERB_CHUNK:
        return &message->chunk.payload;
    default:
        return NULL;
    }
}
