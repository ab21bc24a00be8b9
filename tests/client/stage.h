/* stage.h - a real snakepitd and real echo workers in a temporary folder, for tests. The programs are found by the
 * environment (SNAKEPITD, ECHO_WORKER) and end with the test's process, however that ends. */
#ifndef SNAKEPIT_TESTS_CLIENT_STAGE_H
#define SNAKEPIT_TESTS_CLIENT_STAGE_H

#include <sys/types.h>

enum transport { TRANSPORT_TCP, TRANSPORT_IPC };

struct stage;

/* A folder with a configuration: pool "echo", and pool "small" that takes 10 tasks at most. Starts nothing. */
struct stage *
stage_new(enum transport transport);

/* End everything and remove the folder. */
void
stage_destroy(struct stage **stage_p);

/* For clients. */
const char *
stage_endpoint(const struct stage *stage);

void
stage_start_broker(struct stage *stage);

/* Send the signal to the broker and wait for its end. */
void
stage_end_broker(struct stage *stage, int number);

/* The worker's process id. */
pid_t
stage_start_worker(struct stage *stage, const char *slots);

void
stage_end_worker(struct stage *stage, pid_t worker, int number);

/* Run a program with the endpoint as its argument and `input` as its standard input, to its end. Its output goes to
 * `ret_output` of `size` bytes, ended by NUL; the return value is its exit status. */
int
stage_run(struct stage *stage, const char *program, const char *input, char *ret_output, size_t size);

#endif
