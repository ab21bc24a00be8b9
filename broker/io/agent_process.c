/* agent_process.c - starts, watches and ends the agent; see agent_process.h.
 *
 * It is wanted or not, and its process runs or does not; what differs is brought about: a process that is not wanted is
 * asked to end, told, and killed; one that is wanted and does not run is started when its time has come. */
#include "broker/io/agent_process.h"

#include "broker/io/config_print.h"
#include "wire/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT_NAME "snakepit-agent"

/* An agent that lived so long was well: the next restart begins with the shortest delay again. */
#define AGENT_SETTLED_US INT64_C(10000000)

/* How long an agent needs to end when its workers have ended. */
#define AGENT_SLACK_US INT64_C(1000000)

/* Where the agent finds them. Ours are numbered above, so that one is not overwritten by the other. */
enum { LIFELINE_FD = 3, CONFIG_FD = 4, OWN_FD_MIN = 10 };

#define CONFIG_PATH "/proc/self/fd/4"

struct agent_process {
    struct log *log;
    int config_fd; /* the configuration in force, as a file in memory: what stands on the disk may be wrong by now */
    char *program; /* the agent's file */
    bool is_wanted;
    pid_t pid;     /* 0: does not run */
    int pidfd;     /* -1 then */
    int lifeline;  /* write end; its end of life tells the agent to end. -1: it was told */
    int64_t started_us;
    int64_t restart_us; /* when to start again; valid while pid is 0 and it is wanted */
    int64_t push_us;    /* when to be rougher; valid while pid is not 0 and it is not wanted */
    bool is_pushed;     /* it got SIGTERM */
    int64_t end_us;     /* how long it may take to end: its workers' time, and some for itself */
    int64_t delay_us;   /* the next back-off */
    int64_t delay_min_us;
    int64_t delay_max_us;
};

extern char **environ;

/* DIRECTORY_OF_THIS_PROGRAM/relative, if that is a program, else NULL. The caller frees it. */
static char *
find_beside(const char *relative)
{
    char self[PATH_MAX];
    char path[PATH_MAX + 64];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (length <= 0)
        return NULL;
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(path, sizeof(path), "%s/%s", self, relative);
    return access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;
}

/* Where the agent is: told by the environment, installed beside this program, in the build tree, or wherever PATH
 * says. */
static char *
find_program(void)
{
    const char *told = getenv("SNAKEPIT_AGENT_PROGRAM");
    char *found = told == NULL || told[0] == '\0' ? NULL : strdup(told);

    if (found == NULL)
        found = find_beside(AGENT_NAME);
    if (found == NULL)
        found = find_beside("../../agent/" AGENT_NAME);
    if (found == NULL)
        found = strdup(AGENT_NAME);
    if (found == NULL)
        abort();
    return found;
}

/* Threads of libzmq run in this process, so the child may do next to nothing before exec: posix_spawn sees to that. */
static int
spawn(struct agent_process *agent, int lifeline_read_fd)
{
    char *const argv[] = {AGENT_NAME, "-c", CONFIG_PATH, "--lifeline", "3", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t hangup;
    sigset_t all;

    /* The agent is told of a reload by SIGHUP, perhaps before it is ready to hear it. */
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, lifeline_read_fd, LIFELINE_FD);
    posix_spawn_file_actions_adddup2(&actions, agent->config_fd, CONFIG_FD);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &hangup);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int error = posix_spawnp(&agent->pid, agent->program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Descriptors of ours that the agent gets. -1 and errno. */
static int
move_up(int fd)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, OWN_FD_MIN);

    if (fd >= 0)
        close(fd);
    return moved;
}

