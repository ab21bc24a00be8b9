"""LocalPit, and with it the handles that it shares with Client: futures, streams, maps."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import pit_tasks
import snakepit
from snakepit import errors
from snakepit import message as m
from snakepit.future import STREAM_PARTS_MAX, TaskStream
from snakepit.testing import LocalPit
from snakepit.window import Window


@pytest.fixture
def pit() -> Iterator[LocalPit]:
    with LocalPit(pit_tasks.app, slots=4) as made:
        yield made


def test_it_has_the_surface_of_a_client(pit: LocalPit) -> None:
    assert pit.call("p", "square", 3) == 9
    assert pit.submit("p", pit_tasks.square, 4).result(10) == 16
    assert [future.result(10) for future in pit.submit_many("p", "square", [(1,), (2,)])] == [1, 4]
    assert list(pit.map("p", "square", range(3000), window=50)) == [n * n for n in range(3000)]
    assert list(pit.stream("p", "count", 5)) == [0, 1, 2, 3, 4]
    assert pit.pool("p").options(headers={"a": "b"}).call("describe")["headers"] == {"a": "b"}
    assert pit.call("p", "later", 1, 0.0) == 1


def test_values_and_errors_take_the_same_way_as_with_a_broker(pit: LocalPit) -> None:
    assert pit.call("p", "echo", (1, {2})) == [1, [2]]
    with pytest.raises(snakepit.TaskError, match="ValueError: no"):
        pit.call("p", "fail", "no")
    with pytest.raises(snakepit.NoSuchFunction, match="did you mean square"):
        pit.call("p", "sqare", 1)
    with pytest.raises(snakepit.TaskError, match="SystemExit"):
        pit.call("p", "leave", 1)
    with pytest.raises(snakepit.NoSuchFunction):
        pit.admin("pools")
    with pytest.raises(snakepit.NoSuchFunction):
        pit.call(m.ADMIN_POOL, "pools")


def test_an_executor_and_as_completed_work_with_it(pit: LocalPit) -> None:
    with snakepit.Executor("p", client=pit) as executor:
        futures = [executor.submit("square", n) for n in range(20)]
        assert sorted(f.result() for f in concurrent.futures.as_completed(futures, 10)) == [n * n for n in range(20)]
    assert pit.call("p", "square", 2) == 4


def test_an_executor_maps_other_callables_by_name_of(pit: LocalPit) -> None:
    with snakepit.Executor("p", client=pit, name_of=lambda function: function.__name__) as executor:
        assert list(executor.map(pit_tasks.square, [1, 2])) == [1, 4]


def test_shutdown_can_cancel_what_has_not_begun(pit: LocalPit, tmp_path: Any) -> None:
    executor = snakepit.Executor("p", client=pit)
    running = [executor.submit("wait_for_file", str(tmp_path / f"b{n}"), str(tmp_path / "gate")) for n in range(4)]
    waiting = [executor.submit("square", n) for n in range(10)]
    closer = threading.Thread(target=executor.shutdown, kwargs={"cancel_futures": True})
    closer.start()
    assert all(isinstance(future_error(future), errors.TaskCancelled) for future in waiting)
    (tmp_path / "gate").touch()
    closer.join(10)
    assert all(future.done() for future in running)


def future_error(future: concurrent.futures.Future[Any]) -> BaseException | None:
    try:
        return future.exception(10)
    except concurrent.futures.CancelledError as error:
        return error


def test_a_cancelled_running_task_raises_in_the_task(pit: LocalPit, tmp_path: Any) -> None:
    future = pit.submit("p", "wait_for_cancel", str(tmp_path / "begun"))
    future.cancel()
    with pytest.raises(snakepit.TaskCancelled):
        future.result(10)
    assert future.cancelled()


def test_a_closed_pit_says_so() -> None:
    pit = LocalPit(pit_tasks.app)
    pit.close()
    with pytest.raises(snakepit.ClientClosed):
        pit.call("p", "square", 1)


def test_a_map_reads_no_further_than_its_window(pit: LocalPit) -> None:
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    results = pit.map("p", "square", numbers(), window=10)
    assert [next(results) for _ in range(20)] == [n * n for n in range(20)]
    assert len(read) <= 30
    results.close()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="window"):
        pit.map("p", "square", [], window=0)


def chunk(seq: int, value: bytes = b"\x01", attempt: int = 1) -> m.Chunk:
    return m.Chunk(1, seq, value, {"attempt": attempt} if attempt > 1 else {})


def test_a_stream_passes_over_parts_that_a_second_attempt_repeats() -> None:
    stream = TaskStream(1, lambda _: None)
    for attempt, seq in ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3)):
        stream.deliver(chunk(seq, bytes([seq]), attempt))
    stream.deliver(m.Result(1, b"\xc0", {"chunks": 3, "attempt": 2}))
    assert list(stream.chunks()) == [1, 2, 3]
    assert (stream.result(0), stream.info["attempt"]) == (None, 2)


def test_a_stream_with_a_missing_part_is_broken_and_its_task_asked_to_end() -> None:
    asked: list[int] = []
    stream = TaskStream(9, asked.append)
    stream.deliver(chunk(1))
    stream.deliver(chunk(3))
    parts = stream.chunks()
    assert next(parts) == 1
    with pytest.raises(snakepit.StreamBroken, match="part 2 is missing"):
        next(parts)
    assert asked == [9]


def test_a_stream_that_lost_its_last_parts_is_broken() -> None:
    stream = TaskStream(1, lambda _: None)
    stream.deliver(chunk(1))
    stream.deliver(m.Result(1, b"\xc0", {"chunks": 2}))
    with pytest.raises(snakepit.StreamBroken, match="1 of 2"):
        list(stream.chunks())


def test_a_stream_that_nobody_reads_is_bounded() -> None:
    asked: list[int] = []
    stream = TaskStream(1, asked.append)
    for seq in range(1, STREAM_PARTS_MAX + 2):
        stream.deliver(chunk(seq))
    assert asked == [1]
    with pytest.raises(snakepit.StreamBroken, match="wait for their reader"):
        stream.result(0)


def test_a_stream_reader_may_limit_its_wait() -> None:
    with pytest.raises(snakepit.Timeout):
        next(TaskStream(1, lambda _: None).chunks(timeout=0.01))


def test_every_part_is_read_however_fast_they_come() -> None:
    for _ in range(50):
        stream = TaskStream(1, lambda _: None)

        def deliver(stream: TaskStream = stream) -> None:
            for seq in range(1, 301):
                stream.deliver(chunk(seq))
            stream.deliver(m.Result(1, b"\xc0", {"chunks": 300}))

        thread = threading.Thread(target=deliver)
        thread.start()
        assert len(list(stream.chunks(10))) == 300
        thread.join()


def test_a_window_lets_through_as_many_as_it_holds() -> None:
    window = Window(3)
    assert window.take(2, is_blocking=False)
    assert not window.take(2, is_blocking=False)
    assert not window.take(2, is_blocking=True, timeout_seconds=0.01)
    told: list[str] = []
    window.watch(lambda: told.append("room"))
    window.give(1)
    window.give(1)
    assert told == ["room"]
    assert window.take(3, is_blocking=False)
    assert window.outstanding == 3
    window.close()
    assert window.take(1, is_blocking=True)


def test_coroutines_can_wait_for_a_future() -> None:
    async def main() -> int:
        with LocalPit(pit_tasks.app) as pit:
            return int(await asyncio.wrap_future(pit.submit("p", "square", 5)))

    assert asyncio.run(main()) == 25


def test_options_that_are_no_options_are_named() -> None:
    wrong: Any = {"priority": 3}
    with LocalPit(snakepit.App()) as pit, pytest.raises(TypeError, match=r"options must be .*Options\(.*, not dict"):
        pit.call("p", "anything", options=wrong)
