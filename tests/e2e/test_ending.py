"""Tasks that do not want to end, in real workers that an agent keeps: asked, interrupted, killed with their process."""

import sys
import time
from pathlib import Path

import pytest

from broker_process import BOUND_SECONDS, BrokerProcess
from subscriber import Subscriber

SOURCE = Path(__file__).parents[2] / "worker_python" / "src"
sys.path.insert(0, str(SOURCE))

from snakepit import Client, Options, TaskCancelled, TaskExpired, TaskTimedOut  # noqa: E402

APP = """
import ctypes, os, time
import snakepit

app = snakepit.App()
log = open({log!r}, "a", buffering=1)


@app.task
def spin(mark):
    log.write(mark + "\\n")
    number = 0
    while True:
        number += 1


@app.task
def hold_the_gil(mark, seconds):
    log.write(mark + "\\n")
    ctypes.PyDLL(None).sleep(seconds)
    return "woke"


@app.task
def shrug(mark):
    log.write(mark + "\\n")
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass


@app.task
def whoami():
    return os.getpid()
"""
GRACES = 'cancel_grace = "300ms"; cancel_kill_grace = "300ms"; '


class Pit:
    def __init__(self, folder, app, more="", workers=1):
        self.log = app / "begun"
        pool = (f'{{ name = "p"; workers = {workers}; app = "e2e_ending:app"; python = "{sys.executable}";'
                f' directory = "{app}"; environment = ( "PYTHONPATH={SOURCE}", "PYTHONDONTWRITEBYTECODE=1" );'
                f' {GRACES} {more} }}')
        self.broker = BrokerProcess(folder, pools=[pool], log_level="info")

    def __enter__(self):
        self.broker.__enter__()
        self.client = Client(self.broker.clients)
        self.client.await_ready("p", timeout=BOUND_SECONDS)
        return self

    def __exit__(self, *error):
        self.client.close()
        self.broker.__exit__(*error)

    def wait_for(self, mark):
        """Until the task that writes it has begun."""
        until = time.monotonic() + BOUND_SECONDS
        while not self.log.exists() or mark not in self.log.read_text().split():
            assert time.monotonic() < until, f"{mark} never began"
            time.sleep(0.01)

    def pool(self):
        return self.client.admin("pools", pool="p")[0]


@pytest.fixture
def app(tmp_path):
    (tmp_path / "e2e_ending.py").write_text(APP.format(log=str(tmp_path / "begun")))
    return tmp_path


def test_a_loop_that_looks_at_nothing_is_interrupted_and_its_worker_goes_on(folder, app):
    with Pit(folder, app) as pit:
        before = pit.client.call("p", "whoami", timeout=BOUND_SECONDS)
        future = pit.client.submit("p", "spin", "one")
        pit.wait_for("one")
        future.cancel()
        with pytest.raises(TaskCancelled) as caught:
            future.result(BOUND_SECONDS)
        assert "number += 1" in caught.value.details["traceback"] or "while True" in caught.value.details["traceback"]
        assert pit.client.call("p", "whoami", timeout=BOUND_SECONDS) == before


def test_a_task_in_c_is_killed_with_its_process_and_what_waits_runs_in_the_next_one(folder, app):
    with Pit(folder, app) as pit, Subscriber(pit.broker, "task.") as events:
        before = pit.client.call("p", "whoami", timeout=BOUND_SECONDS)
        future = pit.client.submit("p", "hold_the_gil", "one", 600)
        pit.wait_for("one")
        queued = pit.client.submit("p", "whoami")
        future.cancel()
        time.sleep(0.2)
        assert pit.pool()["slots_busy"] == 1 and not queued.done()
        event = events.expect("task.cancel_ignored", pool="p", reason="its process is ended")
        assert event["run_seconds"] >= 0.6
        with pytest.raises(TaskCancelled):
            future.result(BOUND_SECONDS)
        assert queued.result(BOUND_SECONDS) != before
        pool = pit.pool()
        assert (pool["requeued"], pool["dead"], pool["cancelled"]) == (0, 0, 1)
        assert pool["recycled"]["cancel"] == 1


def test_a_run_time_limit_ends_a_task_in_the_same_way(folder, app):
    with Pit(folder, app) as pit:
        began = time.monotonic()
        with pytest.raises(TaskTimedOut, match="longer than it may, 500 ms"):
            pit.client.call("p", "spin", "one", options=Options(run_seconds=0.5), timeout=BOUND_SECONDS)
        assert time.monotonic() - began >= 0.5
        before = pit.client.call("p", "whoami", timeout=BOUND_SECONDS)
        with pytest.raises(TaskTimedOut):
            pit.client.call("p", "hold_the_gil", "two", 600, options=Options(run_seconds=0.5), timeout=BOUND_SECONDS)
        assert pit.client.call("p", "whoami", timeout=BOUND_SECONDS) != before
        assert pit.pool()["failed"] == 2


def test_a_task_past_its_deadline_gives_its_slot_back(folder, app):
    with Pit(folder, app) as pit:
        began = time.monotonic()
        with pytest.raises(TaskExpired):
            pit.client.call("p", "spin", "one", options=Options(deadline_seconds=0.5), timeout=BOUND_SECONDS)
        assert 0.5 <= time.monotonic() - began < 5
        pit.client.call("p", "whoami", timeout=BOUND_SECONDS)


def test_in_threads_the_neighbours_live_and_the_task_keeps_its_slot(folder, app):
    more = 'profile = "thread"; threads_per_worker = 3;'
    with Pit(folder, app, more) as pit, Subscriber(pit.broker, "task.") as events:
        before = pit.client.call("p", "whoami", timeout=BOUND_SECONDS)
        stubborn = pit.client.submit("p", "shrug", "stubborn")
        neighbour = pit.client.submit("p", "spin", "neighbour")
        pit.wait_for("stubborn")
        pit.wait_for("neighbour")
        stubborn.cancel()
        events.expect("task.cancel_ignored", pool="p")
        with pytest.raises(TaskCancelled):
            stubborn.result(BOUND_SECONDS)
        assert not neighbour.done()
        assert pit.pool()["slots_busy"] == 2
        assert pit.client.call("p", "whoami", timeout=BOUND_SECONDS) == before
        neighbour.cancel()
        with pytest.raises(TaskCancelled):
            neighbour.result(BOUND_SECONDS)
        assert pit.client.call("p", "whoami", timeout=BOUND_SECONDS) == before
