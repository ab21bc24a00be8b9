"""Tasks of test_dead.py: one that kills its worker, innocent ones, and one that fails a few times."""

from __future__ import annotations

import os
import pathlib
import signal
import time

import snakepit

app = snakepit.App("dead")


def _note(log: str, *words: object) -> None:
    """One line, in one write: other processes write to the same file."""
    with open(log, "ab", buffering=0) as file:
        file.write((" ".join(map(str, words)) + "\n").encode())


@app.task
def poison(log: str, mended: str) -> str:
    """Kill the own worker, until the file is there."""
    _note(log, "poison", snakepit.current_task().attempt, os.getpid())
    time.sleep(0.05)
    if not pathlib.Path(mended).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    _note(log, "mended", snakepit.current_task().attempt, os.getpid())
    return "ran"


@app.task
def innocent(log: str, number: int) -> int:
    _note(log, number, snakepit.current_task().attempt, os.getpid())
    time.sleep(0.02)
    return number


@app.task
def fail(log: str, times: int, exception: str) -> int:
    """Fail so many times, then give the attempt."""
    attempt = snakepit.current_task().attempt
    _note(log, time.monotonic(), attempt)
    if attempt <= times:
        raise {"ValueError": ValueError, "KeyError": KeyError}[exception]("not yet")
    return attempt
