"""The short way of plain tasks: it answers what the long way answers, and leaves alone what is not plain."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

import snakepit
from snakepit import wire
from snakepit.answers import Answers
from snakepit.convert import encode_arguments
from snakepit.errors import TaskCancelled
from snakepit.message import Task
from snakepit.perform import perform
from snakepit.plain import PlainTasks
from snakepit.runner import Runner
from snakepit.task import RunningTask, current_task

app = snakepit.App("plain")
LARGE = 20_000


class Rational:
    """Packs something itself while it is packed."""

    def tolist(self) -> list[Any]:
        wire.encode_result(1, snakepit.convert.encode_value([1, 2]))  # type: ignore[attr-defined]
        return [3, 4]


@app.task
def give(what: str) -> Any:
    values: dict[str, Any] = {"nothing": None, "large": "x" * LARGE, "object": Rational(), "lock": threading.Lock()}
    return values[what]


@app.task
def add(a: int, b: int = 0) -> int:
    return a + b


@app.task
def fence() -> int:
    return current_task().fence


@app.task
def leave() -> None:
    raise SystemExit(3)


@app.task
def count() -> Any:
    yield 1


@app.task
async def sleep() -> None: ...


def running_of(function: str, *args: Any, options: Any = None, number: int = 7, **kwargs: Any) -> RunningTask:
    return RunningTask(Task(number, 1, function, encode_arguments(args, kwargs), options or {"origin": b"o"}), 0.0)


def long_way(running: RunningTask) -> Any:
    answers = Answers()
    answers.answer(perform(app, app.tasks.get(running.function), running, answers.chunk))
    return answers.take_all()


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        ("add", (1, 2), {}),
        ("add", (1,), {"b": 3}),
        ("give", ("nothing",), {}),
        ("give", ("large",), {}),
        ("give", ("object",), {}),
        ("give", ("lock",), {}),
        ("give", ("no such",), {}),
        ("fence", (), {}),
        ("leave", (), {}),
        ("add", ("x", 1), {}),
    ],
)
def test_it_answers_what_the_long_way_answers(function: str, args: Any, kwargs: Any) -> None:
    answers = Answers()
    assert PlainTasks(app, answers).run(running_of(function, *args, **kwargs), True)
    got, [wanted] = answers.take_all(), long_way(running_of(function, *args, **kwargs))
    assert [(fence, frames) for fence, _, frames, _ in got] == [(wanted[0], wanted[2])]
    [[ours], [theirs]] = [wire.decode(one[1], one[2], side="worker", to_broker=True) for one in (got[0], wanted)]
    if function == "give" and args == ("lock",):  # two locks have two addresses
        assert type(ours) is type(theirs)
    else:
        assert ours == theirs


@pytest.mark.parametrize(
    "running",
    [
        running_of("none such"),
        running_of("count"),
        running_of("sleep"),
        running_of("add", 1, options={"content_type": "json", "origin": b"o"}),
        running_of("add", 1, options={"stream": True}),
        RunningTask(Task(1, 1, "add", b"\xc1", {"origin": b"o"}), 0.0),
        RunningTask(Task(1, 1, "add", (b"\x91\x91\x01",), {"stream": True}), 0.0),
    ],
)
def test_it_does_nothing_with_what_is_not_plain(running: RunningTask) -> None:
    answers = Answers()
    assert not PlainTasks(app, answers).run(running, True)
    assert not answers.take_all()


def test_what_was_cancelled_before_it_began_is_left_to_the_long_way() -> None:
    running, answers = running_of("add", 1, 2), Answers()
    running.cancel()
    assert not PlainTasks(app, answers).run(running, True)
    assert not answers.take_all()


def test_hooks_make_no_task_plain_also_when_they_come_late() -> None:
    hooked = snakepit.App("hooked")
    hooked.task(lambda: 1, name="one")
    plain = PlainTasks(hooked, Answers())
    assert plain.run(running_of("one"), True)
    hooked.after_task(lambda task: None)
    assert not plain.run(running_of("one"), True)


def test_no_task_is_the_current_one_when_it_is_over() -> None:
    PlainTasks(app, Answers()).run(running_of("fence"), True)
    with pytest.raises(snakepit.SnakepitError):
        current_task()


def test_it_can_be_interrupted_and_the_next_task_is_not_harmed() -> None:
    spinning, begun = snakepit.App("spinning"), threading.Event()

    @spinning.task
    def spin() -> None:
        begun.set()
        while True:
            pass

    spinning.task(lambda: sum(range(1000)), name="next")
    runner = Runner(spinning, 2, 1)
    runner.connect(lambda fence: True, lambda: None)
    runner.start()
    first, second = running_of("spin", number=1), running_of("next", number=2)
    runner.put([first, second])
    assert begun.wait(10)
    first.interrupt()
    runner.stop()
    runner.run()
    codes = [wire.decode(command, frames, side="worker", to_broker=True)[0] for _, command, frames, _ in
             runner.answers.take_all()]  # fmt: skip
    assert codes[0].code == "cancelled" and codes[1].ref == 2  # type: ignore[union-attr]


def test_a_list_of_tasks_is_claimed_one_by_one_so_that_those_behind_a_long_one_can_be_recalled() -> None:
    recalled: list[int] = []
    slow = snakepit.App("slow")
    slow.task(lambda: recalled.extend((2, 3)), name="run")
    runner = Runner(slow, 1)
    runner.connect(lambda fence: fence not in recalled, lambda: None)
    runner.put([running_of("run", number=number) for number in (1, 2, 3, 4)])
    runner.stop()
    runner.run()
    assert [fence for fence, *_ in runner.answers.take_all()] == [1, 4]


def test_only_the_last_answer_wakes_the_io_thread_while_that_looks_by_itself() -> None:
    wakes: list[float] = []
    runner = Runner(app, 1)
    runner.connect(lambda fence: True, lambda: wakes.append(time.monotonic()))
    runner.answers.is_watched = True
    runner.put([running_of("add", 1, number=number) for number in range(50)])
    runner.stop()
    runner.run()
    assert len(wakes) <= 1 and len(runner.answers.take_all()) == 50


def test_a_task_that_ends_itself_as_cancelled_is_cancelled() -> None:
    own = snakepit.App("own")

    def interrupt_itself() -> None:
        raise TaskCancelled("at once")

    own.task(interrupt_itself, name="own")
    answers = Answers()
    assert PlainTasks(own, answers).run(running_of("own"), True)
    assert b"cancelled" in answers.take_all()[0][1]


def test_a_task_that_is_over_cannot_be_interrupted() -> None:
    running = running_of("add", 1)
    assert PlainTasks(app, Answers()).run(running, True)
    assert running.place is not None and not running.place.interrupt()
