/* sim.c - runs the broker's core in a simulated world from seeds, and says which promise of docs/guarantees.md breaks.
 *
 *   sim --seed N [--steps M] [--verbose]     one seed
 *   sim --seeds A..B [--steps M] [--complete] many; --complete: every rare path must have been reached
 *   sim --seed-file FILE                      those in FILE: "SEED STEPS # why" in each line
 *   sim --forever                             from a seed of the clock, until something breaks
 *   sim --sabotage NAME                       with a fault between broker and world, which must be found
 *   sim --list-sabotage
 *   sim ... --shrink                          when a promise was broken: print the shortest script that breaks it
 */
#include "run.h"
#include "sabotage.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPTION_SEED = 's', OPTION_SEEDS = 'S', OPTION_STEPS = 'n', OPTION_VERBOSE = 'v', OPTION_FOREVER = 'f',
       OPTION_FILE = 'F', OPTION_SABOTAGE = 'x', OPTION_LIST = 'l', OPTION_COMPLETE = 'c', OPTION_TABLE = 't', OPTION_SHRINK = 'k' };

struct arguments {
    struct run_options run;
    uint64_t first, last;
    const char *seed_file;
    bool forever, complete, table;
};

static int64_t
read_clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64_t
parse_number(const char *text, const char **ret_end, struct argp_state *state)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);

    if (end == text || (!ret_end && *end))
        argp_error(state, "\"%s\" is not a number", text);
    if (ret_end)
        *ret_end = end;
    return number;
}

static void
parse_range(const char *text, struct arguments *arguments, struct argp_state *state)
{
    const char *rest;

    arguments->first = parse_number(text, &rest, state);
    if (strncmp(rest, "..", 2) != 0)
        argp_error(state, "\"%s\" is not A..B", text);
    arguments->last = parse_number(rest + 2, NULL, state);
}

static void
list_sabotage(void)
{
    for (size_t i = 0; sabotage_name(i); i++)
        puts(sabotage_name(i));
    exit(EXIT_SUCCESS);
}

static error_t
parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case OPTION_SEED:
        arguments->first = arguments->last = parse_number(text, NULL, state);
        return 0;
    case OPTION_SEEDS:
        parse_range(text, arguments, state);
        return 0;
    case OPTION_STEPS:
        arguments->run.steps = parse_number(text, NULL, state);
        return 0;
    case OPTION_VERBOSE:
        arguments->run.verbose = true;
        return 0;
    case OPTION_FOREVER:
        arguments->forever = true;
        return 0;
    case OPTION_FILE:
        arguments->seed_file = text;
        return 0;
    case OPTION_SABOTAGE:
        if (!sabotage_find(text))
            argp_error(state, "there is no sabotage \"%s\"; see --list-sabotage", text);
        arguments->run.sabotage = text;
        return 0;
    case OPTION_LIST:
        list_sabotage();
        return 0;
    case OPTION_COMPLETE:
        arguments->complete = true;
        return 0;
    case OPTION_SHRINK:
        arguments->run.shrinks = true;
        return 0;
    case OPTION_TABLE:
        arguments->table = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"seed", OPTION_SEED, "N", 0, "Run one seed (default: 1)", 0},
    {"seeds", OPTION_SEEDS, "A..B", 0, "Run all seeds from A to B", 0},
    {"seed-file", OPTION_FILE, "FILE", 0, "Run the seeds in FILE, \"SEED STEPS # why\" in each line", 0},
    {"forever", OPTION_FOREVER, NULL, 0, "Run new seeds until a promise is broken", 0},
    {"steps", OPTION_STEPS, "M", 0, "Events and ticks with faults in each seed (default: 2000)", 0},
    {"verbose", OPTION_VERBOSE, NULL, 0, "Print every event and action", 0},
    {"shrink", OPTION_SHRINK, NULL, 0, "Print the shortest script by which the promise of a finding is broken", 0},
    {"table", OPTION_TABLE, NULL, 0, "Print how often each fault and each rare path happened", 0},
    {"complete", OPTION_COMPLETE, NULL, 0, "Fail when a rare path was never reached", 0},
    {"sabotage", OPTION_SABOTAGE, "NAME", 0, "Spoil the broker's actions; the checker must find it", 0},
    {"list-sabotage", OPTION_LIST, NULL, 0, "Print the names of all sabotage", 0},
    {0},
};

/* False when a promise was broken. */
static bool
run_file(struct arguments *arguments, struct tally *tally)
{
    FILE *file = fopen(arguments->seed_file, "r");
    char line[256];
    bool holds = true;

    if (!file) {
        fprintf(stderr, "sim: cannot open %s\n", arguments->seed_file);
        return false;
    }
    while (holds && fgets(line, sizeof line, file))
        if (sscanf(line, "%" SCNu64 " %" SCNu64, &arguments->run.seed, &arguments->run.steps) == 2)
            holds = run_seed(&arguments->run, tally, stdout);
    fclose(file);
    return holds;
}

static bool
run_range(struct arguments *arguments, struct tally *tally)
{
    for (uint64_t seed = arguments->first; seed <= arguments->last; seed++) {
        arguments->run.seed = seed;
        if (!run_seed(&arguments->run, tally, stdout))
            return false;
    }
    return true;
}

static void
print_summary(const struct tally *tally, int64_t real_us, int findings)
{
    uint64_t faults = 0;

    for (int i = 0; i < FAULTS; i++)
        faults += tally->faults[i];
    printf("sim: %" PRIu64 " seeds, %" PRIu64 " steps, %" PRIu64 " tasks, %" PRIu64 " dispatches, %" PRIu64
           " messages; faults: %" PRIu64,
           tally->seeds, tally->steps, tally->tasks, tally->dispatches, tally->messages, faults);
    for (int i = 0; i < FAULTS; i++)
        printf("%s %s %" PRIu64, i == 0 ? " (" : ",", fault_name((enum fault)i), tally->faults[i]);
    printf("); %.0f s simulated in %.2f s, %.0f steps/s; %d findings\n", (double)tally->simulated_us / 1e6,
           (double)real_us / 1e6, real_us ? (double)tally->steps * 1e6 / (double)real_us : 0.0, findings);
}

static bool
is_complete(const struct tally *tally)
{
    bool complete = true;

    for (int i = 0; i < SOMETIMES_KINDS; i++) {
        if (tally->sometimes[i] > 0)
            continue;
        printf("never reached: %s\n", sometimes_name((enum sometimes)i));
        complete = false;
    }
    return complete;
}

int
main(int argc, char **argv)
{
    static struct arguments arguments = {.run = {.steps = 2000, .check_every = 64}, .first = 1, .last = 1};
    static const struct argp argp = {options, parse_option, NULL, "Run the broker's core in a simulated world.", 0, 0, 0};
    static struct tally tally;
    int64_t began_us = read_clock_us(CLOCK_MONOTONIC);
    bool holds;

    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (arguments.forever) {
        arguments.first = (uint64_t)read_clock_us(CLOCK_REALTIME);
        arguments.last = UINT64_MAX - 1;
    }
    holds = arguments.seed_file ? run_file(&arguments, &tally) : run_range(&arguments, &tally);
    if (!holds && arguments.run.shrinks)
        run_shrink(&arguments.run, stdout);
    if (arguments.table)
        tally_print(&tally, stdout);
    print_summary(&tally, read_clock_us(CLOCK_MONOTONIC) - began_us, holds ? 0 : 1);
    if (holds && arguments.complete)
        holds = is_complete(&tally);
    return holds ? EXIT_SUCCESS : EXIT_FAILURE;
}
