/* test_config_schedule.c - schedules in the configuration. */
#include "broker/io/config_diff.h"
#include "broker/io/config_print.h"
#include "broker/io/config_schedule.h"
#include "tests/io/config_file.h"

#include <string.h>

#define SCHEDULE(options) ONE_POOL " schedules = ( { " options " } );"
#define GOOD "name = \"tick\"; pool = \"work\"; function = \"f\"; every = \"1h\"; "

Test(config_schedule, every_option_arrives_in_its_field)
{
    struct config *config = load_good(SCHEDULE(GOOD "args = \"[1, {}]\"; delay = \"5s\"; overlap = \"queue\";"));
    const struct schedule_settings *schedule = &config->schedules[0];

    cr_assert_eq(config->schedule_count, 1);
    cr_expect_str_eq(schedule->name, "tick");
    cr_expect_str_eq(schedule->pool, "work");
    cr_expect_str_eq(schedule->function, "f");
    cr_expect_str_eq(schedule->args, "[1, {}]");
    cr_expect_eq(schedule->every_us, INT64_C(3600000000));
    cr_expect_eq(schedule_first_us(schedule), 5000000);
    cr_expect_eq(schedule->overlap, OVERLAP_QUEUE);
    config_unload(&config);
}

Test(config_schedule, the_first_run_comes_after_every_when_no_delay_is_given)
{
    struct config *config = load_good(SCHEDULE(GOOD));

    cr_expect_eq(schedule_first_us(&config->schedules[0]), INT64_C(3600000000));
    cr_expect_eq(config->schedules[0].overlap, OVERLAP_SKIP);
    cr_expect_null(config->schedules[0].args);
    config_unload(&config);
}

Test(config_schedule, what_is_wrong_is_said_with_its_line)
{
    static const struct {
        const char *text;
        const char *problem;
    } bad[] = {
        {ONE_POOL " schedules = 1;", "schedules: allowed: a list of groups"},
        {ONE_POOL " schedules = ( 1 );", "schedules[0]: allowed: a group"},
        {SCHEDULE("name = \"tick\";"), "schedules[0]: has no pool"},
        {SCHEDULE(GOOD "evry = \"1h\";"), "schedules[0].evry: unknown option; did you mean \"every\""},
        {SCHEDULE(GOOD "zzzzzz = 1;"), "schedules[0].zzzzzz: unknown option; a schedule has"},
        {SCHEDULE(GOOD "args = \"1\";"), "args = \"1\" is not a JSON array"},
        {SCHEDULE(GOOD "overlap = \"both\";"), "schedules[0].overlap: given \"both\"; allowed: one of"},
        {SCHEDULE("name = \"tick\"; pool = \"nowhere\"; function = \"f\"; every = \"1h\";"),
         "pool = \"nowhere\" is not the name of a pool"},
        {SCHEDULE("name = \"tick\"; pool = \"work\"; function = \"f\"; every = \"0s\";"), "schedules[0].every: given"},
        {ONE_POOL " schedules = ( { " GOOD " }, { " GOOD " } );", "schedules[1]: a schedule of this name"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct config *config = NULL;
        char *problems = NULL;

        cr_expect_neq(load_text(bad[i].text, &config, &problems), OK, "%s", bad[i].text);
        cr_expect(problems && strstr(problems, bad[i].problem), "%s: %s", bad[i].problem, problems);
        free(problems);
    }
}

Test(config_schedule, printed_and_read_again_it_is_the_same_and_a_change_is_named)
{
    struct config *config = load_good(SCHEDULE(GOOD "args = \"[\\\"a\\\"]\"; delay = \"5s\";")), *again = NULL;
    struct config *other = load_good(ONE_POOL " schedules = ( { name = \"tock\"; pool = \"work\"; function = \"f\"; "
                                              "every = \"1h\"; }, { " GOOD " } );");
    struct config_report report;
    char *text = NULL, *problems = NULL, *changes;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    config_print(config, stream);
    fclose(stream);
    cr_assert_eq(load_text(text, &again, &problems), OK, "%s%s", problems, text);
    cr_assert_not(schedule_settings_differ(&config->schedules[0], &again->schedules[0]));
    report_init(&report, "file");
    changes = config_diff(config, again, &report);
    cr_assert_null(changes);
    changes = config_diff(config, other, &report);
    cr_assert_str_eq(changes, "schedule \"tock\" added, schedule \"tick\" changed");
    free(changes);
    changes = config_diff(other, config, &report);
    cr_assert_str_eq(changes, "schedule \"tick\" changed, schedule \"tock\" removed");
    free(changes);
    free(text);
    report_fini(&report);
    config_unload(&config);
    config_unload(&again);
    config_unload(&other);
}
