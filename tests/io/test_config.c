/* test_config.c - tests of broker/io/config.c with files that are right. */
#include "tests/io/config_file.h"

#include <string.h>
#include <sys/stat.h>

Test(config, one_named_pool_is_enough_and_the_rest_is_the_protocols_defaults)
{
    struct config *config = load_good(ONE_POOL);

    cr_expect_str_eq(config->clients_endpoint, "tcp://127.0.0.1:5570");
    cr_expect_str_eq(config->workers_endpoint, "tcp://127.0.0.1:5571");
    cr_expect_str_eq(config->events_endpoint, "tcp://127.0.0.1:5572");
    cr_expect_eq(config->broker.heartbeat_us, 5000000);
    cr_expect_eq(config->broker.heartbeats_missed_max, 3);
    cr_expect_eq(config->broker.worker_grace_us, 500000);
    cr_expect_eq(config->broker.client_retention_us, 60000000);
    cr_expect_eq(config->drain_timeout_us, 30000000);
    cr_expect_eq(config->link_heartbeat_us, 10000000);
    cr_expect_eq(config->link_timeout_us, 4000000);
    cr_expect_eq(config->broker.frame_bytes_max, 64 << 20);
    cr_expect_eq(config->broker.control_bytes_max, 8 << 20);
    cr_expect_eq(config->broker.inline_bytes_max, 256 << 10);
    cr_expect_eq(config->broker.tasks_max, 1000000);
    cr_expect_eq(config->broker.bytes_max, 1 << 30);
    cr_expect_eq(config->broker.client_tasks_max, 100000);
    cr_expect_eq(config->broker.client_bytes_max, 256 << 20);
    cr_expect_eq(config->broker.client_results_max, 100000);
    cr_expect_eq(config->broker.peers_max, 10000);
    cr_expect_eq(config->log_level, LOG_INFO);
    cr_expect_eq(config->log_format, LOG_LOGFMT);
    cr_expect_not(config->insecure);
    cr_expect_not(config_has_local_workers(config));
    cr_assert_eq(config->pool_count, 1);
    cr_expect_str_eq(config->pools[0].core.name, "work");
    cr_expect_eq(config->pools[0].core.queued_max, 100000);
    cr_expect_eq(config->pools[0].core.queued_bytes_max, 256 << 20);
    cr_expect_eq(config->pools[0].core.max_attempts, 5);
    cr_expect_eq(config->pools[0].core.workers_wanted, 0);
    cr_expect_str_eq(config->pools[0].python, "python3");
    cr_expect_null(config->pools[0].directory);
    cr_expect_null(config->pools[0].environment[0]);
    config_unload(&config);
    cr_expect_null(config);
}

