"""A task as the worker sees it: what is registered, and what runs now. Pure: no sockets, no threads."""

from __future__ import annotations

import contextvars
import inspect
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from .credit import Credit
from .errors import SnakepitError, TaskCancelled
from .interrupt import Interruptible
from .message import Chunk, Facts, Payload, Task
from .options import DEFAULT_OPTIONS, Options
from .progress import PROGRESS, Progress, encode_progress

if TYPE_CHECKING:
    from .future import TaskFuture
    from .home import Home

__all__ = ["NAME_ATTRIBUTE", "RunningTask", "TaskFunction", "current_task", "name_of"]

Kind: TypeAlias = Literal["sync", "async", "generator", "async_generator"]
NAME_ATTRIBUTE = "__snakepit_name__"
# Progress is told this often at most.
PROGRESS_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class TaskFunction:
    """A registered function: its name on the wire, the callable, and how it is to be called."""

    name: str
    function: Callable[..., Any]
    kind: Kind
    # Whether several threads may run it at one time.
    is_thread_safe: bool = True

    @property
    def is_async(self) -> bool:
        """Whether it needs an event loop."""
        return self.kind in ("async", "async_generator")


def kind_of(function: Callable[..., Any]) -> Kind:
    """Tell how a function is to be called. Callable objects are judged by their `__call__`."""
    target = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    if inspect.isasyncgenfunction(target):
        return "async_generator"
    if inspect.iscoroutinefunction(target):
        return "async"
    return "generator" if inspect.isgeneratorfunction(target) else "sync"


