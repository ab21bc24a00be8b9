"""What a task can do beside its work: progress, calls of other tasks, with a real broker and in a LocalPit."""

from __future__ import annotations

import asyncio
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

import snakepit
from conftest import wait_until
from pit import Broker, Worker
from snakepit import Options, Progress
from snakepit.errors import SnakepitError
from snakepit.home import WorkerHome, inherit, reachable
from snakepit.message import Task
from snakepit.task import RunningTask
from snakepit.testing import LocalPit


@pytest.fixture
def neighbour(broker: Broker) -> Iterator[Worker]:
    """A worker of the pool `q`."""
    with Worker(broker.workers, pool="q") as process:
        yield process


# --- progress ---------------------------------------------------------------------------------------------------------


def test_progress_comes_to_the_one_who_asked(client: Any, worker: Worker) -> None:
    told: list[Progress] = []
    assert client.call("p", "advance", 5, options=Options(progress=told.append), timeout=20) == "done"
    assert told[0] == Progress(0, 5, "step 0")
    assert told[-1] == Progress(5, 5, "step 5")
    assert len(told) == 2  # the steps between came within a tenth of a second


def test_progress_is_read_from_the_future(client: Any, worker: Worker) -> None:
    future = client.submit("p", "advance", 5, options=Options(progress=True))
    assert future.result(20) == "done"
    assert future.progress == Progress(5, 5, "step 5")
    late: list[Progress] = []
    future.on_progress(late.append)
    assert late == [future.progress]


def test_nobody_is_told_who_did_not_ask(client: Any, worker: Worker) -> None:
    future = client.submit("p", "advance", 5)
    assert future.result(20) == "done"
    assert future.progress is None


def test_progress_beside_a_generator_leaves_its_items_as_they_are(client: Any, worker: Worker) -> None:
    told: list[Progress] = []
    options = Options(progress=told.append)
    assert client.call("p", "advance_items", 4, options=options, timeout=20) == [0, 1, 2, 3]
    assert told[-1] == Progress(4, 4)
    told.clear()
    assert list(client.stream("p", "advance_items", 4, options=options, timeout=20)) == [0, 1, 2, 3]
    assert told[-1] == Progress(4, 4)
    assert list(client.stream("p", "advance_items", 4, timeout=20)) == [0, 1, 2, 3]


def test_progress_in_asyncio(broker: Broker, worker: Worker) -> None:
    async def main() -> None:
        told: list[Progress] = []
        async with snakepit.aio.Client(broker.clients) as pit:
            options = Options(progress=told.append)
            handle = await pit.submit("p", "advance", 3, options=options)
            assert await handle == "done"
            await asyncio.sleep(0)
            assert (handle.progress, told[-1]) == (Progress(3, 3, "step 3"), Progress(3, 3, "step 3"))
            told.clear()
            assert [n async for n in pit.stream("p", "advance_items", 3, options=options)] == [0, 1, 2]
            assert told[-1] == Progress(3, 3)

    asyncio.run(main())


def test_a_progress_callback_that_raises_harms_nobody(client: Any, worker: Worker) -> None:
    options = Options(progress=lambda progress: 1 / 0)
    assert client.call("p", "advance", 5, options=options, timeout=20) == "done"


# --- calls of other pools ---------------------------------------------------------------------------------------------


def test_a_task_calls_a_task_of_another_pool(client: Any, worker: Worker, neighbour: Worker) -> None:
    assert client.call("p", "relay", "q", "square", 7, timeout=20) == 49
    assert client.call("p", "relay_async", "q", "square", 8, timeout=20) == 64


def test_an_error_of_the_other_task_is_the_error_of_the_call(client: Any, worker: Worker, neighbour: Worker) -> None:
    with pytest.raises(snakepit.TaskError, match="ValueError: broken") as error:
        client.call("p", "relay", "q", "fail", "broken", timeout=20)
    assert error.value.remote_type == "snakepit.errors.TaskError"


def test_a_child_gets_headers_and_what_is_left_of_the_deadline(client: Any, worker: Worker, neighbour: Worker) -> None:
    options = Options(headers={"traceparent": "00-1-2-01"}, deadline_seconds=15)
    child = client.call("p", "relay", "q", "context", options=options, timeout=20)
    assert (child["pool"], child["headers"]) == ("q", {"traceparent": "00-1-2-01"})
    assert 5 < child["remaining_seconds"] < 15
    assert child["session"] == client.admin("workers", pool="q")[0]["id"]


def test_a_cancelled_task_cancels_the_tasks_that_it_waits_for(
    client: Any, worker: Worker, neighbour: Worker, folder: pathlib.Path
) -> None:
    future = client.submit("p", "relay", "q", "wait_for_cancel", str(folder / "begun"))
    wait_until((folder / "begun").exists, "the child's start")
    future.cancel()
    with pytest.raises(snakepit.TaskCancelled):
        future.result(20)
    assert client.call("q", "square", 2, timeout=20) == 4  # the child has ended, too


