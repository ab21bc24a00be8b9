"""SIGTERM and SIGINT as bytes in a pipe, so that the I/O thread sees them while a task keeps the main thread."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

_WATCHED = (signal.SIGTERM, signal.SIGINT)
# Ends what the main thread waits for in a C function (a sleep, a lock, a read), so that it comes back to Python code.
# By default it does nothing, and few programs use it.
WAKE_SIGNAL = signal.SIGURG


class SignalPipe:
    """Watches SIGTERM and SIGINT of this process; to be made in the main thread, and once.

    Python runs its handlers in the main thread, between two steps of the task there; the byte is written at once, by
    the C handler. Under an agent, Ctrl-C reaches the whole terminal group, and it is the agent who decides.

    A process that a task forks must not inherit this: a SIGTERM to it has to end it, and not to drain the worker. The
    signals are held back while the fork is made, so that one that comes early waits for the child's own handling.

    Args:
        ignore_interrupt: ignore SIGINT.
    """

    def __init__(self, *, ignore_interrupt: bool) -> None:
        self.fd, write_fd = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(write_fd, False)
        self._before_fork = threading.local()  # the signal mask of each thread that forks
        signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, _nothing)
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignore_interrupt else _nothing)
        if signal.getsignal(WAKE_SIGNAL) == signal.SIG_DFL:  # else the app has a use for it
            signal.signal(WAKE_SIGNAL, _nothing)
        os.register_at_fork(before=self._hold, after_in_parent=self._let_go, after_in_child=self._forget)

    def take(self) -> list[signal.Signals]:
        """Give the signals that have come. Does not block."""
        try:
            numbers = os.read(self.fd, 64)
        except BlockingIOError:
            return []
        return [signal.Signals(number) for number in numbers if number in _WATCHED]

    def _hold(self) -> None:
        self._before_fork.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)

    def _let_go(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before_fork.mask)

    def _forget(self) -> None:
        # In a thread of the worker, which is the main thread of the child now.
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._let_go()


def wakes_main_thread() -> bool:
    """Whether WAKE_SIGNAL is this module's."""
    return signal.getsignal(WAKE_SIGNAL) is _nothing


def _nothing(_number: int, _frame: Any) -> None:
    """Handle a signal by doing nothing: its byte is in the pipe already."""
