/* group.c - lists of tasks by the name of their group; see group.h. */
#include "broker/core/group.h"

#include "broker/core/lease.h"
#include "broker/core/task_extra.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

static struct group *
make(struct group **groups, struct bytes name, unsigned hash)
{
    struct group *group = calloc(1, sizeof *group + name.size);

    if (!group)
        abort();
    assert(name.size > 0 && name.size <= UINT8_MAX);
    group->size = (uint8_t)name.size;
    memcpy(group->name, name.data, name.size);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, *groups, group->name, group->size, hash, group);
    return group;
}

void
group_join(struct group **groups, struct task *task, struct bytes name, uint64_t seed)
{
    unsigned hash = hash_bytes_seeded(name.data, name.size, seed);
    struct group *group;

    HASH_FIND_BYHASHVALUE(hh, *groups, name.data, name.size, hash, group);
    if (!group)
        group = make(groups, name, hash);
    assert(!group->tasks || group->tasks->extra->group_prev->number < task->number);
    DL_APPEND2(group->tasks, task, extra->group_prev, extra->group_next);
    group->count++;
    task->extra->group = group;
}

static struct task *
find_turn(const struct group *group)
{
    return group->holder ? NULL : group->tasks;
}

static void
free_if_unused(struct group **groups, struct group *group)
{
    if (group->tasks || group->holder)
        return;
    HASH_DELETE(hh, *groups, group);
    free(group);
}

struct task *
group_leave(struct group **groups, struct task *task)
{
    struct group *group = task->extra->group;
    bool had_turn = group->tasks == task;
    struct task *next;

    DL_DELETE2(group->tasks, task, extra->group_prev, extra->group_next);
    task->extra->group_prev = task->extra->group_next = NULL;
    task->extra->group = NULL;
    group->count--;
    next = had_turn ? find_turn(group) : NULL;
    free_if_unused(groups, group);
    return next;
}

void
group_hold(struct group *group, struct lease *lease)
{
    assert(!group->holder && !lease->group);
    group->holder = lease;
    lease->group = group;
}

struct task *
group_let_go(struct group **groups, struct lease *lease)
{
    struct group *group = lease->group;
    struct task *next;

    assert(group->holder == lease);
    group->holder = NULL;
    lease->group = NULL;
    next = group->tasks;
    free_if_unused(groups, group);
    return next;
}

bool
group_is_turn_of(const struct group *group, const struct task *task)
{
    return find_turn(group) == task;
}

void
group_check_all(const struct group *groups)
{
    for (const struct group *group = groups; group; group = group->hh.next) {
        const struct task *task;
        uint64_t count = 0;

        DL_FOREACH2(group->tasks, task, extra->group_next) {
            assert(task->extra->group == group && task->state != TASK_FINAL);
            assert(!task->extra->group_next || task->number < task->extra->group_next->number);
            assert(task->state != TASK_LEASED || (task == group->tasks && group->holder));
            count++;
        }
        assert(count == group->count && (count > 0 || group->holder));
    }
}
