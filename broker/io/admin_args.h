/* admin_args.h - the named arguments of a call to the broker itself. Runs nothing. */
#ifndef SNAKEPIT_IO_ADMIN_ARGS_H
#define SNAKEPIT_IO_ADMIN_ARGS_H

#include "wire/message.h"

/* Which arguments a call allows, and which it was given. */
enum {
    ARG_POOL = 1 << 0,
    ARG_TASK = 1 << 1,
    ARG_LIMIT = 1 << 2,
    ARG_WORKERS = 1 << 3,
    ARG_TIMEOUT_MS = 1 << 4,
    ARG_WORKER = 1 << 5,
    ARG_NAME = 1 << 6,
    ARG_FUNCTION = 1 << 7,
    ARG_ARGS = 1 << 8,
    ARG_EVERY_MS = 1 << 9,
    ARG_DELAY_MS = 1 << 10,
    ARG_OVERLAP = 1 << 11,
};

struct admin_args {
    unsigned given; /* ARG_* */
    struct bytes pool;
    uint64_t task;
    uint64_t limit;
    uint64_t workers;
    uint64_t worker;
    uint64_t timeout_ms;
    struct bytes name; /* of a schedule, and the next ones */
    struct bytes function, args, overlap;
    uint64_t every_ms, delay_ms;
};

struct admin_fault {
    enum error_code code;
    char field[32]; /* empty: none */
    char text[256];
};

/* Read `[args, kwargs]`. Views point into the payload. OK, or ERR_INVALID and *ret_fault. */
int
admin_args_decode(const struct submit *submit, unsigned allowed, struct admin_args *ret_args,
                  struct admin_fault *ret_fault);

#endif
