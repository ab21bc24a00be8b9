/* terminal.c - a terminal taken over for a while; see terminal.h. */
#include "client/cli/terminal.h"

#include "wire/err.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* ECMA-48 and xterm's private modes: the other screen, no cursor, lines that do not wrap; and back. */
#define SCREEN_TAKE "\033[?1049h\033[?25l\033[?7l\033[2J"
#define SCREEN_GIVE "\033[0m\033[?7h\033[?25h\033[?1049l"
#define SCREEN_HOME "\033[H"
#define LINE_END "\033[0m\033[K"
#define SCREEN_REST "\033[J"

/* There is one terminal, and what runs at exit has no other way to find it. */
static struct {
    bool is_open;
    bool is_prepared; /* signals are blocked, and terminal_close runs at exit */
    struct termios before;
    int signal_fd;
} terminal;

static void
send(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, text, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        size -= (size_t)written;
    }
}

static void
send_text(const char *text)
{
    send(text, strlen(text));
}

static int
prepare(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    sigset_t set;

    if (terminal.is_prepared)
        return OK;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaddset(&set, signals[i]);
    terminal.signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (terminal.signal_fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0 || atexit(terminal_close) != 0)
        return ERR_SYSTEM;
    terminal.is_prepared = true;
    return OK;
}

int
terminal_open(void)
{
    struct termios raw;

    if (terminal.is_open)
        return OK;
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal.before) != 0 || prepare() != OK)
        return ERR_SYSTEM;
    raw = terminal.before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0)
        return ERR_SYSTEM;
    terminal.is_open = true;
    send_text(SCREEN_TAKE);
    return OK;
}

void
terminal_close(void)
{
    if (!terminal.is_open)
        return;
    terminal.is_open = false;
    send_text(SCREEN_GIVE);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal.before);
}

struct terminal_size
terminal_size(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return (struct terminal_size){80, 24};
    return (struct terminal_size){size.ws_col, size.ws_row};
}

/* One write, so that nobody sees half of a picture. */
void
terminal_draw(const char *text)
{
    unsigned lines = terminal_size().lines;
    size_t size = 0;
    char *picture = malloc(strlen(text) + lines * (sizeof LINE_END + 2) + sizeof SCREEN_HOME + sizeof SCREEN_REST);

    if (!picture)
        return;
    size += (size_t)sprintf(picture, SCREEN_HOME);
    for (unsigned line = 0; line < lines && *text; line++) {
        size_t length = strcspn(text, "\n");

        size += (size_t)sprintf(picture + size, "%s%.*s" LINE_END, line > 0 ? "\r\n" : "", (int)length, text);
        text += length + (text[length] == '\n');
    }
    size += (size_t)sprintf(picture + size, SCREEN_REST);
    send(picture, size);
    free(picture);
}

/* Ctrl-Z: the shell gets its terminal back, and we ours when it lets us go on. */
static void
stop_for_a_while(void)
{
    terminal_close();
    raise(SIGSTOP);
    terminal_open();
}

static enum terminal_news
take_signal(int *ret_value)
{
    struct signalfd_siginfo info;

    if (read(terminal.signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return TERMINAL_NOTHING;
    *ret_value = (int)info.ssi_signo;
    if (info.ssi_signo == SIGTSTP)
        stop_for_a_while();
    return info.ssi_signo == SIGWINCH || info.ssi_signo == SIGTSTP ? TERMINAL_RESIZED : TERMINAL_SIGNAL;
}

static enum terminal_news
take_key(int *ret_value)
{
    unsigned char key;
    ssize_t size = read(STDIN_FILENO, &key, 1);

    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return TERMINAL_NOTHING;
    if (size != 1)
        return TERMINAL_GONE;
    *ret_value = key;
    return TERMINAL_KEY;
}

enum terminal_news
terminal_wait(int timeout_ms, int other_fd, int *ret_value)
{
    struct pollfd fds[] = {{terminal.signal_fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}, {other_fd, POLLIN, 0}};

    if (poll(fds, 3, timeout_ms) <= 0)
        return TERMINAL_NOTHING;
    if (fds[0].revents)
        return take_signal(ret_value);
    return fds[1].revents ? take_key(ret_value) : TERMINAL_NOTHING;
}
