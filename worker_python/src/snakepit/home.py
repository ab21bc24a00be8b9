"""What a process that runs tasks gives them: who it is, a way to call other tasks, and telemetry.

A task reaches it through `current_task()`. `Home` is the base; a worker's is `WorkerHome`, a LocalPit has its own.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgpack  # type: ignore[import-untyped]

from .errors import NestedCallWouldHang, SnakepitError
from .message import EVENT
from .options import Options
from .task import RunningTask, name_of

if TYPE_CHECKING:
    from .caller import Caller, Function
    from .client import Client
    from .future import TaskFuture

__all__ = ["Home", "WorkerHome"]

# So many events wait for the connection; what comes when they are there is dropped and counted.
EVENTS_MAX = 1000
# What was learned about the places of a pool is believed for so long.
PLACES_SECONDS = 5.0
# A task that waits for its own pool asks the broker whether that can ever end; it does not wait for that for long.
ASK_SECONDS = 2.0
_ANY_HOST = re.compile(r"\*|0\.0\.0\.0|\[::\]|localhost|127\.[0-9.]+|\[::1\]")

_log = logging.getLogger("snakepit.worker")


class Home:
    """Base. `pool` is the pool that is served, `session` the worker's number at the broker, 0 before it has one."""

    def __init__(self, pool: str) -> None:
        self.pool = pool
        self.session = 0

    # --- for the subclass ---

    def caller(self) -> Caller:
        """Give what carries out calls of tasks."""
        raise NotImplementedError

    def check_place(self, pool: str, *, is_async: bool) -> None:
        """Raise NestedCallWouldHang when a task that waits for a task of this pool could never end."""

    def take_event(self, name: str, fields: Mapping[str, Any]) -> None:
        """Take an event of a task, whose fields are such as JSON has. Must not block."""
        raise NotImplementedError

    # --- for tasks ---

    def submit(
        self, parent: RunningTask, pool: str | None, function: Function, args: Any, kwargs: Any, options: Options
    ) -> TaskFuture:
        """Start a task for a task: it gets what is left of the parent's time, its headers, and its cancel."""
        parent.check_cancelled()
        future = self.caller()._submit(pool, function, args, kwargs, inherit(parent, options))
        parent.adopt(future)
        return future

    def call(
        self, parent: RunningTask, pool: str | None, function: Function, args: Any, kwargs: Any, options: Options,
        timeout: float | None,
    ) -> Any:  # fmt: skip
        """Run a task for a task and wait for its value."""
        if _is_in_event_loop():
            raise SnakepitError(
                f"call({name_of(function)!r}) would stop this thread's event loop: await call_async(...) instead",
                code="would_block",
            )
        self.check_place(pool or "", is_async=False)
        future = self.submit(parent, pool, function, args, kwargs, options)
        return self.caller()._wait(future, pool, function, options.timeout_seconds if timeout is None else timeout)

    async def call_async(
        self, parent: RunningTask, pool: str | None, function: Function, args: Any, kwargs: Any, options: Options,
        timeout: float | None,
    ) -> Any:  # fmt: skip
        """Run a task for a task without stopping the event loop."""
        import asyncio

        await asyncio.to_thread(self.check_place, pool or "", is_async=True)
        future = self.submit(parent, pool, function, args, kwargs, options)
        waiter = asyncio.wrap_future(future)
        timeout = options.timeout_seconds if timeout is None else timeout
        try:
            return await asyncio.wait_for(waiter, timeout)
        except asyncio.CancelledError:
            if future.cancelled() and not parent.cancelled:  # the child was cancelled, not the parent
                future.result(0)
            raise
        except (asyncio.TimeoutError, TimeoutError):
            if not waiter.cancelled():  # the task's own error is a timeout: not ours
                raise
            raise self.caller()._timeout(pool, function, timeout) from None


def inherit(parent: RunningTask, options: Options) -> Options:
    """Give the options of a child: the parent's headers below its own, and no more time than the parent has."""
    headers = {**parent.headers, **(options.headers or {})}
    left, deadline = parent.remaining_seconds, options.deadline_seconds
    if left is not None:
        deadline = left if deadline is None else min(left, deadline)
    if headers == (options.headers or {}) and deadline == options.deadline_seconds:
        return options
    return options.replace(headers=headers, deadline_seconds=deadline)