def name_of(function: str | Callable[..., Any]) -> str:
    """Give the wire name of a task: a str is one, a function carries the name under which an App registered it.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(function, str):
        return function
    name = getattr(function, NAME_ATTRIBUTE, None)
    if not isinstance(name, str):
        raise TypeError(f"{function!r} is not a task: decorate it with @app.task, or give its name as a str")
    return name


class Emit(Protocol):
    """Takes a part of a stream. Blocks until there is room for it, or gives False when it must not block."""

    def __call__(self, chunk: Chunk, /, *, is_blocking: bool = True) -> bool:
        """Take it; True: taken."""


class RunningTask:
    """One attempt of a task in this worker: what `current_task()` gives, and what the worker holds a lease for."""

    # Set by the I/O thread when the task was asked to end; the task decides where it is safe to look.
    cancelled = False
    # Instants on the clock of time.monotonic(), seconds: when the task expires, and when it has run for as long as it
    # may; None: never.
    deadline: float | None = None
    run_deadline: float | None = None
    seq = 0  # chunks sent so far
    home: Home | None = None  # the process that runs it; None in the simplest tests only
    place: Interruptible | None = None  # where its function runs, when that is no coroutine; for the worker
    is_interrupted = False
    _cancel_hook: Callable[[], object] | None = None
    _emit: Emit | None = None
    _parts: Any = None  # a lock
    _progress_due = -math.inf
    credit: Credit | None = None  # of a stream whose reader says how much it takes; for the worker
    _children: set[TaskFuture] | None = None

    # Whether nothing was asked for beyond the call itself: no content type, no stream, no limit, no headers.
    is_plain = True

    def __init__(self, command: Task, now: float) -> None:
        self.command = command  # the TASK as it came
        options = command.options
        if options and (len(options) > 1 or "origin" not in options):
            self.is_plain = False
            self._take_limits(options, now)

    def _take_limits(self, options: Facts, now: float) -> None:
        if "deadline_ms" in options:
            self.deadline = now + options["deadline_ms"] / 1000
        if "run_ms" in options:
            self.run_deadline = now + options["run_ms"] / 1000
        if "credit" in options:
            self.credit = Credit(options["credit"])

    @property
    def function(self) -> str:
        """The task's name."""
        return self.command.function

    @property
    def fence(self) -> int:
        """The number of this attempt, never used twice: a key for what may be done only once."""
        return self.command.fence

    @property
    def attempt(self) -> int:
        """Which attempt this is, counted from 1."""
        return self.command.attempt

    @property
    def headers(self) -> Mapping[str, str]:
        """What the client sent along, `traceparent` and the like."""
        headers: Mapping[str, str] = self.command.options.get("headers") or {}
        return headers

    @property
    def session_key(self) -> str | None:
        """The session that the client gave: the key of what this worker keeps for its tasks. None: it has none."""
        key: str | None = self.command.options.get("session")
        return key

    @property
    def content_type(self) -> str:
        """How arguments and result are encoded."""
        return str(self.command.options.get("content_type", "msgpack"))

    @property
    def is_stream(self) -> bool:
        """Whether the client takes a generator's items as they come."""
        return bool(self.command.options.get("stream", False))

    @property
    def wants_progress(self) -> bool:
        """Whether the client asked for progress."""
        return bool(self.command.options.get("progress", False))

    @property
    def pool(self) -> str:
        """The pool that this worker serves."""
        return "" if self.home is None else self.home.pool

    @property
    def session(self) -> int:
        """The worker's number at the broker, as `snakepit workers` shows it; 0 in a LocalPit."""
        return 0 if self.home is None else self.home.session

    @property
    def remaining_seconds(self) -> float | None:
        """Time left until the deadline or the end of the run-time limit, at least 0; None without both."""
        ends = [end for end in (self.deadline, self.run_deadline) if end is not None]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    # --- telling the caller how far it is ---

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Tell the caller that so much of `total` is done; `note` (200 characters) is for people. Never blocks.

        Reports go out at most ten times a second, and the one with `done` = `total` always; without a caller that asked
        for them (`Options(progress=...)`) this does nothing. From any thread of the task.
        """
        if self._emit is None or not self.wants_progress:
            return
        now = time.monotonic()
        if now < self._progress_due and done != total:
            return
        self._progress_due = now + PROGRESS_SECONDS
        self.emit_part(encode_progress(Progress(done, total, note)), {"content_type": PROGRESS}, is_blocking=False)

    def opens_stream(self, emit: Emit, lock: Any) -> None:
        """Say where parts go, one at a time. For the worker, before the task begins."""
        self._emit = emit
        self._parts = lock

    def emit_part(self, payload: Payload, info: Facts, *, is_blocking: bool = True) -> None:
        """Send a part of the result, or progress, with the next number. For the worker.

        Waits until the reader allows it, if it may block.

        Raises:
            TaskCancelled: the task was asked to end while it waited.
        """
        assert self._emit is not None
        assert self._parts is not None
        if not self._parts.acquire(blocking=is_blocking):
            return
        try:
            if not self.has_credit and not (is_blocking and self._await_credit()):
                return
            if self._emit(Chunk(self.fence, self.seq + 1, payload, info), is_blocking=is_blocking):
                self.seq += 1
        finally:
            self._parts.release()

    @property
    def has_credit(self) -> bool:
        """Whether the reader of the stream allows one more part."""
        return self.credit is None or self.seq < self.credit.allowed

    def _await_credit(self) -> bool:
        assert self.credit is not None
        if not self.credit.wait(self.seq + 1, lambda: self.cancelled):
            self.check_cancelled()
        return True

    # --- other tasks ---

    def call(
        self,
        pool: str | None,
        function: str | Callable[..., Any],
        /,
        *args: Any,
        timeout: float | None = None,
        options: Options = DEFAULT_OPTIONS,
        **kwargs: Any,
    ) -> Any:
        """Run a task of another pool and wait for its value; as `Client.call`, with this task's headers and deadline.

        It is cancelled when this task is. In a coroutine use `call_async`.

        Raises:
            NestedCallWouldHang: the pool is this worker's own, and has no other place to run a task.
            TaskCancelled: this task was asked to end.
            SnakepitError: as `Client.call`.
        """
        return self._at_home().call(self, pool, function, args, kwargs, options, timeout)

    async def call_async(
        self,
        pool: str | None,
        function: str | Callable[..., Any],
        /,
        *args: Any,
        timeout: float | None = None,
        options: Options = DEFAULT_OPTIONS,
        **kwargs: Any,
    ) -> Any:
        """Do what `call` does, in a coroutine."""
        return await self._at_home().call_async(self, pool, function, args, kwargs, options, timeout)

    def submit(
        self,
        pool: str | None,
        function: str | Callable[..., Any],
        /,
        *args: Any,
        options: Options = DEFAULT_OPTIONS,
        **kwargs: Any,
    ) -> TaskFuture:
        """Start a task of any pool and give its future; it may go on after this task, but is cancelled with it.

        Raises:
            TaskCancelled: this task was asked to end.
        """
        return self._at_home().submit(self, pool, function, args, kwargs, options)

    def adopt(self, child: TaskFuture) -> None:
        """Cancel that task with this one. For the worker."""
        if self._children is None:
            self._children = set()
        self._children.add(child)
        child.add_done_callback(self._children.discard)
        if self.cancelled:
            child.cancel()

    def _at_home(self) -> Home:
        if self.home is None:
            raise SnakepitError("this task cannot call others: it does not run in a worker", code="no_task")
        return self.home

    # --- being cancelled ---

    def check_cancelled(self) -> None:
        """Raise TaskCancelled when the task was asked to end; call it in long loops."""
        if self.cancelled:
            raise TaskCancelled("the task was asked to end")

    def cancel(self) -> None:
        """Ask the task to end: set the flag, and wake what waits. Called by the worker, from any thread."""
        self.cancelled = True
        for child in list(self._children or ()):
            child.cancel()
        if self.credit is not None:
            self.credit.wake()
        hook = self._cancel_hook
        if hook is not None:
            hook()

    def interrupt(self) -> None:
        """End a task that was asked to end and did not: raise TaskCancelled in it. Called by the worker's I/O thread.

        A coroutine cannot be interrupted between two awaits: it is cancelled once more.
        """
        self.is_interrupted = True
        self.cancel()
        place = self.place
        if place is not None:
            place.interrupt()

    def on_cancel(self, hook: Callable[[], object]) -> None:
        """Set what `cancel` calls, once, from any thread; it is called at once when the cancel came first."""
        self._cancel_hook = hook
        if self.cancelled:
            hook()


_current: contextvars.ContextVar[RunningTask] = contextvars.ContextVar("snakepit_current_task")


def current_task() -> RunningTask:
    """Give the task that runs here: in its thread, its coroutine, and what those copy their context to.

    Raises:
        SnakepitError: no task runs here.
    """
    try:
        return _current.get()
    except LookupError:
        raise SnakepitError("current_task() outside of a task", code="no_task") from None


def in_task() -> bool:
    """Whether a task runs here."""
    return _current.get(None) is not None


# For the worker: make a task the current one of this context, and undo that. No functions around them, which would take
# longer than they do.
enter_task = _current.set
leave_task = _current.reset
