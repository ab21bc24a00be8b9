/* outcome.c - what became of a task; see outcome.h. */
#include "client/cli/outcome.h"

#include "client/cli/base64.h"
#include "client/cli/cli.h"
#include "client/cli/json_text.h"
#include "client/cli/json_value.h"
#include "client/cli/text.h"
#include "wire/err.h"
#include "wire/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bytes
part_bytes(const struct snakepit_bytes *part)
{
    return (struct bytes){part->data, (uint32_t)part->size};
}

/* JSON goes through MessagePack, so that it comes out on one line and in the same form as all else. */
static int
put_json(struct wire_buffer *out, const struct snakepit_bytes *part)
{
    struct wire_buffer encoded;
    struct json_fault fault;
    json_t *value;
    int status = json_value_parse(part->data, part->size, &value, &fault);

    if (status != OK)
        return status;
    wire_buffer_init(&encoded, false);
    status = json_value_encode(value, &encoded, &fault);
    if (status == OK)
        status = json_text_value(out, (struct bytes){encoded.data, (uint32_t)encoded.size});
    wire_buffer_fini(&encoded);
    json_decref(value);
    return status;
}

/* The first part is the value, the others belong to it. */
static int
put_msgpack(struct wire_buffer *out, const struct snakepit_bytes *parts, size_t count)
{
    struct bytes list[TASK_FRAMES_MAX];

    if (count == 0 || count > TASK_FRAMES_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < count; i++)
        list[i] = part_bytes(&parts[i]);
    return json_text_framed(out, list[0], &(struct value_frames){list + 1, count - 1});
}

static void
put_raw(struct wire_buffer *out, const struct snakepit_bytes *parts, size_t count)
{
    json_text_raw(out, count == 1 ? "" : "[");
    for (size_t i = 0; i < count; i++) {
        json_text_raw(out, i > 0 ? ", " : "");
        json_text_bytes(out, part_bytes(&parts[i]));
    }
    json_text_raw(out, count == 1 ? "" : "]");
}

/* What this program does not read (pickles, Arrow, ...), whole. */
static void
put_opaque(struct wire_buffer *out, const char *content_type, const struct snakepit_bytes *parts, size_t count)
{
    json_text_raw(out, "{\"$payload\": {\"content_type\": ");
    json_text_string(out, content_type);
    json_text_raw(out, ", \"parts\": [");
    for (size_t i = 0; i < count; i++) {
        json_text_raw(out, i > 0 ? ", \"" : "\"");
        base64_encode(part_bytes(&parts[i]), out);
        json_text_raw(out, "\"");
    }
    json_text_raw(out, "]}}");
}

void
outcome_put_payload(struct wire_buffer *out, const char *content_type, const struct snakepit_bytes *parts, size_t count)
{
    if (strcmp(content_type, "msgpack") == 0 && put_msgpack(out, parts, count) == OK)
        return;
    if (strcmp(content_type, "json") == 0 && count == 1 && put_json(out, parts) == OK)
        return;
    if (strcmp(content_type, "raw") == 0)
        put_raw(out, parts, count);
    else
        put_opaque(out, content_type, parts, count);
}

static void
put_error(struct wire_buffer *out, const struct snakepit_result *result)
{
    json_text_raw(out, ", \"error\": {\"code\": ");
    json_text_string(out, result->code);
    if (result->type[0]) {
        json_text_raw(out, ", \"type\": ");
        json_text_string(out, result->type);
    }
    json_text_raw(out, ", \"message\": ");
    json_text_string(out, result->message);
    if (result->traceback[0]) {
        json_text_raw(out, ", \"traceback\": ");
        json_text_string(out, result->traceback);
    }
    json_text_raw(out, "}");
}

void
outcome_put_members(struct wire_buffer *out, const struct snakepit_result *result)
{
    json_text_raw(out, "\"state\": ");
    json_text_string(out, snakepit_state_name(result->state));
    if (result->state == SNAKEPIT_STATE_OK) {
        json_text_raw(out, ", \"result\": ");
        outcome_put_payload(out, result->content_type, result->parts, result->part_count);
    } else {
        put_error(out, result);
    }
    if (result->chunks > 0)
        json_text_format(out, ", \"chunks\": %llu", (unsigned long long)result->chunks);
    if (result->attempt > 1 || result->is_timed)
        json_text_format(out, ", \"attempt\": %u", result->attempt);
    if (result->is_timed)
        json_text_format(out, ", \"worker\": %llu, \"queue_us\": %llu, \"run_us\": %llu",
                         (unsigned long long)result->worker, (unsigned long long)result->queue_us,
                         (unsigned long long)result->run_us);
}

static void
say_safely(const char *text, size_t size, int keep_lines)
{
    char *safe = text_make_safe(text, size, keep_lines);

    fputs(safe ? safe : "(out of memory)", stderr);
    free(safe);
}

/* Bytes of the traceback to show: Python's ends by repeating type and message, which have been told already. */
static size_t
traceback_size(const struct snakepit_result *result)
{
    size_t size = strlen(result->traceback), type_size = strlen(result->type), message_size = strlen(result->message);
    size_t tail_size = type_size + strlen(": ") + message_size;
    const char *tail;

    while (size > 0 && result->traceback[size - 1] == '\n')
        size--;
    tail = result->traceback + size - tail_size;
    if (size > tail_size && tail[-1] == '\n' && memcmp(tail, result->type, type_size) == 0 &&
        memcmp(tail + tail_size - message_size, result->message, message_size) == 0)
        size -= tail_size + 1;
    return size;
}

void
outcome_report(const struct snakepit_result *result)
{
    size_t size = traceback_size(result);

    fputs("snakepit: ", stderr);
    say_safely(result->type[0] ? result->type : result->code, strlen(result->type[0] ? result->type : result->code), 0);
    fputs(": ", stderr);
    if (result->message[0])
        say_safely(result->message, strlen(result->message), 1);
    else
        fputs("(no message)", stderr);
    fputc('\n', stderr);
    if (size == 0)
        return;
    say_safely(result->traceback, size, 1);
    fputc('\n', stderr);
}

int
outcome_exit_code(const struct snakepit_result *result)
{
    static const char *const not_found[] = {"no_such_pool", "no_such_function", "not_found"};

    if (result->state == SNAKEPIT_STATE_OK)
        return EXIT_DONE;
    for (size_t i = 0; i < sizeof not_found / sizeof *not_found; i++)
        if (strcmp(result->code, not_found[i]) == 0)
            return EXIT_NOT_FOUND;
    if (result->state == SNAKEPIT_STATE_REFUSED)
        return EXIT_REFUSED;
    return result->state == SNAKEPIT_STATE_ABANDONED ? EXIT_UNREACHABLE : EXIT_TASK_FAILED;
}
