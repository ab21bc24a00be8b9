/* generate.c - random commands; see generate.h.
 * Random numbers are drawn one per statement: C leaves the order within an expression open, and a seed must always
 * give the same commands. */
#include "tests/wire/generate.h"

#include <string.h>

static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/* A name, label or text of `min` to `max` bytes, mostly short. */
static struct bytes
some_text(struct random *random, uint32_t min, uint32_t max)
{
    uint32_t span = max - min < 12 || random_once_in(random, 8) ? max - min : 12;
    uint32_t size = min + random_below(random, span + 1);
    uint32_t start = random_below(random, sizeof characters - 1 - size);

    return (struct bytes){(const uint8_t *)characters + start, size};
}

/* Numbers of all magnitudes. */
static uint64_t
some_number(struct random *random)
{
    uint32_t bits_less = random_below(random, 64);

    return random_next(random) >> bits_less;
}

static uint64_t
some_number_to(struct random *random, uint64_t max)
{
    uint64_t number = some_number(random);

    return number <= max ? number : max;
}

static bool
some_bool(struct random *random)
{
    return random_below(random, 2) == 1;
}

static struct ref
some_ref(struct random *random, enum side side)
{
    struct ref ref = {.kind = REF_BYTES};
    struct bytes bytes = some_text(random, 1, ID_BYTES_MAX);

    if (side == SIDE_WORKER || some_bool(random))
        return ref_number(some_number(random));
    ref.size = (uint8_t)bytes.size;
    memcpy(ref.bytes, bytes.data, bytes.size);
    return ref;
}

static struct payload
some_payload(struct random *random)
{
    struct payload payload = {.data = some_text(random, 0, 200)};

    if (random_once_in(random, 4))
        payload = (struct payload){.frames = (uint16_t)(1 + random_below(random, TASK_FRAMES_MAX))};
    return payload;
}

static struct fences
some_fences(struct random *random)
{
    static const uint64_t list[] = {1, 127, 128, 70000, UINT64_C(1700000000) << 32, UINT64_MAX, 0, 3};

    return (struct fences){.count = random_below(random, sizeof list / sizeof *list + 1), .list = list};
}

static struct bytes
some_headers(struct random *random)
{
    static const char two[] = "\x82\xabtraceparent\xa2" "00\xa1k\xa0";

    if (!random_once_in(random, 6))
        return (struct bytes){NULL, 0};
    return (struct bytes){(const uint8_t *)two, sizeof two - 1};
}

static struct texts
some_texts(struct random *random)
{
    static const struct bytes list[] = {{(const uint8_t *)"ValueError", 10}, {(const uint8_t *)"a.b.Odd", 7},
                                        {(const uint8_t *)"E", 1}};

    return (struct texts){.count = random_below(random, sizeof list / sizeof *list + 1), .list = list};
}

static struct holds
some_holds(struct random *random)
{
    static const struct hold list[] = {{1, 1, {(const uint8_t *)"o", 1}},
                                       {UINT64_MAX, UINT32_MAX, {(const uint8_t *)"0123456789abcdef+12345678", 25}}};

    return (struct holds){.count = random_below(random, sizeof list / sizeof *list + 1), .list = list};
}

static struct info
some_info(struct random *random)
{
    struct info info = {0};

    if (some_bool(random))
        return info;
    info.content_type = some_text(random, 0, CONTENT_TYPE_BYTES_MAX);
    info.attempt = (uint32_t)some_number_to(random, UINT32_MAX);
    info.chunks = some_number(random);
    info.timed = some_bool(random);
    if (info.timed) {
        info.worker = some_number(random);
        info.queue_us = some_number(random);
        info.run_us = some_number(random);
    }
    return info;
}

static struct agent_pools
some_pools(struct random *random)
{
    static const struct agent_pool list[] = {
        {{(const uint8_t *)"text", 4}, 1}, {{(const uint8_t *)"numbers-2", 9}, 0}, {{(const uint8_t *)"p", 1}, UINT32_MAX},
    };

    return (struct agent_pools){.count = random_below(random, sizeof list / sizeof *list + 1), .list = list};
}

