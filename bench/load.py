"""A steady load of one client: so many tasks outstanding, each one's latency taken. For the benchmarks."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from snakepit import Client, TaskFuture


@dataclass
class Outcome:
    """What became of a load: how its tasks ended, and how long each took from its submission to its result."""

    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)  # "ok", "wrong value", or the class of the error
    latencies_s: list[float] = field(default_factory=list)

    @property
    def tasks_per_s(self) -> float:
        return sum(self.ends.values()) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """The nearest-rank percentile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Load:
    """Offers `function(*arguments)` to a pool. A task is right when it returns `expected`.

    The latency includes the client's own share. The loop is closed: a slow task delays the start of a later one.
    """

    def __init__(self, client: Client, pool: str, function: str, arguments: tuple[Any, ...], expected: Any) -> None:
        self._call = (client, pool, function, arguments)
        self._expected = expected
        self._outcome = Outcome()
        self._room = threading.Semaphore(0)

    def run(self, *, window: int, tasks: int | None = None, seconds: float | None = None) -> Outcome:
        """Run so many tasks, or so long; returns when the last one has ended."""
        client, pool, function, arguments = self._call
        self._outcome, self._room = Outcome(), threading.Semaphore(window)
        began_s = time.monotonic()
        for _ in self._turns(tasks, None if seconds is None else began_s + seconds):
            submitted_s = time.perf_counter()
            future = client.submit(pool, function, *arguments)
            future.add_done_callback(lambda done, at_s=submitted_s: self._take(done, at_s))
        for _ in range(window):  # all have ended when every place is free again
            self._acquire()
        self._outcome.seconds = time.monotonic() - began_s
        return self._outcome

    def _turns(self, tasks: int | None, end_s: float | None) -> Iterator[int]:
        turn = 0
        while (tasks is None or turn < tasks) and (end_s is None or time.monotonic() < end_s):
            self._acquire()
            yield turn
            turn += 1

    def _acquire(self) -> None:
        if not self._room.acquire(timeout=120):
            raise TimeoutError("no task ended for 120 s")

    def _take(self, future: TaskFuture, submitted_s: float) -> None:
        self._outcome.latencies_s.append(time.perf_counter() - submitted_s)
        error = future.exception()
        if error is not None:
            self._outcome.ends[type(error).__name__] += 1
        else:
            self._outcome.ends["ok" if future.result() == self._expected else "wrong value"] += 1
        self._room.release()
