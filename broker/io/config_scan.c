/* config_scan.c - a walk over the text before libconfig sees it; see config_scan.h. */
#include "broker/io/config_scan.h"

#include "wire/err.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1024 * 1024 };

/* All bytes of an open file, with a NUL behind them; NULL with errno when it cannot be read. */
static char *
read_all(int fd, size_t *ret_size)
{
    char *text = malloc(FILE_BYTES_MAX + 2);
    size_t size = 0;

    if (!text)
        abort();
    while (size <= FILE_BYTES_MAX) {
        ssize_t got = read(fd, text + size, FILE_BYTES_MAX + 1 - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(text);
            return NULL;
        }
        if (got == 0)
            break;
        size += (size_t)got;
    }
    text[size] = '\0';
    *ret_size = size;
    return text;
}

int
config_text_read(const char *path, struct config_report *report, char **ret_text)
{
    size_t size;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : read_all(fd, &size);
    int error = errno;

    if (fd >= 0)
        close(fd);
    if (!text) {
        report_problem(report, 0, NULL, "cannot be read: %s", strerror(error));
        return ERR_SYSTEM;
    }
    if (size > FILE_BYTES_MAX)
        report_problem(report, 0, NULL, "is larger than 1 MiB; this is not a configuration file");
    else if (strlen(text) != size)
        report_problem(report, 0, NULL, "holds a NUL byte; this is not a text file");
    if (report_has_problems(report)) {
        free(text);
        return ERR_INVALID;
    }
    *ret_text = text;
    return OK;
}

struct scan {
    const char *text;
    size_t at;
    unsigned line;
    char *out;
    size_t out_size;
    struct config_report *report;
};

static void
copy(struct scan *scan, size_t count)
{
    for (size_t i = 0; i < count && scan->text[scan->at] != '\0'; i++) {
        if (scan->text[scan->at] == '\n')
            scan->line++;
        scan->out[scan->out_size++] = scan->text[scan->at++];
    }
}

static bool
starts_with(const struct scan *scan, const char *prefix)
{
    return strncmp(scan->text + scan->at, prefix, strlen(prefix)) == 0;
}

static void
scan_block_comment(struct scan *scan)
{
    unsigned line = scan->line;
    const char *end = strstr(scan->text + scan->at + 2, "*/");

    if (!end)
        report_problem(scan->report, line, NULL, "the comment that begins here has no end (*/)");
    copy(scan, end ? (size_t)(end - scan->text) + 2 - scan->at : SIZE_MAX);
}

static void
scan_string(struct scan *scan)
{
    unsigned line = scan->line;

    copy(scan, 1);
    while (scan->text[scan->at] != '\0' && scan->text[scan->at] != '"')
        copy(scan, scan->text[scan->at] == '\\' ? 2 : 1);
    if (scan->text[scan->at] == '\0')
        report_problem(scan->report, line, NULL, "the string that begins here has no closing quote");
    copy(scan, 1);
}

/* An integer that needs more than 32 bits gets the L without which libconfig would cut it. */
static void
scan_number(struct scan *scan)
{
    const char *start = scan->text + scan->at;
    size_t size = 1 + strspn(start + 1, "0123456789abcdefABCDEFxX.");
    bool is_hex = size > 2 && start[0] == '0' && tolower((unsigned char)start[1]) == 'x';
    bool is_float = !is_hex && strcspn(start, ".eE") < size;
    bool is_long = start[size] == 'L';

    if (!is_float) {
        errno = 0;
        long long value = strtoll(start, NULL, is_hex ? 16 : 10);
        if (errno == ERANGE)
            report_problem(scan->report, scan->line, NULL, "the number %.*s is too large", (int)size, start);
        copy(scan, size);
        if (!is_long && (value > INT32_MAX || value < INT32_MIN))
            scan->out[scan->out_size++] = 'L';
        return;
    }
    copy(scan, size);
}

static void
scan_include(struct scan *scan)
{
    report_problem(scan->report, scan->line, NULL, "@include is not supported; put everything into this file");
    /* What follows is another file's name; without the word it would only be a syntax error more. */
    size_t size = strcspn(scan->text + scan->at, "\n");
    scan->at += size;
}

static void
scan_next(struct scan *scan)
{
    char c = scan->text[scan->at];
    char after = scan->text[scan->at + 1];

    if (c == '#' || starts_with(scan, "//"))
        copy(scan, strcspn(scan->text + scan->at, "\n"));
    else if (starts_with(scan, "/*"))
        scan_block_comment(scan);
    else if (c == '"')
        scan_string(scan);
    else if (c == '@')
        scan_include(scan);
    else if (isalpha((unsigned char)c) || c == '*') /* a name; it may have digits in it */
        copy(scan, strspn(scan->text + scan->at, "*-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"));
    else if (isdigit((unsigned char)c) || ((c == '-' || c == '+') && isdigit((unsigned char)after)))
        scan_number(scan);
    else
        copy(scan, 1);
}

char *
config_text_scan(const char *text, struct config_report *report)
{
    size_t size = strlen(text);
    /* Each number that grows by a letter is ten digits or more. */
    struct scan scan = {.text = text, .line = 1, .out = malloc(size + size / 4 + 2), .report = report};

    if (!scan.out)
        abort();
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        scan.at = 3; /* a byte order mark, which some editors put in front and libconfig takes for an error */
    while (text[scan.at] != '\0')
        scan_next(&scan);
    scan.out[scan.out_size] = '\0';
    return scan.out;
}
