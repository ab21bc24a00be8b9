"""An app: the named functions that a worker runs, and the hooks around them. No I/O."""

from __future__ import annotations

import contextlib
import difflib
import logging
from collections.abc import Callable
from typing import Any, TypeVar, overload

from .message import FUNCTION_BYTES_MAX
from .task import NAME_ATTRIBUTE, RunningTask, TaskFunction, kind_of

__all__ = ["App"]

_log = logging.getLogger("snakepit.worker")

F = TypeVar("F", bound=Callable[..., Any])
Hook = TypeVar("Hook", bound=Callable[[], Any])
TaskHook = TypeVar("TaskHook", bound=Callable[[RunningTask], Any])


class App:
    """A set of tasks that one kind of worker runs.

    Args:
        name: a label for people, shown in the worker's messages; default empty.
        allow_pickle: whether arguments in content type `pickle5` are accepted. Unpickling runs code of the sender's
            choice, so only allow it where every client is trusted.
        thread_safe: whether its tasks may run in several threads at one time. Those that may not run one at a time in
            the thread profile, under one lock, or are refused there, as the pool's `thread_unsafe` says.

    Registration happens while the module is imported; afterwards an App is only read, from any thread.
    """

    def __init__(self, name: str | None = None, *, allow_pickle: bool = False, thread_safe: bool = True) -> None:
        self.name = name or ""
        self.allow_pickle = allow_pickle
        self.thread_safe = thread_safe
        self.tasks: dict[str, TaskFunction] = {}
        self.process_start_hooks: list[Callable[[], Any]] = []
        self.process_stop_hooks: list[Callable[[], Any]] = []
        self.thread_start_hooks: list[Callable[[], Any]] = []
        self.thread_stop_hooks: list[Callable[[], Any]] = []
        self.before_fork_hooks: list[Callable[[], Any]] = []
        self.after_fork_hooks: list[Callable[[], Any]] = []
        self.before_hooks: list[Callable[[RunningTask], Any]] = []
        self.after_hooks: list[Callable[[RunningTask], Any]] = []

    @overload
    def task(self, function: F) -> F: ...

    @overload
    def task(
        self, function: None = None, *, name: str | None = None, thread_safe: bool | None = None
    ) -> Callable[[F], F]: ...

    def task(
        self, function: F | None = None, *, name: str | None = None, thread_safe: bool | None = None
    ) -> F | Callable[[F], F]:
        """Register a function, a coroutine function or a generator of either kind; it stays a plain callable.

        Args:
            function: what to register, when used as `@app.task`.
            name: the name that clients use, 1 to 255 bytes; default the function's `__name__`.
            thread_safe: whether it may run in several threads at one time; default what the App says.

        Raises:
            ValueError: another function has that name, or it is too long.
            TypeError: it is not callable, for instance when the name was given without `name=`.
        """
        if function is not None:
            return self._register(function, name, thread_safe)
        return lambda decorated: self._register(decorated, name, thread_safe)

    def _register(self, function: F, name: str | None, thread_safe: bool | None) -> F:
        if not callable(function):
            raise TypeError(f"@app.task needs a function, not {function!r}; write @app.task(name=...) to name one")
        name = str(name or getattr(function, "__name__", type(function).__name__))
        if not 1 <= len(name.encode()) <= FUNCTION_BYTES_MAX:
            raise ValueError(f"the task name {name[:40]!r} is not 1 to {FUNCTION_BYTES_MAX} bytes long")
        if name in self.tasks and self.tasks[name].function is not function:
            raise ValueError(f"two tasks are named {name!r}; give one of them @app.task(name=...)")
        is_safe = self.thread_safe if thread_safe is None else thread_safe
        self.tasks[name] = TaskFunction(name, function, kind_of(function), is_safe)
        with contextlib.suppress(AttributeError):  # builtins and slotted callables: they are called by name only
            setattr(function, NAME_ATTRIBUTE, name)
        return function

    def on_process_start(self, hook: Hook) -> Hook:
        """Call this once in each worker process, in the main thread, before the first task."""
        self.process_start_hooks.append(hook)
        return hook

    def before_fork(self, hook: Hook) -> Hook:
        """Call this once in a nursery, after the import and before it forks workers: close what must not be shared.

        A connection, for instance: workers that all write into the same one would mix their bytes. Only pools with
        `nursery = true` have one.
        """
        self.before_fork_hooks.append(hook)
        return hook

    def after_fork(self, hook: Hook) -> Hook:
        """Call this in each worker that a nursery forked, before `on_process_start`: make anew what must differ.

        Random generators of your own, for instance; `random` and numpy's global generator are seeded anew already.
        """
        self.after_fork_hooks.append(hook)
        return hook

    def on_thread_start(self, hook: Hook) -> Hook:
        """Call this once in each thread that runs tasks, before its first one."""
        self.thread_start_hooks.append(hook)
        return hook

    def on_thread_stop(self, hook: Hook) -> Hook:
        """Call this once in each thread that ran tasks, after its last one. What it raises is logged.

        A worker that is killed calls no hooks.
        """
        self.thread_stop_hooks.append(hook)
        return hook

    def on_process_stop(self, hook: Hook) -> Hook:
        """Call this once in each worker process, in the main thread, after the last task. What it raises is logged."""
        self.process_stop_hooks.append(hook)
        return hook

    def run_stop_hooks(self, hooks: list[Callable[[], Any]]) -> None:
        """Call hooks for the end of a thread or process, all of them whatever they raise. For the worker."""
        for hook in hooks:
            try:
                hook()
            except Exception:
                _log.exception("a hook for the end of a worker failed")

    @property
    def unsafe_tasks(self) -> frozenset[str]:
        """The names of the tasks that must not run in several threads at one time."""
        return frozenset(name for name, task in self.tasks.items() if not task.is_thread_safe)

    def before_task(self, hook: TaskHook) -> TaskHook:
        """Call this with the RunningTask before each task; what it raises fails the task."""
        self.before_hooks.append(hook)
        return hook

    def after_task(self, hook: TaskHook) -> TaskHook:
        """Call this with the RunningTask after each task, however it ended, if its before_task hooks passed."""
        self.after_hooks.append(hook)
        return hook

    def suggest(self, name: str) -> str:
        """Say which tasks there are, the nearest names first, for a message about one that there is not."""
        if not self.tasks:
            return "the app has no tasks"
        near = difflib.get_close_matches(name, self.tasks, n=3)
        return "did you mean " + " or ".join(near) + "?" if near else "it has " + ", ".join(sorted(self.tasks)[:10])
