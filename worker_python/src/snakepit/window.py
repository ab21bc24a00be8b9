"""The bound on how many tasks one client has outstanding."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Window:
    """Counts outstanding tasks up to a limit. Any thread takes, the I/O thread gives back."""

    def __init__(self, tasks_max: int) -> None:
        self.tasks_max = tasks_max
        self._outstanding = 0
        self._is_closed = False
        self._room = threading.Condition()
        self._watchers: list[Callable[[], None]] = []

    @property
    def outstanding(self) -> int:
        """How many are taken now."""
        return self._outstanding

    def take(self, count: int, *, is_blocking: bool, timeout_seconds: float | None = None) -> bool:
        """Take room for `count` tasks at once; more than the limit counts as the limit.

        Returns:
            False when there is none: at once when not blocking, else when the time is up. True also once it is closed.
        """
        count = min(count, self.tasks_max)
        with self._room:
            if not self._is_closed and self._outstanding + count > self.tasks_max:
                if not is_blocking:
                    return False
                if not self._room.wait_for(
                    lambda: self._is_closed or self._outstanding + count <= self.tasks_max, timeout_seconds
                ):
                    return False
            self._outstanding += count
            return True

    def give(self, count: int) -> None:
        """Give room back, and wake who waits for it."""
        with self._room:
            self._outstanding -= count
            self._room.notify_all()
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher()

    def close(self) -> None:
        """Let everyone through: they will be told that the client is closed."""
        with self._room:
            self._is_closed = True
            self._room.notify_all()
        for watcher in self._watchers:
            watcher()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call this once, in the I/O thread, when there may be room again."""
        self._watchers.append(watcher)
