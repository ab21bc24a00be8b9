/* broker_say.c - sentences that tell people what is wrong and what to do; see broker_state.h. */
#include "broker/core/broker_running.h"
#include "broker/core/task_extra.h"
#include "wire/text.h"

#include <string.h>

/* More would not be read; `snakepit pools` lists all. */
enum { POOLS_LISTED_MAX = 8, SENTENCE_BYTES = 1024 };

/* A sentence under construction; what does not fit is left out. */
struct sentence {
    char text[SENTENCE_BYTES];
    size_t size;
};

static void
add_bytes(struct sentence *sentence, struct bytes bytes)
{
    if (bytes.size > sizeof sentence->text - sentence->size)
        return;
    if (bytes.size > 0)
        memcpy(sentence->text + sentence->size, bytes.data, bytes.size);
    sentence->size += bytes.size;
}

static void
add_text(struct sentence *sentence, const char *text)
{
    add_bytes(sentence, text_bytes(text));
}

static void
add_name(struct sentence *sentence, const char *before, const char *name)
{
    add_text(sentence, before);
    add_text(sentence, "\"");
    add_text(sentence, name);
    add_text(sentence, "\"");
}

static struct bytes
finish(struct broker *broker, const struct sentence *sentence)
{
    return (struct bytes){outbox_copy(broker->outbox, sentence->text, sentence->size), (uint32_t)sentence->size};
}

/* A third of the letters may differ, but at least one. */
static bool
is_near(struct bytes name, const struct pool *pool)
{
    return name.size > 0 && text_distance(name, text_bytes(pool->name)) <= (name.size < 6 ? 1 : name.size / 3);
}

/* Up to three. Returns how many. */
static unsigned
suggest_near(const struct broker *broker, struct bytes name, struct sentence *sentence)
{
    unsigned found = 0;

    for (size_t i = 0; i < broker->pools_count && found < 3; i++)
        if (broker->pools[i]->state != POOL_REMOVED && is_near(name, broker->pools[i]))
            add_name(sentence, found++ == 0 ? "; did you mean " : " or ", broker->pools[i]->name);
    if (found > 0)
        add_text(sentence, "?");
    return found;
}

/* All pools, or the first ones and that there are more. */
static void
list_pools(const struct broker *broker, struct sentence *sentence)
{
    unsigned listed = 0;

    for (size_t i = 0; i < broker->pools_count; i++) {
        if (broker->pools[i]->state == POOL_REMOVED)
            continue;
        if (listed == POOLS_LISTED_MAX) {
            add_text(sentence, " and others, see snakepit pools");
            return;
        }
        add_name(sentence, listed++ == 0 ? "" : ", ", broker->pools[i]->name);
    }
    if (listed == 0)
        add_text(sentence, "none");
}

struct bytes
broker_say_no_such_pool(struct broker *broker, struct bytes name)
{
    struct sentence sentence = {.size = 0};

    if (name.size == 0) {
        add_text(&sentence, "no pool was named, and the configuration has no default_pool; the pools are ");
    } else {
        add_text(&sentence, "no pool is named \"");
        add_bytes(&sentence, name);
        add_text(&sentence, "\"");
        add_text(&sentence, suggest_near(broker, name, &sentence) > 0 ? " The pools are " : "; the pools are ");
    }
    list_pools(broker, &sentence);
    return finish(broker, &sentence);
}

static void
add_number(struct sentence *sentence, uint64_t number)
{
    char digits[20];
    uint32_t count = 0;

    do
        digits[sizeof digits - ++count] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    add_bytes(sentence, (struct bytes){(const uint8_t *)digits + sizeof digits - count, count});
}

/* The signals that end workers, by their numbers on Linux. */
static const char *
signal_name(uint64_t number)
{
    static const char *const names[] = {[1] = "SIGHUP",   [2] = "SIGINT",   [3] = "SIGQUIT", [4] = "SIGILL",
                                        [6] = "SIGABRT",  [7] = "SIGBUS",   [8] = "SIGFPE",  [9] = "SIGKILL",
                                        [11] = "SIGSEGV", [15] = "SIGTERM", [31] = "SIGSYS"};

    return number < sizeof names / sizeof *names ? names[number] : NULL;
}

