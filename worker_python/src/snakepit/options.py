"""What can be asked for a task, as one immutable record (docs/protocol.md, section 4.3). Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from .convert import CONTENT_TYPES, PICKLE5
from .message import ATTEMPTS_MAX, DURATION_MS_MAX, PRIORITY_DEFAULT, PRIORITY_MAX
from .progress import Progress

__all__ = ["Options"]


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
        return wire

    @property
    def takes_pickle(self) -> bool:
        """Whether a pickled result is accepted: only where the arguments were pickled, too."""
        return self.content_type == PICKLE5

    def replace(self, **changes: Any) -> Options:
        """Give a copy with some values changed."""
        return dataclasses.replace(self, **changes)


def _milliseconds(seconds: float, name: str) -> int:
    milliseconds = round(seconds * 1000)
    if not 0 <= milliseconds <= DURATION_MS_MAX:
        raise ValueError(f"{name} must be 0 to {DURATION_MS_MAX // 1000}, not {seconds}")
    return milliseconds


DEFAULT_OPTIONS = Options()
