"""What `Client` and `testing.LocalPit` share: call, submit, submit_many, map, stream. Knows no transport."""

from __future__ import annotations

import collections
import concurrent.futures
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from .convert import encode_arguments
from .errors import Timeout
from .future import MapResults, Sink, TaskFuture, TaskStream
from .message import FUNCTION_BYTES_MAX, Facts, Payload
from .options import DEFAULT_OPTIONS, Options
from .task import name_of

__all__ = ["Caller", "PoolCaller"]

Function: TypeAlias = "str | Callable[..., Any]"
# A map keeps so many tasks on the way by default: enough for any number of workers, and little memory.
MAP_WINDOW = 1000
# submit_many hands its tasks over in groups of this size.
MANY_GROUP = 256


class Request(NamedTuple):
    """One task, encoded as far as every transport needs it."""

    task_id: int
    pool: str
    function: str
    payload: Payload
    options: Facts


def make_request(
    task_id: int,
    pool: str | None,
    name: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: Options,
    *,
    is_stream: bool = False,
) -> Request:
    """Encode a task. BadPayload: the arguments cannot be encoded."""
    if not isinstance(options, Options):
        raise TypeError(f"options must be snakepit.Options(...), not {type(options).__name__}")
    wire = options.wire
    if is_stream:
        credit = options.stream_credit
        wire = {**wire, "stream": True, "credit": credit} if credit else {**wire, "stream": True}
    return Request(task_id, pool or "", name, encode_arguments(args, kwargs, options.content_type), wire)