Test(config, the_cores_own_defaults_are_the_same)
{
    struct config *config = load_good(ONE_POOL);
    struct broker_settings broker;
    struct pool_settings pool;

    broker_settings_init(&broker);
    pool_settings_init(&pool, "work");
    cr_expect_eq(broker.heartbeat_us, config->broker.heartbeat_us);
    cr_expect_eq(broker.heartbeats_missed_max, config->broker.heartbeats_missed_max);
    cr_expect_eq(broker.worker_grace_us, config->broker.worker_grace_us);
    cr_expect_eq(broker.client_retention_us, config->broker.client_retention_us);
    cr_expect_eq(broker.tasks_max, config->broker.tasks_max);
    cr_expect_eq(broker.bytes_max, config->broker.bytes_max);
    cr_expect_eq(broker.client_tasks_max, config->broker.client_tasks_max);
    cr_expect_eq(broker.client_bytes_max, config->broker.client_bytes_max);
    cr_expect_eq(broker.client_results_max, config->broker.client_results_max);
    cr_expect_eq(broker.peers_max, config->broker.peers_max);
    cr_expect_eq(broker.inline_bytes_max, config->broker.inline_bytes_max);
    cr_expect_eq(broker.control_bytes_max, config->broker.control_bytes_max);
    cr_expect_eq(broker.frame_bytes_max, config->broker.frame_bytes_max);
    cr_expect_eq(pool.queued_max, config->pools[0].core.queued_max);
    cr_expect_eq(pool.queued_bytes_max, config->pools[0].core.queued_bytes_max);
    cr_expect_eq(pool.max_attempts, config->pools[0].core.max_attempts);
    cr_expect_eq(pool.workers_wanted, config->pools[0].core.workers_wanted);
    cr_expect_eq(pool.worker_ttl_us, config->pools[0].core.worker_ttl_us);
    cr_expect_eq(pool.worker_max_tasks, config->pools[0].core.worker_max_tasks);
    cr_expect_eq(pool.worker_memory_max, config->pools[0].core.worker_memory_max);
    cr_expect_eq(pool.recycle_jitter_percent, config->pools[0].core.recycle_jitter_percent);
    cr_expect_eq(pool.recycle_parallel, config->pools[0].core.recycle_parallel);
    cr_expect_eq(pool.recycle_first, config->pools[0].core.recycle_first);
    cr_expect_eq(pool.start_timeout_us, config->pools[0].core.start_timeout_us);
    cr_expect_eq(pool.stalled_timeout_us, config->pools[0].core.stalled_timeout_us);
    cr_expect_eq(pool.require_free_threading, config->pools[0].core.require_free_threading);
    cr_expect_eq(pool.when_failed, config->pools[0].core.when_failed);
    cr_expect_eq(pool.circuit_failures, config->pools[0].core.circuit_failures);
    cr_expect_eq(pool.retries, config->pools[0].core.retries);
    cr_expect_eq(pool.retry_delay_us, config->pools[0].core.retry_delay_us);
    cr_expect_eq(pool.retry_delay_max_us, config->pools[0].core.retry_delay_max_us);
    cr_expect_eq(pool.retry_jitter_percent, config->pools[0].core.retry_jitter_percent);
    cr_expect_eq(pool.kills_max, config->pools[0].core.kills_max);
    cr_expect_eq(pool.dead_max, config->pools[0].core.dead_max);
    cr_expect_eq(pool.dead_bytes_max, config->pools[0].core.dead_bytes_max);
    cr_expect_eq(pool.circuit_window_us, config->pools[0].core.circuit_window_us);
    cr_expect_eq(pool.circuit_pause_us, config->pools[0].core.circuit_pause_us);
    cr_expect_eq(pool.when_open, config->pools[0].core.when_open);
    cr_expect_eq(pool.dedup_window_us, config->pools[0].core.dedup_window_us);
    cr_expect_eq(pool.dedup_max, config->pools[0].core.dedup_max);
    cr_expect_eq(pool.dedup_bytes_max, config->pools[0].core.dedup_bytes_max);
    cr_expect_eq(pool.fairness, config->pools[0].core.fairness);
    cr_expect(limit_is_same(&pool.limit, &config->pools[0].core.limit));
    cr_expect(limit_is_same(&pool.key_limit, &config->pools[0].core.key_limit));
    cr_expect_eq(pool.session_ttl_us, config->pools[0].core.session_ttl_us);
    cr_expect_eq(pool.sessions_max, config->pools[0].core.sessions_max);
    cr_expect_eq(pool.session_on_loss, config->pools[0].core.session_on_loss);
    cr_expect_null(broker.default_pool);
    config_unload(&config);
}

Test(config, every_option_of_a_pool_arrives_in_its_field)
{
    struct config *config = load_good("pools = ( { name = \"a\"; }, "
                                      "{ name = \"text\"; workers = 2; app = \"text_tasks:app\"; "
                                      "profile = \"thread\"; threads_per_worker = 8; python = \"python3.11\"; "
                                      "directory = \"/tmp\"; environment = ( \"A=b\", \"C=d e=f\" ); queued_max = 10; "
                                      "queued_bytes_max = \"1MiB\"; max_attempts = 7; } );");
    const struct pool_config *pool = &config->pools[1];

    cr_assert_eq(config->pool_count, 2);
    cr_expect_str_eq(pool->core.name, "text");
    cr_expect_eq(pool->core.workers_wanted, 2);
    cr_expect_str_eq(pool->app, "text_tasks:app");
    cr_expect_eq(pool->profile, PROFILE_THREAD);
    cr_expect_eq(pool->slots, 8);
    cr_expect_str_eq(pool->python, "python3.11");
    cr_expect_str_eq(pool->directory, "/tmp");
    cr_expect_str_eq(pool->environment[0], "A=b");
    cr_expect_str_eq(pool->environment[1], "C=d e=f");
    cr_expect_null(pool->environment[2]);
    cr_expect_eq(pool->core.queued_max, 10);
    cr_expect_eq(pool->core.queued_bytes_max, 1 << 20);
    cr_expect_eq(pool->core.max_attempts, 7);
    cr_expect(config_has_local_workers(config));
    config_unload(&config);
}

