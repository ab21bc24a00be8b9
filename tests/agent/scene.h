/* scene.h - for tests: a directory with a configuration and a program that plays Python, an agent, and its log. */
#ifndef SNAKEPIT_TESTS_AGENT_SCENE_H
#define SNAKEPIT_TESTS_AGENT_SCENE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    SCENE_PATH_BYTES = 128,
    SCENE_WAIT_MS = 20000, /* for what must happen; it is over in milliseconds when all is well */
};

struct scene {
    char directory[SCENE_PATH_BYTES];
    char config_path[SCENE_PATH_BYTES + 16];
    pid_t agent;
    const char *workers; /* for --workers; NULL: not given */
    int lifeline; /* write end; -1: closed, or the agent has none */
    int log_fd;
    json_t *passed; /* lines that nobody has waited for yet */
    size_t size;    /* bytes in `buffer` */
    char buffer[256 * 1024];
};

/* Make the directory with `play`, a shell script in place of Python that does what the app's name says:
 *   play:sleep     says "ready" and sleeps         play:later   the same, and says "settled" after 1.1 s
 *   play:stubborn  ignores SIGTERM                 play:parent  says "child PID" of a process that sleeps
 *   play:escape    the same, in a session of its own
 *   play:cling     the same, and ignores SIGTERM
 *   play:leave     starts such a process, that ends soon, and ends before it
 *   play:fail      prints two lines to stderr and ends with 3       play:quit  ends with 0
 *   play:set_up    the same as sleep, after it has told the agent that it is ready and its pid is "ready PID"
 *   play:flip      fails while the file "broken" is in its directory, else as set_up
 *   play:say       prints its arguments, directory and environment, then sleeps
 * and a configuration with these pools ("@PLAY@" in it becomes the option python with the script, "@DIR@" the scene's
 * directory). */
void
scene_open(struct scene *scene, const char *pools, const char *more);

/* Start snakepit-agent on it. */
void
scene_start_agent(struct scene *scene, bool has_lifeline);

/* Write the configuration anew, as scene_open did. */
void
scene_rewrite(struct scene *scene, const char *pools, const char *more);

/* Kill the agent if it still runs, reap it, and remove the directory. */
void
scene_close(struct scene *scene);

void
scene_close_lifeline(struct scene *scene);

/* The next line of the log with this event; fails the test when it does not come. The caller frees it. Lines of other
 * events wait: broker, agent and workers write to one log, and only the lines of one process have an order. */
json_t *
scene_wait(struct scene *scene, const char *event);

/* The same for a worker.output whose line begins with `prefix`; returns the number behind the prefix (0: none). */
long
scene_wait_output(struct scene *scene, const char *prefix);

/* Wait for a line with this event whose field `key` is `value`, and forget it. */
void
scene_wait_with(struct scene *scene, const char *event, const char *key, const char *value);

/* Wait for worker.spawned; returns the worker's pid. */
pid_t
scene_wait_spawned(struct scene *scene);

/* Wait for the agent's end and reap it; returns the status of waitpid. */
int
scene_wait_agent(struct scene *scene);

long
field_int(const json_t *line, const char *key);

const char *
field_str(const json_t *line, const char *key);

/* Whether the process ends (or has ended) within this time. */
bool
process_ends(pid_t pid, int timeout_ms);

/* Wait for the agent's child that calls itself snakepit-guard. */
pid_t
scene_wait_guard(const struct scene *scene);

/* Open descriptors of the process. */
size_t
process_count_descriptors(pid_t pid);

/* Children of the process in state Z. */
size_t
process_count_zombies(pid_t pid);

/* A child of the process that is not `other`, or 0. */
pid_t
process_find_child(pid_t parent, pid_t other);

#endif
