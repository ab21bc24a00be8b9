"""The client for asyncio: the surface of `snakepit.Client`, awaited.

    async with snakepit.aio.Client() as client:
        value = await client.call("text", "count_words", "to be or not to be")
        handle = await client.submit("text", "count_words", "or not")    # returns when there is room for it
        value = await handle
        async for item in client.stream("text", "lines", "file"): ...

The connection lives in a background thread as with `snakepit.Client`, so heartbeats go on while the event loop is busy.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from .admin import (
    ANSWER_SECONDS,
    PoolStats,
    WorkerInfo,
    named,
    ready_arguments,
    record_of,
    records_of,
    say_not_ready,
)
from .caller import MAP_WINDOW, Function, Request, checked_name, make_request
from .client import default_endpoint, make_hello, make_limits, make_offer
from .client_loop import ClientLoop
from .client_session import Outcome
from .errors import SnakepitError, TaskExpired, Timeout
from .future import Sink, TaskStream, result_value
from .message import ADMIN_POOL, NOTHING, Chunk, Facts
from .options import DEFAULT_OPTIONS, Options
from .progress import Progress, is_progress, progress_of
from .window import Window

__all__ = ["Client", "TaskHandle"]


class TaskHandle(asyncio.Future[Any]):
    """A submitted task: await it for its value. `task_id` and, when it is done, `info` as with TaskFuture.

    `cancel()` asks the broker for the task's end and cancels this handle at once, as asyncio expects of a future. A
    task that is cancelled by others raises TaskCancelled.
    """

    task_id: int = 0
    info: Facts = NOTHING
    progress: Progress | None = None
    _on_progress: Callable[[Progress], object] | None = None
    _ask_cancel: Callable[[int], None] | None = None

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the handle, and ask for the task's end."""
        if not self.done() and self._ask_cancel is not None:
            self._ask_cancel(self.task_id)
        return super().cancel(msg)


class _HandleSink:
    """Brings outcomes from the I/O thread to the event loop, all of one turn with one wake-up."""

    def __init__(self, client: Client, handle: TaskHandle, *, allow_pickle: bool) -> None:
        self._client = client
        self._handle = handle
        self._allow_pickle = allow_pickle

    def deliver(self, outcome: Outcome) -> None:
        self._client._bring_home(self, outcome)

    def finish(self, outcome: Outcome) -> None:
        """Finish the handle. In the event loop."""
        handle = self._handle
        if handle.done():
            return
        if type(outcome) is Chunk:
            self._tell_progress(outcome)
            return
        try:
            if isinstance(outcome, SnakepitError):
                raise outcome
            handle.info = outcome.info
            handle.set_result(result_value(outcome, allow_pickle=self._allow_pickle))
        except SnakepitError as error:
            handle.set_exception(error)

    def _tell_progress(self, chunk: Chunk) -> None:
        handle, progress = self._handle, progress_of(chunk)
        if progress is None:
            return
        handle.progress = progress
        if handle._on_progress is not None:
            self._client._event_loop.call_soon(handle._on_progress, progress)