/* OK, or ERR_SYSTEM and a logged reason. */
static int
start(struct agent_process *agent, int64_t now_us)
{
    int lifeline[2];

    if (pipe2(lifeline, O_CLOEXEC) != 0 || (lifeline[0] = move_up(lifeline[0])) < 0) {
        log_line(agent->log, LOG_ERROR, "agent.start_failed", "no lifeline pipe: %s", strerror(errno));
        return ERR_SYSTEM;
    }
    int error = spawn(agent, lifeline[0]);
    close(lifeline[0]);
    if (error != 0) {
        close(lifeline[1]);
        agent->pid = 0;
        log_line(agent->log, LOG_ERROR, "agent.start_failed", "cannot run %s: %s; set SNAKEPIT_AGENT_PROGRAM to its path",
                 agent->program, strerror(error));
        return ERR_SYSTEM;
    }
    agent->lifeline = lifeline[1];
    agent->started_us = now_us;
    agent->pidfd = pidfd_open(agent->pid, 0);
    if (agent->pidfd < 0)
        abort(); /* only out of descriptors; a broker that cannot see its agent end must not go on */
    log_begin(agent->log, LOG_INFO, "agent.started");
    log_int(agent->log, "pid", agent->pid);
    log_str(agent->log, "path", agent->program);
    log_end(agent->log);
    return OK;
}

static void
schedule_restart(struct agent_process *agent, int64_t now_us)
{
    agent->restart_us = now_us + agent->delay_us;
    agent->delay_us = agent->delay_us > agent->delay_max_us / 2 ? agent->delay_max_us : agent->delay_us * 2;
}

/* A file in memory. A write that fails leaves an agent that says what is wrong with it. */
static void
write_config(struct agent_process *agent, const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL)
        abort();
    config_print(config, stream);
    if (fclose(stream) != 0)
        abort();
    if (pwrite(agent->config_fd, text, size, 0) != (ssize_t)size || ftruncate(agent->config_fd, (off_t)size) != 0)
        log_line(agent->log, LOG_ERROR, "agent.config_failed", "cannot hand on the configuration: %s", strerror(errno));
    free(text);
}

struct agent_process *
agent_process_new(const struct config *config, struct log *log)
{
    struct agent_process *agent = calloc(1, sizeof(*agent));

    if (agent == NULL)
        abort();
    agent->log = log;
    agent->program = find_program();
    agent->config_fd = move_up(memfd_create("snakepit.conf", MFD_CLOEXEC));
    if (agent->config_fd < 0)
        abort(); /* only out of descriptors or memory, at the start */
    agent->pidfd = -1;
    agent->lifeline = -1;
    agent_process_configure(agent, config);
    return agent;
}

void
agent_process_configure(struct agent_process *agent, const struct config *config)
{
    agent->delay_us = config->restart_delay_us;
    agent->delay_min_us = config->restart_delay_us;
    agent->delay_max_us = config->restart_delay_max_us;
    agent->end_us = config->stop_timeout_us + AGENT_SLACK_US;
    write_config(agent, config);
}

int
agent_process_start(struct agent_process *agent, int64_t now_us)
{
    bool was_wanted = agent->is_wanted;

    agent->is_wanted = true;
    if (was_wanted || agent->pid != 0)
        return OK; /* one that is ending is started again when it has ended */
    agent->delay_us = agent->delay_min_us;
    agent->is_wanted = start(agent, now_us) == OK;
    return agent->is_wanted ? OK : ERR_SYSTEM;
}

static void
close_lifeline(struct agent_process *agent)
{
    if (agent->lifeline >= 0)
        close(agent->lifeline);
    agent->lifeline = -1;
}

void
agent_process_stop(struct agent_process *agent, int64_t now_us)
{
    if (!agent->is_wanted)
        return;
    agent->is_wanted = false;
    agent->is_pushed = false;
    agent->push_us = now_us + agent->end_us;
    close_lifeline(agent);
}

bool
agent_process_is_wanted(const struct agent_process *agent)
{
    return agent->is_wanted;
}

int
agent_process_fd(const struct agent_process *agent)
{
    return agent->pidfd;
}

