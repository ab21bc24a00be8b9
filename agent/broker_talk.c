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

/* A leak may grow by gigabytes between two heartbeats: workers whose pool limits their memory are measured so often. */
#define WATCH_US INT64_C(1000000)

struct broker_talk {
    const struct agent_context *context;
    struct broker_session *session;
    struct link *link;
    bool is_silent; /* that the broker does not answer was said */
    bool has_begun; /* what else the pools tell goes out in the next round */
    int64_t watch_due_us; /* INT64_MAX: no worker's memory is limited */
    char host[LABEL_BYTES_MAX + 1];
};

/* The workers of all pools while they are measured. */
struct survey {
    struct process_usage *list;
    uint32_t count;
    bool is_limited_only; /* those with a memory limit */
};

struct broker_talk *
broker_talk_new(struct agent_context *context)
{
    struct broker_talk *talk = calloc(1, sizeof(*talk));

    if (talk == NULL)
        abort();
    talk->context = context;
    talk->watch_due_us = INT64_MAX;
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
    int64_t due_us = broker_session_next_due_us(talk->session);

    return talk->watch_due_us < due_us ? talk->watch_due_us : due_us;
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

static bool
is_surveyed(const struct survey *survey, const struct worker_process *worker, bool is_nursery)
{
    return !is_nursery && worker_process_pid(worker) != 0 &&
           (!survey->is_limited_only || worker_process_memory_max(worker) > 0);
}

static void
count_worker(void *data, struct worker_process *worker, bool is_nursery)
{
    struct survey *survey = data;

    survey->count += is_surveyed(survey, worker, is_nursery);
}

static void
add_worker(void *data, struct worker_process *worker, bool is_nursery)
{
    struct survey *survey = data;

    if (is_surveyed(survey, worker, is_nursery))
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

/* Measure the workers. The caller frees the list. */
static struct survey
measure(struct broker_talk *talk, const struct local_pools *pools, bool is_limited_only, int64_t now_us)
{
    struct survey survey = {.is_limited_only = is_limited_only};

    local_pools_each(pools, count_worker, &survey);
    survey.list = calloc(survey.count + 1, sizeof(*survey.list));
    if (survey.list == NULL)
        abort();
    survey.count = 0;
    local_pools_each(pools, add_worker, &survey);
    if (survey.count > 0)
        procfs_measure(survey.list, survey.count);
    local_pools_each(pools, take_rss, &survey);
    talk->watch_due_us = local_pools_limit_memory(pools) ? now_us + WATCH_US : INT64_MAX;
    return survey;
}

static void
beat(struct broker_talk *talk, const struct local_pools *pools, int64_t now_us)
{
    struct survey survey = measure(talk, pools, false, now_us);

    broker_session_beat(talk->session, survey.list, survey.count, now_us);
    free(survey.list);
    /* From now on only a kill that is newer explains the end of a worker. */
    memory_oom_has_killed(talk->context->memory);
}

/* Half of the limit is the least that recycle_jitter makes of it; below, the next heartbeat is soon enough. */
static void
drop_small(void *data, struct worker_process *worker, bool is_nursery)
{
    struct survey *survey = data;

    if (!is_surveyed(survey, worker, is_nursery) ||
        worker_process_rss_bytes(worker) >= worker_process_memory_max(worker) / 2)
        return;
    for (uint32_t i = 0; i < survey->count; i++)
        if (survey->list[i].pid == (uint64_t)worker_process_pid(worker))
            survey->list[i] = survey->list[--survey->count];
}

/* Tell the broker of workers that come near their limit before the next heartbeat. */
static void
watch_memory(struct broker_talk *talk, const struct local_pools *pools, int64_t now_us)
{
    struct survey survey = measure(talk, pools, true, now_us);

    local_pools_each(pools, drop_small, &survey);
    if (survey.count > 0)
        broker_session_processes(talk->session, survey.list, survey.count);
    free(survey.list);
}

static void
do_due(struct broker_talk *talk, struct local_pools *pools, int64_t now_us)
{
    if (now_us >= talk->watch_due_us)
        watch_memory(talk, pools, now_us);
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
