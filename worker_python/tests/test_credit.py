"""Streams with credit, in real processes: a slow reader stops the task, and nobody waits for a reader that is gone."""

from __future__ import annotations

import asyncio
import pathlib
import time
from collections.abc import Iterator

import pytest

import snakepit
from conftest import built_program, wait_until
from pit import Broker, Worker
from snakepit import Options

pytestmark = pytest.mark.skipif(built_program("snakepitd") is None, reason="no snakepitd here")

ITEM_BYTES = 64 * 1024
MIB = 1024 * 1024


@pytest.fixture
def broker(folder: pathlib.Path) -> Iterator[Broker]:
    with Broker(folder, timers='client_retention = "1s"; worker_grace = "3s";') as process:
        yield process


@pytest.fixture
def worker(broker: Broker) -> Iterator[Worker]:
    with Worker(broker.workers) as process:
        yield process


@pytest.fixture
def client(broker: Broker) -> Iterator[snakepit.Client]:
    with snakepit.Client(broker.clients) as one:
        yield one


def begun(path: pathlib.Path) -> int:
    """How many items the task has begun."""
    return int(path.read_text()) if path.exists() else 0


def settled(path: pathlib.Path) -> int:
    """How many it has begun when it does not go on by itself."""
    last, since = -1, time.monotonic()
    while True:
        number = begun(path)
        if number != last:
            last, since = number, time.monotonic()
        elif number and time.monotonic() - since > 0.7:
            return number
        time.sleep(0.02)


def resident(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("function", ["flood", "aflood"])
def test_a_slow_reader_stops_the_task_at_its_credit(
    client: snakepit.Client, worker: Worker, tmp_path: pathlib.Path, function: str
) -> None:
    path = tmp_path / "count"
    items = client.stream("p", function, str(path), 16, options=Options(credit=10))
    assert int.from_bytes(next(items)[:8], "big") == 1
    # Ten may be under way and one is read, which is not said before half of ten are; the next one is begun and waits.
    assert 11 <= settled(path) <= 12
    for number in range(2, 31):
        assert int.from_bytes(next(items)[:8], "big") == number
    assert 36 <= settled(path) <= 42
    items.close()  # type: ignore[attr-defined]
    assert client.call("p", "square", 3, timeout=20) == 9, "its slot is free"


def test_an_endless_stream_of_large_items_takes_no_more_memory_than_its_credit(
    client: snakepit.Client, broker: Broker, worker: Worker, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "count"
    client.call("p", "square", 3, timeout=20)
    before = resident(broker.pid), resident(worker.pid)
    items = client.stream("p", "flood", str(path), ITEM_BYTES)
    for _ in range(200):
        assert len(next(items)) == ITEM_BYTES
        time.sleep(0.002)
    assert settled(path) <= 200 + 64 + 1
    assert resident(broker.pid) - before[0] < 64 * ITEM_BYTES + 16 * MIB
    assert resident(worker.pid) - before[1] < 64 * ITEM_BYTES + 16 * MIB
    items.close()  # type: ignore[attr-defined]


def test_a_reader_in_an_event_loop_stops_the_task_too(broker: Broker, worker: Worker, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "count"

    async def read() -> int:
        async with snakepit.aio.Client(broker.clients) as client:
            items = client.stream("p", "flood", str(path), 16, options=Options(credit=4))
            for number in range(1, 21):
                assert int.from_bytes((await items.__anext__())[:8], "big") == number
            count = await asyncio.to_thread(settled, path)
            await items.aclose()  # type: ignore[attr-defined]
            return count

    assert 22 <= asyncio.run(read()) <= 26


def test_a_task_that_waits_for_credit_is_cancelled_and_expires_as_any_other(
    client: snakepit.Client, worker: Worker, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "count"
    stream = client.submit_stream("p", "flood", str(path), 16, options=Options(credit=2))
    stream._is_read = True  # somebody reads it, slowly
    settled(path)
    stream.cancel()
    with pytest.raises(snakepit.TaskCancelled):
        stream.result(20)
    began = time.monotonic()
    stream = client.submit_stream("p", "flood", str(path), 16, options=Options(credit=2, deadline_seconds=0.5))
    stream._is_read = True
    with pytest.raises(snakepit.TaskExpired):
        stream.result(20)
    assert time.monotonic() - began >= 0.5
    assert client.call("p", "square", 3, timeout=20) == 9


def test_a_stream_of_which_only_the_result_is_wanted_comes_to_its_end(client: snakepit.Client, worker: Worker) -> None:
    stream = client.submit_stream("p", "count", 500, options=Options(credit=3))
    stream.result(20)
    assert list(stream.chunks()) == list(range(500))


def test_a_stream_without_credit_waits_for_nobody(
    client: snakepit.Client, worker: Worker, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "count"
    stream = client.submit_stream("p", "flood", str(path), 16, options=Options(credit=0))
    wait_until(lambda: begun(path) > 200, "more items than the credit that streams have by default")
    stream.cancel()


def test_no_worker_waits_for_a_reader_that_is_gone(
    broker: Broker, worker: Worker, client: snakepit.Client, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "count"
    with snakepit.Client(broker.clients) as other:
        stream = other.submit_stream("p", "flood", str(path), 16, options=Options(credit=2))
        stream._is_read = True
        count = settled(path)
    wait_until(lambda: begun(path) > count + 10, "the task goes on without its reader")


def test_a_stream_runs_again_when_its_worker_is_lost_and_begins_with_its_credit(
    broker: Broker, client: snakepit.Client, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "count"
    with Worker(broker.workers) as first:
        items = client.stream("p", "flood", str(path), 16, options=Options(credit=4))
        for number in range(1, 10):
            assert int.from_bytes(next(items)[:8], "big") == number
        settled(path)
        first.kill()
    path.unlink()
    with Worker(broker.workers):
        for number in range(10, 31):
            assert int.from_bytes(next(items)[:8], "big") == number
        assert settled(path) <= 30 + 4 + 1
        items.close()  # type: ignore[attr-defined]


def test_items_read_slowly_by_a_local_pit_stop_its_task(tmp_path: pathlib.Path) -> None:
    import pit_tasks

    path = tmp_path / "count"
    with snakepit.testing.LocalPit(pit_tasks.app) as pit:
        items = pit.stream("p", "flood", str(path), 16, options=Options(credit=5))
        next(items)
        assert settled(path) <= 7
        items.close()  # type: ignore[attr-defined]
