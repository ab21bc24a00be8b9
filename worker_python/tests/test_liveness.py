"""A worker whose interpreter is silent: held in C code, or stopped. Nothing is taken from it."""

from __future__ import annotations

import pathlib
import signal
from collections.abc import Iterator

import pytest

import snakepit
from conftest import wait_until
from pit import Broker, Worker

# Heartbeats fifty times as often as usual, and links that are found broken in a second: what a minute is to the
# defaults, three seconds are to these.
QUICK = 'heartbeat = "100ms"; link_heartbeat = "500ms"; link_timeout = "1s";'


@pytest.fixture
def quick_broker(folder: pathlib.Path) -> Iterator[Broker]:
    with Broker(folder, timers=QUICK) as broker:
        yield broker


def state(client: snakepit.Client) -> str:
    workers = client.admin("workers")
    return str(workers[0]["state"]) if workers else "none"


def test_a_task_that_holds_the_gil_makes_its_worker_stalled_and_keeps_it(quick_broker: Broker) -> None:
    arguments = ("--profile", "thread", "--slots", "2")
    with (
        snakepit.Client(quick_broker.clients) as client,
        Worker(quick_broker.workers, *arguments, app="thread_tasks:app") as worker,
    ):
        assert client.call("p", "crowd", 0.0) == 1
        held = client.submit("p", "hold_gil", 3, options=snakepit.Options(info=True))
        wait_until(lambda: state(client) == "stalled", "a worker that is silent")
        waiting = client.submit("p", "gil_enabled")
        assert not waiting.done(), "a stalled worker gets no new task, though it has a free slot"
        assert held.result(30) == "held"
        assert held.info["attempt"] == 1
        wait_until(lambda: state(client) == "ready", "the worker's recovery")
        assert waiting.result(30) is True
        [after] = client.admin("workers")
        assert (after["pid"], after["tasks_done"]) == (worker.pid, 3)
        assert worker.stop() == 0
    assert not any("worker.lost" in line for line in quick_broker.lines)


def test_a_worker_that_is_stopped_is_stalled_and_comes_back(folder: pathlib.Path) -> None:
    with (
        Broker(folder, timers='heartbeat = "100ms";') as broker,  # a link is given up only after seconds
        snakepit.Client(broker.clients) as client,
        Worker(broker.workers, app="thread_tasks:app") as worker,
    ):
        begun, gate = folder / "begun", folder / "gate"
        running = client.submit("p", "wait_for_file", str(begun), str(gate), options=snakepit.Options(info=True))
        wait_until(begun.exists, "the task's begin")
        worker.signal(signal.SIGSTOP)
        wait_until(lambda: state(client) == "stalled", "the stopped worker's silence")
        gate.touch()
        worker.signal(signal.SIGCONT)
        assert running.result(30) == "done"
        assert running.info["attempt"] == 1
        wait_until(lambda: state(client) == "ready", "the worker's return")
        assert worker.stop() == 0
