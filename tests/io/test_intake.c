/* test_intake.c - tests of broker/io/intake.c, with connections over loopback. */
#include "broker/io/intake.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND INT64_C(1000000)
#define PART ((size_t)100000) /* a hundredth of what is allowed */

/* The ends of one connection: `far` sends, `near` is what the broker has. */
struct line {
    int near, far;
};

static struct intake *intake;
static int ended_fd;
static uint64_t ended_bytes;

static void
set_up(void)
{
    intake = intake_new(100 * PART);
}

static void
tear_down(void)
{
    intake_destroy(&intake);
}

TestSuite(intake, .init = set_up, .fini = tear_down);

static struct line
make_line(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct line line = {.far = socket(AF_INET, SOCK_STREAM, 0)};

    cr_assert(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    cr_assert(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    cr_assert(connect(line.far, (struct sockaddr *)&address, size) == 0);
    line.near = accept(listener, NULL, NULL);
    cr_assert(line.near >= 0);
    close(listener);
    intake_begin(intake, line.near);
    return line;
}

/* Send so much, and read it at the other end, as libzmq does. */
static void
carry(struct line line, size_t bytes)
{
    char piece[10000] = {0};

    for (size_t left = bytes; left > 0;) {
        ssize_t sent = send(line.far, piece, left < sizeof piece ? left : sizeof piece, 0);

        cr_assert(sent > 0 && recv(line.near, piece, (size_t)sent, MSG_WAITALL) == sent);
        left -= (size_t)sent;
    }
}

static bool
check_undrained(void)
{
    return intake_check(intake, false, SECOND, &ended_fd, &ended_bytes);
}

static bool
check(void)
{
    return intake_check(intake, true, SECOND, &ended_fd, &ended_bytes);
}

static bool
is_ended(struct line line)
{
    char byte;

    return recv(line.far, &byte, 1, MSG_DONTWAIT) == 0;
}

static void
drop_line(struct line line)
{
    intake_end(intake, line.near);
    close(line.near);
    close(line.far);
}

Test(intake, nothing_is_due_without_connections)
{
    struct line line;

    cr_assert_eq(intake_next_due_us(intake), INT64_MAX);
    line = make_line();
    cr_assert(!check());
    cr_assert_eq(intake_next_due_us(intake), 2 * SECOND);
    drop_line(line);
    cr_assert_eq(intake_next_due_us(intake), INT64_MAX);
}

Test(intake, a_message_that_grows_beyond_the_limit_ends_its_connection)
{
    struct line line = make_line();

    carry(line, 90 * PART);
    cr_assert(!check() && !is_ended(line));
    carry(line, 20 * PART);
    cr_assert(check() && is_ended(line));
    cr_assert_eq(ended_fd, line.near);
    cr_assert_eq(ended_bytes, 110 * PART);
    cr_assert_eq(intake_ended(intake), 1);
    drop_line(line);
}

Test(intake, whole_messages_may_be_as_many_as_they_like)
{
    struct line line = make_line();

    for (int i = 0; i < 10; i++) {
        carry(line, 60 * PART);
        intake_note_message(intake, line.near, 60 * PART);
        cr_assert(!check());
    }
    drop_line(line);
}

Test(intake, whole_messages_that_wait_count_until_they_are_received)
{
    struct line line = make_line();

    for (int i = 0; i < 4; i++) {
        carry(line, 60 * PART);
        intake_note_message(intake, line.near, 40 * PART);
        cr_assert(!check_undrained(), "after %d", i);
    }
    carry(line, 30 * PART);
    cr_assert(check_undrained());
    cr_assert_eq(ended_bytes, (4 * 20 + 30) * PART);
    drop_line(line);
}

Test(intake, heads_of_frames_are_forgiven_when_all_was_received)
{
    struct line line = make_line();

    for (int i = 0; i < 10; i++) {
        carry(line, 60 * PART);
        intake_note_message(intake, line.near, 30 * PART);
        cr_assert(!check());
    }
    drop_line(line);
}

Test(intake, of_many_that_are_too_much_together_the_largest_goes)
{
    struct line lines[3] = {make_line(), make_line(), make_line()};

    carry(lines[0], 40 * PART);
    carry(lines[1], 50 * PART);
    carry(lines[2], 30 * PART);
    cr_assert(check());
    cr_assert_eq(ended_fd, lines[1].near);
    cr_assert(!check() && !is_ended(lines[0]) && !is_ended(lines[2]));
    for (int i = 0; i < 3; i++)
        drop_line(lines[i]);
}

Test(intake, the_next_look_comes_soon_when_much_has_come)
{
    struct line line = make_line();

    carry(line, 10 * PART);
    cr_assert(!check());
    cr_assert_lt(intake_next_due_us(intake), SECOND + SECOND / 10);
    drop_line(line);
}

Test(intake, a_descriptor_that_is_used_again_begins_anew)
{
    struct line line = make_line(), next;

    carry(line, 90 * PART);
    cr_assert(!check());
    drop_line(line);
    next = make_line();
    cr_assert_eq(next.near, line.near, "the test wants the same descriptor");
    carry(next, 90 * PART);
    cr_assert(!check());
    drop_line(next);
}

Test(intake, what_no_kernel_counts_is_left_alone)
{
    int pair[2];

    cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    intake_begin(intake, pair[0]);
    cr_assert(send(pair[1], "x", 1, 0) == 1 && !check());
    close(pair[0]);
    close(pair[1]);
}
