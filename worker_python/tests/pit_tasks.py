"""Tasks of the end-to-end tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import pickle
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import snakepit

app = snakepit.App("tests", allow_pickle=True)
started: list[str] = []


@app.on_process_start
def begin_process() -> None:
    assert threading.current_thread() is threading.main_thread()
    started.append("process")


@app.on_thread_start
def begin_thread() -> None:
    started.append("thread")


@app.task
def echo(value: Any) -> Any:
    return value


@app.task
def square(number: int) -> int:
    return number * number


@app.task
def starts() -> list[str]:
    return started


@app.task
def which() -> list[int]:
    return [os.getpid(), threading.get_ident()]


@app.task
def fail(text: str) -> None:
    raise ValueError(text)


@app.task
def leave(status: int) -> None:
    sys.exit(status)


@app.task
def interrupt() -> None:
    raise KeyboardInterrupt


@app.task
def count(stop: int) -> Iterator[int]:
    yield from range(stop)


@app.task
async def later(value: Any, seconds: float) -> Any:
    await asyncio.sleep(seconds)
    return value


@app.task
async def acount(stop: int) -> AsyncIterator[int]:
    for number in range(stop):
        await asyncio.sleep(0)
        yield number


@app.task
def wait_for_cancel(path: str) -> None:
    """Touch a file, then run until told to end."""
    pathlib.Path(path).touch()
    task = snakepit.current_task()
    while True:
        task.check_cancelled()
        time.sleep(0.005)


@app.task
async def wait_for_ever(path: str) -> None:
    pathlib.Path(path).touch()
    await asyncio.get_running_loop().create_future()


@app.task
def wait_for_file(begun: str, path: str) -> str:
    """Touch one file, then wait until another is there."""
    pathlib.Path(begun).touch()
    while not pathlib.Path(path).exists():
        time.sleep(0.005)
    return "done"


@app.task
def hold_the_gil(path: str) -> None:
    """Touch a file, then keep the GIL in C code, so that no other thread of this process runs again."""
    pathlib.Path(path).touch()
    sum(range(10**13))


@app.task
def meet(folder: str, parties: int) -> int:
    """Wait until so many tasks are here at one time."""
    pathlib.Path(folder, str(threading.get_ident())).touch()
    while len(os.listdir(folder)) < parties:
        time.sleep(0.002)
    return threading.get_ident()


@app.task
def describe() -> dict[str, Any]:
    task = snakepit.current_task()
    remaining = task.remaining_seconds
    return {"attempt": task.attempt, "headers": dict(task.headers), "has_deadline": remaining is not None,
            "function": task.function, "fence_is_large": task.fence > 2**32}  # fmt: skip


@app.task
def reverse(data: bytes) -> bytes:
    return bytes(reversed(data))


@app.task
def grow(buffer: Any) -> Any:
    """Take a buffer that came out of band, give one back in the same way."""
    return pickle.PickleBuffer(bytearray(buffer) + b"!")


@app.task
def endless() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def note_count(path: str, number: int) -> None:
    """Leave for the test how many items were begun."""
    pathlib.Path(path + ".new").write_text(str(number))
    os.replace(path + ".new", path)


@app.task
def flood(path: str, size: int) -> Iterator[bytes]:
    """Yield items of so many bytes without end."""
    number = 0
    while True:
        number += 1
        note_count(path, number)
        yield number.to_bytes(8, "big") + bytes(size - 8)


@app.task
async def aflood(path: str, size: int) -> AsyncIterator[bytes]:
    number = 0
    while True:
        number += 1
        note_count(path, number)
        yield number.to_bytes(8, "big") + bytes(size - 8)


@app.task
def limits() -> tuple[float | None, float | None]:
    task = snakepit.current_task()
    left = None if task.run_deadline is None else task.run_deadline - time.monotonic()
    return left, task.remaining_seconds


@app.task
def sleep_in_c(path: str, seconds: float) -> str:
    """Sleep, and note how it ended."""
    pathlib.Path(path).write_text("asleep")
    try:
        time.sleep(seconds)
    except snakepit.TaskCancelled:
        pathlib.Path(path).write_text("interrupted")
        raise
    return "woke"


@app.task
def shrug_off(path: str) -> None:
    """Run on, whatever is raised."""
    pathlib.Path(path).touch()
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(0.01)


@app.task
def end_forks(count: int) -> list[int]:
    """Fork processes that wait, end each at once with SIGTERM, give their exit statuses."""
    statuses = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            time.sleep(20)
            os._exit(1)
        os.kill(child, signal.SIGTERM)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return statuses


# Registered when the app is imported, so it runs in a forked process before what the worker does there.
signals_at_birth: list[signal.Signals] = []
os.register_at_fork(after_in_child=lambda: [os.kill(os.getpid(), number) for number in signals_at_birth])


@app.task
def end_a_fork_at_birth() -> int:
    """Fork a process that gets SIGTERM before the worker's own code runs in it, give its exit status."""
    signals_at_birth.append(signal.SIGTERM)
    child = os.fork()
    if child == 0:
        os._exit(1)
    signals_at_birth.clear()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@app.task
def swell(size: int) -> bytes:
    return bytes(size)


@app.task
def advance(steps: int) -> str:
    """Tell of each step, and at the end."""
    task = snakepit.current_task()
    for step in range(steps + 1):
        task.progress(step, steps, f"step {step}")
    return "done"


@app.task
def advance_items(count: int) -> Iterator[int]:
    for number in range(count):
        snakepit.current_task().progress(number)
        yield number
    snakepit.current_task().progress(count, count)


@app.task
def relay(pool: str | None, function: str, *args: Any) -> Any:
    """Call another task."""
    return snakepit.current_task().call(pool, function, *args, timeout=20)


@app.task
async def relay_async(pool: str, function: str, *args: Any) -> Any:
    return await snakepit.current_task().call_async(pool, function, *args, timeout=20)


@app.task
async def block_the_loop(pool: str) -> Any:
    return snakepit.current_task().call(pool, "square", 2)


@app.task
def start_another(pool: str, function: str, *args: Any) -> int:
    """Start another task and end."""
    return snakepit.current_task().submit(pool, function, *args).task_id


@app.task
def relay_in_fork(pool: str) -> int:
    """Call another task here, and in a fork; give the fork's exit status, which is the value."""
    task = snakepit.current_task()
    first = task.call(pool, "square", 3, timeout=20)
    child = os.fork()
    if child == 0:
        os._exit(task.call(pool, "square", first, timeout=20))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@app.task
def context() -> dict[str, Any]:
    task = snakepit.current_task()
    return {"pool": task.pool, "session": task.session, "headers": dict(task.headers),
            "remaining_seconds": task.remaining_seconds}  # fmt: skip


@app.task
def emit_events(count: int) -> int:
    for number in range(count):
        snakepit.telemetry.emit("counted", number=number)
    with snakepit.telemetry.span("counting", count=count):
        pass
    return count
