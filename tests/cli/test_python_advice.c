/* test_python_advice.c - tests of client/cli/python_record.c and python_advice.c. */
#include "client/cli/python_advice.h"
#include "wire/err.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char table_text[] =
    "{\"libraries\": ["
    "{\"name\": \"numpy\", \"modules\": [\"numpy\"], \"thread_safety\": \"conditional\", \"free_threading\": \"yes\", "
    "\"since\": \"2.1.0\", \"advice\": \"a\"},"
    "{\"name\": \"orjson\", \"modules\": [\"orjson\"], \"thread_safety\": \"unknown\", \"free_threading\": \"no\", "
    "\"since\": null, \"advice\": \"a\"}]}";

static struct compat_table table;
static struct python_record record;

static void
set_up(void)
{
    cr_assert_eq(compat_table_init(&table, table_text), OK);
}

static void
tear_down(void)
{
    python_record_fini(&record);
    compat_table_fini(&table);
}

TestSuite(python_advice, .init = set_up, .fini = tear_down);

/* A record of a Python 3.`minor` that lacks nothing; `more` are further members. */
static struct python_advice
advise(int minor, const char *more)
{
    struct python_advice advice;
    char text[2048];

    snprintf(text, sizeof text,
             "{\"version\": \"3.%d.1\", \"version_info\": [3, %d, 1], \"implementation\": \"CPython\", "
             "\"prefix\": \"/usr\", \"libraries\": {\"zmq\": {\"version\": \"27.1.0\", \"libzmq\": \"4.3.5\"}, "
             "\"msgpack\": {\"version\": \"1.2.4\", \"extension\": true}, \"snakepit\": {\"version\": \"0.1.0\"}}%s}\n",
             minor, minor, more);
    python_record_fini(&record);
    cr_assert_eq(python_record_parse(text, &record), OK);
    python_advise(&record, &table, &advice);
    return advice;
}

Test(python_advice, a_build_with_a_gil_gets_processes)
{
    cr_assert_str_eq(advise(12, ", \"gil_enabled\": true").profile, "process");
}

Test(python_advice, a_free_threaded_build_gets_threads)
{
    cr_assert_str_eq(advise(14, ", \"free_threaded\": true, \"gil_enabled\": false").profile, "thread");
}

Test(python_advice, a_module_that_switches_the_gil_on_is_named)
{
    struct python_advice advice =
        advise(14, ", \"free_threaded\": true, \"gil_enabled\": true, \"gil_module\": \"orjson\"");

    cr_assert_str_eq(advice.profile, "process");
    cr_assert(strstr(advice.reason, "orjson"));
}

Test(python_advice, installed_libraries_that_would_switch_it_on_are_named_with_their_versions)
{
    struct python_advice advice = advise(14, ", \"free_threaded\": true, \"gil_enabled\": false, "
                                             "\"installed\": {\"numpy\": \"2.0.10\", \"orjson\": \"3.11\"}");

    cr_assert_str_eq(advice.profile, "thread");
    cr_assert(strstr(advice.reason, "numpy 2.0.10, orjson 3.11"), "%s", advice.reason);
    cr_assert_null(strstr(advise(14, ", \"free_threaded\": true, \"installed\": {\"numpy\": \"2.10.0\"}").reason, "numpy"));
    cr_assert_null(strstr(advise(14, ", \"free_threaded\": true, \"installed\": {\"numpy\": \"2.1.0\"}").reason, "numpy"));
    cr_assert(strstr(advise(14, ", \"free_threaded\": true, \"installed\": {\"numpy\": \"2\"}").reason, "numpy"));
}

Test(python_advice, what_is_too_old_or_another_implementation_gets_none)
{
    cr_assert_null(advise(9, "").profile);
    cr_assert_not_null(advise(10, "").profile);
    cr_assert_null(advise(11, ", \"implementation\": \"PyPy\"").profile);
}

Test(python_advice, an_interpreter_that_lacks_a_library_is_not_equipped)
{
    advise(11, "");
    cr_assert(python_is_equipped(&record));
    cr_assert(record.has_msgpack_extension);
    advise(11, ", \"libraries\": {\"zmq\": {\"version\": \"27.1.0\"}, \"snakepit\": {\"version\": \"0.1.0\"}}");
    cr_assert_not(python_is_equipped(&record));
    cr_assert_null(record.msgpack);
}

Test(python_advice, what_is_no_record_is_refused)
{
    struct python_record other;

    cr_assert_eq(python_record_parse("", &other), ERR_INVALID);
    cr_assert_eq(python_record_parse("[]", &other), ERR_INVALID);
    cr_assert_eq(python_record_parse("{\"version\": 3}", &other), ERR_INVALID);
}
