"""Pauses and jumps of the clock: nobody is given up, nothing runs twice, late answers do not count."""

import os
import signal
import time

import pytest

from broker_process import BrokerProcess, WorkerProcess
from raw_peer import ERROR, HEARTBEAT, RESULT, TASK, RawClient, RawWorker

TIMERS = 'heartbeat = "200ms"; worker_grace = "200ms";'


@pytest.fixture
def broker(tmp_path):
    with BrokerProcess(tmp_path, timers=TIMERS) as process:
        yield process


def test_after_its_own_pause_the_broker_gives_nobody_up(broker):
    """In small what a pause of 30 s is at default settings: the broker stands still for fifteen heartbeats."""
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello()
        client.submit(1, "p", "echo", b"slow")
        task = worker.expect(TASK)
        for _ in range(3):
            broker.signal(signal.SIGSTOP)
            time.sleep(3.0)
            broker.signal(signal.SIGCONT)
            worker.send([HEARTBEAT, {}])
            worker.expect(HEARTBEAT)
        worker.send([RESULT, task[1], b"done"])
        assert client.expect(RESULT)[2] == b"done"
        pool = client.admin("pools", pool="p")[0]
    assert (pool["requeued"], pool["succeeded"]) == (0, 1)
    log = "\n".join(broker.log)
    assert "worker.lost" not in log
    assert "worker.stalled" not in log


def test_an_answer_that_comes_after_the_grace_is_stale_and_the_task_ends_once(broker):
    with RawClient(broker.clients) as client, WorkerProcess(broker.workers) as late:
        client.submit(1, "p", "hang")
        late.expect("hang")
        [old] = client.admin("worker", worker=client.admin("workers")[0]["id"])["leases"]
        late.kill()
        broker.wait_for_log("worker.lost")
        with RawWorker(broker.workers) as heir, RawWorker(broker.workers) as ghost:
            heir.hello()
            task = heir.expect(TASK)
            assert task[2] == 2
            # It says what the lost one would have said, over a connection and a session of its own.
            ghost.hello(slots=1, leases=[old["fence"]])
            ghost.send([RESULT, old["fence"], b"late"])
            assert ghost.expect(ERROR)[2] == "stale"
            heir.send([RESULT, task[1], b"in time"])
            assert client.expect(RESULT)[2] == b"in time"
            client.expect_nothing(0.3)
        assert client.admin("status")["stale"] == 1


def test_jumps_of_the_wall_clock_by_a_year_change_nothing(tmp_path, tmp_path_factory):
    jumping = tmp_path_factory.mktemp("clock") / "jumps"

    def preload():
        os.environ.update(LD_PRELOAD=os.environ["SHIFT_CLOCK_LIBRARY"], SHIFT_CLOCK=str(jumping))
        # A broker with the address sanitizer wants its runtime to be the first library, and need not have it so.
        os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"

    if "SHIFT_CLOCK_LIBRARY" not in os.environ:
        pytest.skip("the library that moves the clock was not built")
    environment = dict(os.environ)
    try:
        preload()
        process = BrokerProcess(tmp_path, timers="heartbeat = \"1s\";")
    finally:
        os.environ.clear()
        os.environ.update(environment)
    with process as broker, RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello()
        client.submit(1, "p", "echo", b"slow")
        running = worker.expect(TASK)
        jumping.touch()
        client.submit(2, "p", "echo", b"delayed", delay_ms=600)
        client.submit(3, "p", "echo", b"hurried", deadline_ms=600)
        began = time.monotonic()
        error = client.expect(ERROR)
        assert (error[1], error[2]) == (3, "expired")
        assert 0.5 < time.monotonic() - began < 1.5
        for _ in range(8):
            time.sleep(0.1)
            worker.send([HEARTBEAT, {}])
            worker.expect(HEARTBEAT)
        assert client.admin("ping")["uptime_seconds"] < 60
        worker.send([RESULT, running[1], b"done"])
        assert client.expect(RESULT)[1] == 1
        assert worker.expect(TASK)[4] == b"delayed"
        log = "\n".join(broker.log)
    assert "worker.lost" not in log
    assert "worker.stalled" not in log
    years = {line.removeprefix("time=")[:4] for line in log.splitlines()}
    assert len(years) > 1, "the clock did not jump"
