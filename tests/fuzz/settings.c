/* settings.c - see settings.h. */
#include "tests/fuzz/settings.h"

#include "broker/io/config.h"
#include "broker/io/config_option.h"

#include <stdlib.h>
#include <string.h>

const char *const settings_pools[SETTINGS_POOLS] = {"text", "numbers", "p0"};

/* Within the record that the core gets, and no text? */
static bool
is_number_within(const struct option *option, const char *section, size_t from, size_t size)
{
    return strcmp(option->section, section) == 0 && option->offset >= from && option->offset < from + size &&
           (option->type == OPTION_BOOL || option->type == OPTION_CHOICE || option->type == OPTION_COUNT ||
            option->type == OPTION_DURATION || option->type == OPTION_SIZE || option->type == OPTION_RATE);
}

static int64_t
draw_number(const struct option *option, uint8_t how)
{
    int64_t count = 0, above;

    if (option->type == OPTION_BOOL)
        return how % 2;
    if (option->type == OPTION_RATE) {
        struct rate rate = {(uint32_t)1 << how % 20, how % 2 ? 60 : 1};
        memcpy(&count, &rate, sizeof rate);
        return how == 0 ? 0 : count;
    }
    if (option->type == OPTION_CHOICE) {
        while (option->choices[count])
            count++;
        return how % count;
    }
    if (how == 0 && option->zero)
        return 0;
    if (how < 8)
        return option->min + how <= option->max ? option->min + how : option->max;
    above = INT64_C(1) << (how % 48);
    return above < option->max - option->min ? option->min + above : option->max;
}

static void
set_number(const struct option *option, void *record, int64_t value)
{
    uint32_t narrow = (uint32_t)value;
    bool flag = value != 0;
    char *field = (char *)record + option->offset;

    if (option->size == sizeof value)
        memcpy(field, &value, sizeof value);
    else if (option->size == sizeof narrow)
        memcpy(field, &narrow, sizeof narrow);
    else
        memcpy(field, &flag, sizeof flag);
}

/* Change the option with this number, of those that a section has; `by_reload`: of those that a reload can change. */
static void
change(struct input *input, const char *const sections[], bool by_reload, size_t from, size_t size, void *record)
{
    uint8_t number = input_byte(input), how = input_byte(input);
    const struct option *fitting[CONFIG_OPTIONS_MAX];
    size_t count = 0;

    for (const struct option *option = config_options; option->name; option++)
        for (size_t i = 0; sections[i]; i++)
            if (is_number_within(option, sections[i], from, size) && !(by_reload && option->needs_restart))
                fitting[count++] = option;
    set_number(fitting[number % count], record, draw_number(fitting[number % count], how));
}

static const char *const broker_sections[] = {"limits", "timers", NULL};

void
settings_draw_broker(struct input *input, unsigned changes, struct broker_settings *ret_settings)
{
    static struct config *config;
    struct config changed;

    if (!config)
        config = config_new_default();
    changed = *config;
    while (changes-- > 0)
        change(input, broker_sections, false, offsetof(struct config, broker), sizeof changed.broker, &changed);
    *ret_settings = changed.broker;
    ret_settings->default_pool = settings_pools[0];
}

void
settings_change_broker(struct input *input, struct broker_settings *settings)
{
    struct config changed = {.broker = *settings};

    change(input, broker_sections, true, offsetof(struct config, broker), sizeof changed.broker, &changed);
    *settings = changed.broker;
}

void
settings_draw_pool(struct input *input, unsigned changes, const char *name, struct pool_settings *ret_settings)
{
    static const char *const sections[] = {POOLS_SECTION, NULL};
    static struct pool_config *config;
    struct pool_config changed;

    if (!config) {
        config = calloc(1, sizeof *config);
        if (!config)
            abort();
        options_set_defaults(POOLS_SECTION, config);
    }
    changed = *config;
    while (changes-- > 0)
        change(input, sections, false, offsetof(struct pool_config, core), sizeof changed.core, &changed);
    *ret_settings = changed.core;
    ret_settings->name = name;
}
