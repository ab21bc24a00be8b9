"""Every error that the package raises: one class for each code of the protocol, and a few of its own.

All are `SnakepitError` with `.code` (str, from the error catalogue of docs/protocol.md, section 8) and `.details`
(dict). Errors that begin on this side have codes of their own: `unreachable`, `timeout`, `closed`, `forked`,
`stream_broken`, `would_hang`, `would_block`.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Mapping
from typing import Any

__all__ = [
    "BadPayload",
    "BadRequest",
    "Busy",
    "CircuitOpen",
    "ClientClosed",
    "Draining",
    "InternalError",
    "NestedCallWouldHang",
    "NoSuchFunction",
    "NoSuchPool",
    "NotFound",
    "PoolFailed",
    "ResultTooLarge",
    "SessionBusy",
    "SessionLost",
    "SnakepitError",
    "StreamBroken",
    "TaskCancelled",
    "TaskDead",
    "TaskError",
    "TaskExpired",
    "TaskLost",
    "TaskTimedOut",
    "ThreadUnsafe",
    "Timeout",
    "TooLarge",
    "TooLate",
    "Unavailable",
    "Unreachable",
    "UsedAfterFork",
    "error_from_code",
]


# What a worker says as the type of a failure when the function went well and its result was not sent.
RESULT_TOO_LARGE = "TooLarge"
# And when it did not run, since it must not run beside others in threads.
THREAD_UNSAFE = "snakepit.ThreadUnsafe"


class SnakepitError(Exception):
    """Base of all errors. `code` (str) names the kind, `details` (dict of str) says more, `message` is for people."""

    code = "internal"

    def __init__(self, message: str = "", *, code: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details: dict[str, Any] = dict(details or {})

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.code, self.details)


def _rebuild(
    kind: type[SnakepitError], message: str, code: str, details: dict[str, Any]
) -> SnakepitError:  # keyword arguments do not survive the pickling of exceptions by themselves
    return kind(message, code=code, details=details)


class TaskError(SnakepitError):
    """The function raised. The remote class, message and traceback are kept as text: the class may not exist here."""

    code = "failed"

    @property
    def remote_type(self) -> str:
        """Name of the exception's class in the worker, for instance `ValueError`."""
        return str(self.details.get("type", ""))

    @property
    def traceback(self) -> str:
        """The traceback in the worker, at most 16 KiB."""
        return str(self.details.get("traceback", ""))

    @property
    def attempt(self) -> int:
        """Which attempt this was, counted from 1."""
        return int(self.details.get("attempt", 1))

    def __str__(self) -> str:
        head = f"{self.remote_type}: {self.message}" if self.remote_type else self.message
        return f"{head}\n\nIn the worker:\n{self.traceback.rstrip()}" if self.traceback else head


class ThreadUnsafe(TaskError):
    """The task is declared not thread-safe, and this pool runs tasks in threads and refuses such ones."""


class NoSuchFunction(SnakepitError):
    """The worker's app has no task of that name, or the broker no such admin call."""

    code = "no_such_function"


class BadPayload(SnakepitError):
    """Arguments or a result could not be decoded, or their content type is not allowed there."""

    code = "bad_payload"


class TaskCancelled(SnakepitError, concurrent.futures.CancelledError):
    """The task was ended by a cancel. Raised inside a task, by `check_cancelled`, it ends the task that way."""

    code = "cancelled"


class TaskExpired(SnakepitError):
    """The task's deadline passed before it was dispatched or answered."""

    code = "expired"


class TaskDead(SnakepitError):
    """All attempts ended without an answer: each of their workers was lost."""

    code = "dead"


class TaskLost(SnakepitError):
    """The worker was lost, and the task was submitted with `on_loss="lost"`, so that it does not run again."""

    code = "lost"


class PoolFailed(SnakepitError):
    """No agent can start workers for the pool, and it does not let tasks wait."""

    code = "pool_failed"


