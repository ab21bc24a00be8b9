"""The admin calls that say how busy pools are, what to change, and why something waits."""

import time

from raw_peer import DRAINING, ERROR, RESULT, TASK, RawClient, RawWorker

LATENCY = set("count mean_seconds p50_seconds p90_seconds p99_seconds p999_seconds max_seconds".split())
LOAD = set("span_seconds accepted dispatched answered accepted_per_second answered_per_second utilisation saturation "
           "busy_mean queued_mean queued_max wait run".split())


def inspect(client):
    pool, = client.admin("inspect", pool="p")
    return pool


def test_stats_count_and_time_what_was_run(broker):
    with RawWorker(broker.workers) as worker, RawClient(broker.clients) as client:
        worker.hello(slots=2)
        for task in range(20):
            client.submit(task, "p", "f")
        worker.serve_echo(20)
        for _ in range(20):
            client.expect(RESULT)
        stats, = client.admin("stats", pool="p")
        assert stats["name"] == "p" and stats["succeeded"] == 20
        for load in (stats["total"], stats["recent"]):
            assert load.keys() == LOAD
            assert (load["accepted"], load["dispatched"], load["answered"]) == (20, 20, 20)
            assert 0 < load["utilisation"] <= 1 and 0 <= load["saturation"] <= 1
            assert load["queued_max"] >= 1
            for latency in (load["wait"], load["run"]):
                assert latency.keys() == LATENCY and latency["count"] == 20
                assert 0 <= latency["p50_seconds"] <= latency["p99_seconds"] <= latency["max_seconds"] < 10
        assert client.admin("stats")[0].keys() == stats.keys()


def test_a_pool_without_slots_has_no_utilisation(broker):
    with RawClient(broker.clients) as client:
        assert inspect(client)["recent"]["utilisation"] is None
        assert inspect(client)["recommendations"] == []


def test_inspect_recommends_with_reasons(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.submit(1, "p", "f")
        advice, = inspect(client)["recommendations"]
        assert advice.keys() == {"code", "severity", "action", "reason"}
        assert (advice["code"], advice["severity"]) == ("no_workers", "critical")
        assert "tasks that wait: 1" in advice["reason"]
        worker.hello(slots=4, profile="thread", gil_enabled=True)
        pool = inspect(client)
        assert {advice["code"] for advice in pool["recommendations"]} == {"threads_with_gil", "one_process"}
        assert (pool["workers_ready"], pool["workers_stalled"], pool["slots"]) == (1, 0, 4)


def test_inspect_shows_the_memory_of_workers(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as one, RawWorker(broker.workers) as other:
        for worker, size in ((one, 50 << 20), (other, 150 << 20)):
            worker.hello()
            worker.send([4, {"rss_bytes": size}])
            worker.expect(4)
        memory = inspect(client)["memory"]
        assert (memory["workers"], memory["total_bytes"]) == (2, 200 << 20)
        assert (memory["min_bytes"], memory["mean_bytes"], memory["max_bytes"]) == (50 << 20, 100 << 20, 150 << 20)


def test_one_worker_shows_what_it_holds(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello(slots=2, name="w")
        client.submit(1, "p", "slow")
        fence = worker.expect(TASK)[1]
        shown = client.admin("worker", worker=worker.session)
        assert (shown["id"], shown["name"], shown["busy"]) == (worker.session, "w", 1)
        assert shown["heard_seconds"] < 10
        lease, = shown["leases"]
        assert (lease["fence"], lease["function"], lease["attempt"]) == (fence, "slow", 1)
        assert client.admin("worker", worker=worker.session + 1)[2] == "not_found"
        assert client.admin("worker")[2] == "bad_field"


def test_explain_says_why(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        assert client.admin("explain", pool="p")["cause"] == "nothing_waits"
        client.submit(1, "p", "f", ack=True)
        task = client.expect(9)[2]
        why = client.admin("explain", task=task)
        assert why["cause"] == "no_worker" and "no worker of pool p" in why["text"]
        worker.hello()
        worker.expect(TASK)
        why = client.admin("explain", task=task)
        assert why["cause"] == "running" and f"worker {worker.session}" in why["text"]
        client.submit(2, "p", "g", priority=1)
        client.submit(3, "p", "h")
        client.submit(4, "p", "later", delay_ms=60000)
        why = client.admin("explain", task=task + 1)
        assert (why["cause"], why["ahead"], why["slots_busy"]) == ("all_busy", 1, 1)
        assert why["oldest"]["task"] == task and f"task {task} (f)" in why["text"]
        assert "1 task of higher or equal priority goes before it" in why["text"]
        assert client.admin("explain", pool="p")["task"]["function"] == "h"
        why = client.admin("explain", task=task + 3)
        assert why["cause"] == "delayed" and 0 < why["due_seconds"] <= 60
        client.admin("drain", pool="p")
        worker.send([DRAINING])
        until = time.monotonic() + 10
        while (why := client.admin("explain", task=task + 1))["cause"] != "no_usable_worker":
            assert time.monotonic() < until
        assert "1 draining" in why["text"] and "refuses new tasks" in why["text"]


def test_explain_knows_how_kept_tasks_ended_and_what_it_does_not_know(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.hello()
        worker.hello()
        client.submit(1, "p", "f")
        worker.send([ERROR, worker.expect(TASK)[1], "failed", "no"])
        client.expect(ERROR)
        why = client.admin("explain", task=1)
        assert (why["cause"], why["final"]) == ("final", "failed")
        assert client.admin("explain", task=99)[2] == "not_found"
        assert client.admin("explain", pool="q")[2] == "no_such_pool"
        assert client.admin("explain")[2] == "bad_field"


def test_a_wait_for_workers_that_ends_says_what_was_missing(broker):
    with RawClient(broker.clients) as client:
        answer = client.admin("await_ready", pool="p", workers=3, timeout_ms=50)
        assert answer[2] == "expired" and "pool p has 0 of 3" in answer[3]
