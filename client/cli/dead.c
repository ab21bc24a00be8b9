/* dead.c - snakepit dead: tasks that ended as dead, shown, run again and forgotten. */
#include "client/cli/cli.h"
#include "client/cli/field.h"
#include "client/cli/json_text.h"
#include "client/cli/outcome.h"
#include "client/cli/text.h"
#include "client/cli/units.h"
#include "client/cli/view.h"
#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 4096, PAYLOAD_COLUMNS = 1000 };

/* What the command line says. */
struct dead_words {
    const char *action, *word; /* a number is a task, anything else a pool */
    uint64_t limit;            /* 0: not given */
    bool is_pool;              /* the word is, even if it is a number */
};

/* --- ls ------------------------------------------------------------------------------------------------------- */

static const struct table_column columns[] = {
    {.title = "TASK", .is_right = true},
    {.title = "POOL", .is_elastic = true},
    {.title = "FUNCTION", .is_elastic = true},
    {.title = "ATTEMPTS", .is_right = true},
    {.title = "KILLS", .is_right = true},
    {.title = "DEAD FOR", .is_right = true},
    {.title = "BYTES", .is_right = true, .drop = 1},
    {.title = "WHY", .is_elastic = true},
};

static void
add_row(struct table *table, const struct snakepit_value *dead)
{
    view_add_uint(table, dead, "task");
    view_add_text(table, dead, "pool");
    view_add_text(table, dead, "function");
    view_add_uint(table, dead, "attempts");
    view_add_count(table, dead, "kills", CELL_BAD);
    view_add_seconds(table, dead, "dead_seconds");
    view_add_bytes(table, dead, "bytes");
    view_add_text(table, dead, "text");
}