Test(config, how_a_pool_tries_again_arrives_in_its_fields)
{
    struct config *config = load_good("pools = ( { name = \"t\"; retries = 3; retry_on = ( \"OSError\", \"lib.Timeout\" ); "
                                      "retry_delay = \"2s\"; retry_delay_max = \"1m\"; retry_jitter = 5; kills_max = 4; "
                                      "dead_max = 7; dead_bytes_max = \"1MiB\"; } );");
    const struct pool_settings *pool = &config->pools[0].core;

    cr_expect_eq(pool->retries, 3);
    cr_expect_str_eq(pool->retry_on[0], "OSError");
    cr_expect_str_eq(pool->retry_on[1], "lib.Timeout");
    cr_expect_null(pool->retry_on[2]);
    cr_expect_eq(pool->retry_delay_us, 2000000);
    cr_expect_eq(pool->retry_delay_max_us, 60000000);
    cr_expect_eq(pool->retry_jitter_percent, 5);
    cr_expect_eq(pool->kills_max, 4);
    cr_expect_eq(pool->dead_max, 7);
    cr_expect_eq(pool->dead_bytes_max, 1048576);
    config_unload(&config);
}

Test(config, a_pools_circuit_and_its_memory_of_results_arrive_in_their_fields)
{
    struct config *config = load_good("pools = ( { name = \"t\"; circuit_failures = 20; circuit_window = \"1m\"; "
                                      "circuit_pause = \"5s\"; when_open = \"refuse\"; dedup_window = \"1h\"; "
                                      "dedup_max = 3; dedup_bytes_max = \"2MiB\"; } );");
    const struct pool_settings *pool = &config->pools[0].core;

    cr_expect_eq(pool->circuit_failures, 20);
    cr_expect_eq(pool->circuit_window_us, 60000000);
    cr_expect_eq(pool->circuit_pause_us, 5000000);
    cr_expect_eq(pool->when_open, WHEN_OPEN_REFUSE);
    cr_expect_eq(pool->dedup_window_us, INT64_C(3600000000));
    cr_expect_eq(pool->dedup_max, 3);
    cr_expect_eq(pool->dedup_bytes_max, 2 << 20);
    config_unload(&config);
}

Test(config, a_pools_sessions_arrive_in_their_fields)
{
    struct config *config = load_good("pools = ( { name = \"t\"; session_ttl = \"1h\"; sessions_max = 7; "
                                      "session_on_loss = \"fail\"; } );");
    const struct pool_settings *pool = &config->pools[0].core;

    cr_expect_eq(pool->session_ttl_us, INT64_C(3600000000));
    cr_expect_eq(pool->sessions_max, 7);
    cr_expect_eq(pool->session_on_loss, SESSION_LOSS_FAIL);
    config_unload(&config);
}

Test(config, who_gets_how_much_of_a_pool_arrives_in_its_fields)
{
    struct config *config = load_good("pools = ( { name = \"t\"; fairness = \"client\"; running_max = 8; rate = \"100/s\"; "
                                      "rate_burst = 20; key_running_max = 2; key_rate = \"6000/h\"; key_rate_burst = 3; } );");
    const struct pool_settings *pool = &config->pools[0].core;
    struct limit_settings limit = {8, {100, 1}, 20}, key_limit = {2, {6000, 3600}, 3};

    cr_expect_eq(pool->fairness, FAIRNESS_CLIENT);
    cr_expect(limit_is_same(&pool->limit, &limit));
    cr_expect(limit_is_same(&pool->key_limit, &key_limit));
    config_unload(&config);
}

