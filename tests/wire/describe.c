/* describe.c - commands as JSON, written by hand and not from the codec's tables, which it has to check. */
#include "tests/wire/describe.h"

#include "wire/reader.h"

#include <stdio.h>
#include <string.h>

enum { RUN_MIN = 64 }; /* bytes; the same as in wire/vectors/make.py */

static json_t *
hex(struct bytes bytes)
{
    bool is_run = bytes.size >= RUN_MIN;
    size_t shown = bytes.size;
    json_t *object = json_object();
    char *text;

    for (uint32_t i = 1; i < bytes.size && is_run; i++)
        is_run = bytes.data[i] == bytes.data[0];
    if (is_run)
        shown = 1;
    text = calloc(1, 2 * shown + 1);
    for (size_t i = 0; i < shown; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes.data[i]);
    json_object_set_new(object, "hex", json_string(text));
    if (is_run)
        json_object_set_new(object, "times", json_integer(bytes.size));
    free(text);
    return object;
}

static json_t *
str(struct bytes text)
{
    json_t *string = json_stringn((const char *)text.data, text.size); /* NULL when it is not UTF-8 */

    return string ? string : hex(text);
}

static json_t *
number(uint64_t value)
{
    char digits[32];

    if (value <= INT64_MAX)
        return json_integer((json_int_t)value);
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    return json_pack("{s:s}", "uint", digits);
}

static void
set_str(json_t *object, const char *key, struct bytes text)
{
    if (text.size > 0)
        json_object_set_new(object, key, str(text));
}

static void
set_number(json_t *object, const char *key, uint64_t value)
{
    if (value > 0)
        json_object_set_new(object, key, number(value));
}

static void
set_true(json_t *object, const char *key, bool value)
{
    if (value)
        json_object_set_new(object, key, json_true());
}

/* Set an inner map, or drop it when it is empty. */
static void
set_map(json_t *object, const char *key, json_t *map)
{
    if (json_object_size(map) > 0)
        json_object_set(object, key, map);
    json_decref(map);
}

static json_t *
describe_fences(struct fences fences)
{
    json_t *array = json_array();
    uint64_t fence;

    while (wire_fences_next(&fences, &fence) == OK)
        json_array_append_new(array, number(fence));
    return array;
}

static void
set_fences(json_t *object, const char *key, struct fences fences)
{
    if (fences.count > 0)
        json_object_set_new(object, key, describe_fences(fences));
}

static void
set_headers(json_t *object, struct bytes headers)
{
    json_t *map = json_object();
    struct reader reader;
    struct bytes key, value;
    uint32_t pairs = 0;

    reader_init(&reader, headers);
    reader_map(&reader, &pairs);
    while (pairs-- > 0 && reader_str(&reader, &key) == OK && reader_str(&reader, &value) == OK)
        json_object_setn_new(map, (const char *)key.data, key.size, str(value));
    set_map(object, "headers", map);
}

json_t *
describe_ref(const struct ref *ref)
{
    switch (ref->kind) {
    case REF_NUMBER:
        return number(ref->number);
    case REF_BYTES:
        return hex((struct bytes){ref->bytes, ref->size});
    default:
        return json_null();
    }
}

static void
set_payload(json_t *object, const struct payload *payload)
{
    json_object_set_new(object, "payload",
                        payload->frames > 0 ? json_pack("{s:i}", "frames", payload->frames) : hex(payload->data));
}

/* Any value, as it stands in a map that the broker does not read. Recursive; the codec has checked the depth. */
static json_t *
describe_any(struct reader *reader)
{
    struct bytes text;
    uint64_t value;
    uint32_t count;
    bool truth;
    json_t *container;

    if (reader_str(reader, &text) == OK)
        return str(text);
    if (reader_uint(reader, &value) == OK)
        return number(value);
    if (reader_bool(reader, &truth) == OK)
        return json_boolean(truth);
    if (reader_array(reader, &count) == OK) {
        container = json_array();
        while (count-- > 0)
            json_array_append_new(container, describe_any(reader));
        return container;
    }
    if (reader_map(reader, &count) != OK)
        return NULL;
    container = json_object();
    while (count-- > 0 && reader_str(reader, &text) == OK)
        json_object_setn_new(container, (const char *)text.data, text.size, describe_any(reader));
    return container;
}