const char *
broker_say_exit(struct broker *broker, enum exit_cause cause, uint64_t status)
{
    struct sentence sentence = {.size = 0};

    switch (cause) {
    case EXIT_OOM:
        return "killed by the kernel for want of memory";
    case EXIT_NO_MEMORY:
        return "no memory for another process";
    case EXIT_SIGNAL:
        add_text(&sentence, "killed by signal ");
        add_number(&sentence, status);
        if (signal_name(status)) {
            add_text(&sentence, " (");
            add_text(&sentence, signal_name(status));
            add_text(&sentence, ")");
        }
        break;
    case EXIT_START_FAILED:
        add_text(&sentence, "ended before it was ready, with status ");
        add_number(&sentence, status);
        break;
    case EXIT_STATUS:
        add_text(&sentence, "exited with status ");
        add_number(&sentence, status);
        break;
    }
    return (const char *)finish(broker, &sentence).data; /* a NUL stands behind what the outbox copies */
}

struct bytes
broker_say_gil(struct broker *broker, const struct hello *hello)
{
    struct sentence sentence = {.size = 0};

    add_text(&sentence, "the pool requires free threading, and this worker's GIL is on: ");
    if (!hello->free_threaded) {
        add_text(&sentence, "its interpreter was built with one");
    } else {
        add_bytes(&sentence, hello->gil_module.size > 0 ? hello->gil_module : text_bytes("an imported module"));
        add_text(&sentence, " switched it on");
    }
    return finish(broker, &sentence);
}

struct bytes
broker_say_loss(struct broker *broker, struct bytes text, const char *reason)
{
    struct sentence sentence = {.size = 0};

    add_bytes(&sentence, text);
    add_text(&sentence, "; the last one: ");
    add_text(&sentence, reason);
    return finish(broker, &sentence);
}

/* A whole number of the largest unit, as the configuration writes durations. */
static void
add_duration(struct sentence *sentence, int64_t us)
{
    bool is_seconds = us % 1000000 == 0;

    add_number(sentence, (uint64_t)(is_seconds ? us / 1000000 : (us + 999) / 1000));
    add_text(sentence, is_seconds ? " s" : " ms");
}

struct bytes
broker_say_timed_out(struct broker *broker, const struct lease *lease)
{
    const struct task_extra *extra = lease->task->extra;
    int64_t run_us = extra && extra->run_us > 0 ? extra->run_us : lease->worker->pool->settings.run_timeout_us;
    struct sentence sentence = {.size = 0};

    add_text(&sentence, "the task ran for longer than it may, ");
    add_duration(&sentence, run_us);
    return finish(broker, &sentence);
}

struct bytes
broker_say_kills(struct broker *broker, uint32_t kills, const char *reason)
{
    struct sentence sentence = {.size = 0};

    add_text(&sentence, "the task's worker was lost ");
    add_number(&sentence, kills);
    add_text(&sentence, kills == 1 ? " time, and no other is risked; the cause: "
                                   : " times, and no other is risked; the last cause: ");
    add_text(&sentence, reason);
    return finish(broker, &sentence);
}

struct bytes
broker_say_draining(struct broker *broker, const struct pool *pool)
{
    struct sentence sentence = {.size = 0};

    if (pool->state == POOL_REMOVED) {
        add_name(&sentence, "the pool ", pool->name);
        add_text(&sentence, " was removed from the configuration; the tasks that it has end, new ones are not taken");
    } else {
        add_name(&sentence, "the pool ", pool->name);
        add_text(&sentence, " is drained and takes no new tasks until: snakepit resume ");
        add_text(&sentence, pool->name);
    }
    return finish(broker, &sentence);
}
