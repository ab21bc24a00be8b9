/* schedule_settings.h - what the configuration or an operator says about one schedule. A plain record. */
#ifndef SNAKEPIT_CORE_SCHEDULE_SETTINGS_H
#define SNAKEPIT_CORE_SCHEDULE_SETTINGS_H

#include <stdint.h>

/* What happens when it is time for the next run, and a former one has not ended. */
enum overlap {
    OVERLAP_SKIP,  /* there is no run this time */
    OVERLAP_QUEUE, /* they are two */
};

/* As configured. The strings are the giver's. */
struct schedule_settings {
    const char *name;
    const char *pool;
    const char *function;
    const char *args; /* JSON: an array of positional arguments; NULL: none */
    int64_t every_us;
    int64_t delay_us; /* to the first run */
    enum overlap overlap;
};

#endif