static void
set_any(json_t *object, const char *name, struct bytes encoded)
{
    struct reader reader;

    if (encoded.size == 0)
        return;
    reader_init(&reader, encoded);
    json_object_set_new(object, name, describe_any(&reader));
}

static json_t *
describe_pools(struct agent_pools pools)
{
    json_t *array = json_array();
    struct agent_pool pool;

    while (wire_agent_pools_next(&pools, &pool) == OK)
        json_array_append_new(array, json_pack("[o, o]", str(pool.name), number(pool.wanted)));
    return array;
}

static json_t *
describe_processes(struct processes processes)
{
    json_t *array = json_array();
    struct process_usage usage;

    while (wire_processes_next(&processes, &usage) == OK)
        json_array_append_new(array, json_pack("[o, o, o]", number(usage.pid), number(usage.rss_bytes),
                                               number(usage.cpu_us)));
    return array;
}

static json_t *
describe_texts(struct texts texts)
{
    json_t *array = json_array();
    struct bytes text;

    while (wire_texts_next(&texts, &text) == OK)
        json_array_append_new(array, str(text));
    return array;
}

static json_t *
describe_holds(struct holds holds)
{
    json_t *array = json_array();
    struct hold hold;

    while (wire_holds_next(&holds, &hold) == OK)
        json_array_append_new(array, json_pack("[o, o, o]", number(hold.fence), number(hold.attempt), hex(hold.origin)));
    return array;
}

static void
describe_hello(json_t *object, const struct hello *hello)
{
    json_t *facts = json_object();

    json_object_set_new(object, "protocol", str(hello->protocol));
    json_object_set_new(object, "role", json_string(hello->is_worker ? "worker" : hello->is_agent ? "agent" : "client"));
    if (hello->instance.size > 0)
        json_object_set_new(facts, "instance", hex(hello->instance));
    if (hello->on_disconnect == DISCONNECT_CANCEL)
        json_object_set_new(facts, "on_disconnect", json_string("cancel"));
    set_str(facts, "pool", hello->pool);
    set_number(facts, "slots", hello->slots == 1 ? 0 : hello->slots);
    if (hello->profile == PROFILE_THREAD)
        json_object_set_new(facts, "profile", json_string("thread"));
    set_str(facts, "name", hello->name);
    set_str(facts, "host", hello->host);
    set_number(facts, "pid", hello->pid);
    set_str(facts, "python", hello->python);
    if (!hello->gil_enabled)
        json_object_set_new(facts, "gil_enabled", json_false());
    set_number(facts, "session", hello->session);
    set_fences(facts, "leases", hello->leases);
    if (hello->holds.count > 0)
        json_object_set_new(facts, "holds", describe_holds(hello->holds));
    set_number(facts, "agent", hello->agent);
    set_number(facts, "replaces", hello->replaces);
    set_true(facts, "free_threaded", hello->free_threaded);
    set_str(facts, "gil_module", hello->gil_module);
    set_any(facts, "report", hello->report);
    if (hello->pools.count > 0)
        json_object_set_new(facts, "pools", describe_pools(hello->pools));
    json_object_set_new(object, "facts", facts);
}

static void
describe_welcome(json_t *object, const struct welcome *welcome)
{
    json_t *facts = json_object();

    json_object_set_new(object, "session", number(welcome->session));
    set_str(facts, "broker", welcome->broker);
    set_number(facts, "epoch", welcome->epoch);
    set_true(facts, "resumed", welcome->resumed);
    set_number(facts, "heartbeat_ms", welcome->heartbeat_ms);
    set_number(facts, "inline_max", welcome->inline_max_bytes);
    set_number(facts, "control_max", welcome->control_max_bytes);
    set_number(facts, "frame_max", welcome->frame_max_bytes);
    set_number(facts, "attachments_max", welcome->attachments_max);
    set_fences(facts, "leases", welcome->leases);
    set_str(facts, "clients", welcome->clients);
    set_map(object, "facts", facts);
}

