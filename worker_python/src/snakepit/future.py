"""Handles of submitted tasks: a real `concurrent.futures.Future`, the parts of a stream, and the results of a map.

All three are *sinks*: the I/O thread calls `deliver` with what became of the task.
"""

from __future__ import annotations

import collections
import concurrent.futures
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from .client_session import Outcome
from .convert import decode_value
from .errors import SnakepitError, StreamBroken, TaskCancelled, Timeout
from .message import NOTHING, Chunk, Facts, Result
from .progress import Progress, is_progress, progress_of

__all__ = ["Sink", "TaskFuture", "TaskStream"]

_log = logging.getLogger("snakepit.client")
# So many parts of one stream wait for a reader; then the stream is given up, and the task asked to end.
STREAM_PARTS_MAX = 10_000
CREDIT_UNLIMITED = 2**64 - 1


class Sink(Protocol):
    """Whom to tell what became of a task."""

    def deliver(self, outcome: Outcome) -> None:
        """Take a Chunk, or as the last call a Result or an error. Must not block or raise."""


def result_value(outcome: Result | Chunk, *, allow_pickle: bool) -> Any:
    """Decode what a task gave.

    Raises:
        BadPayload: it cannot be decoded, or is pickled although that was not asked for.
    """
    content_type = outcome.info.get("content_type", "msgpack")
    return decode_value(outcome.payload, content_type, allow_pickle=allow_pickle)


class TaskFuture(concurrent.futures.Future[Any]):
    """A task's future. `result()` gives its value or raises its error; `wait` and `as_completed` work with it.

    Args:
        task_id: the id that this client gave the task.
        ask_cancel: asks for the task's end.
        allow_pickle: whether a pickled result is accepted.
    """

    # What the task last said of its progress; None: nothing yet, or it was not asked for it (Options(progress=True)).
    progress: Progress | None = None

    def __init__(self, task_id: int, ask_cancel: Callable[[int], None], *, allow_pickle: bool = False) -> None:
        super().__init__()
        self.task_id = task_id
        self._progress_callbacks: list[Callable[[Progress], object]] = []
        # What the result said beside its value: attempt, worker, queue_us, run_us; complete when the future is done.
        self.info: Facts = NOTHING
        self._ask_cancel = ask_cancel
        self._allow_pickle = allow_pickle
        self._cancelled_error: TaskCancelled | None = None

    def cancel(self) -> bool:
        """Ask for the task's end. True: asked; the future is `cancelled()` when the task has ended so. False: too late.

        Unlike with a local pool the future is not cancelled at once: the task may win the race and have a result.
        """
        if self.done():
            return self.cancelled()
        self._ask_cancel(self.task_id)
        return True

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the task and give its value.

        Raises:
            concurrent.futures.TimeoutError: it is not done within `timeout` seconds; it goes on.
            SnakepitError: the error that ended it.
        """
        try:
            return super().result(timeout)
        except concurrent.futures.CancelledError:
            raise self._cancelled_error or TaskCancelled("cancelled") from None

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the task and give its error, or None. A cancelled one raises TaskCancelled, as futures do."""
        try:
            return super().exception(timeout)
        except concurrent.futures.CancelledError:
            raise self._cancelled_error or TaskCancelled("cancelled") from None

    def on_progress(self, callback: Callable[[Progress], object]) -> None:
        """Call this with each Progress from now on, and at once with the last one; see Options.progress."""
        self._progress_callbacks.append(callback)
        if self.progress is not None:
            callback(self.progress)

    def deliver(self, outcome: Outcome) -> None:
        """Take what became of the task. For the I/O thread."""
        if type(outcome) is Chunk:
            self._take_progress(outcome)
        elif isinstance(outcome, TaskCancelled):
            self._cancelled_error = outcome
            super().cancel()
            self.set_running_or_notify_cancel()
        elif isinstance(outcome, SnakepitError):
            self.set_exception(outcome)
        elif type(outcome) is Result:
            self.info = outcome.info
            try:
                value = result_value(outcome, allow_pickle=self._allow_pickle)
            except SnakepitError as error:
                self.set_exception(error)
            else:
                self.set_result(value)

    def _take_progress(self, chunk: Chunk) -> None:
        progress = progress_of(chunk)
        if progress is None:
            return
        self.progress = progress
        for callback in self._progress_callbacks:
            try:
                callback(progress)
            except Exception:
                _log.exception("a progress callback of task %s raised", self.task_id)