def test_what_a_task_started_runs_after_its_end(
    client: Any, broker: Broker, neighbour: Worker, folder: pathlib.Path
) -> None:
    with Worker(broker.workers) as worker:
        (folder / "end").touch()
        assert client.call(
            "p", "start_another", "q", "wait_for_file", str(folder / "ran"), str(folder / "end"), timeout=20
        )
        assert worker.stop() == 0
    wait_until((folder / "ran").exists, "the child's start")


def test_a_fork_of_a_task_gets_a_client_of_its_own(client: Any, worker: Worker, neighbour: Worker) -> None:
    assert client.call("p", "relay_in_fork", "q", timeout=30) == 81


def test_a_call_to_the_own_pool_that_would_hang_is_refused(client: Any, worker: Worker) -> None:
    with pytest.raises(snakepit.TaskError, match="would wait for ever") as error:
        client.call("p", "relay", "p", "square", 2, timeout=20)
    assert error.value.remote_type == "snakepit.errors.NestedCallWouldHang"


def test_a_call_to_the_own_pool_runs_where_there_is_a_place(client: Any, broker: Broker, worker: Worker) -> None:
    with Worker(broker.workers):
        client.admin("await_ready", pool="p", workers=2, timeout_ms=20000)
        assert client.call("p", "relay", "p", "square", 2, timeout=20) == 4


def test_a_coroutine_calls_its_own_pool_in_the_same_worker(client: Any, broker: Broker) -> None:
    with Worker(broker.workers, "--slots", "2"):
        client.admin("await_ready", pool="p", workers=1, timeout_ms=20000)
        assert client.call("p", "relay_async", "p", "square", 3, timeout=20) == 9


def test_a_blocking_call_in_a_coroutine_is_refused(client: Any, worker: Worker, neighbour: Worker) -> None:
    with pytest.raises(snakepit.TaskError, match=r"await call_async"):
        client.call("p", "block_the_loop", "q", timeout=20)


# --- the parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clients", "connected", "reached"),
    [
        ("tcp://*:5570", "tcp://pit.example:5571", "tcp://pit.example:5570"),
        ("tcp://0.0.0.0:5570", "tcp://10.0.0.5:5571", "tcp://10.0.0.5:5570"),
        ("tcp://[::]:5570", "tcp://[fe80::1]:5571", "tcp://[fe80::1]:5570"),
        ("tcp://127.0.0.1:5570", "tcp://pit.example:5571", "tcp://pit.example:5570"),
        ("tcp://127.0.0.1:5570", "tcp://127.0.0.1:5571", "tcp://127.0.0.1:5570"),
        ("tcp://10.0.0.7:5570", "tcp://10.0.0.5:5571", "tcp://10.0.0.7:5570"),
        ("tcp://*:5570", "tcp://eth0;pit.example:5571", "tcp://pit.example:5570"),
        ("ipc:///run/clients", "ipc:///run/workers", "ipc:///run/clients"),
        ("", "tcp://10.0.0.5:5571", ""),
    ],
)
def test_the_clients_endpoint_is_named_as_it_is_reached_from_here(clients: str, connected: str, reached: str) -> None:
    assert reachable(clients, connected) == reached


def test_the_environment_names_the_endpoint_before_the_broker_does(monkeypatch: pytest.MonkeyPatch) -> None:
    home = WorkerHome("p", "tcp://10.0.0.5:5571")
    with pytest.raises(SnakepitError, match="SNAKEPIT_CLIENTS"):
        home.endpoint()
    home.welcomed(1, "tcp://*:5570")
    assert home.endpoint() == "tcp://10.0.0.5:5570"
    monkeypatch.setenv("SNAKEPIT_CLIENTS", "tcp://other:1")
    assert home.endpoint() == "tcp://other:1"


def test_a_child_keeps_the_shorter_of_two_deadlines_and_its_own_headers() -> None:
    options = {"headers": {"a": "parent", "b": "parent"}, "deadline_ms": 10_000}
    parent = RunningTask(Task(1, 1, "f", b"", options), time.monotonic())
    child = inherit(parent, Options(headers={"a": "child"}, deadline_seconds=1))
    assert (child.headers, child.deadline_seconds) == ({"a": "child", "b": "parent"}, 1)
    later = inherit(parent, Options(deadline_seconds=100))
    assert later.deadline_seconds is not None
    assert 9 < later.deadline_seconds <= 10
    plain = RunningTask(Task(1, 1, "f", b""), time.monotonic())
    assert inherit(plain, Options()) == Options()


def test_a_cancelled_task_starts_no_other() -> None:
    app = snakepit.App()
    with LocalPit(app) as pit:
        running = RunningTask(Task(1, 1, "f", b""), time.monotonic())
        running.home = pit._home("p")
        running.cancel()
        with pytest.raises(snakepit.TaskCancelled):
            running.submit("p", "f")


def test_tasks_of_a_local_pit_call_one_another_however_few_slots_there_are() -> None:
    app = snakepit.App()

    @app.task
    def depth(levels: int) -> int:
        task = snakepit.current_task()
        task.progress(levels)
        return 0 if levels == 0 else 1 + task.call("any", "depth", levels - 1, timeout=20)

    told: list[Progress] = []
    with LocalPit(app, slots=1) as pit:
        assert pit.call("any", "depth", 10, timeout=20, options=Options(progress=told.append)) == 10
    assert told == [Progress(10)]
