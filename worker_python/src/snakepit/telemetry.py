"""Events of an application on the broker's event stream (docs/operations.md): `emit` one, or time a `span`.

    telemetry.emit("rows_loaded", count=17)
    with telemetry.span("resize", pixels=4096): ...

They are published as `app.rows_loaded` and `app.resize` with the pool, the worker, and the function and fence of the
task. An emit never blocks a task and never fails it for what is in its fields: events that are too large, or too many
at one time, are dropped and counted. Outside of a worker it does nothing but a log record of level debug.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import msgpack  # type: ignore[import-untyped]

from .convert import json_ready
from .errors import SnakepitError
from .home import Home
from .task import current_task

__all__ = ["emit", "span"]

PREFIX = "app."
NAME_BYTES_MAX = 64
FIELDS_BYTES_MAX = 8 * 1024
DEPTH_MAX = 8
_NAME = re.compile(r"app\.[A-Za-z0-9_.-]+\Z")
_log = logging.getLogger("snakepit.telemetry")
# Of a worker process: where events go that no task of it emits, but a hook or a thread of its own.
_installed: list[Home] = []


def emit(name: str, /, **fields: Any) -> None:
    """Publish one event.

    Args:
        name: letters, digits, `_ . -`, at most 64 bytes with the prefix `app.`, which is put in front if it is missing.
        fields: anything that can be a result, such as JSON has it in the end; at most 8 KiB in all. `function`, `fence`
            and `attempt` of the running task are added.

    Raises:
        ValueError: the name is not one.
    """
    name = name if name.startswith(PREFIX) else PREFIX + name
    if len(name) > NAME_BYTES_MAX or not _NAME.match(name):
        raise ValueError(f"an event's name is up to {NAME_BYTES_MAX} of A-Z a-z 0-9 _ . -, not {name[:80]!r}")
    home, of_task = _where()
    if home is None:
        _log.debug("outside of a worker: %s %s", name, fields)
        return
    ready = _ready({**of_task, **fields})
    if ready is None:
        _log.warning(
            "the event %s was dropped: its fields are over %d bytes, or cannot be sent", name, FIELDS_BYTES_MAX
        )
        return
    home.take_event(name, ready)


class span(contextlib.ContextDecorator):  # noqa: N801  used like a function
    """Time a block, or a function as a decorator: one event at its end, with `duration_us` and, if it raised, `error`.

    Args:
        name, fields: as for `emit`; `note(**fields)` adds more meanwhile.
    """

    def __init__(self, name: str, /, **fields: Any) -> None:
        self._name = name
        self._fields = fields
        self._began: list[int] = []

    def _recreate_cm(self) -> span:  # a decorated function may run in many threads
        return span(self._name, **self._fields)

    def note(self, **fields: Any) -> None:
        """Add fields to the event."""
        self._fields = {**self._fields, **fields}

    def __enter__(self) -> span:
        self._began.append(time.perf_counter_ns())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        fields = {**self._fields, "duration_us": (time.perf_counter_ns() - self._began.pop()) // 1000}
        if kind is not None:
            fields["error"] = kind.__qualname__
        emit(self._name, **fields)


def install(home: Home) -> None:
    """Send the events of this process there when no task emits them. For the worker."""
    _installed[:] = [home]


def _where() -> tuple[Home | None, Mapping[str, Any]]:
    try:
        running = current_task()
    except SnakepitError:
        return (_installed[0] if _installed else None), {}
    return running.home, {"function": running.function, "fence": running.fence, "attempt": running.attempt}


def _ready(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the fields as JSON has them, or None when they are too many or no such thing can be made of them."""
    try:
        ready = json_ready(dict(fields))
        if _depth(ready) > DEPTH_MAX or len(msgpack.packb(ready, default=str)) > FIELDS_BYTES_MAX:
            return None
    except Exception:  # telemetry must not fail a task
        return None
    return dict(ready)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0
