"""Values of which each thread has its own: made at their first use in a thread, closed when that thread ends."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar, overload

__all__ = ["Local", "close_thread_values", "local"]

T = TypeVar("T")

_log = logging.getLogger("snakepit.worker")


class _Open(threading.local):
    """What this thread has to close, the newest last."""

    def __init__(self) -> None:
        self.closers: list[Callable[[], Any]] = []


_open = _Open()


class Local(Generic[T]):
    """Gives each thread its own value; call it to get the one of the calling thread. Made by `local`."""

    def __init__(self, factory: Callable[[], Any], close: Callable[[T], Any] | None) -> None:
        if close is not None and inspect.isgeneratorfunction(factory):
            raise TypeError("a generator closes its value itself, after its yield; do not give close= as well")
        self._factory = factory
        self._close = close
        self._own = threading.local()
        functools.update_wrapper(self, factory, updated=())

    def __call__(self) -> T:
        """Give the value of this thread. Makes it if the thread has none; raises what making it raises."""
        try:
            value: T = self._own.value
        except AttributeError:
            value = self._make()
        return value

    def _make(self) -> T:
        value: T
        if inspect.isgeneratorfunction(self._factory):
            steps = self._factory()
            value = next(steps)
            _open.closers.append(lambda: self._forget(lambda: next(steps, None)))
        else:
            value = self._factory()
            close = self._close
            _open.closers.append(lambda: self._forget((lambda: close(value)) if close else None))
        self._own.value = value
        return value

    def _forget(self, close: Callable[[], Any] | None) -> None:
        del self._own.value
        if close is not None:
            close()


@overload
def local(factory: Callable[[], Iterator[T]]) -> Local[T]: ...


@overload
def local(factory: Callable[[], T], *, close: Callable[[T], Any] | None = None) -> Local[T]: ...


def local(factory: Callable[[], Any], *, close: Callable[[Any], Any] | None = None) -> Local[Any]:
    """Make a value of which each thread that runs tasks has its own, for what threads must not share.

        @snakepit.local
        def database():
            connection = sqlite3.connect("app.db")
            yield connection
            connection.close()

        rows = database().execute("select 1")

    Args:
        factory: makes the value, once in each thread, at its first use there; a generator function yields it, and what
            follows the yield runs when the thread ends.
        close: called with the value when the thread ends, for a factory that is no generator.

    In the process profile that is the main thread, and one value. Values are closed in threads of a worker and of
    `LocalPit`, the newest first; in other threads they live until the thread is gone.
    """
    return Local(factory, close)


def close_thread_values() -> None:
    """Close the values of the calling thread; what that raises is logged. For the worker, at a thread's end."""
    while _open.closers:
        try:
            _open.closers.pop()()
        except Exception:
            _log.exception("a value of this thread could not be closed")
