"""Tasks that show how threads run them. Imports nothing but the standard library, so that any interpreter can."""

from __future__ import annotations

import ctypes
import importlib
import os
import pathlib
import threading
import time
from collections.abc import Iterator

import snakepit

app = snakepit.App("threads")
BOUND_SECONDS = 30.0


class Crowd:
    """Counts who is there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.present = self.most = 0

    def enter(self) -> None:
        with self._lock:
            self.present += 1
            self.most = max(self.most, self.present)

    def leave(self) -> None:
        with self._lock:
            self.present -= 1


_all = Crowd()
_pair = threading.Barrier(2)
_diary = pathlib.Path(os.environ["DIARY"]) if "DIARY" in os.environ else None


def _note(text: str) -> None:
    """Write a line where the test looks for it; O_APPEND keeps lines of several threads apart."""
    if _diary is not None:
        with open(_diary, "a", encoding="ascii") as diary:
            diary.write(text + "\n")


@app.on_thread_start
def begin_thread() -> None:
    _note(f"thread start {threading.current_thread().name}")


@app.on_thread_stop
def end_thread() -> None:
    _note(f"thread stop {threading.current_thread().name}")


@app.on_process_stop
def end_process() -> None:
    _note("process stop")


@snakepit.local
def connection() -> Iterator[int]:
    _note("open")
    yield threading.get_ident()
    _note("close")


@app.task
def use_connection() -> bool:
    return connection() == connection() == threading.get_ident()


@app.task
def gil_enabled() -> bool:
    return importlib.import_module("snakepit.gil").gil_is_enabled()


@app.task
def import_module(name: str) -> bool:
    importlib.import_module(name)
    return gil_enabled()


@app.task
def meet() -> str:
    """End when another one runs beside it in this process."""
    _pair.wait(BOUND_SECONDS)
    return threading.current_thread().name


@app.task
def meet_in_python() -> int:
    """The same without letting go of the GIL or of the processor: both loops must run at one time, or take turns."""
    _all.enter()
    turns, until = 0, time.monotonic() + BOUND_SECONDS
    while _all.present < 2 and time.monotonic() < until:
        turns += 1
    return turns


def _count_in(seconds: float) -> int:
    _all.enter()
    time.sleep(seconds)
    _all.leave()
    return _all.most


@app.task
def crowd(seconds: float) -> int:
    """Tell how many of these ran at one time, at most, in this process so far."""
    return _count_in(seconds)


@app.task(thread_safe=False)
def alone(seconds: float) -> int:
    """The same, for one that is declared not thread-safe."""
    return _count_in(seconds)


@app.task(thread_safe=False)
def wait_alone(begun: str, gate: str) -> int:
    """Wait for a file, and tell in which process that was."""
    wait_for_file(begun, gate)
    return os.getpid()


@app.task
def wait_for_file(begun: str, gate: str) -> str:
    pathlib.Path(begun).touch()
    until = time.monotonic() + BOUND_SECONDS
    while not os.path.exists(gate) and time.monotonic() < until:
        time.sleep(0.01)
    return "done"


@app.task
def crash_once(marker: str) -> str:
    """End this process by a segmentation fault, the first time."""
    if os.path.exists(marker):
        return "survived"
    pathlib.Path(marker).touch()
    ctypes.string_at(0)
    return "unreachable"


@app.task
def hold_gil(seconds: int) -> str:
    """Keep the GIL in C code: no other thread of this process can run Python meanwhile."""
    ctypes.PyDLL(None).sleep(seconds)
    return "held"


@app.task
def thread_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}
