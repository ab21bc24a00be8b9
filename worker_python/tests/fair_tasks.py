"""Tasks that write down in which order they ran, for test_fair.py."""

from __future__ import annotations

import pathlib
import time

import snakepit

app = snakepit.App()


@app.task
def hold(begun: str, path: str) -> None:
    """Touch one file, then wait until another is there."""
    pathlib.Path(begun).touch()
    while not pathlib.Path(path).exists():
        time.sleep(0.002)


@app.task
def note(log: str, word: str) -> None:
    """Append a word to the worker's own log."""
    with open(log, "a", encoding="ascii") as file:
        file.write(word + "\n")
