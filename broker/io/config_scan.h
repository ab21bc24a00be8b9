/* config_scan.h - the text of a configuration file, made safe for libconfig 1.5. Opens one file, interprets no option.
 *
 * That libconfig ends the process on `@include "directory"`, cuts integers to 32 bits (4294967297 reads back as 1)
 * and takes an unterminated comment for the end of the file. So @include is refused, large integers get their L, and
 * the rest is reported. */
#ifndef SNAKEPIT_IO_CONFIG_SCAN_H
#define SNAKEPIT_IO_CONFIG_SCAN_H

#include "broker/io/config_report.h"

/* Read the file. OK and its text, which the caller frees; ERR_SYSTEM or ERR_INVALID and a problem in the report. */
int
config_text_read(const char *path, struct config_report *report, char **ret_text);

/* A copy of the text with the same lines, made safe; the caller frees it. Adds what is wrong to the report. */
char *
config_text_scan(const char *text, struct config_report *report);

#endif
