"""Tasks of test_order.py: each run leaves two lines in the worker's own log, and sessions keep a counter in memory."""

from __future__ import annotations

import os
import pathlib
import time

import snakepit

app = snakepit.App("order")
counters: dict[str, int] = {}


def _note(*words: object) -> None:
    """One line, appended whole: the log outlives a kill."""
    line = " ".join(str(word) for word in (time.monotonic_ns(), *words)) + "\n"
    log = os.open(pathlib.Path(os.environ["ORDER_LOG"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(log, line.encode())
    os.close(log)


@app.task
def work(group: str, number: int, seconds: float) -> int:
    _note("begin", group, number, os.getpid())
    time.sleep(seconds)
    _note("end", group, number, os.getpid())
    return number


@app.task
def count_up(seconds: float = 0) -> tuple[int, int]:
    """How often the session of this task was here, and where that is."""
    key = snakepit.current_task().session_key
    assert key is not None
    time.sleep(seconds)
    counters[key] = counters.get(key, 0) + 1
    return counters[key], os.getpid()


@app.task
def session_of() -> str | None:
    return snakepit.current_task().session_key
