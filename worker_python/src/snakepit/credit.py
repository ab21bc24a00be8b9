"""The credit of one stream in the worker: how many chunks its reader allows, and waiting for more."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Credit"]


class Credit:
    """Chunks with a number up to `allowed` may be sent. The I/O thread allows more, the task waits for that.

    Args:
        allowed: what may be sent at first.
    """

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        # Called from any thread when more is allowed, for those who wait without a thread.
        self.hook: Callable[[], object] | None = None
        self._changed = threading.Condition()

    def allow(self, total: int) -> None:
        """Allow chunks up to this number; less than before means nothing."""
        with self._changed:
            self.allowed = max(self.allowed, total)
            self._changed.notify_all()
        if self.hook is not None:
            self.hook()

    def wait(self, number: int, is_cancelled: Callable[[], bool]) -> bool:
        """Wait until the chunk with this number may be sent: True; or, after `wake`, until the task is cancelled."""
        with self._changed:
            self._changed.wait_for(lambda: number <= self.allowed or is_cancelled())
            return number <= self.allowed

    def wake(self) -> None:
        """Let who waits look whether the task is cancelled."""
        with self._changed:
            self._changed.notify_all()
