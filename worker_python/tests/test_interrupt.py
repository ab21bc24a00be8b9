"""Interrupting tasks: the exception comes up in the task, or not at all."""

from __future__ import annotations

import pathlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import snakepit
from conftest import built_program, wait_until
from pit import Broker, Worker
from snakepit import Options, TaskCancelled
from snakepit.interrupt import Interruptible
from snakepit.message import Error, Result, Task
from snakepit.perform import perform
from snakepit.task import RunningTask

needs_broker = pytest.mark.skipif(built_program("snakepitd") is None, reason="no snakepitd here")
app = snakepit.App("interrupted")
has_begun = threading.Event()


@app.task
def spin() -> None:
    has_begun.set()
    number = 0
    while True:
        number += 1


@app.task
def swallow() -> str:
    has_begun.set()
    try:
        while True:
            time.sleep(0.001)
    except TaskCancelled:
        return "in good order"


@app.task
def be_quick() -> int:
    return 1


def perform_in_thread(function: str, count: int = 1) -> tuple[threading.Thread, list[RunningTask], list[Any]]:
    """Run a task `count` times in one thread."""
    has_begun.clear()
    tasks = [RunningTask(Task(fence, 1, function, b"\x90"), 0.0) for fence in range(1, count + 1)]
    answers: list[Any] = []

    def run() -> None:
        for running in tasks:
            answers.append(perform(app, app.tasks[function], running, lambda chunk, **_: True))

    thread = threading.Thread(target=run)
    thread.start()
    return thread, tasks, answers


def test_a_loop_ends_and_says_where_it_was() -> None:
    thread, (running,), answers = perform_in_thread("spin")
    assert has_begun.wait(10)
    running.interrupt()
    thread.join(10)
    (answer,) = answers
    assert isinstance(answer, Error) and answer.code == "cancelled"
    assert "spin" in answer.details["traceback"]


def test_a_task_may_take_it_and_end_in_good_order() -> None:
    thread, (running,), answers = perform_in_thread("swallow")
    assert has_begun.wait(10)
    running.interrupt()
    running.interrupt()
    thread.join(10)
    (answer,) = answers
    assert isinstance(answer, Result), "the second time finds nothing to interrupt"


def test_a_task_that_was_asked_to_end_before_it_began_does_not_begin() -> None:
    running = RunningTask(Task(1, 1, "spin", b"\x90"), 0.0)
    running.cancel()
    answer = perform(app, app.tasks["spin"], running, lambda chunk, **_: True)
    assert isinstance(answer, Error) and answer.code == "cancelled"


def test_an_exception_never_reaches_the_next_task_of_the_thread() -> None:
    """Tasks end at every moment of their interruption; whatever becomes of each, the thread goes on."""
    count = 20_000
    thread, tasks, answers = perform_in_thread("be_quick", count)
    while len(answers) < count and thread.is_alive():
        index = len(answers)
        if index < count:
            tasks[index].interrupt()
    thread.join(60)
    assert not thread.is_alive() and len(answers) == count
    interrupted = 0
    for running, answer in zip(tasks, answers, strict=True):
        if isinstance(answer, Error):
            assert running.is_interrupted, "only what was interrupted ends so"
            interrupted += 1
    assert interrupted > 0


def test_what_has_left_is_not_interrupted() -> None:
    place = Interruptible()
    place.leave()
    assert not place.interrupt()


# --- with a broker ---


@pytest.fixture
def broker(folder: pathlib.Path) -> Iterator[Broker]:
    with Broker(folder, pool='cancel_grace = "200ms"; cancel_kill_grace = "300ms";') as process:
        yield process


@pytest.fixture
def client(broker: Broker) -> Iterator[snakepit.Client]:
    with snakepit.Client(broker.clients) as one:
        yield one


@needs_broker
def test_a_sleep_of_the_main_thread_is_interrupted(
    broker: Broker, client: snakepit.Client, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "state"
    with Worker(broker.workers):
        began = time.monotonic()
        future = client.submit("p", "sleep_in_c", str(path), 600)
        wait_until(lambda: path.exists() and path.read_text() == "asleep", "the task sleeps")
        future.cancel()
        with pytest.raises(TaskCancelled):
            future.result(20)
        assert path.read_text() == "interrupted"
        assert time.monotonic() - began < 20
        assert client.call("p", "square", 3, timeout=20) == 9


@needs_broker
def test_a_worker_without_an_agent_ends_for_a_task_that_does_not(
    broker: Broker, client: snakepit.Client, tmp_path: pathlib.Path
) -> None:
    with Worker(broker.workers) as worker:
        future = client.submit("p", "shrug_off", str(tmp_path / "begun"))
        wait_until((tmp_path / "begun").exists, "the task has begun")
        future.cancel()
        assert worker.wait() != 0
        with pytest.raises(TaskCancelled):
            future.result(20)


@needs_broker
def test_a_task_knows_how_long_it_may_run_and_so_do_those_that_it_calls(
    broker: Broker, client: snakepit.Client
) -> None:
    with Worker(broker.workers, "--slots", "2", "--profile", "thread"):
        left, remaining = client.call("p", "limits", options=Options(run_seconds=5), timeout=20)
        assert 0 < left <= 5 and 0 < remaining <= 5
        _, remaining = client.call("p", "limits", options=Options(run_seconds=50, deadline_seconds=4), timeout=20)
        assert 0 < remaining <= 4
        _, remaining = client.call("p", "relay", "p", "limits", options=Options(deadline_seconds=6), timeout=20)
        assert 0 < remaining <= 6, "a nested call inherits the deadline"
        assert client.call("p", "limits", timeout=20) == [None, None]
