/* commands.c - the table of commands and their options: what --help shows and main runs. Only data. */
#include "client/cli/cli.h"

#define TASK_OPTIONS                                                                                                   \
    {KEY_PRIORITY, "priority", "0..9", "higher goes first; default 5"},                                                \
    {KEY_DEADLINE, "deadline", "TIME", "not started after this time: it is then `expired`"},                           \
    {KEY_DELAY, "delay", "TIME", "not started before this time"},                                                      \
    {KEY_MAX_ATTEMPTS, "max-attempts", "N", "give up when N workers were lost over it; default: the pool's"},          \
    {KEY_AT_MOST_ONCE, "at-most-once", NULL, "do not run it again when its worker is lost"},                           \
    {KEY_RETRIES, "retries", "N", "try a task that failed N times again; default: the pool's"},                        \
    {KEY_RETRY_ON, "retry-on", "TYPE", "only after exceptions of this type; may be repeated"},                         \
    {KEY_BACKOFF, "backoff", "TIME", "before the first retry, then doubled; default: the pool's"},                     \
    {KEY_KILLS_MAX, "kills-max", "N", "give up when N workers died of it; default: the pool's"},                       \
    {KEY_DEDUP_KEY, "dedup-key", "KEY", "one run for all tasks of the pool with this key"},                            \
    {KEY_DEDUP, "dedup", "TIME", "and for so long after its end; default: the pool's"},                                \
    {KEY_GROUP, "group", "NAME", "tasks of one group run one at a time, in order"},                                    \
    {KEY_FAIR_KEY, "fair-key", "KEY", "whom it is for: each gets an equal share of the pool"},                         \
    {KEY_SESSION, "session", "NAME", "tasks of one session run in one worker"},                                        \
    {KEY_SESSION_MODE, "session-mode", "MODE", "hint, strict_queue or strict_fail_fast; default hint"},                \
    {KEY_RUN_LIMIT, "run-limit", "TIME", "end it when it has run for so long; default: the pool's"}

static const struct option_spec call_options[] = {
    {KEY_KW, "kw", "NAME=JSON", "a named argument; may be repeated"},
    {KEY_STREAM, "stream", NULL, "print the parts of a streamed result as they come"},
    {KEY_PROGRESS, "progress", NULL, "say on stderr how far the task says that it is"},
    TASK_OPTIONS,
    {0},
};

static const struct option_spec submit_options[] = {
    {KEY_ORDERED, "ordered", NULL, "print results in the order of the input"},
    {KEY_WINDOW, "window", "N", "tasks under way at one time; default 1000"},
    {'q', "quiet", NULL, "no progress line and no summary"},
    TASK_OPTIONS,
    {0},
};

static const struct option_spec tasks_options[] = {
    {KEY_LIMIT, "limit", "N", "show at most N tasks; default 100, at most 1000"},
    {0},
};

static const struct option_spec ping_options[] = {
    {'c', "count", "N", "how many times; default 3"},
    {0},
};

static const struct option_spec drain_options[] = {
    {KEY_ALL, "all", NULL, "every pool"},
    {KEY_WAIT, "wait", NULL, "return when the last accepted task has ended; -t limits it"},
    {0},
};

static const struct option_spec resume_options[] = {
    {KEY_ALL, "all", NULL, "every pool"},
    {0},
};

static const struct option_spec ready_options[] = {
    {KEY_WORKERS, "workers", "N", "how many workers; default: as many as the pool is configured to have"},
    {0},
};

static const struct option_spec doctor_options[] = {
    {'c', "config", "FILE", "check this configuration and its pools; default /etc/snakepit/snakepit.conf,\nif there is one"},
    {KEY_IMPORT, "import", NULL, "import each pool's app, as its workers would"},
    {0},
};

static const struct option_spec compat_options[] = {
    {KEY_PROFILE, "profile", "thread|process", "thread: only libraries that need care there"},
    {0},
};

static const struct option_spec events_options[] = {
    {'n', "count", "N", "end after N events"},
    {KEY_EVENTS, "events", "ENDPOINT", "where events are published; default: what the broker says"},
    {0},
};

static const struct option_spec top_options[] = {
    {KEY_BATCH, "batch", NULL, "print one picture after the other; needs no terminal"},
    {'d', "delay", "TIME", "between two pictures; default 2s"},
    {'n', "count", "N", "end after N pictures"},
    {0},
};

static const struct option_spec recycle_options[] = {
    {KEY_WAIT, "wait", NULL, "return when all are replaced; -t limits it"},
    {KEY_POOL, "pool", NULL, "the word is the name of a pool, even if it is a number"},
    {0},
};

static const struct option_spec explain_options[] = {
    {KEY_POOL, "pool", NULL, "the word is the name of a pool, even if it is a number"},
    {0},
};

static const struct option_spec dead_options[] = {
    {KEY_LIMIT, "limit", "N", "ls: at most so many; default 100, at most 1000"},
    {KEY_POOL, "pool", NULL, "requeue, rm: the word is the name of a pool, even if it is a number"},
    {0},
};

static const struct option_spec schedule_options[] = {
    {KEY_EVERY, "every", "TIME", "set: from one run to the next"},
    {KEY_DELAY, "delay", "TIME", "set: to the first run; default: as long as --every"},
    {KEY_OVERLAP, "overlap", "skip|queue", "set: when the former run has not ended; default skip"},
    {0},
};

