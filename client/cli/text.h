/* text.h - UTF-8 text on a terminal: how wide it is, and how to show text that a stranger wrote. Pure, no locale. */
#ifndef SNAKEPIT_CLI_TEXT_H
#define SNAKEPIT_CLI_TEXT_H

#include <stddef.h>

/* Columns of a NUL-terminated UTF-8 text; a byte that is not UTF-8 counts as one. */
size_t
text_width(const char *text);

/* A printable copy: control characters (also C1 and those that turn the writing direction) and bytes that are not UTF-8
 * become \n, \t, \x1b, \u202e. With `keep_lines`, newline and tab stay.
 * So a name or an exception cannot move the cursor or forge a line. Caller frees; NULL when memory ends. */
char *
text_make_safe(const char *text, size_t size, int keep_lines);

/* Shorten `text` in place to at most `width` columns; if something was cut, the last column is "…".
 * The text's memory must have room for three more bytes than it has. */
void
text_cut(char *text, size_t width);

#endif
