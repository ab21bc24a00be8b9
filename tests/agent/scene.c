/* scene.c - a directory, a configuration and an agent for the tests; see scene.h. */
#include "tests/agent/scene.h"

#include "broker/io/clock.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* "$3" is the app, since the command line begins with: -m snakepit.worker APP */
static const char play[] = "#!/bin/sh\n"
                           "octal() { printf '\\\\%o' $(($1 & 255)); }\n"
                           "tell() { printf \"$(octal $$)$(octal $(($$ >> 8)))$(octal $(($$ >> 16)))\\\\000\" >&4; }\n"
                           "case $3 in\n"
                           "play:sleep) echo ready; exec sleep 1000;;\n"
                           "play:set_up) tell; echo ready $$ ${SNAKEPIT_REPLACES-none}; exec sleep 1000;;\n"
                           "play:large) tell; exec python3 -c 'import time; kept = b\"x\" * 20000000; time.sleep(1000)';;\n"
                           "play:flip) [ -e \"${0%/*}/broken\" ] && { echo broken >&2; exit 3; }; tell; echo ready; "
                           "exec sleep 1000;;\n"
                           "play:later) echo ready; sleep 1.1; echo settled; exec sleep 1000;;\n"
                           "play:stubborn) trap '' TERM; echo ready; while :; do sleep 1000; done;;\n"
                           "play:parent) sleep 1000 & echo child $!; wait;;\n"
                           "play:escape) setsid sh -c 'echo child $$; exec sleep 1000' & wait;;\n"
                           "play:cling) trap '' TERM; setsid sh -c 'echo child $$; exec sleep 1000' & "
                           "while :; do sleep 1000; done;;\n"
                           "play:leave) setsid sh -c 'echo child $$; exec sleep 0.02' & sleep 0.01;;\n"
                           "play:fail) echo first >&2; echo no module named foo >&2; exit 3;;\n"
                           "play:quit) exit 0;;\n"
                           "play:say) echo args \"$@\"; pwd; env; cat; echo end; exec sleep 1000;;\n"
                           "esac\n";

static void
write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void
write_config(struct scene *scene, const char *pools, const char *more)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    fprintf(stream, "log = { format = \"json\"; };\nendpoints = { workers = \"ipc://%s/workers\"; };\n%s\npools = ( ",
            scene->directory, more);
    for (const char *at = pools; *at != '\0'; at++) {
        if (strncmp(at, "@PLAY@", 6) == 0) {
            fprintf(stream, "python = \"%s/play\";", scene->directory);
            at += 5;
        } else if (strncmp(at, "@DIR@", 5) == 0) {
            fputs(scene->directory, stream);
            at += 4;
        } else {
            fputc(*at, stream);
        }
    }
    fprintf(stream, " );\n");
    fclose(stream);
    write_file(scene->config_path, text, 0600);
    free(text);
}

void
scene_open(struct scene *scene, const char *pools, const char *more)
{
    char path[SCENE_PATH_BYTES + 16];

    memset(scene, 0, sizeof(*scene));
    scene->lifeline = -1;
    scene->log_fd = -1;
    scene->passed = json_array();
    strcpy(scene->directory, "/tmp/snakepit-agent-XXXXXX");
    cr_assert_not_null(mkdtemp(scene->directory));
    snprintf(path, sizeof(path), "%s/play", scene->directory);
    write_file(path, play, 0700);
    snprintf(scene->config_path, sizeof(scene->config_path), "%s/snakepit.conf", scene->directory);
    write_config(scene, pools, more);
}

void
scene_rewrite(struct scene *scene, const char *pools, const char *more)
{
    write_config(scene, pools, more);
}

