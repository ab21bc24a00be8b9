/* admin_answer.h - answers to calls to the broker itself, as actions in the outbox. Decides nothing. */
#ifndef SNAKEPIT_IO_ADMIN_ANSWER_H
#define SNAKEPIT_IO_ADMIN_ANSWER_H

#include "broker/core/outbox.h"
#include "broker/io/admin_args.h"
#include "wire/writer.h"

/* Whom to answer. */
struct admin_caller {
    uint32_t peer;
    struct ref ref;
};

/* RESULT with what is in the buffer, which is taken. */
void
admin_answer(struct outbox *outbox, const struct admin_caller *caller, struct wire_buffer *buffer);

/* ERROR. */
void
admin_answer_fault(struct outbox *outbox, const struct admin_caller *caller, const struct admin_fault *fault);

/* RESULT `{key: value}`. */
void
admin_answer_word(struct outbox *outbox, const struct admin_caller *caller, const char *key, const char *value);

#endif