Test(config, the_life_of_a_pools_workers_arrives_in_its_fields)
{
    struct config *config = load_good(
        "default_pool = \"t\"; pools = ( { name = \"t\"; workers = 4; app = \"m:a\"; nursery = true; "
        "worker_ttl = \"1h\"; worker_max_tasks = 200; worker_memory_max = \"200MiB\"; recycle_jitter = 50; "
        "recycle_parallel = 2; recycle_first = true; stalled_timeout = \"30s\"; start_timeout = \"5s\"; "
        "startup_batch = 8; startup_delay = \"100ms\"; start_failures_max = 3; start_failures_window = \"10s\"; "
        "when_failed = \"refuse\"; }, { name = \"free\"; workers = 1; app = \"m:a\"; profile = \"thread\"; "
        "threads_per_worker = 4; require_free_threading = true; thread_unsafe = \"refuse\"; } );");
    const struct pool_config *pool = &config->pools[0];

    cr_expect_str_eq(config->broker.default_pool, "t");
    cr_expect_eq(pool->core.worker_ttl_us, INT64_C(3600000000));
    cr_expect_eq(pool->core.worker_max_tasks, 200);
    cr_expect_eq(pool->core.worker_memory_max, 200 << 20);
    cr_expect_eq(pool->core.recycle_jitter_percent, 50);
    cr_expect_eq(pool->core.recycle_parallel, 2);
    cr_expect(pool->core.recycle_first);
    cr_expect_eq(pool->core.stalled_timeout_us, 30000000);
    cr_expect_eq(pool->core.start_timeout_us, 5000000);
    cr_expect_eq(pool->core.when_failed, WHEN_FAILED_REFUSE);
    cr_expect_not(pool->core.require_free_threading);
    cr_expect(pool->nursery);
    cr_expect_eq(pool->startup_batch, 8);
    cr_expect_eq(pool->startup_delay_us, 100000);
    cr_expect_eq(pool->start_failures_max, 3);
    cr_expect_eq(pool->start_failures_window_us, 10000000);
    cr_expect_eq(pool->thread_unsafe, THREAD_UNSAFE_LOCK);
    cr_expect(config->pools[1].core.require_free_threading);
    cr_expect_eq(config->pools[1].thread_unsafe, THREAD_UNSAFE_REFUSE);
    config_unload(&config);
}

Test(config, groups_of_the_top_arrive_in_their_fields)
{
    struct config *config = load_good(
        "insecure = true; io_threads = 4; endpoints = { clients = \"tcp://0.0.0.0:7001\"; workers = \"ipc:///tmp/w\"; "
        "events = \"\"; }; log = { format = \"json\"; level = \"error\"; }; "
        "limits = { tasks_max = 5; bytes_max = \"5000000000B\"; send_queue_max = 77; send_bytes_max = \"1GiB\"; "
        "frame_max = \"1GiB\"; }; timers = { heartbeat = \"250ms\"; link_timeout = \"3s\"; }; "
        "agent = { stop_timeout = \"1s\"; restart_delay = \"20ms\"; restart_delay_max = \"40ms\"; };" ONE_POOL);

    cr_expect(config->insecure);
    cr_expect_eq(config->io_threads, 4);
    cr_expect_str_eq(config->clients_endpoint, "tcp://0.0.0.0:7001");
    cr_expect_str_eq(config->workers_endpoint, "ipc:///tmp/w");
    cr_expect_null(config->events_endpoint);
    cr_expect_eq(config->log_format, LOG_JSON);
    cr_expect_eq(config->log_level, LOG_ERROR);
    cr_expect_eq(config->broker.tasks_max, 5);
    cr_expect_eq(config->broker.bytes_max, UINT64_C(5000000000));
    cr_expect_eq(config->send_queue_max, 77);
    cr_expect_eq(config->send_bytes_max, 1 << 30);
    cr_expect_eq(config->broker.heartbeat_us, 250000);
    cr_expect_eq(config->link_timeout_us, 3000000);
    cr_expect_eq(config->stop_timeout_us, 1000000);
    cr_expect_eq(config->restart_delay_us, 20000);
    cr_expect_eq(config->restart_delay_max_us, 40000);
    config_unload(&config);
}