static void
describe_heartbeat(json_t *object, const struct heartbeat *heartbeat)
{
    json_t *facts;

    if (!heartbeat->has_facts)
        return;
    facts = json_object();
    set_number(facts, "rss_bytes", heartbeat->rss_bytes);
    set_number(facts, "cpu_us", heartbeat->cpu_us);
    set_number(facts, "tasks_done", heartbeat->tasks_done);
    if (heartbeat->has_running)
        json_object_set_new(facts, "running", describe_fences(heartbeat->running));
    if (heartbeat->gil_enabled >= 0)
        json_object_set_new(facts, "gil_enabled", json_boolean(heartbeat->gil_enabled));
    set_str(facts, "gil_module", heartbeat->gil_module);
    set_any(facts, "report", heartbeat->report);
    json_object_set_new(object, "facts", facts);
}

/* How a task is tried again, ordered and shared. */
static void
describe_delivery(json_t *options, const struct submit *submit)
{
    static const char *const modes[] = {"hint", "strict_queue", "strict_fail_fast"};

    if (submit->has_retries)
        json_object_set_new(options, "retries", number(submit->retries));
    if (submit->retry_on.count > 0)
        json_object_set_new(options, "retry_on", describe_texts(submit->retry_on));
    if (submit->has_backoff)
        json_object_set_new(options, "backoff_ms", number(submit->backoff_ms));
    set_number(options, "kills_max", submit->kills_max);
    set_str(options, "dedup_key", submit->dedup_key);
    if (submit->has_dedup_ms)
        json_object_set_new(options, "dedup_ms", number(submit->dedup_ms));
    set_str(options, "group", submit->group);
    set_str(options, "fair_key", submit->fair_key);
    set_str(options, "session", submit->session);
    if (submit->session_mode != SESSION_HINT)
        json_object_set_new(options, "session_mode", json_string(modes[submit->session_mode]));
    set_number(options, "run_ms", submit->run_ms);
    set_number(options, "credit", submit->credit);
    set_true(options, "again", submit->again);
}

static void
describe_submit(json_t *object, const struct submit *submit)
{
    json_t *options = json_object();

    json_object_set_new(object, "id", describe_ref(&submit->id));
    json_object_set_new(object, "pool", str(submit->pool));
    json_object_set_new(object, "function", str(submit->function));
    set_payload(object, &submit->payload);
    if (submit->priority != PRIORITY_DEFAULT)
        json_object_set_new(options, "priority", json_integer(submit->priority));
    set_number(options, "delay_ms", submit->delay_ms);
    if (submit->has_deadline)
        json_object_set_new(options, "deadline_ms", number(submit->deadline_ms));
    set_number(options, "max_attempts", submit->max_attempts);
    if (submit->on_loss == LOSS_FINAL)
        json_object_set_new(options, "on_loss", json_string("lost"));
    set_true(options, "ack", submit->ack);
    set_true(options, "stream", submit->stream);
    set_true(options, "progress", submit->progress);
    set_true(options, "info", submit->info);
    set_str(options, "content_type", submit->content_type);
    set_headers(options, submit->headers);
    describe_delivery(options, submit);
    set_map(object, "options", options);
}

static void
describe_task(json_t *object, const struct task_command *task)
{
    json_t *options = json_object();

    json_object_set_new(object, "fence", number(task->fence));
    json_object_set_new(object, "attempt", number(task->attempt));
    json_object_set_new(object, "function", str(task->function));
    set_payload(object, &task->payload);
    set_str(options, "content_type", task->content_type);
    set_headers(options, task->headers);
    set_true(options, "stream", task->stream);
    set_true(options, "progress", task->progress);
    if (task->has_deadline)
        json_object_set_new(options, "deadline_ms", number(task->deadline_ms));
    if (task->origin.size > 0)
        json_object_set_new(options, "origin", hex(task->origin));
    set_str(options, "session", task->session);
    set_number(options, "credit", task->credit);
    set_number(options, "run_ms", task->run_ms);
    set_map(object, "options", options);
}

