/* settings.h - settings of the core, drawn from the schema of the configuration as a fuzzer's input says. For tests only. */
#ifndef SNAKEPIT_TESTS_FUZZ_SETTINGS_H
#define SNAKEPIT_TESTS_FUZZ_SETTINGS_H

#include "broker/core/broker.h"
#include "tests/fuzz/input.h"

/* The pools that templates name. */
enum { SETTINGS_POOLS = 3 };
extern const char *const settings_pools[SETTINGS_POOLS];

/* Defaults, of which `changes` options take another value that the schema allows. What they hold lives for ever. */
void
settings_draw_broker(struct input *input, unsigned changes, struct broker_settings *ret_settings);

/* Change one option, as a reload can. */
void
settings_change_broker(struct input *input, struct broker_settings *settings);

void
settings_draw_pool(struct input *input, unsigned changes, const char *name, struct pool_settings *ret_settings);

#endif
