/* broker_talk.c - session, connection and pools brought together; see broker_talk.h. */
#include "agent/broker_talk.h"

#include "agent/broker_session.h"
#include "agent/link.h"
#include "agent/local_pools.h"
#include "agent/memory.h"
#include "agent/procfs.h"
#include "wire/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct broker_talk {
    const struct agent_context *context;
    struct broker_session *session;
    struct link *link;
    bool is_silent; /* that the broker does not answer was said */
    bool has_begun; /* what else the pools tell goes out in the next round */
    char host[LABEL_BYTES_MAX + 1];
};

/* The workers of all pools while they are measured. */
struct survey {
    struct process_usage *list;
    uint32_t count;
};

struct broker_talk *
broker_talk_new(struct agent_context *context)
{
    struct broker_talk *talk = calloc(1, sizeof(*talk));

    if (talk == NULL)
        abort();
    talk->context = context;
    gethostname(talk->host, sizeof(talk->host) - 1);
    talk->link = link_new(context->address);
    if (talk->link == NULL) {
        free(talk);
        return NULL;
    }
    talk->session = broker_session_new(context->id, talk->host, (uint64_t)getpid());
    context->session = talk->session;
    return talk;
}

void
broker_talk_destroy(struct broker_talk **talk_p)
{
    struct broker_talk *talk = *talk_p;

    if (talk == NULL)
        return;
    broker_session_destroy(&talk->session);
    link_destroy(&talk->link);
    free(talk);
    *talk_p = NULL;
}

int
broker_talk_fd(const struct broker_talk *talk)
{
    return link_fd(talk->link);
}

int64_t
broker_talk_next_due_us(const struct broker_talk *talk)
{
    return broker_session_next_due_us(talk->session);
}

static void
greet(struct broker_talk *talk, const struct local_pools *pools, int64_t now_us)
{
    struct agent_pool list[AGENT_POOLS_MAX];

    broker_session_greet(talk->session, list, local_pools_list(pools, list, AGENT_POOLS_MAX), now_us);
}

/* --- what arrives --------------------------------------------------------------------------------------------- */

static void
log_refusal(struct broker_talk *talk, const struct error *refusal)
{
    log_begin(talk->context->log, LOG_WARN, "agent.refused");
    log_str(talk->context->log, "code", error_code_name(refusal->code));
    log_bytes(talk->context->log, "reason", refusal->text.data, refusal->text.size);
    log_end(talk->context->log);
}

static void
obey(struct broker_talk *talk, struct local_pools *pools, enum session_order order, const struct message *message,
     int64_t now_us)
{
    switch (order) {
    case ORDER_GREET:
        greet(talk, pools, now_us);
        return;
    case ORDER_BEGIN:
        talk->is_silent = false;
        talk->has_begun = true;
        local_pools_announce(pools);
        log_line(talk->context->log, LOG_INFO, "agent.welcomed", "a session with the broker at %s has begun", talk->context->address);
        return;
    case ORDER_REFUSED:
        log_refusal(talk, &message->error);
        return;
    case ORDER_REPLACE:
        local_pools_replace(pools, &message->replace);
        return;
    case ORDER_RETIRE:
        local_pools_retire(pools, &message->retire, now_us);
        return;
    case ORDER_NONE:
        return;
    }
}

static void
receive(struct broker_talk *talk, struct local_pools *pools, int64_t now_us)
{
    struct bytes control;
    struct message message;
    enum session_order order;

    while (link_receive(talk->link, &control)) {
        broker_session_receive(talk->session, control);
        while ((order = broker_session_next(talk->session, now_us, &message)) != ORDER_NONE)
            obey(talk, pools, order, &message, now_us);
    }
}

/* --- what is due ---------------------------------------------------------------------------------------------- */

static void
connect_again(struct broker_talk *talk, const struct local_pools *pools, int64_t now_us)
{
    bool has_failed = link_connect(talk->link) != OK;

    if (has_failed && !talk->is_silent)
        log_line(talk->context->log, LOG_ERROR, "agent.connect_failed", "%s: %s", talk->context->address,
                 strerror(errno));
    talk->is_silent |= has_failed;
    greet(talk, pools, now_us);
}

static void
count_worker(void *data, struct worker_process *worker, bool is_nursery)
{
    struct survey *survey = data;

    survey->count += !is_nursery && worker_process_pid(worker) != 0;
}

static void
add_worker(void *data, struct worker_process *worker, bool is_nursery)
{
    struct survey *survey = data;

    if (!is_nursery && worker_process_pid(worker) != 0)
        survey->list[survey->count++].pid = (uint64_t)worker_process_pid(worker);
}

static void
take_rss(void *data, struct worker_process *worker, bool is_nursery)
{
    const struct survey *survey = data;

    for (uint32_t i = 0; i < survey->count && !is_nursery; i++)
        if (survey->list[i].pid == (uint64_t)worker_process_pid(worker))
            worker_process_set_rss(worker, survey->list[i].rss_bytes);
}

static void
beat(struct broker_talk *talk, const struct local_pools *pools, int64_t now_us)
{
    struct survey survey = {0};

    local_pools_each(pools, count_worker, &survey);
    survey.list = calloc(survey.count + 1, sizeof(*survey.list));
    if (survey.list == NULL)
        abort();
    survey.count = 0;
    local_pools_each(pools, add_worker, &survey);
    if (survey.count > 0)
        procfs_measure(survey.list, survey.count);
    local_pools_each(pools, take_rss, &survey);
    broker_session_beat(talk->session, survey.list, survey.count, now_us);
    free(survey.list);
    /* From now on only a kill that is newer explains the end of a worker. */
    memory_oom_has_killed(talk->context->memory);
}

static void
do_due(struct broker_talk *talk, struct local_pools *pools, int64_t now_us)
{
    switch (broker_session_tick(talk->session, now_us)) {
    case NEED_CONNECTION:
        connect_again(talk, pools, now_us);
        return;
    case NEED_BEAT:
        beat(talk, pools, now_us);
        return;
    case NEED_NOTHING:
        return;
    }
}

/* ZeroMQ's descriptor tells of each event once only, and a send may take it: so after the last send there must be a
 * receive that gives nothing. */
void
broker_talk_turn(struct broker_talk *talk, struct local_pools *pools, int64_t now_us)
{
    for (;;) {
        receive(talk, pools, now_us);
        if (talk->has_begun) {
            talk->has_begun = false;
            local_pools_tick(pools, now_us);
        }
        do_due(talk, pools, now_us);
        struct bytes outbox = broker_session_outbox(talk->session);
        if (outbox.size == 0 || !link_send(talk->link, outbox))
            return;
        broker_session_sent(talk->session);
    }
}

void
broker_talk_end(struct broker_talk *talk, const char *reason)
{
    broker_session_bye(talk->session, reason);
    struct bytes outbox = broker_session_outbox(talk->session);
    if (outbox.size > 0)
        link_send(talk->link, outbox);
    broker_session_sent(talk->session);
}
