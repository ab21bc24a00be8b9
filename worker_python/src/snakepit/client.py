"""The client for threads: submits tasks over one background connection that comes back by itself."""

from __future__ import annotations

import os
import warnings
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
from .caller import Caller, Request
from .client_loop import ClientLoop
from .client_session import Limits, Offer
from .encode import cut_text, encode_submit
from .errors import Busy, TaskExpired, Timeout
from .future import Sink, TaskFuture
from .message import ADMIN_POOL, INSTANCE_BYTES, LABEL_BYTES_MAX, ClientHello
from .window import Window

__all__ = ["DEFAULT_ENDPOINT", "Client"]

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5570"


class Client(Caller):
    """A connection to a broker, for any number of threads.

    Tasks survive a broken connection and a restart of the broker: what is not final is offered again with the same id,
    which never makes a second task of it. Made once and kept for the life of a program; close it, or use `with`.

    Args:
        endpoint: the broker's endpoint for clients; default: $SNAKEPIT_ENDPOINT, else tcp://127.0.0.1:5570.
        name: a label for people, shown by `snakepit status`; at most 64 bytes.
        on_disconnect: `"continue"` or `"cancel"`: what happens to its tasks when this process is gone for longer than
            the broker's `client_retention`, or closes the client.
        outstanding_max: how many tasks may be unfinished at one time.
        block: at that limit, whether `submit` waits (True) or raises Busy.
        busy_seconds: how long a task that the broker refuses as busy is offered again before it fails as Busy.
        connect_timeout_seconds: how long tasks wait for the first contact with the broker before they fail as
            Unreachable; None: for ever. After the first contact they wait without a limit.

    Raises:
        ValueError: the endpoint is malformed.

    Does not block; the connection is made in the background. A forked process cannot use it (UsedAfterFork).
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        name: str = "",
        on_disconnect: str = "continue",
        outstanding_max: int = 50_000,
        block: bool = True,
        busy_seconds: float = 30.0,
        connect_timeout_seconds: float | None = 10.0,
    ) -> None:
        super().__init__()
        self._window = Window(outstanding_max)
        self._is_blocking = block
        hello = make_hello(name, on_disconnect)
        self._loop = ClientLoop(
            endpoint or default_endpoint(), hello, make_limits(busy_seconds, connect_timeout_seconds), self._window
        )
        self._loop.start()

    def admin(self, function: str, /, *, timeout: float | None = 10.0, **kwargs: Any) -> Any:
        """Call the broker itself (docs/protocol.md, section 10), for instance `admin("pools")`; give its answer.

        Raises:
            Timeout: no answer within `timeout` seconds.
            SnakepitError: the broker's refusal.
        """
        return self.call(ADMIN_POOL, function, timeout=timeout, **kwargs)

    def await_ready(self, pool: str | None = None, workers: int | None = None, timeout: float = 30.0) -> None:
        """Wait until so many workers are ready in a pool.

        Args:
            pool: the pool; None: every pool that has a wanted number of workers.
            workers: how many; None: the number that the configuration wants, at least 1.
            timeout: how long to wait, in seconds.

        Raises:
            Timeout: they are not ready in time.
            NoSuchPool: with the names of those that there are.
        """
        arguments = ready_arguments(pool, workers, timeout)
        try:
            self.admin("await_ready", timeout=timeout + ANSWER_SECONDS, **arguments)
        except TaskExpired:
            raise Timeout(say_not_ready(pool, workers, timeout)) from None

    def list_workers(self, pool: str | None = None, *, timeout: float | None = 10.0) -> list[WorkerInfo]:
        """Give the workers of a pool, or of all. NoSuchPool: with the names of those that there are."""
        return records_of(WorkerInfo, self.admin("workers", timeout=timeout, **named(pool=pool)))

    def get_stats(self, pool: str, *, timeout: float | None = 10.0) -> PoolStats:
        """Give the counters and the load of a pool. NoSuchPool: with the names of those that there are."""
        return record_of(PoolStats, self.admin("stats", timeout=timeout, pool=pool)[0])

    def list_pools(self, *, timeout: float | None = 10.0) -> list[PoolStats]:
        """Give the counters and the load of all pools."""
        return records_of(PoolStats, self.admin("stats", timeout=timeout))

    def recycle(self, pool: str | None = None, *, worker: int | None = None, timeout: float | None = 10.0) -> int:
        """Replace all workers of a pool, or one worker, by new ones, without losing a task; give how many.

        It begins at once and goes on after the return, as the pool's `recycle_parallel` allows.

        Args:
            pool: the pool.
            worker: the `id` of a worker, instead.
            timeout: how long to wait for the broker's answer, in seconds.

        Raises:
            NoSuchPool, NotFound: there is none such.
        """
        answer = self.admin("recycle", timeout=timeout, **named(pool=pool, worker=worker))
        return int(answer["workers"])

    @property
    def is_connected(self) -> bool:
        """Whether the connection to the broker stands now."""
        return self._loop.is_connected

    @property
    def outstanding(self) -> int:
        """How many tasks of this client are unfinished."""
        return self._window.outstanding

    def close(self) -> None:
        """Send what was submitted, say BYE, end the connection; waits a few seconds for that at most.

        Futures that are not done fail with ClientClosed. The tasks themselves go on, or are cancelled by the broker, as
        `on_disconnect` says.
        """
        self._loop.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        loop = getattr(self, "_loop", None)
        if loop is not None and not loop.is_closed_here:
            warnings.warn(f"{self!r} was never closed", ResourceWarning, stacklevel=2)
            loop.close_soon()

    def _carry_out(self, requests: list[tuple[Request, Sink]]) -> None:
        self._loop.check_usable()
        size = self._window.tasks_max
        for at in range(0, len(requests), size):
            self._offer(requests[at : at + size])

    def _offer(self, requests: list[tuple[Request, Sink]]) -> None:
        offers = [make_offer(request, sink) for request, sink in requests]
        # The I/O thread must not wait for room that only it can make.
        is_blocking = self._is_blocking and not self._loop.is_own_thread
        if not self._window.take(len(offers), is_blocking=is_blocking):
            raise Busy(f"{self._window.tasks_max} tasks are outstanding", details={"limit": "outstanding_max"})
        self._loop.offer(offers)

    def _cancel(self, task_id: int) -> None:
        self._loop.cancel(task_id)

    def _allow(self, task_id: int, total: int, attempt: int) -> None:
        self._loop.allow(task_id, total, attempt)


def default_endpoint() -> str:
    """Give the endpoint to use when none is named."""
    return os.environ.get("SNAKEPIT_ENDPOINT") or DEFAULT_ENDPOINT


def make_hello(name: str, on_disconnect: str) -> ClientHello:
    """Say who this client is. ValueError when on_disconnect is neither."""
    if on_disconnect not in ("continue", "cancel"):
        raise ValueError(f"on_disconnect must be 'continue' or 'cancel', not {on_disconnect!r}")
    return ClientHello(os.urandom(INSTANCE_BYTES), cut_text(name, LABEL_BYTES_MAX), on_disconnect)


def make_limits(busy_seconds: float, connect_timeout_seconds: float | None) -> Limits:
    """Make the session's limits; None is infinity there."""
    connect = float("inf") if connect_timeout_seconds is None else connect_timeout_seconds
    return Limits(busy_seconds=busy_seconds, connect_seconds=connect)


def make_offer(request: Request, sink: Sink | TaskFuture) -> Offer:
    """Encode a request as what the session keeps."""
    payload = request.payload
    command = encode_submit(request.task_id, request.pool, request.function, payload, request.options)
    frames = payload if isinstance(payload, tuple) else ()
    return Offer(request.task_id, command, frames, sink, is_admin=request.pool == ADMIN_POOL)
