"""A real `concurrent.futures.Executor` over one pool: what takes an executor can use a pool of Snakepit workers."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any

from .caller import Caller, PoolCaller
from .client import Client
from .future import TaskFuture
from .options import Options

__all__ = ["Executor"]


class Executor(concurrent.futures.Executor):
    """Runs tasks of an app in one pool.

    Args:
        pool: the pool; None: the broker's default pool.
        endpoint: as for Client; a client is made, and closed by `shutdown`.
        client: use this client, or a LocalPit, instead; it stays open.
        name_of: gives the task's name for what `submit` gets; default: the name under which an App registered it, or a
            str as it is. With it, other callables can be mapped to tasks, for instance `lambda f: f.__name__`.
        options: for all its tasks.
        client_settings: other settings of Client.

    `submit` and `map` take tasks (functions decorated with `@app.task`) or their names. A function runs where its
    workers imported it, so lambdas and closures cannot be submitted.
    """

    def __init__(
        self,
        pool: str | None,
        endpoint: str | None = None,
        *,
        client: Caller | None = None,
        name_of: Callable[[Any], str] | None = None,
        options: Options | None = None,
        **client_settings: Any,
    ) -> None:
        self._own_client = None if client is not None else Client(endpoint, **client_settings)
        caller = client if client is not None else self._own_client
        assert caller is not None
        self._pool: PoolCaller = caller.pool(pool, options or Options())
        self._name_of = name_of
        self._lock = threading.Lock()
        self._unfinished: set[TaskFuture] = set()
        self._is_shut = False

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> TaskFuture:
        """Start a task and give its future.

        Raises:
            RuntimeError: after shutdown.
            TypeError: fn is neither a task nor a name.
        """
        function = self._name_of(fn) if self._name_of is not None and not isinstance(fn, str) else fn
        with self._lock:
            if self._is_shut:
                raise RuntimeError("cannot submit a task after shutdown")
        future = self._pool.submit(function, *args, **kwargs)
        with self._lock:
            self._unfinished.add(future)
        future.add_done_callback(self._forget)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; optionally cancel those that are not done, and wait for them.

        Without `wait` the client is closed when the last task is done.
        """
        with self._lock:
            self._is_shut = True
            unfinished = list(self._unfinished)
        if cancel_futures:
            for future in unfinished:
                future.cancel()
        if wait:
            concurrent.futures.wait(unfinished)
            self._close()
        elif self._own_client is not None:
            # Not a daemon, so that the interpreter's end waits for the tasks, as it does for other executors.
            threading.Thread(target=self._close_later, args=(unfinished,), name="snakepit-executor-shutdown").start()

    def _forget(self, future: Any) -> None:
        with self._lock:
            self._unfinished.discard(future)

    def _close_later(self, unfinished: list[TaskFuture]) -> None:
        concurrent.futures.wait(unfinished)
        self._close()

    def _close(self) -> None:
        if self._own_client is not None:
            self._own_client.close()
