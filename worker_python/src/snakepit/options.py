"""What can be asked for a task, as one immutable record (docs/protocol.md, section 4.3). Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .convert import CONTENT_TYPES, PICKLE5
from .message import (
    ATTEMPTS_MAX,
    CREDIT_MAX,
    DEDUP_KEY_BYTES_MAX,
    DURATION_MS_MAX,
    ERROR_TYPE_BYTES_MAX,
    KILLS_MAX,
    LABEL_BYTES_MAX,
    PRIORITY_DEFAULT,
    PRIORITY_MAX,
    RETRIES_MAX,
    RETRY_TYPES_MAX,
)
from .progress import Progress

__all__ = ["Options"]

# Items of a stream that may be under way, when nobody says how many: enough that a fast reader never waits, few enough
# that items of a megabyte do no harm.
STREAM_CREDIT = 64


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of a task. Durations are in seconds.

    Args:
        priority: 0 to 9, higher first; default 5.
        delay_seconds: not dispatched before.
        deadline_seconds: a duration from acceptance; the task ends as TaskExpired when it has not begun by then.
        max_attempts: dispatches, the first one counted, before the task is TaskDead; default the pool's.
        on_loss: `"requeue"`: it runs again when its worker is lost; `"lost"`: it ends as TaskLost, at most one run.
        content_type: how arguments and result travel: `msgpack`, `json`, `raw` or `pickle5`.
        headers: str to str, at most 4 KiB in all, for the task's `current_task().headers`.
        progress: True: ask for the task's progress, found in the future's `progress`; or a function that is called with
            each Progress, in the client's I/O thread (the event loop of an aio.Client), and must not block.
        info: ask for worker, queue_us and run_us, found in the future's `info` afterwards.
        retries: how often an attempt that failed is tried again; default the pool's.
        retry_on: types of exceptions, as classes or names (with or without their module), that are tried again;
            default: all.
        backoff_seconds: before the first retry, doubled before each further one; default the pool's.
        kills_max: the task ends as TaskDead when so many workers have died of it; default the pool's.
        dedup_key: at most 128 bytes. While a task of the pool with the same key lives, and for `dedup_seconds` (default
            the pool's) after its end, no other one runs: all who ask get its result.
        group: tasks of one group (at most 64 bytes) run one at a time in the order of their acceptance.
        fair_key: whom the task is for, at most 64 bytes; those who wait get equal shares of the pool.
        session: tasks of one session (at most 64 bytes) run in one worker, as far as `session_mode` says: `"hint"`,
            where that is free; `"strict_queue"`, or else wait for it; `"strict_fail_fast"`, or else raise SessionBusy.
        run_seconds: the task is ended as TaskTimedOut when it has run for so long; default the pool's.
        credit: of a stream: how many items may be under way to a reader that is slower than the task, which then waits;
            default 64; 0: any number.
        timeout_seconds: how long `call` waits; then the task is asked to end and Timeout is raised. Not sent.

    Raises:
        ValueError: a value is out of range.
    """

    priority: int = PRIORITY_DEFAULT
    delay_seconds: float = 0.0
    deadline_seconds: float | None = None
    max_attempts: int | None = None
    on_loss: str = "requeue"
    content_type: str = "msgpack"
    headers: Mapping[str, str] | None = None
    info: bool = False
    progress: bool | Callable[[Progress], object] = False
    timeout_seconds: float | None = None
    retries: int | None = None
    retry_on: Sequence[str | type[BaseException]] = ()
    backoff_seconds: float | None = None
    kills_max: int | None = None
    dedup_key: str | None = None
    dedup_seconds: float | None = None
    group: str | None = None
    fair_key: str | None = None
    session: str | None = None
    session_mode: str = "hint"
    run_seconds: float | None = None
    credit: int | None = None
    # The map that goes into SUBMIT: made once, since one record serves many tasks.
    wire: Mapping[str, Any] = dataclasses.field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= PRIORITY_MAX:
            raise ValueError(f"priority must be 0 to {PRIORITY_MAX}, not {self.priority}")
        if self.max_attempts is not None and not 1 <= self.max_attempts <= ATTEMPTS_MAX:
            raise ValueError(f"max_attempts must be 1 to {ATTEMPTS_MAX}, not {self.max_attempts}")
        if self.on_loss not in ("requeue", "lost"):
            raise ValueError(f"on_loss must be 'requeue' or 'lost', not {self.on_loss!r}")
        if self.content_type not in CONTENT_TYPES:
            raise ValueError(f"content_type must be one of {', '.join(CONTENT_TYPES)}, not {self.content_type!r}")
        if self.session_mode not in ("hint", "strict_queue", "strict_fail_fast"):
            raise ValueError(
                f"session_mode must be 'hint', 'strict_queue' or 'strict_fail_fast', not {self.session_mode!r}"
            )
        _check_range(self.retries, "retries", 0, RETRIES_MAX)
        _check_range(self.kills_max, "kills_max", 1, KILLS_MAX)
        _check_range(self.credit, "credit", 0, CREDIT_MAX)
        _check_key(self.dedup_key, "dedup_key", DEDUP_KEY_BYTES_MAX)
        for name in ("group", "fair_key", "session"):
            _check_key(getattr(self, name), name, LABEL_BYTES_MAX)
        object.__setattr__(self, "wire", self._make_wire())

    def _make_wire(self) -> Mapping[str, Any]:
        wire: dict[str, Any] = {}
        if self.priority != PRIORITY_DEFAULT:
            wire["priority"] = self.priority
        if self.delay_seconds:
            wire["delay_ms"] = _milliseconds(self.delay_seconds, "delay_seconds")
        if self.deadline_seconds is not None:
            wire["deadline_ms"] = _milliseconds(self.deadline_seconds, "deadline_seconds")
        if self.max_attempts is not None:
            wire["max_attempts"] = self.max_attempts
        if self.on_loss != "requeue":
            wire["on_loss"] = self.on_loss
        if self.progress:
            wire["progress"] = True
        if self.info:
            wire["info"] = True
        if self.content_type != "msgpack":
            wire["content_type"] = self.content_type
        if self.headers:
            wire["headers"] = {str(key): str(value) for key, value in self.headers.items()}
        wire.update(self._delivery_wire())
        return wire

    def _delivery_wire(self) -> Mapping[str, Any]:
        """How the task is tried again, ordered and shared; what is not said is left out."""
        said = {
            "retries": self.retries,
            "retry_on": _type_names(self.retry_on) or None,
            "backoff_ms": _maybe_milliseconds(self.backoff_seconds, "backoff_seconds"),
            "kills_max": self.kills_max,
            "dedup_key": self.dedup_key,
            "dedup_ms": _maybe_milliseconds(self.dedup_seconds, "dedup_seconds"),
            "group": self.group,
            "fair_key": self.fair_key,
            "session": self.session,
            "session_mode": None if self.session_mode == "hint" else self.session_mode,
            "run_ms": _maybe_milliseconds(self.run_seconds, "run_seconds", least=1),
        }
        return {key: value for key, value in said.items() if value is not None}

    @property
    def stream_credit(self) -> int:
        """The credit of a stream with these options; 0: no limit."""
        return STREAM_CREDIT if self.credit is None else self.credit

    @property
    def takes_pickle(self) -> bool:
        """Whether a pickled result is accepted: only where the arguments were pickled, too."""
        return self.content_type == PICKLE5

    def replace(self, **changes: Any) -> Options:
        """Give a copy with some values changed."""
        return dataclasses.replace(self, **changes)