static struct processes
some_processes(struct random *random)
{
    static const struct process_usage list[] = {
        {1, 0, 0}, {4711, UINT64_C(1) << 34, 1000000}, {UINT64_MAX, UINT64_MAX, UINT64_MAX},
    };

    return (struct processes){.count = random_below(random, sizeof list / sizeof *list + 1), .list = list};
}

/* A map that the broker passes on unread. */
static struct bytes
some_map(struct random *random)
{
    static const char map[] = "\x83\xa3lib\x81\xa5numpy\xa3""2.1\xa1n\x93\xff\xc0\xc3\xa1k\xc4\x01\xff";

    return random_once_in(random, 3) ? (struct bytes){(const uint8_t *)map, sizeof map - 1} : (struct bytes){NULL, 0};
}

static void
some_hello(struct random *random, enum side side, struct hello *hello)
{
    *hello = (struct hello){.is_worker = side == SIDE_WORKER, .slots = 1, .gil_enabled = true};
    hello->name = some_text(random, 0, LABEL_BYTES_MAX);
    if (hello->is_worker && random_once_in(random, 4)) {
        hello->is_worker = false;
        hello->is_agent = true;
        hello->agent = 1 + some_number_to(random, UINT64_MAX - 1);
        hello->host = some_text(random, 0, LABEL_BYTES_MAX);
        hello->pid = some_number(random);
        hello->pools = some_pools(random);
        return;
    }
    if (!hello->is_worker) {
        hello->instance = some_text(random, INSTANCE_BYTES, INSTANCE_BYTES);
        hello->on_disconnect = some_bool(random) ? DISCONNECT_CANCEL : DISCONNECT_CONTINUE;
        return;
    }
    hello->pool = some_text(random, 1, NAME_BYTES_MAX);
    hello->slots = 1 + random_below(random, SLOTS_MAX);
    hello->profile = some_bool(random) ? PROFILE_THREAD : PROFILE_PROCESS;
    hello->host = some_text(random, 0, LABEL_BYTES_MAX);
    hello->pid = some_number(random);
    hello->python = some_text(random, 0, LABEL_BYTES_MAX);
    hello->gil_enabled = some_bool(random);
    hello->session = some_number(random);
    hello->leases = some_fences(random);
    hello->holds = some_holds(random);
    hello->agent = some_number(random);
    hello->replaces = some_number(random);
    hello->free_threaded = some_bool(random);
    hello->gil_module = some_text(random, 0, LABEL_BYTES_MAX);
    hello->report = some_map(random);
}

static void
some_welcome(struct random *random, struct welcome *welcome)
{
    *welcome = (struct welcome){.session = some_number(random)};
    welcome->broker = some_text(random, 0, LABEL_BYTES_MAX);
    welcome->epoch = some_number(random);
    welcome->resumed = some_bool(random);
    welcome->heartbeat_ms = some_number(random);
    welcome->inline_max_bytes = some_number(random);
    welcome->control_max_bytes = some_number(random);
    welcome->frame_max_bytes = some_number(random);
    welcome->attachments_max = some_number(random);
    welcome->leases = some_fences(random);
    welcome->clients = some_text(random, 0, 100);
}

static void
some_heartbeat(struct random *random, struct heartbeat *heartbeat)
{
    *heartbeat = (struct heartbeat){.has_facts = some_bool(random), .gil_enabled = -1};
    if (!heartbeat->has_facts)
        return;
    heartbeat->rss_bytes = some_number(random);
    heartbeat->cpu_us = some_number(random);
    heartbeat->tasks_done = some_number(random);
    heartbeat->gil_enabled = (int)random_below(random, 3) - 1;
    heartbeat->has_running = some_bool(random);
    if (heartbeat->has_running)
        heartbeat->running = some_fences(random);
    heartbeat->gil_module = some_text(random, 0, LABEL_BYTES_MAX);
    heartbeat->report = some_map(random);
}