Test(config, workers_connect_to_the_loopback_address_of_a_wildcard)
{
    static const struct {
        const char *bound, *connected;
    } cases[] = {
        {"tcp://*:7002", "tcp://127.0.0.1:7002"},         {"tcp://0.0.0.0:7002", "tcp://127.0.0.1:7002"},
        {"tcp://[::]:7002", "tcp://[::1]:7002"},          {"tcp://10.1.2.3:7002", "tcp://10.1.2.3:7002"},
        {"tcp://127.0.0.1:7002", "tcp://127.0.0.1:7002"}, {"ipc:///tmp/w", "ipc:///tmp/w"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        char address[128];
        snprintf(text, sizeof(text), "insecure = true; endpoints = { workers = \"%s\"; }; " ONE_POOL, cases[i].bound);
        struct config *config = load_good(text);
        config_worker_address(config, address, sizeof(address));
        cr_expect_str_eq(address, cases[i].connected);
        config_unload(&config);
    }
}

Test(config, relative_paths_are_taken_from_the_directory_of_the_file)
{
    struct config *config = load_good("pools = ( { name = \"a\"; workers = 1; app = \"m:a\"; directory = \".\"; "
                                      "python = \"../bin/sh\"; } );");

    cr_expect_str_eq(config->pools[0].directory, "/tmp/.");
    cr_expect_str_eq(config->pools[0].python, "/tmp/../bin/sh");
    config_unload(&config);
}

/* What is only a warning comes with a usable configuration. */
static void
assert_warning(const char *text, const char *want)
{
    struct config *config = NULL;
    char *report = NULL;

    cr_assert_eq(load_text(text, &config, &report), OK, "%s", report == NULL ? "" : report);
    cr_assert_not_null(report);
    cr_expect_not_null(strstr(report, want), "%s", report);
    free(report);
    config_unload(&config);
}

Test(config, what_is_probably_not_meant_is_a_warning)
{
    assert_warning("pools = ( { name = \"a\"; workers = 1; app = \"m:a\"; directory = \"/nowhere/at/all\"; } );",
                   "pools.a.directory: /nowhere/at/all is not a directory");
    assert_warning("pools = ( { name = \"a\"; workers = 1; app = \"m:a\"; python = \"/nowhere/python\"; } );",
                   "pools.a.python: /nowhere/python is not a program");
    assert_warning("pools = ( { name = \"a\"; workers = 1; app = \"m:a\"; profile = \"thread\"; } );",
                   "pools.a.threads_per_worker: is not set");
    assert_warning("pools = ( { name = \"a\"; python = \"python3\"; } );", "pools.a.python: has no effect");
    assert_warning("pools = ( { name = \"a\"; startup_batch = 4; } );", "pools.a.startup_batch: has no effect");
    assert_warning("pools = ( { name = \"a\"; workers = 1; app = \"m:a\"; startup_delay = \"1s\"; } );",
                   "pools.a.startup_delay: has no effect, since startup_batch = 0");
    assert_warning("pools = ( { name = \"a\"; workers = 1; app = \"m:a\"; thread_unsafe = \"refuse\"; } );",
                   "pools.a.thread_unsafe: has no effect, since a worker of the process profile");
    assert_warning("pools = ( { name = \"a\"; workers = 2; app = \"m:a\"; recycle_parallel = 2; "
                   "recycle_first = true; } );",
                   "pools.a.recycle_parallel: given 2; with recycle_first = true");
}

Test(config, zero_workers_switch_a_pool_with_an_app_off)
{
    struct config *config = load_good("pools = ( { name = \"a\"; workers = 0; app = \"m:a\"; } );");

    cr_expect_not(config_has_local_workers(config));
    config_unload(&config);
}
