"""A pit in memory, for tests of apps and of code that uses a Client: no broker, no sockets, the same surface.

Arguments and results go through the same conversion, and exceptions take the same way, as with a broker: what a test
sees here is what a caller sees there. Not imitated: pools (any name will do), priorities, limits, lost workers.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from .app import App
from .app_threads import AppThreads
from .caller import Caller, Request
from .errors import ClientClosed, SnakepitError, error_from_code
from .future import Sink
from .home import Home
from .message import ADMIN_POOL, Chunk, Error, Result, Task
from .perform import perform
from .task import RunningTask, in_task

__all__ = ["Event", "LocalPit"]

# So many tasks of a pit may wait for others at one time.
NESTED_MAX = 256


class Event(NamedTuple):
    """What a task emitted: its name with the prefix `app.`, and its fields."""

    name: str
    fields: Mapping[str, Any]


class LocalPit(Caller):
    """Runs the tasks of an app in threads of this process.

    Args:
        app: the tasks.
        slots: how many run at one time.

    Has the surface of Client: call, submit, submit_many, map, stream, pool, close. `with` closes it. `events` has what
    its tasks emitted, in order. Tasks that call others reach the same app, in threads beyond `slots`.
    """

    def __init__(self, app: App, *, slots: int = 4) -> None:
        super().__init__()
        self._app = app
        self._fences = itertools.count(1)
        self._lock = threading.Lock()
        self.events: list[Event] = []
        self._running: dict[int, RunningTask] = {}
        self._queued: dict[int, Sink] = {}
        self._one_at_a_time = threading.Lock()  # for tasks that are not thread-safe
        for hook in app.process_start_hooks:
            hook()
        self._threads = AppThreads(app, slots, "snakepit-local")
        # A task that waits for another one keeps its slot, which must not be the one that the other needs.
        self._more_threads = AppThreads(app, NESTED_MAX, "snakepit-nested")
        self._is_closed = False

    def close(self) -> None:
        """Let running tasks end; tasks that have not begun fail with ClientClosed."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._lock:
            queued = list(self._queued)
        for task_id in queued:
            self._take_back(task_id, ClientClosed("the pit was closed before the task began"))
        self._threads.close()
        self._more_threads.close()
        self._app.run_stop_hooks(self._app.process_stop_hooks)

    def __enter__(self) -> LocalPit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _carry_out(self, requests: list[tuple[Request, Sink]]) -> None:
        if self._is_closed:
            raise ClientClosed("the pit is closed")
        for request, sink in requests:
            if request.pool == ADMIN_POOL:
                sink.deliver(error_from_code("no_such_function", "a LocalPit answers no admin calls"))
                continue
            with self._lock:
                threads = self._more_threads if in_task() else self._threads
                threads.put(functools.partial(self._run, request, sink))
                self._queued[request.task_id] = sink  # the thread waits for the lock

    def _cancel(self, task_id: int) -> None:
        if self._take_back(task_id, error_from_code("cancelled", "cancelled before it began")):
            return
        with self._lock:
            running = self._running.get(task_id)
        if running is not None:
            running.cancel()

    def _allow(self, task_id: int, total: int, attempt: int) -> None:
        with self._lock:
            running = self._running.get(task_id)
        if running is not None and running.credit is not None:
            running.credit.allow(total)

    def _take_back(self, task_id: int, error: SnakepitError) -> bool:
        """End a task that has not begun; False when it has."""
        with self._lock:
            queued = self._queued.pop(task_id, None)
        if queued is None:
            return False
        queued.deliver(error)
        return True

    def _run(self, request: Request, sink: Sink) -> None:
        with self._lock:
            if self._queued.pop(request.task_id, None) is None:
                return
            running = self._begin(request)
        is_alone = running.function in self._app.unsafe_tasks
        with self._one_at_a_time if is_alone else contextlib.nullcontext():
            answer = self._perform(running, sink)
        with self._lock:
            del self._running[request.task_id]
        if isinstance(answer, Error):
            sink.deliver(error_from_code(answer.code, answer.text, answer.details))
        else:
            sink.deliver(answer)

    def _begin(self, request: Request) -> RunningTask:
        options = {key: value for key, value in request.options.items() if key in _TASK_OPTIONS}
        payload = request.payload
        if isinstance(payload, tuple):  # what the task gets is no longer the caller's memory
            payload = tuple(bytes(frame) for frame in payload)
        command = Task(next(self._fences), 1, request.function, payload, options)
        running = self._running[request.task_id] = RunningTask(command, time.monotonic())
        running.home = self._home(request.pool)
        return running

    def _home(self, pool: str) -> Home:
        return _LocalHome(self, pool)

    def _perform(self, running: RunningTask, sink: Sink) -> Result | Error:
        def emit(chunk: Chunk, /, *, is_blocking: bool = True) -> bool:
            sink.deliver(chunk)
            return True

        definition = self._app.tasks.get(running.function)
        if definition is not None and definition.is_async:
            import asyncio

            from .perform_async import perform_async

            return asyncio.run(perform_async(self._app, definition, running, emit))
        return perform(self._app, definition, running, emit)

    def admin(self, function: str, /, **_: Any) -> Any:
        """Raise NoSuchFunction: there is no broker that could answer."""
        raise error_from_code("no_such_function", f"a LocalPit answers no admin calls, not {function!r} either")


class _LocalHome(Home):
    """A pit is the home of its tasks, whatever pool they were submitted to."""

    def __init__(self, pit: LocalPit, pool: str) -> None:
        super().__init__(pool)
        self._pit = pit

    def caller(self) -> Caller:
        return self._pit

    def take_event(self, name: str, fields: Mapping[str, Any]) -> None:
        self._pit.events.append(Event(name, fields))


_TASK_OPTIONS = frozenset(("content_type", "headers", "stream", "progress", "deadline_ms", "run_ms", "credit"))