class Busy(SnakepitError):
    """A limit of tasks or bytes is reached, here or at the broker; `retry_after_seconds` says when to come back."""

    code = "busy"

    @property
    def retry_after_seconds(self) -> float:
        """Time to wait before offering again, in seconds; 0 when nothing was said."""
        return float(self.details.get("retry_after_ms", 0)) / 1000


class Draining(SnakepitError):
    """The pool or the broker takes no new tasks."""

    code = "draining"


class NoSuchPool(SnakepitError):
    """The broker has no pool of that name; the message lists near names."""

    code = "no_such_pool"


class TooLarge(SnakepitError):
    """A payload is over a limit: `details` has `limit` and `limit_bytes`."""

    code = "too_large"


class ResultTooLarge(TaskError, TooLarge):
    """What the function returned is over a limit and was not sent; the message has size, limit and remedy."""

    code = "failed"


class BadRequest(SnakepitError):
    """The broker did not understand the request: `bad_message`, `bad_field`, `unsupported` or `unknown_verb`."""

    code = "bad_field"


class NotFound(SnakepitError):
    """The task or thing that was named is not known to the broker."""

    code = "not_found"


class TooLate(SnakepitError):
    """The task was final before the cancel came."""

    code = "too_late"


class SessionBusy(SnakepitError):
    """The session's worker has no free slot, and the task was not to wait for one. `details["retry_after_ms"]`."""

    code = "session_busy"


class SessionLost(SnakepitError):
    """The worker of a strict session is gone, and with it what it kept for the session."""

    code = "session_lost"


class CircuitOpen(SnakepitError):
    """Too many tasks of the pool failed lately, so it takes none for a while. `details["retry_after_ms"]`."""

    code = "circuit_open"


class TaskTimedOut(SnakepitError):
    """The task ran for longer than it may."""

    code = "timed_out"


class Unavailable(SnakepitError):
    """The broker accepts no more peers."""

    code = "unavailable"


class InternalError(SnakepitError):
    """A fault of the broker; please report it."""

    code = "internal"


class Unreachable(SnakepitError):
    """No broker answered at the endpoint within `connect_timeout_seconds`."""

    code = "unreachable"


class Timeout(SnakepitError, TimeoutError):
    """The caller's time was up before the task ended; the task was asked to end."""

    code = "timeout"


class ClientClosed(SnakepitError):
    """The client was closed before the task was final, or is used after its end."""

    code = "closed"


class NestedCallWouldHang(SnakepitError):
    """A task waits for a task of its own pool, and that pool has no second place to run it."""

    code = "would_hang"


class UsedAfterFork(SnakepitError):
    """A client was used in a process that was forked after it was made; make a new one there."""

    code = "forked"


class StreamBroken(SnakepitError):
    """Parts of a stream are missing, or the reader was so slow that its buffer was full."""

    code = "stream_broken"


_CLASSES: dict[str, type[SnakepitError]] = {
    kind.code: kind
    for kind in (
        TaskError, NoSuchFunction, BadPayload, TaskCancelled, TaskExpired, TaskDead, TaskLost, PoolFailed, Busy,
        Draining, SessionBusy, SessionLost, CircuitOpen, TaskTimedOut,
        NoSuchPool, TooLarge, NotFound, TooLate, Unavailable, InternalError,
    )
} | dict.fromkeys(("bad_message", "bad_field", "unsupported", "unknown_verb"), BadRequest)  # fmt: skip

# Failures that are the worker's doing and not the function's, by their `type`.
_FAILURES: dict[str, type[TaskError]] = {RESULT_TOO_LARGE: ResultTooLarge, THREAD_UNSAFE: ThreadUnsafe}


def error_from_code(code: str, message: str, details: Mapping[str, Any] | None = None) -> SnakepitError:
    """Make the exception for an error code of the protocol; an unknown code gives a plain `SnakepitError`."""
    kind = _CLASSES.get(code, SnakepitError)
    if kind is TaskError and details is not None:
        kind = _FAILURES.get(str(details.get("type")), kind)
    return kind(message, code=code, details=details)