void
scene_start_agent(struct scene *scene, bool has_lifeline)
{
    const char *program = getenv("AGENT");
    int log_ends[2];
    int lifeline_ends[2];
    char number[16];

    cr_assert_not_null(program, "set AGENT to the path of snakepit-agent");
    cr_assert_eq(pipe2(log_ends, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(lifeline_ends, O_CLOEXEC), 0);
    snprintf(number, sizeof(number), "%d", lifeline_ends[0]);
    scene->agent = fork();
    if (scene->agent == 0) {
        setpgid(0, 0);
        dup2(log_ends[1], STDERR_FILENO);
        fcntl(lifeline_ends[0], F_SETFD, 0);
        char *argv[] = {"snakepit-agent", "-c", scene->config_path, NULL, NULL, NULL, NULL, NULL};
        size_t at = 3;
        if (scene->workers != NULL) {
            argv[at++] = "--workers";
            argv[at++] = (char *)scene->workers;
        }
        if (has_lifeline) {
            argv[at++] = "--lifeline";
            argv[at] = number;
        }
        execv(program, argv);
        _exit(127);
    }
    close(log_ends[1]);
    close(lifeline_ends[0]);
    scene->log_fd = log_ends[0];
    scene->lifeline = lifeline_ends[1];
}

void
scene_close_lifeline(struct scene *scene)
{
    if (scene->lifeline >= 0)
        close(scene->lifeline);
    scene->lifeline = -1;
}

void
scene_close(struct scene *scene)
{
    char path[SCENE_PATH_BYTES + 16];

    scene_close_lifeline(scene);
    if (scene->agent > 0) {
        kill(scene->agent, SIGKILL);
        waitpid(scene->agent, NULL, 0);
    }
    if (scene->log_fd >= 0)
        close(scene->log_fd);
    json_decref(scene->passed);
    unlink(scene->config_path);
    snprintf(path, sizeof(path), "%s/play", scene->directory);
    unlink(path);
    cr_expect_eq(rmdir(scene->directory), 0, "something is left in %s", scene->directory);
}

/* Take one whole line out of the buffer; false when there is none. */
static bool
take_line(struct scene *scene, json_t **ret_line)
{
    char *newline = memchr(scene->buffer, '\n', scene->size);
    json_error_t error;

    if (newline == NULL)
        return false;
    size_t length = (size_t)(newline - scene->buffer) + 1;
    *ret_line = json_loadb(scene->buffer, length, 0, &error);
    cr_assert_not_null(*ret_line, "%s: %.*s", error.text, (int)length, scene->buffer);
    memmove(scene->buffer, scene->buffer + length, scene->size - length);
    scene->size -= length;
    return true;
}

/* The next line, or NULL at the end of the log or when none comes until the deadline. */
static json_t *
next_line(struct scene *scene, int64_t deadline_us)
{
    json_t *line;

    while (!take_line(scene, &line)) {
        struct pollfd poll_fd = {.fd = scene->log_fd, .events = POLLIN};
        int wait_ms = (int)((deadline_us - clock_now_us()) / 1000);
        if (poll(&poll_fd, 1, wait_ms < 0 ? 0 : wait_ms) <= 0)
            return NULL;
        ssize_t got = read(scene->log_fd, scene->buffer + scene->size, sizeof(scene->buffer) - scene->size);
        if (got <= 0)
            return NULL;
        scene->size += (size_t)got;
    }
    return line;
}

/* A line that was passed over while waiting for another event; NULL when there is none of this event. */
static json_t *
take_passed(struct scene *scene, const char *event)
{
    size_t index;
    json_t *line;

    json_array_foreach(scene->passed, index, line) {
        if (strcmp(field_str(line, "event"), event) != 0)
            continue;
        json_incref(line);
        json_array_remove(scene->passed, index);
        return line;
    }
    return NULL;
}

json_t *
scene_wait(struct scene *scene, const char *event)
{
    int64_t deadline_us = clock_now_us() + SCENE_WAIT_MS * 1000;
    json_t *line = take_passed(scene, event);

    while (line == NULL) {
        line = next_line(scene, deadline_us);
        cr_assert_not_null(line, "no %s came", event);
        if (strcmp(field_str(line, "event"), event) == 0)
            break;
        json_array_append_new(scene->passed, line);
        line = NULL;
    }
    return line;
}

long
scene_wait_output(struct scene *scene, const char *prefix)
{
    for (;;) {
        json_t *line = scene_wait(scene, "worker.output");
        const char *text = field_str(line, "line");
        bool is_match = strncmp(text, prefix, strlen(prefix)) == 0;
        long number = is_match ? strtol(text + strlen(prefix), NULL, 10) : 0;
        json_decref(line);
        if (is_match)
            return number;
    }
}

void
scene_wait_with(struct scene *scene, const char *event, const char *key, const char *value)
{
    for (bool is_found = false; !is_found;) {
        json_t *line = scene_wait(scene, event);
        is_found = strcmp(field_str(line, key), value) == 0;
        json_decref(line);
    }
}

pid_t
scene_wait_spawned(struct scene *scene)
{
    json_t *line = scene_wait(scene, "worker.spawned");
    pid_t pid = (pid_t)field_int(line, "pid");

    json_decref(line);
    return pid;
}

int
scene_wait_agent(struct scene *scene)
{
    int status = -1;

    cr_assert(process_ends(scene->agent, SCENE_WAIT_MS), "the agent did not end");
    waitpid(scene->agent, &status, 0);
    scene->agent = 0;
    return status;
}

long
field_int(const json_t *line, const char *key)
{
    return (long)json_integer_value(json_object_get(line, key));
}

const char *
field_str(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));

    return text == NULL ? "" : text;
}