def _check_range(value: int | None, name: str, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise ValueError(f"{name} must be {least} to {most}, not {value}")


def _check_key(value: str | None, name: str, bytes_max: int) -> None:
    if value is not None and not 1 <= len(value.encode()) <= bytes_max:
        raise ValueError(f"{name} must have 1 to {bytes_max} bytes, not {value!r}")


def _type_names(types: Sequence[str | type[BaseException]]) -> tuple[str, ...]:
    if isinstance(types, str):
        raise ValueError(f"retry_on must be a sequence of types, not the one str {types!r}")
    names = tuple(item if isinstance(item, str) else item.__name__ for item in types)
    if len(names) > RETRY_TYPES_MAX:
        raise ValueError(f"retry_on must be at most {RETRY_TYPES_MAX} types, not {len(names)}")
    for name in names:
        _check_key(name, "retry_on", ERROR_TYPE_BYTES_MAX)
    return names


def _maybe_milliseconds(seconds: float | None, name: str, least: int = 0) -> int | None:
    return None if seconds is None else max(least, _milliseconds(seconds, name))


def _milliseconds(seconds: float, name: str) -> int:
    milliseconds = round(seconds * 1000)
    if not 0 <= milliseconds <= DURATION_MS_MAX:
        raise ValueError(f"{name} must be 0 to {DURATION_MS_MAX // 1000}, not {seconds}")
    return milliseconds


DEFAULT_OPTIONS = Options()
