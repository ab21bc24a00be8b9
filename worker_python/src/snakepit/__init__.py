"""Snakepit for Python: workers, clients, an asyncio client, a `concurrent.futures.Executor`.

    app = snakepit.App()                       a set of tasks; `snakepit-worker module:app --pool P` runs it
    with snakepit.Client() as client: ...      call, submit, submit_many, map, stream
    snakepit.aio.Client, snakepit.Executor, snakepit.testing.LocalPit

The guide is docs/python.md; the protocol is docs/protocol.md.
"""

from . import aio, testing
from .app import App
from .arrays import ArrayData, Attachment
from .caller import PoolCaller
from .client import Client
from .errors import (
    BadPayload,
    BadRequest,
    Busy,
    ClientClosed,
    Draining,
    InternalError,
    NoSuchFunction,
    NoSuchPool,
    NotFound,
    PoolFailed,
    ResultTooLarge,
    SnakepitError,
    StreamBroken,
    TaskCancelled,
    TaskDead,
    TaskError,
    TaskExpired,
    TaskLost,
    Timeout,
    TooLarge,
    TooLate,
    Unavailable,
    Unreachable,
    UsedAfterFork,
)
from .executor import Executor
from .future import TaskFuture, TaskStream
from .options import Options
from .task import RunningTask, current_task
from .version import VERSION

__version__ = VERSION

__all__ = [
    "App",
    "ArrayData",
    "Attachment",
    "BadPayload",
    "BadRequest",
    "Busy",
    "Client",
    "ClientClosed",
    "Draining",
    "Executor",
    "InternalError",
    "NoSuchFunction",
    "NoSuchPool",
    "NotFound",
    "Options",
    "PoolCaller",
    "PoolFailed",
    "ResultTooLarge",
    "RunningTask",
    "SnakepitError",
    "StreamBroken",
    "TaskCancelled",
    "TaskDead",
    "TaskError",
    "TaskExpired",
    "TaskFuture",
    "TaskLost",
    "TaskStream",
    "Timeout",
    "TooLarge",
    "TooLate",
    "Unavailable",
    "Unreachable",
    "UsedAfterFork",
    "aio",
    "current_task",
    "testing",
]