bool
process_ends(pid_t pid, int timeout_ms)
{
    int fd = pidfd_open(pid, 0);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    if (fd < 0)
        return errno == ESRCH;
    bool has_ended = poll(&poll_fd, 1, timeout_ms) == 1;
    close(fd);
    return has_ended;
}

size_t
process_count_descriptors(pid_t pid)
{
    char path[64];
    size_t count = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    cr_assert_not_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2;
}

/* Parent and state of a process; false when there is none of this number. */
static bool
read_stat(const char *pid_text, char *ret_state, pid_t *ret_parent)
{
    char path[300];
    char text[512] = "";

    snprintf(path, sizeof(path), "/proc/%s/stat", pid_text);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    char *line = fgets(text, sizeof(text), file);
    fclose(file);
    const char *end_of_name = line == NULL ? NULL : strrchr(text, ')');
    return end_of_name != NULL && sscanf(end_of_name, ") %c %d", ret_state, ret_parent) == 2;
}

/* The agent's child of this name, or 0. */
static pid_t
find_guard(const struct scene *scene)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    pid_t guard = 0;

    while (guard == 0 && (entry = readdir(directory)) != NULL) {
        char path[300];
        char name[32] = "";
        char state;
        pid_t parent;
        if (!read_stat(entry->d_name, &state, &parent) || parent != scene->agent)
            continue;
        snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file != NULL && fgets(name, sizeof(name), file) != NULL && strcmp(name, "snakepit-guard\n") == 0)
            guard = (pid_t)atoi(entry->d_name);
        if (file != NULL)
            fclose(file);
    }
    closedir(directory);
    return guard;
}

/* The agent does not wait for its guard: a worker may have been started, and told of, before the guard has its name. */
pid_t
scene_wait_guard(const struct scene *scene)
{
    int64_t deadline_us = clock_now_us() + SCENE_WAIT_MS * 1000;
    pid_t guard;

    while ((guard = find_guard(scene)) == 0) {
        cr_assert_lt(clock_now_us(), deadline_us, "no snakepit-guard came");
        poll(NULL, 0, 1);
    }
    return guard;
}

/* Count the children but `other` that are in this state (0: any); one of them in *ret_pid. */
static size_t
count_children(pid_t parent, char state, pid_t other, pid_t *ret_pid)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    while ((entry = readdir(directory)) != NULL) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        char its_state;
        pid_t its_parent;
        if (pid == 0 || pid == other || !read_stat(entry->d_name, &its_state, &its_parent) || its_parent != parent)
            continue;
        if (state != 0 && its_state != state)
            continue;
        *ret_pid = pid;
        count++;
    }
    closedir(directory);
    return count;
}

size_t
process_count_zombies(pid_t pid)
{
    return count_children(pid, 'Z', 0, &(pid_t){0});
}

pid_t
process_find_child(pid_t parent, pid_t other)
{
    pid_t pid = 0;

    count_children(parent, 0, other, &pid);
    return pid;
}
