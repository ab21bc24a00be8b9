"""Registration of tasks, and what a running task can ask."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator

import pytest

import snakepit
from snakepit.message import Task
from snakepit.task import RunningTask, name_of


def test_a_task_stays_a_plain_callable_and_has_a_name() -> None:
    app = snakepit.App("label")

    @app.task
    def double(number: int) -> int:
        return 2 * number

    @app.task(name="other.name")
    def triple(number: int) -> int:
        return 3 * number

    assert (double(2), triple(2)) == (4, 6)
    assert sorted(app.tasks) == ["double", "other.name"]
    assert (name_of(double), name_of(triple), name_of("free")) == ("double", "other.name", "free")
    assert app.name == "label"


def test_every_kind_of_function_is_told_apart() -> None:
    app = snakepit.App()

    @app.task
    def plain() -> None: ...

    @app.task
    async def coroutine() -> None: ...

    @app.task
    def generator() -> Iterator[int]:
        yield 1

    @app.task
    async def async_generator() -> AsyncIterator[int]:
        yield 1

    class Callable:
        async def __call__(self) -> None: ...

    app.task(Callable(), name="object")  # type: ignore[call-overload]
    app.task(functools.partial(int, base=2), name="partial")  # type: ignore[call-overload]
    kinds = {name: task.kind for name, task in app.tasks.items()}
    assert kinds == {
        "plain": "sync",
        "coroutine": "async",
        "generator": "generator",
        "async_generator": "async_generator",
        "object": "async",
        "partial": "sync",
    }


def test_wrong_registrations_are_refused() -> None:
    app = snakepit.App()
    app.task(len)
    app.task(len)
    with pytest.raises(ValueError, match="two tasks are named 'len'"):
        app.task(sorted, name="len")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="needs a function"):
        app.task("name")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="bytes long"):
        app.task(name="x" * 256)(sum)
    with pytest.raises(TypeError, match="not a task"):
        name_of(sum)


def test_hooks_run_around_tasks_in_order() -> None:
    app, seen = snakepit.App(), []
    app.on_process_start(lambda: seen.append("process"))
    app.on_thread_start(lambda: seen.append("thread"))
    app.before_task(lambda task: seen.append(f"before {task.function}"))
    app.after_task(lambda task: seen.append(f"after {task.function}"))

    @app.task
    def good() -> None:
        seen.append("good")

    @app.task
    def bad() -> None:
        raise ValueError

    with snakepit.testing.LocalPit(app, slots=1) as pit:
        pit.call("p", good)
        with pytest.raises(snakepit.TaskError):
            pit.call("p", bad)
    assert seen == ["process", "thread", "before good", "good", "after good", "before bad", "after bad"]


def test_a_hook_that_raises_fails_the_task() -> None:
    app = snakepit.App()

    @app.before_task
    def refuse(task: RunningTask) -> None:
        raise PermissionError(task.function)

    @app.task
    def never() -> None:
        raise AssertionError

    with snakepit.testing.LocalPit(app) as pit, pytest.raises(snakepit.TaskError, match="PermissionError: never"):
        pit.call("p", never)


def test_the_current_task_is_known_in_threads_and_coroutines_and_nowhere_else() -> None:
    app = snakepit.App()

    @app.task
    def plain() -> str:
        return snakepit.current_task().function

    @app.task
    async def coroutine() -> list[str]:
        async def inner() -> str:
            await asyncio.sleep(0)
            return snakepit.current_task().function

        return [snakepit.current_task().function, await asyncio.create_task(inner())]

    with snakepit.testing.LocalPit(app) as pit:
        assert pit.call("p", plain) == "plain"
        assert pit.call("p", coroutine) == ["coroutine"] * 2
    with pytest.raises(snakepit.SnakepitError, match="outside of a task"):
        snakepit.current_task()


def test_a_cancel_sets_the_flag_and_calls_the_hook_once_whatever_comes_first() -> None:
    calls: list[str] = []
    early = RunningTask(Task(1, 1, "f", b""), 0.0)
    early.check_cancelled()
    early.cancel()
    early.on_cancel(lambda: calls.append("early"))
    late = RunningTask(Task(2, 1, "f", b""), 0.0)
    late.on_cancel(lambda: calls.append("late"))
    late.cancel()
    assert calls == ["early", "late"]
    with pytest.raises(snakepit.TaskCancelled):
        late.check_cancelled()


def test_a_task_knows_its_deadline() -> None:
    running = RunningTask(Task(1, 2, "f", b"", {"deadline_ms": 1500}), 100.0)
    assert (running.deadline, running.remaining_seconds, running.attempt) == (101.5, 0.0, 2)
    assert RunningTask(Task(1, 1, "f", b""), 100.0).remaining_seconds is None
