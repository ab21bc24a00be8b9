/* spare.c - see spare.h. */
#include "broker/io/spare.h"

#include <malloc.h>

/* Fewer tasks are not worth it: some 500 bytes each. */
#define TASKS_WORTH_IT 8192
/* Giving back goes over all that is free. In steps of this, that is little beside what it took to fill and empty the queue. */
#define PART_LEFT 16
#define AGAIN_US 1000000

void
spare_init(struct spare *spare)
{
    *spare = (struct spare){.again_us = INT64_MAX};
}

bool
spare_is_much(struct spare *spare, uint64_t tasks, int64_t now_us)
{
    if (tasks > spare->tasks_most)
        spare->tasks_most = tasks;
    if (spare->tasks_most >= TASKS_WORTH_IT && tasks <= spare->tasks_most / PART_LEFT) {
        spare->tasks_most = tasks;
        spare->again_us = now_us + AGAIN_US;
        return true;
    }
    if (now_us < spare->again_us)
        return false;
    spare->again_us = INT64_MAX;
    return true;
}

void
spare_give_back(void)
{
    malloc_trim(0);
}
