"""A task as the worker sees it: what is registered, and what runs now. Pure: no sockets, no threads."""

from __future__ import annotations

import contextvars
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .errors import SnakepitError, TaskCancelled
from .message import Task

__all__ = ["NAME_ATTRIBUTE", "RunningTask", "TaskFunction", "current_task", "name_of"]

Kind: TypeAlias = Literal["sync", "async", "generator", "async_generator"]
NAME_ATTRIBUTE = "__snakepit_name__"


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


class RunningTask:
    """One attempt of a task in this worker: what `current_task()` gives, and what the worker holds a lease for."""

    # Set by the I/O thread when the task was asked to end; the task decides where it is safe to look.
    cancelled = False
    # Instant on the clock of time.monotonic(), seconds; None: the task has no deadline.
    deadline: float | None = None
    seq = 0  # chunks sent so far
    _cancel_hook: Callable[[], object] | None = None

    def __init__(self, command: Task, now: float) -> None:
        self.command = command  # the TASK as it came
        if command.options and "deadline_ms" in command.options:
            self.deadline = now + command.options["deadline_ms"] / 1000

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
    def content_type(self) -> str:
        """How arguments and result are encoded."""
        return str(self.command.options.get("content_type", "msgpack"))

    @property
    def is_stream(self) -> bool:
        """Whether the client takes a generator's items as they come."""
        return bool(self.command.options.get("stream", False))

    @property
    def remaining_seconds(self) -> float | None:
        """Time left until the deadline, at least 0; None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def check_cancelled(self) -> None:
        """Raise TaskCancelled when the task was asked to end; call it in long loops."""
        if self.cancelled:
            raise TaskCancelled("the task was asked to end")

    def cancel(self) -> None:
        """Ask the task to end: set the flag, and wake what waits. Called by the worker, from any thread."""
        self.cancelled = True
        hook = self._cancel_hook
        if hook is not None:
            hook()

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


def enter_task(running: RunningTask) -> contextvars.Token[RunningTask]:
    """Make it the current task of this context; undo with leave_task. For the worker."""
    return _current.set(running)


def leave_task(token: contextvars.Token[RunningTask]) -> None:
    """Undo enter_task."""
    _current.reset(token)