class WorkerHome(Home):
    """A worker's. Any task thread uses it; `welcomed` and `take_events` belong to the I/O thread.

    Args:
        pool: the pool that the worker serves.
        connected: the endpoint that it is connected to.
    """

    def __init__(self, pool: str, connected: str) -> None:
        super().__init__(pool)
        self.wake: Callable[[], object] = do_nothing  # wakes the I/O thread while there is one
        self.events_dropped = 0
        self._connected = connected
        self._clients = ""
        self._events: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._pid = os.getpid()
        self._places: dict[tuple[str, bool], tuple[float, int]] = {}

    def welcomed(self, session: int, clients: str) -> None:
        """Note what the broker's WELCOME said."""
        self.session = session
        self._clients = clients

    # --- calls ---

    def endpoint(self) -> str:
        """Give the endpoint for clients: $SNAKEPIT_CLIENTS, else what the broker said, with a host that is right here.

        Raises:
            SnakepitError: neither says one.
        """
        said = os.environ.get("SNAKEPIT_CLIENTS") or reachable(self._clients, self._connected)
        if not said:
            raise SnakepitError(
                "the broker did not say where its clients' endpoint is: set SNAKEPIT_CLIENTS", code="unreachable"
            )
        return said

    def caller(self) -> Client:
        """Give this process's client, made at its first use, and anew in a fork."""
        from .client import Client  # here: it is wanted by few workers

        if self._pid != os.getpid():
            self._lock, self._client, self._pid = threading.Lock(), None, os.getpid()
        with self._lock:
            if self._client is None:
                self._client = Client(self.endpoint(), name=f"tasks of {self.pool} {os.getpid()}"[:64])
            return self._client

    def check_place(self, pool: str, *, is_async: bool) -> None:
        """Ask the broker, when a task wants to wait for its own pool, whether that has a second place to run it."""
        if pool != self.pool:
            return
        until, places = self._places.get((pool, is_async), (0.0, 0))
        if time.monotonic() >= until or places < 2:
            try:
                workers = self.caller().admin("workers", pool=pool, timeout=ASK_SECONDS)
            except SnakepitError:  # not allowed, or not now: then nothing is known against it
                return
            places = sum(_places_of(worker, is_async=is_async) for worker in workers)
            self._places[pool, is_async] = time.monotonic() + PLACES_SECONDS, places
        if places < 2:
            raise NestedCallWouldHang(
                f"a task of pool {pool} that waits for a task of pool {pool} would wait for ever: one task at a time "
                "runs there, and that is the one that waits. Give the pool more workers, use another pool, or call the "
                "function itself"
            )

    def close(self) -> None:
        """Send what tasks submitted, and close the client, if this process has made one."""
        if self._pid == os.getpid() and self._client is not None:
            self._client.close()

    # --- telemetry ---

    def take_event(self, name: str, fields: Mapping[str, Any]) -> None:
        """Leave an event for the I/O thread; drop and count it when too many wait."""
        if len(self._events) >= EVENTS_MAX:
            self.events_dropped += 1
            return
        self._events.append(msgpack.packb((EVENT, name, fields), default=str))
        if len(self._events) == 1:  # else whoever added the first woke the I/O thread, which takes them all
            self.wake()

    @property
    def has_events(self) -> bool:
        """Whether events wait."""
        return bool(self._events)

    def take_events(self) -> list[bytes]:
        """Take what waits, encoded, and a note of what was dropped. For the I/O thread."""
        taken: list[bytes] = []
        while self._events:
            taken.append(self._events.popleft())
        if self.events_dropped and taken:
            dropped, self.events_dropped = self.events_dropped, 0
            _log.warning("%d events of tasks were dropped: more than %d waited", dropped, EVENTS_MAX)
            taken.append(msgpack.packb((EVENT, "app.events_dropped", {"count": dropped})))
        return taken


def do_nothing() -> None:
    """Wake nobody."""


def reachable(clients: str, connected: str) -> str:
    """Give the clients' endpoint as it can be reached from here.

    A broker that listens on all addresses, or names a loopback one to a worker of another host, does not know its name
    there; the worker does, it is connected to it.
    """
    if not clients.startswith("tcp://") or not connected.startswith("tcp://"):
        return clients
    host, _, port = clients.removeprefix("tcp://").rpartition(":")
    here = connected.removeprefix("tcp://").rpartition(":")[0].rpartition(";")[2]
    return f"tcp://{here}:{port}" if _ANY_HOST.fullmatch(host) and here else clients


def _places_of(worker: Mapping[str, Any], *, is_async: bool) -> int:
    """Count the tasks that a worker can run beside one another; plain functions of a process profile stand in line."""
    if worker.get("state") not in ("ready", "stalled"):
        return 0
    return int(worker.get("slots", 1)) if is_async or worker.get("profile") == "thread" else 1


def _is_in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")  # where nobody has imported it, no event loop runs
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
