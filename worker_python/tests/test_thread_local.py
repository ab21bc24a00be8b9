"""Values of threads, and the hooks around them, in this process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

import snakepit
from snakepit.testing import LocalPit
from snakepit.thread_local import close_thread_values


def in_thread(function: Callable[[], None]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_each_thread_has_its_own_value_made_at_its_first_use() -> None:
    made: list[int] = []

    @snakepit.local
    def number() -> int:
        made.append(threading.get_ident())
        return len(made)

    assert number.__name__ == "number"
    assert made == []
    assert (number(), number()) == (1, 1)
    seen: list[int] = []
    in_thread(lambda: seen.extend((number(), number())))
    assert seen == [2, 2]
    assert (number(), len(set(made))) == (1, 2)
    close_thread_values()


def test_values_are_closed_the_newest_first_and_made_anew_afterwards() -> None:
    closed: list[str] = []
    first = snakepit.local(lambda: "first", close=closed.append)

    @snakepit.local
    def second() -> Iterator[str]:
        yield first() + ", second"
        closed.append("second")

    assert second() == "first, second"
    close_thread_values()
    assert closed == ["second", "first"]
    assert second() == "first, second"
    close_thread_values()
    assert len(closed) == 4
    close_thread_values()
    assert len(closed) == 4


def test_a_factory_that_raises_is_asked_again_and_a_close_that_raises_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries: list[int] = []
    closed: list[str] = []

    @snakepit.local
    def flaky() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not yet")
        return "there"

    with pytest.raises(OSError, match="not yet"):
        flaky()
    assert flaky() == "there"
    kept = snakepit.local(lambda: "kept", close=closed.append)
    broken = snakepit.local(lambda: "broken", close=lambda _: 1 / 0)
    assert (kept(), broken()) == ("kept", "broken")
    with caplog.at_level(logging.ERROR, "snakepit.worker"):
        close_thread_values()
    assert closed == ["kept"]
    assert "ZeroDivisionError" in caplog.text


def test_close_is_not_for_generators() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="after its yield"):
        snakepit.local(numbers, close=print)  # type: ignore[call-overload]


def test_a_local_pit_calls_the_hooks_of_threads_and_closes_their_values() -> None:
    app, diary = snakepit.App(), list[str]()
    app.on_thread_start(lambda: diary.append("thread start"))
    app.on_thread_stop(lambda: diary.append("thread stop"))
    app.on_process_stop(lambda: diary.append("process stop"))
    resource = snakepit.local(lambda: "resource", close=lambda _: diary.append("close"))

    @app.task
    def use() -> str:
        return resource()

    with LocalPit(app, slots=1) as pit:
        assert pit.call("p", use) == "resource"
    assert diary == ["thread start", "thread stop", "close", "process stop"]


def test_a_local_pit_whose_thread_hook_fails_says_so_where_it_is_used() -> None:
    app = snakepit.App()
    app.on_thread_start(lambda: 1 / 0)
    app.task(name="echo")(lambda value: value)
    with LocalPit(app) as pit, pytest.raises(ZeroDivisionError):
        pit.submit("p", "echo", 1)


def test_a_local_pit_runs_what_is_not_thread_safe_one_at_a_time() -> None:
    app, inside = snakepit.App(thread_safe=False), list[int]()

    @app.task
    def careful(number: int) -> int:
        inside.append(number)
        threading.Event().wait(0.01)
        most = len(inside)
        inside.remove(number)
        return most

    @app.task(thread_safe=True)
    def easy() -> None: ...

    assert app.unsafe_tasks == {"careful"}
    with LocalPit(app, slots=4) as pit:
        assert {future.result(10) for future in pit.submit_many("p", careful, [(n,) for n in range(8)])} == {1}