/* How it is tried again, ordered and shared. */
static void
some_delivery(struct random *random, struct submit *submit)
{
    submit->has_retries = some_bool(random);
    submit->retries = submit->has_retries ? random_below(random, RETRIES_MAX + 1) : 0;
    submit->retry_on = some_texts(random);
    submit->has_backoff = some_bool(random);
    submit->backoff_ms = submit->has_backoff ? some_number_to(random, DURATION_MS_MAX) : 0;
    submit->kills_max = random_below(random, KILLS_MAX + 1);
    submit->dedup_key = some_text(random, 0, DEDUP_KEY_BYTES_MAX);
    submit->has_dedup_ms = some_bool(random);
    submit->dedup_ms = submit->has_dedup_ms ? some_number_to(random, DURATION_MS_MAX) : 0;
    submit->group = some_text(random, 0, LABEL_BYTES_MAX);
    submit->fair_key = some_text(random, 0, LABEL_BYTES_MAX);
    submit->session = some_text(random, 0, LABEL_BYTES_MAX);
    submit->session_mode = (enum session_mode)random_below(random, SESSION_STRICT_FAIL_FAST + 1);
    submit->run_ms = some_number_to(random, DURATION_MS_MAX);
    submit->credit = random_below(random, CREDIT_MAX + 1);
    submit->again = some_bool(random);
}

static void
some_submit(struct random *random, struct submit *submit)
{
    *submit = (struct submit){.id = some_ref(random, SIDE_CLIENT), .priority = PRIORITY_DEFAULT};
    submit->pool = some_text(random, 1, NAME_BYTES_MAX);
    submit->function = some_text(random, 1, 100);
    submit->payload = some_payload(random);
    if (some_bool(random))
        return;
    submit->priority = (uint8_t)random_below(random, PRIORITIES);
    submit->delay_ms = some_number_to(random, DURATION_MS_MAX);
    submit->has_deadline = some_bool(random);
    submit->deadline_ms = submit->has_deadline ? some_number_to(random, DURATION_MS_MAX) : 0;
    submit->max_attempts = random_below(random, ATTEMPTS_MAX + 1);
    submit->on_loss = some_bool(random) ? LOSS_FINAL : LOSS_REQUEUE;
    submit->ack = some_bool(random);
    submit->stream = some_bool(random);
    submit->progress = some_bool(random);
    submit->info = some_bool(random);
    submit->content_type = some_text(random, 0, CONTENT_TYPE_BYTES_MAX);
    submit->headers = some_headers(random);
    if (some_bool(random))
        some_delivery(random, submit);
}

static void
some_task(struct random *random, struct task_command *task)
{
    *task = (struct task_command){.fence = some_number(random)};
    task->function = some_text(random, 1, 100);
    task->attempt = 1 + (uint32_t)some_number_to(random, UINT32_MAX - 1);
    task->payload = some_payload(random);
    task->content_type = some_text(random, 0, CONTENT_TYPE_BYTES_MAX);
    task->headers = some_headers(random);
    task->stream = some_bool(random);
    task->progress = some_bool(random);
    task->has_deadline = some_bool(random);
    task->deadline_ms = task->has_deadline ? some_number_to(random, DURATION_MS_MAX) : 0;
    task->origin = some_text(random, 0, ORIGIN_BYTES_MAX);
    task->session = some_text(random, 0, LABEL_BYTES_MAX);
    task->credit = random_below(random, CREDIT_MAX + 1);
    task->run_ms = some_number_to(random, DURATION_MS_MAX);
}

static enum error_code
some_code(struct random *random, enum direction direction)
{
    static const enum error_code of_workers[] = {ERROR_FAILED, ERROR_CANCELLED, ERROR_NO_SUCH_FUNCTION,
                                                 ERROR_BAD_PAYLOAD};

    if (direction == TO_BROKER)
        return of_workers[random_below(random, 4)];
    return (enum error_code)(1 + random_below(random, ERROR_CODES - 1));
}

static void
some_error(struct random *random, enum side side, enum direction direction, struct error *error)
{
    *error = (struct error){.code = some_code(random, direction)};
    error->text = some_text(random, 0, 200);
    if (!random_once_in(random, 4))
        error->ref = some_ref(random, side);
    if (some_bool(random))
        return;
    error->type = some_text(random, 0, ERROR_TYPE_BYTES_MAX);
    error->traceback = some_text(random, 0, 200);
    error->field = some_text(random, 0, LABEL_BYTES_MAX);
    error->limit = some_text(random, 0, LABEL_BYTES_MAX);
    error->final = some_text(random, 0, LABEL_BYTES_MAX);
    error->has_offset = some_bool(random);
    error->offset = error->has_offset ? some_number(random) : 0;
    error->limit_bytes = some_number(random);
    error->retry_after_ms = some_number(random);
    error->attempt = (uint32_t)some_number_to(random, UINT32_MAX);
    error->lists_protocols = some_bool(random);
}

