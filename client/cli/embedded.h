/* embedded.h - files of the Python package that the command line carries with it, each ended by a NUL. Only data. */
#ifndef SNAKEPIT_CLI_EMBEDDED_H
#define SNAKEPIT_CLI_EMBEDDED_H

/* compat.json: the matrix of libraries and threads. */
extern const char embedded_compat[];

/* probe.py: tells what an interpreter is. */
extern const char embedded_probe[];

#endif