static int
list(struct cli *cli, const struct dead_words *words)
{
    struct snakepit_result *result;
    struct snakepit_value tasks, task;
    int exit_code = view_ask(cli, "dead", words->word, words->limit > 0 ? "limit" : NULL, words->limit, &result);

    if (exit_code != EXIT_DONE)
        return exit_code;
    if (view_take_value(cli, result, &tasks)) {
        struct table *table = table_new(columns, sizeof columns / sizeof *columns);
        struct snakepit_iter iter = snakepit_iter_of(&tasks);

        while (snakepit_iter_next(&iter, NULL, &task))
            add_row(table, &task);
        view_print_table(&table);
    }
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

/* --- show ----------------------------------------------------------------------------------------------------- */

static const struct table_column attempt_columns[] = {
    {.title = "ATTEMPT", .is_right = true},
    {.title = "WORKER", .is_right = true, .drop = 1},
    {.title = "NAME", .is_elastic = true},
    {.title = "RAN FOR", .is_right = true},
    {.title = "KILL"},
    {.title = "ENDED BY", .is_elastic = true},
};

static void
print_line(const char *title, const char *text)
{
    char *safe = text_make_safe(text, strlen(text), 0);

    printf("  %-10s %s\n", title, safe && safe[0] ? safe : "-");
    free(safe);
}

static void
print_text(const char *title, const struct snakepit_value *dead, const char *key)
{
    char text[TEXT_BYTES];

    print_line(title, field_text(dead, key, text, sizeof text));
}

/* The arguments as JSON, if they can be read so. People get the beginning of long ones. */
static void
print_payload(const struct snakepit_value *dead)
{
    struct snakepit_value payload;
    struct snakepit_bytes part;
    struct wire_buffer out;
    char type[64], size[UNITS_TEXT_BYTES], *safe;

    units_format_bytes(size, field_uint(dead, "payload_bytes"));
    if (snakepit_value_get(dead, "payload", &payload) != SNAKEPIT_OK || payload.kind != SNAKEPIT_BIN) {
        printf("  %-10s %s in %llu frames\n", "payload", size, (unsigned long long)field_uint(dead, "payload_frames"));
        return;
    }
    part = (struct snakepit_bytes){payload.data, payload.size};
    wire_buffer_init(&out, false);
    outcome_put_payload(&out, field_text(dead, "content_type", type, sizeof type), &part, 1);
    safe = text_make_safe((const char *)out.data, out.size, 0);
    if (safe && text_width(safe) > PAYLOAD_COLUMNS)
        text_cut(safe, PAYLOAD_COLUMNS);
    printf("  %-10s %s, %s\n", "payload", size, safe ? safe : "");
    free(safe);
    wire_buffer_fini(&out);
}

static void
print_attempts(const struct snakepit_value *dead)
{
    struct snakepit_value record = view_map(dead, "record"), attempt;
    struct snakepit_iter iter = snakepit_iter_of(&record);
    struct table *table = table_new(attempt_columns, sizeof attempt_columns / sizeof *attempt_columns);

    while (snakepit_iter_next(&iter, NULL, &attempt)) {
        bool is_kill = field_bool(&attempt, "kill");

        view_add_uint(table, &attempt, "attempt");
        view_add_id(table, &attempt, "worker");
        view_add_text(table, &attempt, "worker_name");
        view_add_seconds(table, &attempt, "run_seconds");
        table_add(table, is_kill ? CELL_BAD : CELL_PLAIN, is_kill ? "yes" : "-");
        view_add_text(table, &attempt, "cause");
    }
    putchar('\n');
    view_print_table(&table);
}

static void
print_dead(const struct snakepit_value *dead)
{
    char since[UNITS_TEXT_BYTES], life[UNITS_TEXT_BYTES];
    double dead_seconds = field_double(dead, "dead_seconds");

    printf("Task %llu, dead for %s, %s after it was submitted\n", (unsigned long long)field_uint(dead, "task"),
           units_format_duration(since, dead_seconds),
           units_format_duration(life, field_double(dead, "age_seconds") - dead_seconds));
    print_text("pool", dead, "pool");
    print_text("function", dead, "function");
    print_text("why", dead, "text");
    printf("  %-10s %llu of %llu, with %llu of %llu workers lost\n", "attempts", (unsigned long long)field_uint(dead, "attempts"),
           (unsigned long long)field_uint(dead, "max_attempts"), (unsigned long long)field_uint(dead, "kills"),
           (unsigned long long)field_uint(dead, "kills_max"));
    printf("  %-10s %llu\n", "priority", (unsigned long long)field_uint(dead, "priority"));
    print_payload(dead);
    print_attempts(dead);
}

static int
show(struct cli *cli, const struct dead_words *words)
{
    struct snakepit_result *result;
    struct snakepit_value dead;
    uint64_t task;
    int exit_code;

    if (!words->word)
        return cli_usage(cli, "which task? `snakepit dead ls` shows their numbers");
    if (cli_take_count(cli, "TASK", words->word, 0, UINT64_MAX, &task) != OK)
        return EXIT_USAGE;
    exit_code = view_ask(cli, "dead_show", NULL, "task", task, &result);
    if (exit_code != EXIT_DONE)
        return exit_code;
    if (view_take_value(cli, result, &dead))
        print_dead(&dead);
    snakepit_result_destroy(&result);
    return EXIT_DONE;
}

/* --- requeue and rm ------------------------------------------------------------------------------------------- */

/* Both give the exit code; with -o json the answer was printed already. What was refused stays listed. */
static int
report_requeue(const struct cli *cli, const char *name, const struct snakepit_value *answer)
{
    unsigned long long requeued = field_uint(answer, "requeued"), left = field_uint(answer, "left");
    char code[64];

    if (cli->is_json)
        return left > 0 ? EXIT_REFUSED : EXIT_DONE;
    printf("%s: %llu requeued", name, requeued);
    if (requeued > 0)
        printf(requeued == 1 ? " as task %llu" : ", the last as task %llu", (unsigned long long)field_uint(answer, "task"));
    putchar('\n');
    if (left == 0)
        return EXIT_DONE;
    cli_say(cli, "%llu stay listed, since the pool refused them: %s", left, field_text(answer, "refused", code, sizeof code));
    return EXIT_REFUSED;
}

static int
report_removal(const struct cli *cli, const char *name, const struct snakepit_value *answer)
{
    if (!cli->is_json)
        printf("%s: %llu removed\n", name, (unsigned long long)field_uint(answer, "removed"));
    return EXIT_DONE;
}

static int
change(struct cli *cli, const struct dead_words *words, const char *function, bool is_removal)
{
    struct snakepit_result *result;
    struct snakepit_value answer;
    char name[128];
    uint64_t task = 0;
    bool is_task = words->word && !words->is_pool && units_parse_count(words->word, 0, UINT64_MAX, &task) == OK;
    int exit_code;

    if (!words->word)
        return cli_usage(cli, "dead %s wants a TASK, as `snakepit dead ls` shows them, or a POOL", words->action);
    exit_code = view_ask(cli, function, is_task ? NULL : words->word, is_task ? "task" : NULL, task, &result);
    if (exit_code != EXIT_DONE)
        return exit_code;
    snprintf(name, sizeof name, "%s %.100s", is_task ? "task" : "pool", words->word);
    if (view_take_value(cli, result, &answer) || snakepit_result_value(result, &answer) == SNAKEPIT_OK)
        exit_code = (is_removal ? report_removal : report_requeue)(cli, name, &answer);
    snakepit_result_destroy(&result);
    return exit_code;
}

/* --- the command ---------------------------------------------------------------------------------------------- */

/* OK, or ERR_INVALID with cli->exit_code. */
static int
read_words(struct cli *cli, struct args *args, struct dead_words *words)
{
    const char *value;
    int key;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return ERR_INVALID;
        cli->exit_code = EXIT_USAGE;
        if (key == KEY_LIMIT && cli_take_count(cli, "--limit", value, 1, 1000, &words->limit) != OK)
            return ERR_INVALID;
        if (key == KEY_POOL)
            words->is_pool = true;
        if (key != ARG_POSITIONAL)
            continue;
        if (words->word) {
            cli_usage(cli, "one task or pool at a time; \"%s\" is too much", value);
            return ERR_INVALID;
        }
        *(words->action ? &words->word : &words->action) = value;
    }
    return OK;
}

int
command_dead(struct cli *cli, struct args *args)
{
    struct dead_words words = {0};

    if (read_words(cli, args, &words) != OK)
        return cli->exit_code;
    if (!words.action || strcmp(words.action, "ls") == 0)
        return list(cli, &words);
    if (strcmp(words.action, "show") == 0)
        return show(cli, &words);
    if (strcmp(words.action, "requeue") == 0)
        return change(cli, &words, "dead_requeue", false);
    if (strcmp(words.action, "rm") == 0)
        return change(cli, &words, "dead_remove", true);
    return cli_usage(cli, "dead ls, show, requeue or rm; \"%.40s\" is none of them", words.action);
}