int64_t
agent_process_next_due_us(const struct agent_process *agent)
{
    if (agent->pid == 0)
        return agent->is_wanted ? agent->restart_us : INT64_MAX;
    return agent->lifeline < 0 ? agent->push_us : INT64_MAX;
}

static void
forget_process(struct agent_process *agent)
{
    close(agent->pidfd);
    close_lifeline(agent);
    agent->pidfd = -1;
    agent->pid = 0;
}

static void
log_end_of_agent(struct agent_process *agent, const siginfo_t *info)
{
    bool was_asked = agent->lifeline < 0;

    log_begin(agent->log, was_asked ? LOG_INFO : LOG_ERROR, was_asked ? "agent.exited" : "agent.died");
    log_int(agent->log, "pid", agent->pid);
    if (info->si_code == CLD_EXITED)
        log_int(agent->log, "exit_status", info->si_status);
    else
        log_str(agent->log, "signal", sigabbrev_np(info->si_status));
    if (!was_asked)
        log_int(agent->log, "restart_ms", agent->delay_us / 1000);
    log_end(agent->log);
}

/* It was asked to end and has not. */
static void
push(struct agent_process *agent, int64_t now_us)
{
    if (!agent->is_pushed) {
        kill(agent->pid, SIGTERM);
        agent->is_pushed = true;
    } else {
        log_line(agent->log, LOG_WARN, "agent.killed", "the agent did not end in time");
        kill(-agent->pid, SIGKILL);
    }
    agent->push_us = now_us + AGENT_SLACK_US;
}

void
agent_process_tick(struct agent_process *agent, int64_t now_us)
{
    siginfo_t info = {0};
    bool was_asked = agent->lifeline < 0;

    if (agent->pid == 0) {
        if (agent->is_wanted && now_us >= agent->restart_us && start(agent, now_us) != OK)
            schedule_restart(agent, now_us);
        return;
    }
    if (waitid(P_PIDFD, (id_t)agent->pidfd, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
        if (was_asked && now_us >= agent->push_us)
            push(agent, now_us);
        return;
    }
    if (was_asked || now_us - agent->started_us >= AGENT_SETTLED_US)
        agent->delay_us = agent->delay_min_us;
    log_end_of_agent(agent, &info);
    forget_process(agent);
    if (was_asked)
        agent->restart_us = now_us; /* it is wanted again meanwhile, or else that does not matter */
    else
        schedule_restart(agent, now_us);
}

/* Wait for the end of the process, at most timeout_us. */
static bool
wait_for_end(const struct agent_process *agent, int64_t timeout_us)
{
    struct pollfd poll_fd = {.fd = agent->pidfd, .events = POLLIN};
    struct timespec timeout = {.tv_sec = timeout_us / 1000000, .tv_nsec = timeout_us % 1000000 * 1000};

    return ppoll(&poll_fd, 1, &timeout, NULL) == 1;
}

void
agent_process_reload(struct agent_process *agent)
{
    if (agent->pid != 0 && agent->lifeline >= 0)
        kill(agent->pid, SIGHUP);
}

void
agent_process_destroy(struct agent_process **agent_p, int64_t timeout_us)
{
    struct agent_process *agent = *agent_p;

    if (agent == NULL)
        return;
    if (agent->pid != 0) {
        close_lifeline(agent);
        /* It gives its workers their stop_timeout, which may be longer. A signal on top says that there is no time left;
         * a kill would leave what had left its worker's process group. */
        if (!wait_for_end(agent, timeout_us))
            kill(agent->pid, SIGTERM);
        if (!wait_for_end(agent, timeout_us)) {
            log_line(agent->log, LOG_WARN, "agent.killed", "the agent did not end within %lld ms",
                     (long long)(2 * timeout_us / 1000));
            kill(-agent->pid, SIGKILL);
        }
        waitid(P_PIDFD, (id_t)agent->pidfd, &(siginfo_t){0}, WEXITED);
        close(agent->pidfd);
    }
    close(agent->config_fd);
    free(agent->program);
    free(agent);
    *agent_p = NULL;
}