class Caller:
    """Base: encodes arguments, makes handles. The subclass carries requests out."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    # --- for the subclass ---

    def _carry_out(self, requests: list[tuple[Request, Sink]]) -> None:
        """Take requests in order; may block while too many are outstanding."""
        raise NotImplementedError

    def _cancel(self, task_id: int) -> None:
        raise NotImplementedError

    def _allow(self, task_id: int, total: int, attempt: int) -> None:
        raise NotImplementedError

    # --- the surface ---

    def call(
        self,
        pool: str | None,
        function: Function,
        /,
        *args: Any,
        timeout: float | None = None,
        options: Options = DEFAULT_OPTIONS,
        **kwargs: Any,
    ) -> Any:
        """Run a task and wait for its value.

        Args:
            pool: the pool that runs it; None or empty: the broker's default pool.
            function: a task's name, or the task itself.
            args: positional arguments of the task.
            timeout: how long to wait, in seconds; then the task is asked to end. Default: for ever.
            options: see Options.
            kwargs: named arguments; `timeout` and `options` can only be given through `pool(...).call`.

        Raises:
            Timeout: the time is up.
            SnakepitError: TaskError when the function raised, Busy, NoSuchPool, Unreachable and so on.
        """
        return self._call(pool, function, args, kwargs, options, timeout)

    def submit(
        self, pool: str | None, function: Function, /, *args: Any, options: Options = DEFAULT_OPTIONS, **kwargs: Any
    ) -> TaskFuture:
        """Start a task and give its future. Blocks only while too many tasks are outstanding.

        Raises:
            Busy: too many are outstanding, and the client was told not to block.
            BadPayload: the arguments cannot be encoded.
        """
        return self._submit(pool, function, args, kwargs, options)

    def stream(
        self,
        pool: str | None,
        function: Function,
        /,
        *args: Any,
        timeout: float | None = None,
        options: Options = DEFAULT_OPTIONS,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Run a generator task and iterate over its items as they come; `timeout` is the longest wait for one.

        A generator that is closed early asks the task to end.
        """
        return _parts(self._start_stream(pool, function, args, kwargs, options), timeout)

    def submit_stream(
        self, pool: str | None, function: Function, /, *args: Any, options: Options = DEFAULT_OPTIONS, **kwargs: Any
    ) -> TaskStream:
        """Start a generator task and give its future, whose `chunks()` are the items."""
        return self._start_stream(pool, function, args, kwargs, options)

    def submit_many(
        self,
        pool: str | None,
        function: Function,
        arguments: Iterable[Iterable[Any]],
        *,
        options: Options = DEFAULT_OPTIONS,
    ) -> list[TaskFuture]:
        """Start one task for each tuple of positional arguments; give the futures in order. Faster than submit."""
        futures: list[TaskFuture] = []
        name, iterator = checked_name(function), iter(arguments)
        while group := list(itertools.islice(iterator, MANY_GROUP)):
            requests: list[tuple[Request, Sink]] = []
            for args in group:
                request = make_request(next(self._ids), pool, name, tuple(args), {}, options)
                future = self._future(request.task_id, options)
                futures.append(future)
                requests.append((request, future))
            self._carry_out(requests)
        return futures

    def map(
        self,
        pool: str | None,
        function: Function,
        *iterables: Iterable[Any],
        window: int = MAP_WINDOW,
        timeout: float | None = None,
        options: Options = DEFAULT_OPTIONS,
    ) -> Iterator[Any]:
        """Apply a task to each tuple of items, as the builtin map does; give the values in order, as they are ready.

        Args:
            pool: the pool that runs them.
            function: a task's name, or the task itself.
            iterables: one for each positional argument; the shortest ends the map. They are read as results are taken.
            window: how many tasks are on the way at one time; the bound on memory, too.
            timeout: the longest wait for one value, in seconds.
            options: see Options.

        Raises:
            SnakepitError: while iterating, the error of the first task that failed. Tasks on the way are asked to end.
        """
        if window < 1:
            raise ValueError(f"window must be at least 1, not {window}")
        return self._map(pool, checked_name(function), iter(zip(*iterables)), window, timeout, options)  # noqa: B905

    def pool(self, name: str | None = None, options: Options = DEFAULT_OPTIONS) -> PoolCaller:
        """Give a handle of one pool, for calls without naming it and without reserved argument names.

        Without a name it is the broker's default pool.
        """
        return PoolCaller(self, name, options)

    # --- how ---

    def _call(
        self,
        pool: str | None,
        function: Function,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: Options,
        timeout: float | None = None,
    ) -> Any:
        future = self._submit(pool, function, args, kwargs, options)
        return self._wait(future, pool, function, options.timeout_seconds if timeout is None else timeout)

    def _wait(self, future: TaskFuture, pool: str | None, function: Function, timeout: float | None) -> Any:
        try:
            return future.result(timeout)
        except (TimeoutError, concurrent.futures.TimeoutError):  # two classes in Python 3.10
            if future.done():  # the task's own error is a timeout: not ours
                raise
            future.cancel()
            raise self._timeout(pool, function, timeout) from None
        except BaseException:  # the caller was interrupted: nobody waits for the task any more
            if not future.done():
                future.cancel()
            raise

    def _timeout(self, pool: str | None, function: Function, timeout: float | None) -> Timeout:
        where = f"pool {pool}" if pool else "the default pool"
        return Timeout(f"{name_of(function)} in {where} did not end within {timeout} s")

    def _submit(
        self, pool: str | None, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], options: Options
    ) -> TaskFuture:
        request = make_request(next(self._ids), pool, checked_name(function), args, kwargs, options)
        future = self._future(request.task_id, options)
        self._carry_out([(request, future)])
        return future

    def _start_stream(
        self, pool: str | None, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], options: Options
    ) -> TaskStream:
        name = checked_name(function)
        request = make_request(next(self._ids), pool, name, args, kwargs, options, is_stream=True)
        stream = TaskStream(request.task_id, self._cancel, allow_pickle=options.takes_pickle,
                            credit=options.stream_credit, allow=self._allow)  # fmt: skip
        listen(stream, options)
        self._carry_out([(request, stream)])
        return stream

    def _map(
        self,
        pool: str | None,
        name: str,
        arguments: Iterator[tuple[Any, ...]],
        window: int,
        timeout: float | None,
        options: Options,
    ) -> Iterator[Any]:
        results = MapResults(allow_pickle=options.takes_pickle)
        taken, started, group = 0, 0, max(1, min(window // 2, MANY_GROUP))
        on_the_way: collections.deque[int] = collections.deque()
        try:
            while True:
                # Refill in groups: one hand-over for many tasks, and never fewer than half a window on the way.
                if started - taken <= window - group:
                    requests: list[tuple[Request, Sink]] = []
                    for args in itertools.islice(arguments, group):
                        request = make_request(next(self._ids), pool, name, args, {}, options)
                        requests.append((request, results.slot(started + len(requests))))
                    self._carry_out(requests)
                    started += len(requests)
                    on_the_way.extend(request.task_id for request, _ in requests)
                if taken == started:
                    return
                value = results.take(taken, timeout)
                taken += 1
                on_the_way.popleft()
                yield value
        finally:
            for task_id in on_the_way:
                self._cancel(task_id)

    def _future(self, task_id: int, options: Options) -> TaskFuture:
        future = TaskFuture(task_id, self._cancel, allow_pickle=options.takes_pickle)
        if options.progress:
            listen(future, options)
        return future


class PoolCaller:
    """One pool of a Caller with its options: `client.pool("text").options(priority=9).submit("count_words", "a b")`."""

    def __init__(self, caller: Caller, name: str | None, options: Options) -> None:
        self._caller = caller
        self._name = name
        self._options = options

    def options(self, **changes: Any) -> PoolCaller:
        """Give a handle of the same pool with some options changed; the names are those of Options."""
        return PoolCaller(self._caller, self._name, self._options.replace(**changes))

    def call(self, function: Function, /, *args: Any, **kwargs: Any) -> Any:
        """Run a task and wait for its value, at most `timeout_seconds` of the options. See Caller.call."""
        return self._caller._call(self._name, function, args, kwargs, self._options)

    def submit(self, function: Function, /, *args: Any, **kwargs: Any) -> TaskFuture:
        """Start a task and give its future. See Caller.submit."""
        return self._caller._submit(self._name, function, args, kwargs, self._options)

    def submit_many(self, function: Function, arguments: Iterable[Iterable[Any]]) -> list[TaskFuture]:
        """Start one task for each tuple of arguments. See Caller.submit_many."""
        return self._caller.submit_many(self._name, function, arguments, options=self._options)

    def submit_stream(self, function: Function, /, *args: Any, **kwargs: Any) -> TaskStream:
        """Start a generator task and give its future, whose `chunks()` are the items."""
        return self._caller._start_stream(self._name, function, args, kwargs, self._options)

    def stream(self, function: Function, /, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Run a generator task and iterate over its items as they come. See Caller.stream."""
        stream = self._caller._start_stream(self._name, function, args, kwargs, self._options)
        return _parts(stream, self._options.timeout_seconds)

    def map(self, function: Function, *iterables: Iterable[Any], window: int = MAP_WINDOW) -> Iterator[Any]:
        """Apply a task to each tuple of items. See Caller.map."""
        timeout = self._options.timeout_seconds
        return self._caller.map(self._name, function, *iterables, window=window, timeout=timeout, options=self._options)


def _parts(stream: TaskStream, timeout: float | None) -> Iterator[Any]:
    try:
        yield from stream.chunks(timeout)
    finally:
        if not stream.done():
            stream.cancel()


def listen(future: TaskFuture, options: Options) -> None:
    """Let the options' function hear of the task's progress."""
    if callable(options.progress):
        future.on_progress(options.progress)


def checked_name(function: Function) -> str:
    """Give a task's name. TypeError: it has none; ValueError: it is too long or empty."""
    name = name_of(function)
    if not 1 <= len(name) <= FUNCTION_BYTES_MAX:
        raise ValueError(f"a task's name is 1 to {FUNCTION_BYTES_MAX} bytes, not {name[:40]!r}")
    return name
