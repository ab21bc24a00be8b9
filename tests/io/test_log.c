/* test_log.c - tests of broker/io/log.c. */
#include "broker/io/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT_BYTES = 64 * 1024 };

static int ends[2];
static char text[TEXT_BYTES];

static void
open_pipe(void)
{
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static void
close_pipe(void)
{
    close(ends[0]);
    close(ends[1]);
}

TestSuite(log, .init = open_pipe, .fini = close_pipe);

/* All that is in the pipe now, as a string in `text`. */
static size_t
read_pipe(void)
{
    size_t size = 0;
    ssize_t got;

    while ((got = read(ends[0], text + size, sizeof(text) - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = '\0';
    return size;
}

/* The one JSON line in the pipe; the caller frees it. */
static json_t *
read_json(void)
{
    json_error_t error;

    read_pipe();
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    cr_assert_not_null(object, "%s in: %.200s", error.text, text);
    return object;
}

Test(log, a_logfmt_line_has_time_level_program_event_and_the_fields)
{
    struct log *log = log_new(ends[1], "test", LOG_LOGFMT, LOG_INFO);

    log_begin(log, LOG_WARN, "worker.lost");
    log_str(log, "pool", "text");
    log_uint(log, "big", UINT64_MAX);
    log_int(log, "small", INT64_MIN);
    log_str(log, "absent", NULL);
    log_end(log);
    read_pipe();
    cr_expect_eq(strncmp(text, "time=2", 6), 0, "%s", text);
    cr_expect_not_null(strstr(text, "Z level=warn program=test event=worker.lost pool=text big=18446744073709551615 "
                                    "small=-9223372036854775808\n"), "%s", text);
    log_destroy(&log);
    cr_expect_null(log);
}

Test(log, logfmt_quotes_only_what_needs_it)
{
    struct log *log = log_new(ends[1], "test", LOG_LOGFMT, LOG_INFO);

    log_begin(log, LOG_INFO, "e");
    log_str(log, "a", "plain/value:1,2");
    log_str(log, "b", "two words");
    log_str(log, "c", "x=y");
    log_str(log, "d", "say \"hi\" \\");
    log_str(log, "e", "");
    log_str(log, "f", "caf\xc3\xa9");
    log_end(log);
    read_pipe();
    cr_expect_not_null(strstr(text, " a=plain/value:1,2 b=\"two words\" c=\"x=y\" d=\"say \\\"hi\\\" \\\\\" e=\"\" "
                                    "f=\"caf\xc3\xa9\"\n"), "%s", text);
    log_destroy(&log);
}

Test(log, control_and_direction_characters_never_reach_the_terminal)
{
    static const char evil[] = "a\x1b[31m\x07\x7f\xc2\x9b"
                               "b\xe2\x80\xae"
                               "c\n\r\td\xef\xbb\xbf";
    struct log *log = log_new(ends[1], "test", LOG_LOGFMT, LOG_INFO);

    log_begin(log, LOG_INFO, "e");
    log_str(log, "v", evil);
    log_end(log);
    read_pipe();
    cr_expect_not_null(strstr(text, "v=\"a\\u001b[31m\\u0007\\u007f\\u009bb\\u202ec\\n\\r\\td\\ufeff\"\n"), "%s", text);
    log_destroy(&log);
}

Test(log, json_lines_are_valid_json_with_the_same_values)
{
    struct log *log = log_new(ends[1], "test", LOG_JSON, LOG_INFO);

    log_begin(log, LOG_ERROR, "e");
    log_str(log, "v", "q\" b\\ n\n e\x1b caf\xc3\xa9 \xf0\x9f\x90\x8d");
    log_bytes(log, "zero", "a\0b", 3);
    log_int(log, "i", -5);
    log_end(log);
    json_t *line = read_json();
    cr_expect_str_eq(json_string_value(json_object_get(line, "level")), "error");
    cr_expect_str_eq(json_string_value(json_object_get(line, "program")), "test");
    cr_expect_str_eq(json_string_value(json_object_get(line, "event")), "e");
    cr_expect_str_eq(json_string_value(json_object_get(line, "v")), "q\" b\\ n\n e\x1b caf\xc3\xa9 \xf0\x9f\x90\x8d");
    cr_expect_eq(json_integer_value(json_object_get(line, "i")), -5);
    cr_expect_not_null(strstr(text, "\"zero\":\"a\\u0000b\""));
    json_decref(line);
    log_destroy(&log);
}

Test(log, every_byte_and_every_pair_of_bytes_makes_valid_json)
{
    struct log *log = log_new(ends[1], "test", LOG_JSON, LOG_INFO);

    for (unsigned first = 1; first < 256; first++) {
        char value[600] = {0};
        for (unsigned second = 1; second < 256; second++) {
            value[2 * second - 2] = (char)first;
            value[2 * second - 1] = (char)second;
        }
        log_begin(log, LOG_INFO, "e");
        log_str(log, "v", value);
        log_end(log);
        json_decref(read_json());
    }
    log_destroy(&log);
}

Test(log, overlong_and_surrogate_encodings_are_replaced)
{
    struct log *log = log_new(ends[1], "test", LOG_LOGFMT, LOG_INFO);

    log_begin(log, LOG_INFO, "e");
    log_str(log, "v", "\xc0\x80|\xe0\x80\x80|\xed\xa0\x80|\xf5\x80\x80\x80|\xe2\x82");
    log_end(log);
    read_pipe();
    cr_expect_not_null(strstr(text, "v=\"\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|"
                                    "\\ufffd\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\"\n"), "%s", text);
    log_destroy(&log);
}

Test(log, a_line_that_is_too_long_is_cut_marked_and_still_valid)
{
    struct log *log = log_new(ends[1], "test", LOG_JSON, LOG_INFO);
    char *value = malloc(40001);

    /* Each byte that is escaped takes six; so the cut falls at every phase of an escape. */
    for (int shift = 0; shift < 8; shift++) {
        memset(value, '\x01', 40000);
        memset(value, 'x', (size_t)shift);
        value[40000] = '\0';
        log_begin(log, LOG_INFO, "e");
        log_str(log, "v", value);
        log_str(log, "after", "lost");
        log_end(log);
        json_t *line = read_json();
        cr_expect_leq(strlen(text), 16 * 1024);
        cr_expect(json_is_true(json_object_get(line, "cut")));
        cr_expect_null(json_object_get(line, "after"));
        json_decref(line);
    }
    free(value);
    log_destroy(&log);
}

Test(log, many_small_fields_are_cut_too)
{
    struct log *log = log_new(ends[1], "test", LOG_LOGFMT, LOG_INFO);

    log_begin(log, LOG_INFO, "e");
    for (int i = 0; i < 10000; i++)
        log_int(log, "key", i);
    log_end(log);
    size_t size = read_pipe();
    cr_expect_leq(size, 16 * 1024);
    cr_expect_not_null(strstr(text, " cut=true\n"));
    log_destroy(&log);
}

Test(log, lines_below_the_level_are_not_written)
{
    struct log *log = log_new(ends[1], "test", LOG_LOGFMT, LOG_WARN);

    log_begin(log, LOG_INFO, "e");
    log_str(log, "a", "b");
    log_end(log);
    log_line(log, LOG_DEBUG, "e", "%d", 1);
    cr_expect_eq(read_pipe(), 0);
    log_set(log, LOG_LOGFMT, LOG_DEBUG);
    log_line(log, LOG_DEBUG, "e", "number %d", 1);
    read_pipe();
    cr_expect_not_null(strstr(text, "event=e message=\"number 1\"\n"), "%s", text);
    log_destroy(&log);
}

/* Write lines until one is lost. The pipe stays as it is. */
static void
fill_pipe(struct log *log)
{
    char filler[1000];

    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    for (int i = 0; i < 100; i++)
        log_line(log, LOG_INFO, "e", "%s", filler);
}

Test(log, a_full_pipe_loses_lines_without_waiting_and_the_next_line_says_how_many, .timeout = 10)
{
    struct log *log = log_new(ends[1], "test", LOG_JSON, LOG_INFO);

    fill_pipe(log);
    read_pipe();
    long written = 0;
    for (const char *at = text; (at = strstr(at, "\"event\":\"e\"")) != NULL; at++)
        written++;
    cr_assert_lt(written, 100);

    log_line(log, LOG_INFO, "after", "room again");
    read_pipe();
    char *line = strrchr(text, '{');
    json_t *object = json_loads(line, 0, NULL);
    cr_assert_not_null(object, "%s", text);
    cr_expect_eq(json_integer_value(json_object_get(object, "lost_lines")), 100 - written);
    json_decref(object);

    log_line(log, LOG_INFO, "later", "x");
    read_pipe();
    cr_expect_null(strstr(text, "lost_lines"));
    log_destroy(&log);
}

Test(log, a_line_that_was_torn_is_ended_before_the_next_one, .timeout = 10)
{
    struct log *log = log_new(ends[1], "test", LOG_JSON, LOG_INFO);
    char *value = malloc(15001);

    memset(value, 'x', 15000);
    value[15000] = '\0';
    fill_pipe(log);
    cr_assert_eq(read(ends[0], text, 8192), 8192); /* room for a part of the next line */
    log_begin(log, LOG_INFO, "e");
    log_str(log, "v", value);
    log_end(log);
    read_pipe();
    size_t size = strlen(text);
    cr_assert_neq(text[size - 1], '\n', "nothing was torn");
    log_line(log, LOG_INFO, "after", "x");
    read_pipe();
    cr_expect_eq(text[0], '\n');
    json_t *object = json_loads(text + 1, 0, NULL);
    cr_expect_not_null(object, "%s", text);
    json_decref(object);
    free(value);
    log_destroy(&log);
}

Test(log, a_closed_pipe_loses_lines_and_harms_nothing)
{
    struct log *log = log_new(ends[1], "test", LOG_LOGFMT, LOG_INFO);

    close(ends[0]);
    log_line(log, LOG_INFO, "e", "x");
    log_line(log, LOG_INFO, "e", "x");
    ends[0] = open("/dev/null", O_RDONLY);
    log_destroy(&log);
}

Test(log, a_full_socket_loses_lines_without_waiting, .timeout = 10)
{
    int sockets[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    struct log *log = log_new(sockets[1], "test", LOG_LOGFMT, LOG_INFO);
    for (int i = 0; i < 50; i++)
        fill_pipe(log);
    log_destroy(&log);
    close(sockets[0]);
    close(sockets[1]);
}

Test(log, the_callers_descriptor_stays_blocking_and_open)
{
    struct log *log = log_new(ends[1], "test", LOG_LOGFMT, LOG_INFO);

    cr_expect_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    log_destroy(&log);
    cr_expect_eq(write(ends[1], "x", 1), 1);
}
