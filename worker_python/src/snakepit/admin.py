"""What the broker says of its pools and workers, as records, and how it is asked (docs/protocol.md, section 10). Pure.

A later broker may say more than a record has fields for: that is in the record's `more`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from .errors import BadPayload

__all__ = ["Latency", "Load", "PoolStats", "WorkerInfo"]

Record = TypeVar("Record")
# A call that waits at the broker is given up so much later here: the broker's own answer says more than ours would.
ANSWER_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class WorkerInfo:
    """One worker session. `id` is its number at the broker, `busy` how many of its `slots` run a task."""

    id: int = 0
    name: str = ""
    pool: str = ""
    host: str = ""
    pid: int = 0
    profile: str = "process"
    slots: int = 1
    busy: int = 0
    state: str = ""
    rss_bytes: int = 0
    cpu_us: int = 0
    python: str = ""
    gil_enabled: bool = True
    uptime_seconds: float = 0.0
    tasks_done: int = 0
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


@dataclasses.dataclass(frozen=True)
class Latency:
    """How long something took, in seconds, over `count` tasks."""

    count: int = 0
    mean_seconds: float = 0.0
    p50_seconds: float = 0.0
    p90_seconds: float = 0.0
    p99_seconds: float = 0.0
    p999_seconds: float = 0.0
    max_seconds: float = 0.0
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


@dataclasses.dataclass(frozen=True)
class Load:
    """What a pool did in `span_seconds`. Shares are 0 to 1, or None when nothing is known.

    `utilisation`: busy slots of all slots; `saturation`: share of the time in which no slot was free. `wait` is from
    acceptance to dispatch, `run` from there to the answer.
    """

    span_seconds: float = 0.0
    accepted: int = 0
    dispatched: int = 0
    answered: int = 0
    accepted_per_second: float = 0.0
    answered_per_second: float = 0.0
    utilisation: float | None = None
    saturation: float | None = None
    busy_mean: float = 0.0
    queued_mean: float = 0.0
    queued_max: int = 0
    wait: Latency = Latency()
    run: Latency = Latency()
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


@dataclasses.dataclass(frozen=True)
class PoolStats:
    """One pool: what it holds now, how its tasks ended since the broker's start, its load since then and lately."""

    name: str = ""
    state: str = ""
    queued: int = 0
    delayed: int = 0
    running: int = 0
    workers: int = 0
    workers_wanted: int = 0
    slots: int = 0
    slots_busy: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    dead: int = 0
    lost: int = 0
    requeued: int = 0
    refused: int = 0
    recycled: Mapping[str, int] = dataclasses.field(default_factory=dict)
    queued_bytes: int = 0
    queued_max: int = 0
    queued_bytes_max: int = 0
    total: Load = Load()
    recent: Load = Load()
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


_INNER = {"wait": Latency, "run": Latency, "total": Load, "recent": Load}


def record_of(kind: type[Record], said: Any) -> Record:
    """Make a record of a map. BadPayload: it is none."""
    if not isinstance(said, dict):
        raise BadPayload(f"the broker's answer is not what it should be: {type(said).__name__} for {kind.__name__}")
    names = {field.name for field in dataclasses.fields(kind)} - {"more"}  # type: ignore[arg-type]
    known = {
        name: record_of(_INNER[name], value) if name in _INNER else value
        for name, value in said.items()
        if name in names
    }
    make: Any = kind
    record: Record = make(**known, more={name: value for name, value in said.items() if name not in names})
    return record


def records_of(kind: type[Record], said: Any) -> list[Record]:
    """Make records of an array of maps. BadPayload: it is none."""
    if not isinstance(said, list):
        raise BadPayload(f"the broker's answer is not what it should be: {type(said).__name__} for a list")
    return [record_of(kind, item) for item in said]


def named(**arguments: Any) -> dict[str, Any]:
    """Give the arguments of a call without those that were not given."""
    return {name: value for name, value in arguments.items() if value is not None}


def ready_arguments(pool: str | None, workers: int | None, timeout: float) -> dict[str, Any]:
    """Give the arguments of `await_ready`."""
    return named(pool=pool, workers=workers, timeout_ms=max(0, round(timeout * 1000)))


def say_not_ready(pool: str | None, workers: int | None, timeout: float) -> str:
    """Say that the time was up."""
    what = "its workers" if workers is None else f"{workers} workers"
    where = f"pool {pool} had not {what}" if pool else "not all pools had their workers"
    return f"{where} ready within {timeout:g} s"
