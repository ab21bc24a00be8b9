/* schedule.h - a task that is run again and again, and how it went. Submits nothing, reads no clock.
 *
 * Times are monotonic: a schedule knows "every hour" and not "at noon", which would be wall-clock time. */
#ifndef SNAKEPIT_CORE_SCHEDULE_H
#define SNAKEPIT_CORE_SCHEDULE_H

#include "broker/core/hash.h"
#include "broker/core/heap.h"
#include "broker/core/schedule_settings.h"
#include "wire/message.h"

/* Of one broker. */
enum { SCHEDULES_MAX = 10000 };

struct schedule {
    uint64_t number;    /* its tasks name it by this; never used twice */
    UT_hash_handle hh;  /* in broker.schedules, by `number` */
    char *name;
    char *pool;
    struct body *body;  /* function, content type and payload of its tasks */
    int64_t every_us;
    enum overlap overlap;
    int64_t due_us;     /* the next run */
    struct heap_node timer;
    uint64_t open;      /* its tasks that are not final */
    uint64_t runs;      /* tasks that were accepted; this and the next ones never shrink */
    uint64_t skipped;   /* times at which a former run had not ended */
    uint64_t refused;   /* tasks that were refused */
    uint64_t succeeded, failed;
    uint64_t task;      /* number of the latest one */
    int last;           /* how the latest one that ended did, an enum error_code; -1: none has */
};

/* NULL: the name or the function is none, or a time is out of range. */
struct schedule *
schedule_new(uint64_t number, const struct schedule_settings *settings, int64_t now_us);

void
schedule_destroy(struct schedule **schedule_p);

/* Other settings under the same name; what was counted stays. The first run is as that of a new one. Returns whether the
 * settings are good; else nothing changes. */
bool
schedule_change(struct schedule *schedule, const struct schedule_settings *settings, int64_t now_us);

/* It is time. Set the next one: after `every`, counted from this one, so that the pace holds; or from now, when more than
 * one was missed, for they are made up by one. Returns whether there is a run. */
bool
schedule_begin(struct schedule *schedule, int64_t now_us);

#endif