class TaskStream(TaskFuture):
    """The future of a streamed task, whose parts can be iterated over while they come.

    Its `result()` is what the generator returned. When a worker is lost the generator runs again from its start; parts
    that were delivered already are passed over by their number.
    """

    def __init__(
        self,
        task_id: int,
        ask_cancel: Callable[[int], None],
        *,
        allow_pickle: bool = False,
        credit: int = 0,
        allow: Callable[[int, int, int], None] | None = None,
    ) -> None:
        super().__init__(task_id, ask_cancel, allow_pickle=allow_pickle)
        self._credit = credit
        self._allow = allow
        self._settled = 0  # chunks of the attempt, by their number, that were passed over or wait for their reader
        self._told = credit  # up to this number they are allowed
        self._is_read = False
        self._parts: collections.deque[Any] = collections.deque()
        self._changed = threading.Condition()
        # The attempt that streams now: its number, its last chunk, and how many of its chunks were parts of the result.
        self._attempt, self._seq, self._parts_seen = 1, 0, 0
        self._delivered = 0
        self._listeners: list[Callable[[], None]] = []

    def deliver(self, outcome: Outcome) -> None:
        """Take a part, or the end. For the I/O thread."""
        if self.done():
            return
        if type(outcome) is Chunk:
            self._take_part(outcome)
        elif type(outcome) is Result and not self._is_complete(outcome.info):
            chunks = outcome.info.get("chunks", 0)
            super().deliver(StreamBroken(f"{self._seq} of {chunks} parts arrived", details=dict(outcome.info)))
        else:
            super().deliver(outcome)
        self._tell()

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the task and give what its generator returned. Without a reader its parts are all let come."""
        if not self._is_read and not self.done() and self._credit and self._allow is not None:
            self._credit = 0
            self._allow(self.task_id, CREDIT_UNLIMITED, 0)
        return super().result(timeout)

    def chunks(self, timeout: float | None = None) -> Iterator[Any]:
        """Iterate over the parts as they come. `timeout`: the longest wait for one part, in seconds.

        The task stops when `Options.credit` parts wait for their reader, and goes on when half of them were read.

        Raises:
            Timeout: no part came in time.
            SnakepitError: the error that ended the task, after the parts that came before it.
        """
        self._is_read = True
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: self._parts or self.done(), timeout):
                    raise Timeout(f"no part of the stream within {timeout} s")
                if not self._parts:
                    break
                part = self._parts.popleft()
            self._allow_more()
            yield part
        self.result(0)

    def next_part(self) -> tuple[bool, Any]:
        """Give (True, part), or (False, None) when none is there now. Does not block."""
        self._is_read = True
        with self._changed:
            if not self._parts:
                return False, None
            part = self._parts.popleft()
        self._allow_more()
        return True, part

    @property
    def has_parts(self) -> bool:
        """Whether a part waits for its reader."""
        return bool(self._parts)

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call this, in the I/O thread, whenever a part or the end has come."""
        self._listeners.append(listener)

    def _is_complete(self, info: Facts) -> bool:
        self._begin_attempt(info)
        return bool(info.get("chunks", 0) == self._seq and self._parts_seen == self._delivered)

    def _begin_attempt(self, info: Facts) -> None:
        attempt = info.get("attempt", 1)
        if attempt > self._attempt:
            self._attempt, self._seq, self._parts_seen = attempt, 0, 0
            self._settled, self._told = 0, self._credit

    def _take_part(self, chunk: Chunk) -> None:
        self._begin_attempt(chunk.info)
        if chunk.seq <= self._seq or chunk.info.get("attempt", 1) < self._attempt:
            return
        error: SnakepitError | None = None
        if chunk.seq != self._seq + 1:
            error = StreamBroken(f"part {self._seq + 1} is missing")
        self._seq = chunk.seq
        if error is None and is_progress(chunk):
            self._settle(chunk.seq)
            self._take_progress(chunk)
            return
        self._parts_seen += 1
        if error is None and self._parts_seen <= self._delivered:  # a later attempt gives it once more
            self._settle(chunk.seq)
            return
        value: Any = None
        if error is not None:
            pass
        elif len(self._parts) >= STREAM_PARTS_MAX:
            error = StreamBroken(f"{STREAM_PARTS_MAX} parts wait for their reader")
        else:
            try:
                value = result_value(chunk, allow_pickle=self._allow_pickle)
            except SnakepitError as wrong:
                error = wrong
        if error is not None:
            super().deliver(error)
            self._ask_cancel(self.task_id)
            return
        self._delivered += 1
        with self._changed:
            self._parts.append(value)
            self._settled = chunk.seq

    def _settle(self, seq: int) -> None:
        with self._changed:
            self._settled = seq
        self._allow_more()

    def _allow_more(self) -> None:
        """Say how much was read, when that is half of the credit: not each part is worth a message."""
        if not self._credit or self._allow is None or self.done():
            return
        with self._changed:
            total = self._settled + self._credit - len(self._parts)
            if total - self._told < (self._credit + 1) // 2:
                return
            self._told = total
        self._allow(self.task_id, total, self._attempt)

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()
        for listener in self._listeners:
            listener()


class MapResults:
    """Results of a map, in the order of its tasks: one condition for all of them, where futures would have one each."""

    def __init__(self, *, allow_pickle: bool) -> None:
        self._changed = threading.Condition()
        self._done: dict[int, Outcome] = {}
        self._allow_pickle = allow_pickle

    def slot(self, index: int) -> Sink:
        """Give the sink of the task with this index."""
        return _MapSlot(self, index)

    def put(self, index: int, outcome: Outcome) -> None:
        """Take an outcome. For the I/O thread."""
        with self._changed:
            self._done[index] = outcome
            self._changed.notify()

    def take(self, index: int, timeout_seconds: float | None) -> Any:
        """Wait for one value and give it.

        Raises:
            Timeout: it did not come in time.
            SnakepitError: the error that ended its task.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: index in self._done, timeout_seconds):
                raise Timeout("the map's time is up")
            outcome = self._done.pop(index)
        if isinstance(outcome, SnakepitError):
            raise outcome
        return result_value(outcome, allow_pickle=self._allow_pickle)


class _MapSlot:
    __slots__ = ("_index", "_results")

    def __init__(self, results: MapResults, index: int) -> None:
        self._results = results
        self._index = index

    def deliver(self, outcome: Outcome) -> None:
        if type(outcome) is not Chunk:
            self._results.put(self._index, outcome)
