/* refusal.c - what is said of a command that was refused; see refusal.h. */
#include "broker/io/refusal.h"

#include <string.h>

static struct bytes
view(const char *text)
{
    return (struct bytes){(const uint8_t *)text, text ? (uint32_t)strlen(text) : 0};
}

void
refusal_answer(const struct wire_fault *fault, uint64_t inline_bytes_max, struct message *ret_answer)
{
    struct error *error = &ret_answer->error;

    /* A HELLO is answered in its own way, so that the peer does not wait for a WELCOME. */
    *ret_answer = (struct message){.verb = fault->verb == VERB_HELLO ? VERB_REFUSE : VERB_ERROR};
    error->ref = fault->ref;
    error->code = fault->code;
    error->text = view(fault->text);
    error->field = view(fault->unknown[0] ? fault->unknown : fault->field);
    error->has_offset = true;
    error->offset = fault->offset;
    if (fault->code == ERROR_TOO_LARGE) {
        error->limit = view("inline_max");
        error->limit_bytes = inline_bytes_max;
    }
}

bool
refusal_ends_attempt(enum side side, const struct wire_fault *fault)
{
    return side == SIDE_WORKER && fault->ref.kind == REF_NUMBER &&
           (fault->verb == VERB_RESULT || fault->verb == VERB_ERROR);
}

void
refusal_verdict(const struct wire_fault *fault, struct message *ret_verdict)
{
    *ret_verdict = (struct message){.verb = VERB_ERROR};
    ret_verdict->error.ref = fault->ref;
    ret_verdict->error.code = ERROR_FAILED;
    ret_verdict->error.text = view(fault->code == ERROR_TOO_LARGE
                                       ? "the worker's answer was refused: it has more inline bytes than inline_max"
                                       : "the worker's answer was refused: it is not a valid SPIT/1 command");
}

bool
refusal_count_offence(struct connection *peer)
{
    return ++peer->offences >= REFUSAL_OFFENCES_MAX;
}
