/* spare.h - gives memory back to the system when a backlog of tasks has gone: the allocator keeps what is free between what is
 * not. Knows no tasks, only their number. */
#ifndef SNAKEPIT_IO_SPARE_H
#define SNAKEPIT_IO_SPARE_H

#include <stdbool.h>
#include <stdint.h>

struct spare {
    uint64_t tasks_most; /* that were held since memory was given back */
    int64_t again_us;    /* then once more, for what libzmq still had; INT64_MAX: never */
};

void
spare_init(struct spare *spare);

/* Tell how many tasks are held now, now and then, and at again_us. True when many were and few are, and once more a little
 * later: memory should be given back now. */
bool
spare_is_much(struct spare *spare, uint64_t tasks, int64_t now_us);

void
spare_give_back(void);

#endif