const struct command commands[] = {
    {"call", "[OPTIONS] POOL FUNCTION [JSON...]", "run one task and print its result", call_options,
     "Each JSON is one positional argument. The result is printed as JSON, on one line.\n"
     "  snakepit call numbers factorise 360\n"
     "  snakepit call text count_words '\"to be or not to be\"'\n"
     "  snakepit call text search '[\"a\", \"b\"]' --kw limit=10 --kw exact=true\n"
     "With -o json, a record tells state, result or error, worker and times.\n",
     command_call},
    {"submit", "[OPTIONS] POOL FUNCTION", "run one task for each line of JSON that is read from standard input",
     submit_options,
     "A line is an array (positional arguments), an object (named arguments), an object with\n"
     "\"args\" and \"kwargs\" and nothing else (both), or any other value (the one argument).\n"
     "  seq 100000 | snakepit submit numbers factorise > results.jsonl\n"
     "Each result is one line: {\"line\": 3, \"state\": \"ok\", \"result\": ...}, with \"error\" instead of\n"
     "\"result\" when the state is another. Ctrl-C cancels what is under way.\n",
     command_submit},
    {"status", "", "show the broker and its pools", NULL, NULL, command_status},
    {"pools", "[POOL]", "show pools with all their counters", NULL, NULL, command_pools},
    {"workers", "[POOL]", "show workers", NULL, NULL, command_workers},
    {"worker", "WORKER", "show all that is known of one worker, by the id that `snakepit workers` shows", NULL, NULL,
     command_worker},
    {"agents", "", "show the agents that keep workers alive", NULL, NULL, command_agents},
    {"tasks", "[OPTIONS] [POOL]", "show tasks that run or wait", tasks_options, NULL, command_tasks},
    {"stats", "[POOL]", "show rates, utilisation, wait and run times", NULL, NULL, command_stats},
    {"inspect", "[POOL]", "show how busy pools are, and what to change and why", NULL, NULL, command_inspect},
    {"top", "[OPTIONS]", "watch pools and workers, live", top_options,
     "Keys: q quits, space draws at once. Rates are since the last picture; utilisation, saturation, wait and\n"
     "run times are of the last 30 to 60 seconds.\n"
     "  snakepit top --batch -n 2 -d 1 | tail -20\n"
     "With -o json, each picture is one line: {\"status\", \"inspect\", \"workers\"} as those calls answer.\n", command_top},
    {"explain", "[OPTIONS] TASK | POOL", "say why a task, or the tasks of a pool, wait", explain_options,
     "A number is a task, as `snakepit tasks` shows it; anything else is a pool.\n", command_explain},
    {"events", "[OPTIONS] [PREFIX...]", "print events as they come, as lines of JSON", events_options,
     "Only events whose names begin with one of the prefixes, or all.\n"
     "  snakepit events worker. pool.saturated\n"
     "  snakepit events request.executed -n 1000 > executed.jsonl\n"
     "With -t it ends after that time; with -n, too, exit code 4 says that there were fewer.\n"
     "docs/operations.md lists all events and their fields.\n", command_events},
    {"ping", "[OPTIONS]", "measure round trips to the broker", ping_options, NULL, command_ping},
    {"cancel", "TASK...", "end tasks, by the number that `snakepit tasks` shows", NULL, NULL, command_cancel},
    {"drain", "[OPTIONS] POOL | --all", "let a pool finish what it has, and refuse new tasks", drain_options, NULL,
     command_drain},
    {"resume", "POOL | --all", "let a drained pool take tasks again", resume_options, NULL, command_resume},
    {"recycle", "[OPTIONS] POOL | WORKER", "replace the workers of a pool, or one, without losing a task", recycle_options,
     "A number is a worker, as `snakepit workers` shows it; anything else is a pool. The workers are replaced\n"
     "one after the other (recycle_parallel), each when its replacement is ready and its tasks have ended.\n",
     command_recycle},
    {"dead", "[OPTIONS] [ls [POOL] | show TASK | requeue TASK|POOL | rm TASK|POOL]",
     "tasks that cost too many workers or attempts", dead_options,
     "  snakepit dead show 17              # its arguments, and how each attempt ended\n"
     "  snakepit dead requeue 17           # run it again, as a new task that belongs to nobody\n"
     "A number is a task, as `snakepit dead ls` shows it; anything else is a pool: all that are dead in it.\n"
     "Exit code 5 says that a pool did not take all of them; those stay listed.\n",
     command_dead},
    {"schedule", "[OPTIONS] [ls | set NAME POOL FUNCTION [JSON...] | rm NAME]", "tasks that the broker runs every so often",
     schedule_options,
     "  snakepit schedule set sweep files sweep '\"/srv\"' --every 1h\n"
     "One of that name is changed. What is set so lasts until the broker ends; the configuration keeps it\n"
     "(schedules). Times are counted from run to run and not by the clock on the wall.\n",
     command_schedule},
    {"await", "[OPTIONS] [POOL]", "wait until the workers of a pool (or of all) are ready", ready_options,
     "Waits for 30 s, or as -t says; the broker may be started after this command.\n", command_ready},
    {"ready", "[OPTIONS] [POOL]", "the same as await", ready_options,
     "Waits for 30 s, or as -t says; the broker may be started after this command.\n", command_ready},
    {"doctor", "[OPTIONS]", "check this machine and a configuration, and say what to do", doctor_options,
     "Needs no broker. Exit code 1 when something is a failure; warnings are none.\n", command_doctor},
    {"compat", "[OPTIONS] [LIBRARY...]", "show what is known of libraries and threads", compat_options,
     "What a library does in one of your workers, that worker's report tells.\n", command_compat},
    {0},
};