/* The verbs of each place, ended by VERB_NONE; the usual ones more than once. */
static const uint8_t verbs[2][2][16] = {
    [SIDE_CLIENT] = {
        [TO_BROKER] = {VERB_SUBMIT, VERB_SUBMIT, VERB_SUBMIT, VERB_HELLO, VERB_HEARTBEAT, VERB_BYE, VERB_CANCEL,
                       VERB_SEEN, VERB_CREDIT},
        [FROM_BROKER] = {VERB_RESULT, VERB_RESULT, VERB_ERROR, VERB_ERROR, VERB_CHUNK, VERB_ACCEPTED, VERB_WELCOME,
                         VERB_REFUSE, VERB_HEARTBEAT, VERB_REHELLO},
    },
    [SIDE_WORKER] = {
        [TO_BROKER] = {VERB_RESULT, VERB_RESULT, VERB_ERROR, VERB_CHUNK, VERB_HELLO, VERB_HEARTBEAT, VERB_STARTED,
                       VERB_NACK, VERB_DRAINING, VERB_BYE, VERB_PROCESSES, VERB_EXITED, VERB_POOL, VERB_EVENT},
        [FROM_BROKER] = {VERB_TASK, VERB_TASK, VERB_TASK, VERB_ERROR, VERB_CANCEL, VERB_RECALL, VERB_WELCOME,
                         VERB_REFUSE, VERB_STOP, VERB_HEARTBEAT, VERB_REHELLO, VERB_REPLACE, VERB_RETIRE, VERB_CREDIT},
    },
};

static void
some_result(struct random *random, enum side side, struct result *result)
{
    result->ref = some_ref(random, side);
    result->payload = some_payload(random);
    result->info = some_info(random);
}

static void
some_chunk(struct random *random, enum side side, struct chunk *chunk)
{
    chunk->ref = some_ref(random, side);
    chunk->seq = 1 + some_number_to(random, UINT64_MAX - 1);
    chunk->payload = some_payload(random);
    chunk->info = some_info(random);
}

static void
some_exited(struct random *random, struct exited *exited)
{
    exited->pool = some_text(random, 1, NAME_BYTES_MAX);
    exited->pid = some_number(random);
    exited->cause = (enum exit_cause)random_below(random, EXIT_NO_MEMORY + 1);
    exited->status = some_number(random);
    exited->replaces = some_number(random);
    exited->text = some_text(random, 0, 200);
}

static void
some_pool_report(struct random *random, struct pool_report *report)
{
    report->pool = some_text(random, 1, NAME_BYTES_MAX);
    report->state = some_bool(random) ? AGENT_POOL_FAILED : AGENT_POOL_OK;
    report->has_wanted = some_bool(random);
    report->wanted = report->has_wanted ? (uint32_t)some_number_to(random, UINT32_MAX) : 0;
    report->changed = some_bool(random);
    report->reason = some_text(random, 0, 200);
}

/* What the broker and agents say to each other, and telemetry. */
static void
some_agent_verb(struct random *random, struct message *message)
{
    switch (message->verb) {
    case VERB_REPLACE:
        message->replace.session = some_number(random);
        message->replace.pid = some_number(random);
        message->replace.pool = some_text(random, 1, NAME_BYTES_MAX);
        message->replace.reason = some_text(random, 0, 100);
        message->replace.first = some_bool(random);
        break;
    case VERB_RETIRE:
        message->retire.pid = some_number(random);
        message->retire.kill = some_bool(random);
        message->retire.grace_ms = some_number(random);
        message->retire.reason = some_text(random, 0, 100);
        break;
    case VERB_PROCESSES:
        message->processes = some_processes(random);
        break;
    case VERB_EXITED:
        some_exited(random, &message->exited);
        break;
    case VERB_POOL:
        some_pool_report(random, &message->pool);
        break;
    default:
        message->event.name = (struct bytes){(const uint8_t *)"app.epoch_done", 14 - random_below(random, 9)};
        message->event.fields = some_map(random);
    }
}

