/* nursery.c - the nursery's process and its socket; see nursery.h. */
#include "agent/nursery.h"

#include "agent/environment.h"
#include "agent/guard.h"
#include "wire/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_BYTES_MAX = 4 * 1024, WORDS_MAX = 3, PASSED_FDS = 2 };

struct nursery {
    const struct worker_pool *pool;
    struct worker_process *process; /* NULL: none */
    struct worker_process *ended;   /* the last one, for the text of its end */
    int channel;                    /* -1 without a process */
    bool is_ready;
    char message[MESSAGE_BYTES_MAX + 1];
};

struct nursery *
nursery_new(const struct worker_pool *pool)
{
    struct nursery *nursery = calloc(1, sizeof(*nursery));

    if (nursery == NULL)
        abort();
    nursery->pool = pool;
    nursery->channel = -1;
    return nursery;
}

void
nursery_destroy(struct nursery **nursery_p)
{
    if (*nursery_p == NULL)
        return;
    worker_process_destroy(&(*nursery_p)->process);
    worker_process_destroy(&(*nursery_p)->ended);
    free(*nursery_p);
    *nursery_p = NULL;
}

int
nursery_start(struct nursery *nursery, int64_t now_us)
{
    char name[LABEL_BYTES_MAX + 1];
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return ERR_SYSTEM;
    snprintf(name, sizeof(name), "%.*s-nursery", LABEL_BYTES_MAX - 8, nursery->pool->name);
    nursery->process = worker_process_spawn_nursery(nursery->pool, name, ends[1], now_us);
    int error = errno;
    close(ends[1]);
    if (nursery->process == NULL) {
        close(ends[0]);
        errno = error;
        return ERR_SYSTEM;
    }
    worker_process_destroy(&nursery->ended);
    nursery->channel = ends[0];
    return OK;
}

struct worker_process *
nursery_process(const struct nursery *nursery)
{
    return nursery->process;
}

void
nursery_handle_end(struct nursery *nursery, const siginfo_t *info, int64_t now_us, struct worker_end *ret_end)
{
    worker_process_handle_end(nursery->process, info, now_us, ret_end);
    nursery->ended = nursery->process;
    nursery->process = NULL;
    nursery->is_ready = false;
    close(nursery->channel);
    nursery->channel = -1;
}

int
nursery_fd(const struct nursery *nursery)
{
    return nursery->channel;
}

bool
nursery_is_ready(const struct nursery *nursery)
{
    return nursery->is_ready && !worker_process_is_stopping(nursery->process);
}

int
nursery_ask(struct nursery *nursery, uint32_t number, const char *name, uint64_t replaces, int output_fd)
{
    char text[MESSAGE_BYTES_MAX];
    char variable[ENVIRONMENT_REPLACES_BYTES];
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(PASSED_FDS * sizeof(int))];
    } control = {0};
    const int fds[PASSED_FDS] = {output_fd, guard_fd(nursery->pool->context->guard)};

    if (!nursery_is_ready(nursery))
        return ERR_AGAIN;
    int size = snprintf(text, sizeof(text), "fork%c%u%c%s", '\0', number, '\0', name);
    if (replaces != 0) {
        environment_print_replaces(replaces, variable);
        size += snprintf(text + size, sizeof(text) - (size_t)size, "%c%s", '\0', variable);
    }
    struct iovec part = {.iov_base = text, .iov_len = (size_t)size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.space)};
    control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fds))};
    memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
    /* Full of requests that it has not taken, or of descriptors on their way: later. It is gone: its end is near. */
    return sendmsg(nursery->channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == size ? OK : ERR_AGAIN;
}

/* Split at the NULs; what is not there becomes an empty string. The message ends in a NUL. */
static void
split(char *message, size_t size, const char *words[WORDS_MAX])
{
    char *at = message;

    for (size_t i = 0; i < WORDS_MAX; i++) {
        words[i] = at;
        at += strlen(at);
        if (at < message + size)
            at++;
    }
}

/* False when it is not one of the words; it comes from our own code, but also from an app that found the socket. */
static bool
understand(const char *words[WORDS_MAX], struct nursery_news *news)
{
    static const char *const verbs[] = {[NURSERY_READY] = "ready", [NURSERY_REFUSED] = "refused",
        [NURSERY_STALE] = "stale", [NURSERY_BORN] = "born", [NURSERY_FAILED] = "failed"};

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(words[0], verbs[i]) != 0)
            continue;
        *news = (struct nursery_news){.word = (enum nursery_word)i, .text = words[1]};
        if (news->word == NURSERY_BORN || news->word == NURSERY_FAILED) {
            news->number = (uint32_t)strtoul(words[1], NULL, 10);
            news->pid = (pid_t)strtol(words[2], NULL, 10);
            news->text = words[2];
        }
        return news->word != NURSERY_BORN || news->pid > 1; /* its group is killed, and -1 stands for everybody */
    }
    return false;
}

bool
nursery_next(struct nursery *nursery, int64_t now_us, struct nursery_news *ret_news)
{
    const char *words[WORDS_MAX];
    ssize_t size;

    while (nursery->channel >= 0 &&
           (size = recv(nursery->channel, nursery->message, MESSAGE_BYTES_MAX, MSG_DONTWAIT)) > 0) {
        nursery->message[size] = '\0';
        split(nursery->message, (size_t)size, words);
        if (!understand(words, ret_news))
            continue;
        if (ret_news->word == NURSERY_READY)
            worker_process_handle_ready(nursery->process, now_us);
        if (ret_news->word <= NURSERY_STALE)
            nursery->is_ready = ret_news->word == NURSERY_READY;
        return true;
    }
    return false;
}
