/* doctor.c - snakepit doctor: is this machine fit for Snakepit, and for this configuration? */
#include "client/cli/doctor.h"

#include "client/cli/embedded.h"
#include "client/cli/json_text.h"
#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As in snakepitd. */
#define DEFAULT_CONFIG "/etc/snakepit/snakepit.conf"

/* Each line of config_load's text is one problem: "FILE:LINE: option: what is wrong". */
static void
add_lines(struct doctor *doctor, enum verdict verdict, char *text, const char *remedy)
{
    char *rest = text, *line;

    while ((line = strsep(&rest, "\n")))
        if (*line)
            findings_add(&doctor->findings, verdict, "config", remedy, "%s", line);
}

void
doctor_check_config(struct doctor *doctor)
{
    const char *path = doctor->config_path ? doctor->config_path : DEFAULT_CONFIG;
    unsigned workers = 0;
    char *text = NULL;

    if (!doctor->config_path && access(path, F_OK) != 0) {
        findings_add(&doctor->findings, VERDICT_OK, "config", "name one with -c FILE to have its pools checked",
                     "no configuration: checking with the defaults");
        return;
    }
    if (config_load(path, &doctor->config, &text) != OK) {
        doctor->config = NULL;
        add_lines(doctor, VERDICT_FAIL, text, NULL);
        free(text);
        return;
    }
    if (text)
        add_lines(doctor, VERDICT_WARN, text, NULL);
    free(text);
    for (size_t i = 0; i < doctor->config->pool_count; i++)
        workers += doctor->config->pools[i].core.workers_wanted;
    findings_add(&doctor->findings, VERDICT_OK, "config", NULL, "%s: %zu pool%s, %u local worker%s", path,
                 doctor->config->pool_count, doctor->config->pool_count == 1 ? "" : "s", workers,
                 workers == 1 ? "" : "s");
}

static void
print_json(struct doctor *doctor)
{
    const struct findings *findings = &doctor->findings;
    json_t *report = json_pack("{s:b, s:{s:I, s:I, s:I}, s:o, s:O, s:O}", "healthy",
                               findings->totals[VERDICT_FAIL] == 0, "counts", "ok",
                               (json_int_t)findings->totals[VERDICT_OK], "warn",
                               (json_int_t)findings->totals[VERDICT_WARN], "fail",
                               (json_int_t)findings->totals[VERDICT_FAIL], "findings", findings_json(findings),
                               "interpreters", doctor->interpreters, "pools", doctor->pools);
    char *text = json_dumps(report, JSON_INDENT(2));

    if (!text)
        abort();
    cli_print(doctor->cli, text, strlen(text));
    cli_print(doctor->cli, "\n", 1);
    free(text);
    json_decref(report);
}

static void
print_report(struct doctor *doctor)
{
    char *text = findings_format(&doctor->findings, cli_wants_colour());

    cli_print(doctor->cli, text, strlen(text));
    free(text);
}

static void
examine(struct doctor *doctor)
{
    doctor_check_config(doctor);
    doctor_check_host(doctor);
    doctor_check_interpreters(doctor);
    doctor_check_pools(doctor);
    doctor_check_broker(doctor);
    doctor_check_endpoints(doctor);
}

int
command_doctor(struct cli *cli, struct args *args)
{
    struct doctor doctor = {.cli = cli};
    const char *value;
    int key, exit_code;

    while ((key = cli_next(cli, args, &value)) != ARG_END) {
        if (key == ARG_STOP)
            return cli->exit_code;
        if (key == ARG_POSITIONAL)
            return cli_usage(cli, "no argument is expected, and \"%s\" is one", value);
        if (key == KEY_IMPORT)
            doctor.imports_apps = true;
        else
            doctor.config_path = value;
    }
    findings_init(&doctor.findings);
    doctor.interpreters = json_array();
    doctor.pools = json_array();
    if (compat_table_init(&doctor.table, embedded_compat) != OK)
        abort();
    examine(&doctor);
    if (cli->is_json)
        print_json(&doctor);
    else
        print_report(&doctor);
    exit_code = doctor.findings.totals[VERDICT_FAIL] > 0 ? EXIT_TASK_FAILED : EXIT_DONE;
    compat_table_fini(&doctor.table);
    findings_fini(&doctor.findings);
    json_decref(doctor.interpreters);
    json_decref(doctor.pools);
    config_unload(&doctor.config);
    return exit_code;
}