static void
some_small(struct random *random, enum side side, enum direction direction, struct message *message)
{
    switch (message->verb) {
    case VERB_BYE:
        message->reason = some_text(random, 0, 100);
        break;
    case VERB_ACCEPTED:
        message->accepted.id = some_ref(random, side);
        message->accepted.task = some_number(random);
        break;
    case VERB_CANCEL:
        message->cancel.ref = some_ref(random, side);
        message->cancel.raise = direction == FROM_BROKER && some_bool(random);
        break;
    case VERB_CREDIT:
        message->credit.ref = some_ref(random, side);
        message->credit.count = some_number(random);
        message->credit.attempt = direction == TO_BROKER ? (uint32_t)some_number_to(random, UINT32_MAX) : 0;
        break;
    case VERB_SEEN:
        message->seen_count = some_number(random);
        break;
    case VERB_NACK:
        message->nack.fence = some_number(random);
        message->nack.reason = some_text(random, 0, 100);
        break;
    case VERB_STOP:
        message->stop.reason = some_text(random, 0, 100);
        message->stop.grace_ms = some_number(random);
        break;
    default:
        message->fence = some_number(random);
    }
}

void
generate_command(struct random *random, enum side side, enum direction direction, struct message *message)
{
    const uint8_t *allowed = verbs[side][direction];
    uint32_t count = 0;

    while (count < sizeof verbs[side][direction] && allowed[count] != VERB_NONE)
        count++;
    *message = (struct message){.verb = (enum verb)allowed[random_below(random, count)]};
    if (message->verb == VERB_HELLO)
        some_hello(random, side, &message->hello);
    else if (message->verb == VERB_WELCOME)
        some_welcome(random, &message->welcome);
    else if (message->verb == VERB_HEARTBEAT)
        some_heartbeat(random, &message->heartbeat);
    else if (message->verb == VERB_SUBMIT)
        some_submit(random, &message->submit);
    else if (message->verb == VERB_TASK)
        some_task(random, &message->task);
    else if (message->verb == VERB_RESULT)
        some_result(random, side, &message->result);
    else if (message->verb == VERB_CHUNK)
        some_chunk(random, side, &message->chunk);
    else if (message->verb == VERB_ERROR || message->verb == VERB_REFUSE)
        some_error(random, side, direction, &message->error);
    else if (message->verb >= VERB_REPLACE)
        some_agent_verb(random, message);
    else
        some_small(random, side, direction, message);
}

static void
generate_container(struct random *random, struct wire_buffer *buffer, unsigned depth)
{
    uint32_t count = random_once_in(random, 20) ? random_below(random, 70) : random_below(random, 5);
    bool is_map = some_bool(random);

    if (is_map)
        wire_write_map(buffer, count);
    else
        wire_write_array(buffer, count);
    for (uint32_t i = 0; i < (is_map ? 2 * count : count); i++)
        generate_value(random, buffer, count > 10 ? 0 : depth - 1);
}

void
generate_value(struct random *random, struct wire_buffer *buffer, unsigned depth)
{
    static const uint8_t ext[] = {0xc7, 2, 5, 'a', 'b'};

    switch (random_below(random, depth > 0 ? 11 : 8)) {
    case 0:
        wire_write_nil(buffer);
        break;
    case 1:
        wire_write_bool(buffer, some_bool(random));
        break;
    case 2:
        wire_write_uint(buffer, some_number(random));
        break;
    case 3:
        wire_write_int(buffer, -(int64_t)(some_number(random) >> 1));
        break;
    case 4:
        wire_write_float(buffer, (double)some_number(random) / 3);
        break;
    case 5:
        wire_write_str(buffer, some_text(random, 0, 200));
        break;
    case 6:
        wire_write_bin(buffer, some_text(random, 0, 200));
        break;
    case 7:
        wire_write_raw(buffer, (struct bytes){ext, sizeof ext});
        break;
    default:
        generate_container(random, buffer, depth);
    }
}
