/* dead_list.c - a list of records, oldest first, and its limits; see dead_list.h. */
#include "broker/core/dead_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static char *
copy_text(struct bytes text)
{
    char *copy = malloc(text.size + 1);

    if (!copy)
        abort();
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

static void
unlink_dead(struct dead_list *list, struct dead_task *dead)
{
    DL_DELETE(list->tasks, dead);
    list->count--;
    list->bytes -= dead->bytes;
}

void
dead_list_remove(struct dead_list *list, struct dead_task *dead)
{
    unlink_dead(list, dead);
    body_unref(dead->body);
    attempts_fini(&dead->attempts);
    free(dead->options.retry_on);
    free(dead->text);
    free(dead);
}

void
dead_list_trim(struct dead_list *list, uint64_t tasks_max, uint64_t bytes_max)
{
    while (list->count > tasks_max || list->bytes > bytes_max) {
        dead_list_remove(list, list->tasks);
        list->dropped++;
    }
}

static void
take_extra(struct dead_task *dead, struct task_extra *extra)
{
    dead->kills = extra->kills;
    dead->attempts = extra->attempts;
    dead->options = (struct dead_options){
        .retries = extra->retries,
        .has_retries = extra->has_retries,
        .backoff_ms = extra->backoff_ms,
        .has_backoff = extra->has_backoff,
        .kills_max = extra->kills_max,
        .retry_on = extra->retry_on,
        .retry_on_count = extra->retry_on_count,
    };
    extra->attempts = (struct attempts){0};
    extra->retry_on = NULL;
    extra->retry_on_count = 0;
}

static uint64_t
count_bytes(const struct dead_task *dead)
{
    uint64_t bytes = sizeof *dead + body_bytes(dead->body) + strlen(dead->text) + attempts_bytes(&dead->attempts);

    for (uint32_t i = 0; i < dead->options.retry_on_count; i++)
        bytes += sizeof(struct bytes) + dead->options.retry_on[i].size;
    return bytes;
}

void
dead_list_add(struct dead_list *list, struct task *task, struct bytes text, int64_t now_us, uint64_t tasks_max,
              uint64_t bytes_max)
{
    struct dead_task *dead = calloc(1, sizeof *dead);

    if (!dead)
        abort();
    body_ref(task->body);
    *dead = (struct dead_task){
        .number = task->number,
        .body = task->body,
        .text = copy_text(text),
        .accepted_us = task->accepted_us,
        .died_us = now_us,
        .attempt = task->attempt,
        .tries_max = task->tries_max,
        .priority = task->priority,
        .is_streamed = task->is_streamed,
        .wants_progress = task->wants_progress,
        .is_lost_once_lost = task->is_lost_once_lost,
    };
    if (task->extra)
        take_extra(dead, task->extra);
    dead->bytes = count_bytes(dead);
    DL_APPEND(list->tasks, dead);
    list->count++;
    list->bytes += dead->bytes;
    dead_list_trim(list, tasks_max, bytes_max);
}

struct dead_task *
dead_list_find(const struct dead_list *list, uint64_t number)
{
    struct dead_task *dead;

    DL_FOREACH(list->tasks, dead)
        if (dead->number == number)
            return dead;
    return NULL;
}

void
dead_list_fini(struct dead_list *list)
{
    while (list->tasks)
        dead_list_remove(list, list->tasks);
}

void
dead_list_check(const struct dead_list *list)
{
    uint64_t count = 0, bytes = 0;
    const struct dead_task *dead;

    DL_FOREACH(list->tasks, dead) {
        assert(dead->body && dead->text);
        assert(!dead->next || dead->died_us <= dead->next->died_us);
        bytes += dead->bytes;
        count++;
    }
    assert(count == list->count && bytes == list->bytes);
}
