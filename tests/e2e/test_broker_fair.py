"""Who shares a pool, and its limits: fair keys, clients, how much runs and how fast it starts."""

import signal
import time

from broker_process import BrokerProcess, config_text
from raw_peer import ACCEPTED, CANCEL, ERROR, RESULT, SUBMIT, TASK, RawClient, RawWorker

FLOOD = 10_000
BATCH = 1_000


def start(folder, pool):
    """A broker with the pool p, which has these options. Its workers are the test's own."""
    return BrokerProcess(folder, arguments=["--no-agent"], log_level="info", pools=(f'{{ name = "p"; {pool} }}',))


def flood(client, count, function="flood", **options):
    """Submit so many tasks, and return when the last one was accepted."""
    for first in range(0, count, BATCH):
        last = min(first + BATCH, count)
        client.send(*[[SUBMIT, number, "p", function, b"\x90", {**options, "ack": number == count - 1}]
                      for number in range(first, last)])
    client.expect(ACCEPTED)


def serve(worker, count):
    """Answer so many tasks, one at a time; the functions in the order in which they came."""
    functions = []
    for _ in range(count):
        task = worker.expect(TASK)
        functions.append(task[3])
        worker.send([RESULT, task[1], b"\xc0"])
    return functions


# --- turns -----------------------------------------------------------------------------------------------------------


def test_a_client_s_flood_lets_the_single_task_of_another_wait_for_one_round(folder):
    with (start(folder, 'fairness = "client";') as broker, RawClient(broker.clients) as many,
          RawClient(broker.clients) as one, RawWorker(broker.workers) as worker):
        many.hello()
        one.hello()
        flood(many, FLOOD)
        worker.hello()
        serve(worker, 100)
        running = worker.expect(TASK)  # while it runs, the other client comes
        one.submit(1, "p", "single", ack=True)
        one.expect(ACCEPTED)
        worker.send([RESULT, running[1], b"\xc0"])
        assert "single" in serve(worker, 2)
        assert one.expect(RESULT)[1] == 1
        assert one.admin("pools", pool="p")[0]["queued"] > FLOOD - 200


def test_without_fairness_it_waits_for_the_whole_flood(folder):
    with (start(folder, "") as broker, RawClient(broker.clients) as many, RawClient(broker.clients) as one,
          RawWorker(broker.workers) as worker):
        flood(many, 500)
        one.submit(1, "p", "single", ack=True)
        one.expect(ACCEPTED)
        worker.hello()
        assert serve(worker, 501).index("single") == 500


def test_keys_get_equal_shares(folder):
    with start(folder, "") as broker, RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        for key, count in (("a", 3000), ("b", 600), ("c", 300)):
            client.hello()  # each time a new session, with ids of its own
            flood(client, count, function=key, fair_key=key)
        worker.hello()
        served = serve(worker, 900)
        assert all(abs(served.count(key) - 300) <= 1 for key in "abc")


# --- limits ----------------------------------------------------------------------------------------------------------


def test_no_more_than_running_max_run_and_a_cancelled_task_counts_until_it_has_ended(folder):
    with (start(folder, "running_max = 2;") as broker, RawClient(broker.clients) as client,
          RawWorker(broker.workers) as worker):
        worker.hello(slots=8)
        flood(client, 5)
        first = worker.expect(TASK)
        worker.expect(TASK)
        worker.expect_nothing(0.2)
        why = client.admin("explain", pool="p")
        assert why["cause"] == "running_max" and "its running_max is 2" in why["text"]
        client.send([CANCEL, 0])
        assert worker.expect(CANCEL)[1] == first[1]
        worker.expect_nothing(0.2)
        worker.send([ERROR, first[1], "cancelled", "asked"])
        worker.expect(TASK)
        assert client.admin("pools", pool="p")[0]["slots_busy"] == 2


def take_time(folder, pool, count, **options):
    with start(folder, pool) as broker, RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello(slots=100)
        began = time.monotonic()
        flood(client, count, **options)
        serve(worker, count)
        return time.monotonic() - began


def test_tasks_start_at_the_pool_s_rate(folder):
    # 20 at once, then 100 in a second; the first token comes after those 20 were taken.
    assert take_time(folder, 'rate = "100/s"; rate_burst = 20;', 120) >= 0.99


def test_a_fast_rate_is_reached(folder):
    # Without rate_burst, 500 may start at once, so that a broker that sleeps for a millisecond loses nothing.
    seconds = take_time(folder, 'rate = "5000/s";', 5500)
    assert 0.99 <= seconds < 5


def test_each_key_has_its_own_rate(folder):
    with (start(folder, 'key_rate = "6000/m"; key_rate_burst = 1;') as broker, RawClient(broker.clients) as client,
          RawWorker(broker.workers) as worker):
        worker.hello(slots=100)
        began = time.monotonic()
        client.send(*[[SUBMIT, number, "p", "ab"[number % 2], b"\x90", {"fair_key": "ab"[number % 2]}]
                      for number in range(102)])  # fmt: skip
        serve(worker, 102)
        assert 0.49 <= time.monotonic() - began < 5


def test_a_limited_key_says_so_and_lets_others_pass(folder):
    with (start(folder, 'key_running_max = 1; key_rate = "1/h";') as broker, RawClient(broker.clients) as client,
          RawWorker(broker.workers) as worker):
        worker.hello(slots=8)
        client.submit(1, "p", "a", fair_key="a")
        fence = worker.expect(TASK)[1]
        client.submit(2, "p", "a", fair_key="a", ack=True)
        task = client.expect(ACCEPTED)[2]
        why = client.admin("explain", task=task)
        assert (why["cause"], why["limit"], why["due_seconds"]) == ("key_limited", "key_running_max", 0)
        assert client.admin("explain", pool="p")["cause"] == "key_limited"
        client.submit(3, "p", "b", fair_key="b")
        assert worker.expect(TASK)[3] == "b"
        worker.send([RESULT, fence, b"\xc0"])
        client.expect(RESULT)
        why = client.admin("explain", task=task)
        assert (why["cause"], why["limit"]) == ("key_limited", "key_rate") and 3500 < why["due_seconds"] <= 3600
        assert "its key is at the key_rate of pool p, 1/h; the next task may start in" in why["text"]
        shown = client.admin("inspect", pool="p")[0]
        assert (shown["keys"], shown["key_running_max"], shown["key_rate"], shown["rate"]) == (2, 1, "1/h", "0/s")


def test_a_reload_that_raises_a_limit_lets_tasks_go_at_once(folder):
    with (start(folder, "running_max = 1;") as broker, RawClient(broker.clients) as client,
          RawWorker(broker.workers) as worker):
        worker.hello(slots=8)
        flood(client, 5)
        worker.expect(TASK)
        worker.expect_nothing(0.1)
        pool = '{ name = "p"; running_max = 3; rate = "1000000/s"; }'
        broker.config.write_text(config_text(broker.addresses, log_level="info", pools=(pool,)))
        broker.signal(signal.SIGHUP)
        assert "pools.p.running_max = 3 (was 1)" in broker.wait_for_log("config.reloaded")
        worker.expect(TASK)
        worker.expect(TASK)
        worker.expect_nothing(0.1)
