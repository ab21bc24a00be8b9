/* shrink.c - delta debugging of scripts; see shrink.h.
 *
 * A part is tried by playing it to a broker and an oracle alone. It is good when the same promise is broken. First large
 * pieces are left out, then ever smaller ones, until no entry can be missed (A. Zeller, R. Hildebrandt, "Simplifying and
 * isolating failure-inducing input", 2002, without the subsets), or patience is. */
#include "shrink.h"
#include "trial.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRY_SECONDS_MAX = 20, TRIES_MAX = 2000, EXIT_BROKEN = 41 };

struct search {
    const struct script *script;
    const struct run_options *options;
    const char *promise;
    int64_t end_us;
    uint64_t tries;
};

static struct trial trial;
static const char *wanted; /* by the handler below */

/* --- playing -------------------------------------------------------------------------------------------------------- */

/* Let the broker do what is due until then. */
static void
tick_until(int64_t until_us)
{
    while (trial_goes_on(&trial) && !trial.oracle.model.is_shut && trial_next_due_us(&trial) <= until_us) {
        if (trial_next_due_us(&trial) > trial.world.now_us)
            trial.world.now_us = trial_next_due_us(&trial);
        trial_tick(&trial);
    }
}

static void
play_entry(const struct script *script, size_t index)
{
    int64_t at_us = script_time_us(script, index);
    struct event event;

    if (!script_is_late(script, index))
        tick_until(at_us);
    if (at_us > trial.world.now_us)
        trial.world.now_us = at_us;
    if (!trial_goes_on(&trial))
        return;
    if (script_is_restart(script, index)) {
        script_restore(script, index, &trial.world);
        trial_replace_broker(&trial);
        return;
    }
    cast_event(trial.cast, index, &event);
    trial_handle(&trial, &event);
}

static void
play(const struct search *search, const bool *is_in, FILE *echo)
{
    trial_open(&trial, search->options);
    /* In a short script, what is looked at only now and then would be missed. */
    trial.world.checks_all = trial.oracle.checks_all = true;
    trial.world.history.echo = echo;
    trial.cast = cast_new(search->script);
    for (size_t i = 0; i < script_count(search->script) && trial_goes_on(&trial); i++)
        if (is_in[i])
            play_entry(search->script, i);
    if (trial_goes_on(&trial))
        tick_until(search->end_us);
}

/* --- trying --------------------------------------------------------------------------------------------------------- */

static void
end_try(int number)
{
    (void)number;
    _exit(strcmp(wanted, "assert") == 0 ? EXIT_BROKEN : EXIT_SUCCESS);
}

/* The last line of a script that ends in an assert is that assert. */
static void
end_script(int number)
{
    (void)number;
    printf("assert is broken: the broker ended itself\n");
    fflush(stdout);
    _exit(EXIT_FAILURE);
}

/* Whether this part alone breaks the promise. */
static bool
breaks(struct search *search, const bool *is_in)
{
    pid_t pid;
    int status;

    search->tries++;
    pid = fork();
    if (pid == 0) {
        wanted = search->promise;
        signal(SIGABRT, end_try);
        alarm(TRY_SECONDS_MAX);
        if (!freopen("/dev/null", "w", stderr)) /* what an assert says */
            _exit(EXIT_FAILURE);
        play(search, is_in, NULL);
        _exit(strcmp(trial.world.history.promise, search->promise) == 0 ? EXIT_BROKEN : EXIT_SUCCESS);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_BROKEN;
}

/* A connection whose entries stay must also end, since its number is used again. */
static void
keep_ends(const struct script *script, bool *is_in)
{
    size_t count = script_count(script);

    for (size_t end = 0; end < count; end++) {
        if (!script_is_end(script, end))
            continue;
        is_in[end] = false;
        for (size_t i = 0; i < end && !is_in[end]; i++)
            is_in[end] = is_in[i] && script_is_same_peer(script, i, end);
    }
}

static size_t
count_in(const bool *is_in, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += is_in[i];
    return sum;
}

/* Leave out `size` of the entries that are left, from the `from`-th on, when the promise is broken without them. */
static bool
leave_out(struct search *search, bool *is_in, bool *space, size_t from, size_t size)
{
    size_t count = script_count(search->script);
    size_t at = 0;

    memcpy(space, is_in, count * sizeof *space);
    for (size_t i = 0; i < count; i++) {
        if (!is_in[i])
            continue;
        if (at >= from && at < from + size)
            space[i] = false;
        at++;
    }
    keep_ends(search->script, space);
    if (count_in(space, count) >= count_in(is_in, count) || !breaks(search, space))
        return false;
    memcpy(is_in, space, count * sizeof *space);
    return true;
}

static void
reduce(struct search *search, bool *is_in, bool *space)
{
    size_t count = script_count(search->script);
    size_t size = count_in(is_in, count) / 2;

    while (size > 0 && search->tries < TRIES_MAX) {
        bool has_shrunk = false;

        /* From the end: what comes first is needed by what follows. */
        for (size_t from = count_in(is_in, count); from > 0 && search->tries < TRIES_MAX;) {
            from = from > size ? from - size : 0;
            has_shrunk |= leave_out(search, is_in, space, from, size);
        }
        if (size == 1 && !has_shrunk)
            return;
        size = size > 1 ? size / 2 : 1;
    }
}

static void
print_part(struct search *search, const bool *is_in, FILE *out)
{
    size_t count = script_count(search->script);

    fprintf(out, "the shortest script that was found, %zu of %zu events after %" PRIu64 " tries:\n",
            count_in(is_in, count), count, search->tries);
    fflush(out);
    signal(SIGABRT, end_script);
    play(search, is_in, out);
    fprintf(out, "%s is broken: %s\n", trial.world.history.promise, trial.world.history.finding);
    cast_destroy(&trial.cast);
    trial_close(&trial);
}

void
shrink(const struct script *script, const struct run_options *options, const char *promise, int64_t end_us, FILE *out)
{
    struct search search = {.script = script, .options = options, .promise = promise, .end_us = end_us};
    size_t count = script_count(script);
    bool *is_in = malloc(2 * (count + 1) * sizeof *is_in);

    if (!is_in)
        abort();
    fflush(out); /* or each try prints it once more */
    memset(is_in, true, count * sizeof *is_in);
    if (breaks(&search, is_in)) {
        reduce(&search, is_in, is_in + count);
        print_part(&search, is_in, out);
    } else {
        fprintf(out, "the %zu events alone do not break %s: it was found by what became of them in the world, at the end\n",
                count, promise);
    }
    free(is_in);
}