static void
set_info(json_t *object, const struct info *info)
{
    json_t *map = json_object();

    set_str(map, "content_type", info->content_type);
    set_number(map, "attempt", info->attempt);
    set_number(map, "chunks", info->chunks);
    if (info->timed) {
        json_object_set_new(map, "worker", number(info->worker));
        json_object_set_new(map, "queue_us", number(info->queue_us));
        json_object_set_new(map, "run_us", number(info->run_us));
    }
    set_map(object, "info", map);
}

static void
describe_error(json_t *object, const struct error *error, bool has_ref)
{
    json_t *details = json_object();

    if (has_ref)
        json_object_set_new(object, "ref", describe_ref(&error->ref));
    json_object_set_new(object, "code", json_string(error_code_name(error->code)));
    set_str(object, "message", error->text);
    set_str(details, "type", error->type);
    set_str(details, "traceback", error->traceback);
    set_str(details, "field", error->field);
    if (error->has_offset)
        json_object_set_new(details, "offset", number(error->offset));
    set_str(details, "limit", error->limit);
    set_number(details, "limit_bytes", error->limit_bytes);
    set_number(details, "retry_after_ms", error->retry_after_ms);
    set_number(details, "attempt", error->attempt);
    set_str(details, "final", error->final);
    if (error->lists_protocols)
        json_object_set_new(details, "protocols", json_pack("[s]", PROTOCOL_NAME));
    set_map(object, "details", details);
}

static void
describe_result(json_t *object, const struct result *result)
{
    json_object_set_new(object, "ref", describe_ref(&result->ref));
    set_payload(object, &result->payload);
    set_info(object, &result->info);
}

static void
describe_chunk(json_t *object, const struct chunk *chunk)
{
    json_object_set_new(object, "ref", describe_ref(&chunk->ref));
    json_object_set_new(object, "seq", number(chunk->seq));
    set_payload(object, &chunk->payload);
    set_info(object, &chunk->info);
}

static void
describe_stop(json_t *object, const struct stop *stop)
{
    json_t *facts = json_object();

    set_str(facts, "reason", stop->reason);
    set_number(facts, "grace_ms", stop->grace_ms);
    set_map(object, "facts", facts);
}

static void
describe_exited(json_t *object, const struct exited *exited)
{
    static const char *const causes[] = {"exit", "signal", "oom", "start_failed", "no_memory"};
    json_t *facts = json_object();

    json_object_set_new(object, "pool", str(exited->pool));
    json_object_set_new(object, "pid", number(exited->pid));
    if (exited->cause != EXIT_STATUS)
        json_object_set_new(facts, "cause", json_string(causes[exited->cause]));
    set_number(facts, "status", exited->status);
    set_number(facts, "replaces", exited->replaces);
    set_str(facts, "text", exited->text);
    set_map(object, "facts", facts);
}

static void
describe_pool(json_t *object, const struct pool_report *report)
{
    json_t *facts = json_object();

    json_object_set_new(object, "pool", str(report->pool));
    if (report->state == AGENT_POOL_FAILED)
        json_object_set_new(facts, "state", json_string("failed"));
    if (report->has_wanted)
        json_object_set_new(facts, "wanted", number(report->wanted));
    set_true(facts, "changed", report->changed);
    set_str(facts, "reason", report->reason);
    set_map(object, "facts", facts);
}

/* What the broker and agents say to each other, and telemetry. */
static void
describe_agent_verb(json_t *object, const struct message *message)
{
    json_t *facts = json_object();

    switch (message->verb) {
    case VERB_REPLACE:
        json_object_set_new(object, "session", number(message->replace.session));
        json_object_set_new(object, "pid", number(message->replace.pid));
        json_object_set_new(object, "pool", str(message->replace.pool));
        set_str(facts, "reason", message->replace.reason);
        set_true(facts, "first", message->replace.first);
        break;
    case VERB_RETIRE:
        json_object_set_new(object, "pid", number(message->retire.pid));
        set_true(facts, "kill", message->retire.kill);
        set_number(facts, "grace_ms", message->retire.grace_ms);
        set_str(facts, "reason", message->retire.reason);
        break;
    case VERB_PROCESSES:
        json_object_set_new(object, "processes", describe_processes(message->processes));
        break;
    case VERB_EVENT:
        json_object_set_new(object, "name", str(message->event.name));
        set_any(object, "fields", message->event.fields);
        break;
    default:
        break;
    }
    set_map(object, "facts", facts);
}

