"""Raise TaskCancelled in the thread of a running task, and never in what that thread does before or after it.

CPython can raise an exception in another thread (`PyThreadState_SetAsyncExc`): it comes up between two steps of the
Python code there, and so not while a C function runs. In the main thread a signal ends most waiting of C functions.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time

from .errors import TaskCancelled
from .signals import WAKE_SIGNAL, wakes_main_thread

__all__ = ["Interruptible"]

_get_ident = threading.get_ident


class Interruptible:
    """What one thread does from the making of this object to `leave`: `interrupt` raises TaskCancelled there, once.

    Whoever takes the one chance out of the list decides: `interrupt`, then an exception comes up in the thread before
    `leave` has returned, if not in the task then in `leave` itself, and never later; or `leave`, then none ever comes.
    """

    __slots__ = ("_chance", "_raised")

    def __init__(self) -> None:
        # Holds the thread until somebody has taken it. Each task makes one of these, so there is no more to set here.
        self._chance = [_get_ident()]

    def interrupt(self) -> bool:
        """Raise TaskCancelled in the thread; False: it has left, was interrupted before, or Python cannot do it.

        For another thread.
        """
        try:
            ident = self._chance.pop()  # atomic, with the GIL and without
        except IndexError:
            return False
        try:
            is_raised = _raise_in(ident, TaskCancelled)
        finally:
            self._raised = ident
        if is_raised and ident == threading.main_thread().ident and wakes_main_thread():
            with contextlib.suppress(OSError):
                signal.pthread_kill(ident, WAKE_SIGNAL)
        return is_raised

    def leave(self) -> None:
        """Say that the task is over: when this has returned or raised, nothing is raised for it any more.

        Raises:
            TaskCancelled: the interrupt that came in the last moment.
        """
        try:
            self._chance.pop()
        except IndexError:
            self._let_come()

    def _let_come(self) -> None:
        while not hasattr(self, "_raised"):
            time.sleep(0.0005)
        _raise_in(self._raised, None)  # takes back what has not come up yet


def _raise_in(ident: int, kind: type[BaseException] | None) -> bool:
    """Let this exception come up in the thread, or (None) take one back; False: not possible here."""
    try:
        import ctypes  # only where it is needed: it takes as long as many tasks

        set_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc
    except (ImportError, AttributeError):  # another Python than CPython
        return False
    argument = ctypes.py_object() if kind is None else ctypes.py_object(kind)
    return bool(set_exception(ctypes.c_ulong(ident), argument))