class Client:
    """A connection to a broker for one event loop. Settings are those of `snakepit.Client`.

    Make it in a coroutine; `await client.close()`, or use `async with`. At `outstanding_max`, submits wait.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        name: str = "",
        on_disconnect: str = "continue",
        outstanding_max: int = 50_000,
        busy_seconds: float = 30.0,
        connect_timeout_seconds: float | None = 10.0,
    ) -> None:
        self._event_loop = asyncio.get_running_loop()
        self._ids = itertools.count(1)
        self._window = Window(outstanding_max)
        self._home: deque[tuple[_HandleSink, Outcome]] = deque()
        self._is_home_planned = False
        limits = make_limits(busy_seconds, connect_timeout_seconds)
        self._loop = ClientLoop(endpoint or default_endpoint(), make_hello(name, on_disconnect), limits, self._window)
        self._loop.start()

    async def call(
        self,
        pool: str | None,
        function: Function,
        /,
        *args: Any,
        timeout: float | None = None,
        options: Options = DEFAULT_OPTIONS,
        **kwargs: Any,
    ) -> Any:
        """Run a task and give its value. See snakepit.Client.call.

        Raises:
            Timeout: it did not end within `timeout` seconds; it was asked to end.
            SnakepitError: the error that ended it.
        """
        timeout = options.timeout_seconds if timeout is None else timeout
        handle = await self._submit(pool, function, args, kwargs, options)
        try:
            return await asyncio.wait_for(handle, timeout)
        except (asyncio.TimeoutError, TimeoutError):
            if not handle.cancelled():  # the task's own error is a timeout: not ours
                raise
            raise Timeout(f"{function} in pool {pool} did not end within {timeout} s") from None

    async def submit(
        self, pool: str | None, function: Function, /, *args: Any, options: Options = DEFAULT_OPTIONS, **kwargs: Any
    ) -> TaskHandle:
        """Start a task, as soon as there is room for it, and give its handle: await that for the value."""
        return await self._submit(pool, function, args, kwargs, options)

    async def submit_many(
        self,
        pool: str | None,
        function: Function,
        arguments: Iterable[Iterable[Any]],
        *,
        options: Options = DEFAULT_OPTIONS,
    ) -> list[TaskHandle]:
        """Start one task for each tuple of positional arguments; give the handles in order."""
        return [await self._submit(pool, function, tuple(args), {}, options) for args in arguments]

    async def map(
        self,
        pool: str | None,
        function: Function,
        *iterables: Iterable[Any],
        window: int = MAP_WINDOW,
        options: Options = DEFAULT_OPTIONS,
    ) -> AsyncIterator[Any]:
        """Apply a task to each tuple of items; give the values in order, at most `window` tasks on the way."""
        on_the_way: deque[TaskHandle] = deque()
        try:
            for args in zip(*iterables):  # noqa: B905  the shortest ends it, as with the builtin map
                on_the_way.append(await self._submit(pool, function, args, {}, options))
                if len(on_the_way) >= window:
                    yield await on_the_way.popleft()
            while on_the_way:
                yield await on_the_way.popleft()
        finally:
            for handle in on_the_way:
                handle.cancel()

    async def stream(
        self, pool: str | None, function: Function, /, *args: Any, options: Options = DEFAULT_OPTIONS, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Run a generator task and iterate over its items as they come. Leaving the loop early asks it to end."""
        wake = asyncio.Event()
        stream = TaskStream(next(self._ids), self._loop.cancel, allow_pickle=options.takes_pickle,
                            credit=options.stream_credit, allow=self._loop.allow)  # fmt: skip
        stream.add_listener(lambda: self._call_home(wake.set))
        if callable(options.progress):
            tell = options.progress
            stream.on_progress(lambda progress: self._call_home(lambda: tell(progress)))
        name = checked_name(function)
        await self._offer(make_request(stream.task_id, pool, name, args, kwargs, options, is_stream=True), stream)
        try:
            while True:
                is_there, part = stream.next_part()
                if is_there:
                    yield part
                    continue
                if stream.done() and not stream.has_parts:
                    break
                await wake.wait()
                wake.clear()
            stream.result(0)
        finally:
            if not stream.done():
                stream.cancel()

    async def admin(self, function: str, /, *, timeout: float | None = 10.0, **kwargs: Any) -> Any:
        """Call the broker itself. See snakepit.Client.admin."""
        return await self.call(ADMIN_POOL, function, timeout=timeout, **kwargs)

    async def await_ready(self, pool: str | None = None, workers: int | None = None, timeout: float = 30.0) -> None:
        """Wait until so many workers are ready in a pool. See snakepit.Client.await_ready."""
        arguments = ready_arguments(pool, workers, timeout)
        try:
            await self.admin("await_ready", timeout=timeout + ANSWER_SECONDS, **arguments)
        except TaskExpired:
            raise Timeout(say_not_ready(pool, workers, timeout)) from None

    async def list_workers(self, pool: str | None = None, *, timeout: float | None = 10.0) -> list[WorkerInfo]:
        """Give the workers of a pool, or of all."""
        return records_of(WorkerInfo, await self.admin("workers", timeout=timeout, **named(pool=pool)))

    async def get_stats(self, pool: str, *, timeout: float | None = 10.0) -> PoolStats:
        """Give the counters and the load of a pool."""
        return record_of(PoolStats, (await self.admin("stats", timeout=timeout, pool=pool))[0])

    async def list_pools(self, *, timeout: float | None = 10.0) -> list[PoolStats]:
        """Give the counters and the load of all pools."""
        return records_of(PoolStats, await self.admin("stats", timeout=timeout))

    async def recycle(self, pool: str | None = None, *, worker: int | None = None, timeout: float | None = 10.0) -> int:
        """Replace all workers of a pool, or one worker, by new ones; give how many. See snakepit.Client.recycle."""
        answer = await self.admin("recycle", timeout=timeout, **named(pool=pool, worker=worker))
        return int(answer["workers"])

    async def close(self) -> None:
        """Send what was submitted, say BYE, end the connection. Handles that are not done fail with ClientClosed."""
        await asyncio.to_thread(self._loop.close)
        self._come_home()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self) -> None:
        loop = getattr(self, "_loop", None)
        if loop is not None:
            loop.close_soon()

    # --- how ---

    async def _submit(
        self, pool: str | None, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], options: Options
    ) -> TaskHandle:
        handle = TaskHandle(loop=self._event_loop)
        handle.task_id = next(self._ids)
        handle._ask_cancel = self._loop.cancel
        if callable(options.progress):
            handle._on_progress = options.progress
        sink = _HandleSink(self, handle, allow_pickle=options.takes_pickle)
        await self._offer(make_request(handle.task_id, pool, checked_name(function), args, kwargs, options), sink)
        return handle

    async def _offer(self, request: Request, sink: Sink) -> None:
        self._loop.check_usable()
        offer = make_offer(request, sink)
        while not self._window.take(1, is_blocking=False):
            room = asyncio.Event()
            self._window.watch(lambda room=room: self._call_home(room.set))  # type: ignore[misc]
            if self._window.take(1, is_blocking=False):  # room was made before the watch began
                break
            await room.wait()
        self._loop.offer([offer])

    def _bring_home(self, sink: _HandleSink, outcome: Outcome) -> None:
        """Leave an outcome for the event loop. In the I/O thread."""
        if type(outcome) is Chunk and not is_progress(outcome):
            return
        self._home.append((sink, outcome))
        if not self._is_home_planned:
            self._is_home_planned = True
            self._call_home(self._come_home)

    def _call_home(self, callback: Callable[[], object]) -> None:
        if not self._event_loop.is_closed():
            self._event_loop.call_soon_threadsafe(callback)

    def _come_home(self) -> None:
        self._is_home_planned = False  # first: what is left from now on plans again
        while self._home:
            sink, outcome = self._home.popleft()
            sink.finish(outcome)
