"""Snakepit for Python: workers, clients, an asyncio client, a `concurrent.futures.Executor`.

    app = snakepit.App()                       a set of tasks; `snakepit-worker module:app --pool P` runs it
    with snakepit.Client() as client: ...      call, submit, submit_many, map, stream
    snakepit.aio.Client, snakepit.Executor, snakepit.testing.LocalPit

The guide is docs/python.md; the protocol is docs/protocol.md.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .app import App
from .errors import (
    BadPayload,
    BadRequest,
    Busy,
    CircuitOpen,
    ClientClosed,
    Draining,
    InternalError,
    NestedCallWouldHang,
    NoSuchFunction,
    NoSuchPool,
    NotFound,
    PoolFailed,
    ResultTooLarge,
    SessionBusy,
    SessionLost,
    SnakepitError,
    StreamBroken,
    TaskCancelled,
    TaskDead,
    TaskError,
    TaskExpired,
    TaskLost,
    TaskTimedOut,
    ThreadUnsafe,
    Timeout,
    TooLarge,
    TooLate,
    Unavailable,
    Unreachable,
    UsedAfterFork,
)
from .task import RunningTask, current_task
from .thread_local import local
from .version import VERSION

if TYPE_CHECKING:
    from . import aio, telemetry, testing
    from .admin import PoolStats, WorkerInfo
    from .arrays import ArrayData, Attachment
    from .caller import PoolCaller
    from .client import Client
    from .executor import Executor
    from .future import TaskFuture, TaskStream
    from .options import Options
    from .progress import Progress

__version__ = VERSION

# What a worker does not need is imported when it is first asked for: a machine pays for a hundred workers' starts and
# memory, and asyncio and the client are three quarters of this package's import.
_MODULE_OF = {
    "ArrayData": "arrays",
    "Attachment": "arrays",
    "Client": "client",
    "Executor": "executor",
    "Options": "options",
    "PoolCaller": "caller",
    "PoolStats": "admin",
    "Progress": "progress",
    "TaskFuture": "future",
    "TaskStream": "future",
    "WorkerInfo": "admin",
    "aio": "",
    "telemetry": "",
    "testing": "",
}

__all__ = [
    "App",
    "ArrayData",
    "Attachment",
    "BadPayload",
    "BadRequest",
    "Busy",
    "CircuitOpen",
    "Client",
    "ClientClosed",
    "Draining",
    "Executor",
    "InternalError",
    "NestedCallWouldHang",
    "NoSuchFunction",
    "NoSuchPool",
    "NotFound",
    "Options",
    "PoolCaller",
    "PoolFailed",
    "PoolStats",
    "Progress",
    "ResultTooLarge",
    "RunningTask",
    "SessionBusy",
    "SessionLost",
    "SnakepitError",
    "StreamBroken",
    "TaskCancelled",
    "TaskDead",
    "TaskError",
    "TaskExpired",
    "TaskFuture",
    "TaskLost",
    "TaskStream",
    "TaskTimedOut",
    "ThreadUnsafe",
    "Timeout",
    "TooLarge",
    "TooLate",
    "Unavailable",
    "Unreachable",
    "UsedAfterFork",
    "WorkerInfo",
    "aio",
    "current_task",
    "local",
    "telemetry",
    "testing",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{_MODULE_OF[name] or name}", __name__)
    value = getattr(module, name) if _MODULE_OF[name] else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
