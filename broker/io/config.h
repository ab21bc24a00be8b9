/* config.h - the configuration file as a plain record. Reads one file, starts nothing. */
#ifndef SNAKEPIT_IO_CONFIG_H
#define SNAKEPIT_IO_CONFIG_H

#include "broker/core/broker.h"
#include "broker/io/log.h"

/* What a worker of the thread profile does with a function that declares itself not thread-safe. */
enum thread_unsafe {
    THREAD_UNSAFE_LOCK,   /* one at a time */
    THREAD_UNSAFE_REFUSE, /* the task ends as failed */
};

struct pool_config {
    struct pool_settings core; /* what the broker's core acts on */
    char *app;                 /* "module:app"; NULL when the pool has no local workers */
    char *python;              /* interpreter; never NULL */
    char *directory;           /* working directory of its workers; NULL: where the broker was started */
    char **environment;        /* "NAME=value", ends in NULL */
    enum profile profile;
    uint32_t slots;            /* per worker; 1 in the process profile */
    enum thread_unsafe thread_unsafe;
    bool nursery;              /* fork workers from a process that imported the app */
    uint32_t startup_batch;    /* workers that start at one time; 0: all */
    int64_t startup_delay_us;  /* between two batches */
    uint32_t start_failures_max; /* so many within the window make the pool failed */
    int64_t start_failures_window_us;
};

enum { CONFIG_OPTIONS_MAX = 160, CONFIG_PATH_BYTES = 128 };

struct config {
    char *path;
    unsigned lines[CONFIG_OPTIONS_MAX]; /* where each option of config_options stands, but those of pools; 0: nowhere */
    char *clients_endpoint;
    char *workers_endpoint;
    char *events_endpoint; /* NULL: no event stream */
    bool insecure;
    enum log_format log_format;
    enum log_level log_level;
    uint32_t io_threads;
    int64_t drain_timeout_us;
    int64_t link_heartbeat_us; /* ZMTP heartbeat on the broker's sockets */
    int64_t link_timeout_us;
    uint32_t send_queue_max;   /* messages per peer in libzmq (SNDHWM) */
    uint64_t send_bytes_max;   /* bytes that wait for one slow peer, then it is dropped */
    int64_t stop_timeout_us;   /* a local worker's time between SIGTERM and SIGKILL */
    int64_t restart_delay_us;  /* first back-off of a worker that ended by itself; doubles up to restart_delay_max_us */
    int64_t restart_delay_max_us;
    struct broker_settings broker; /* epoch and version are not from the file */
    struct pool_config *pools;
    size_t pool_count;
    struct schedule_settings *schedules; /* `delay_us` 0: as long as every */
    size_t schedule_count;
};

/* Read and check a file. OK and *ret_config, which the caller frees with config_unload.
 * ERR_INVALID or ERR_SYSTEM: every problem found (up to 20) is a line in *ret_text, each with file, line, option,
 * what was given and what is allowed; the caller frees it. On OK *ret_text holds warnings, or is NULL.
 * Relative paths in the file are relative to the file's directory; in the record they are absolute. */
int
config_load(const char *path, struct config **ret_config, char **ret_text);

/* All defaults, without a path and without pools. Freed with config_unload. */
struct config *
config_new_default(void);

/* Free it; *config_p becomes NULL, NULL is allowed. (libconfig owns the name config_destroy.) */
void
config_unload(struct config **config_p);

/* Free what one pool's record holds. */
void
pool_config_fini(struct pool_config *pool);

/* What workers on this host connect to: the workers' endpoint, with the loopback address in place of a wildcard. */
void
config_worker_address(const struct config *config, char *ret_text, size_t size);

/* Whether any pool wants workers from snakepit-agent. */
bool
config_has_local_workers(const struct config *config);

#endif