/* The small commands. */
static void
describe_rest(json_t *object, const struct message *message)
{
    switch (message->verb) {
    case VERB_BYE:
        set_str(object, "reason", message->reason);
        break;
    case VERB_ACCEPTED:
        json_object_set_new(object, "id", describe_ref(&message->accepted.id));
        json_object_set_new(object, "task", number(message->accepted.task));
        break;
    case VERB_CANCEL:
        json_object_set_new(object, "ref", describe_ref(&message->cancel.ref));
        if (message->cancel.raise)
            json_object_set_new(object, "facts", json_pack("{s:b}", "raise", 1));
        break;
    case VERB_CREDIT:
        json_object_set_new(object, "ref", describe_ref(&message->credit.ref));
        json_object_set_new(object, "count", number(message->credit.count));
        if (message->credit.attempt > 0)
            json_object_set_new(object, "facts", json_pack("{s:o}", "attempt", number(message->credit.attempt)));
        break;
    case VERB_SEEN:
        json_object_set_new(object, "count", number(message->seen_count));
        break;
    case VERB_STARTED:
    case VERB_RECALL:
        json_object_set_new(object, "fence", number(message->fence));
        break;
    case VERB_NACK:
        json_object_set_new(object, "fence", number(message->nack.fence));
        set_str(object, "reason", message->nack.reason);
        break;
    default:
        break;
    }
}

json_t *
describe_command(const struct message *message)
{
    json_t *object = json_pack("{s:s}", "verb", verb_name(message->verb));

    switch (message->verb) {
    case VERB_HELLO:
        describe_hello(object, &message->hello);
        break;
    case VERB_WELCOME:
        describe_welcome(object, &message->welcome);
        break;
    case VERB_REFUSE:
    case VERB_ERROR:
        describe_error(object, &message->error, message->verb == VERB_ERROR);
        break;
    case VERB_HEARTBEAT:
        describe_heartbeat(object, &message->heartbeat);
        break;
    case VERB_SUBMIT:
        describe_submit(object, &message->submit);
        break;
    case VERB_RESULT:
        describe_result(object, &message->result);
        break;
    case VERB_CHUNK:
        describe_chunk(object, &message->chunk);
        break;
    case VERB_TASK:
        describe_task(object, &message->task);
        break;
    case VERB_STOP:
        describe_stop(object, &message->stop);
        break;
    case VERB_EXITED:
        describe_exited(object, &message->exited);
        break;
    case VERB_POOL:
        describe_pool(object, &message->pool);
        break;
    case VERB_REPLACE:
    case VERB_RETIRE:
    case VERB_PROCESSES:
    case VERB_EVENT:
        describe_agent_verb(object, message);
        break;
    default:
        describe_rest(object, message);
    }
    return object;
}

json_t *
describe_fault(const struct wire_fault *fault, bool is_broken)
{
    json_t *object = json_object();

    json_object_set_new(object, "code", json_string(error_code_name(fault->code)));
    json_object_set_new(object, "field", fault->field ? json_string(fault->field) : json_null());
    json_object_set_new(object, "offset", json_integer(fault->offset));
    json_object_set_new(object, "ref", describe_ref(&fault->ref));
    json_object_set_new(object, "verb", json_integer(fault->verb));
    json_object_set_new(object, "frames", json_integer(fault->frames));
    if (fault->unknown[0])
        json_object_set_new(object, "unknown", json_string(fault->unknown));
    return json_pack("{s:o}", is_broken ? "broken" : "fault", object);
}
