"""What worker and client sessions share: HELLO until WELCOME, heartbeats, silence. No sockets, threads or clock.

The shell tells a session what happens (`link_up`, `link_down`, `receive`, `tick`, each with `now`, seconds on the
monotonic clock) and then sends what stands in `outbox`. A session never calls back.

    DOWN --link_up--> GREETING --WELCOME--> READY
    GREETING, READY --link_down--> DOWN          READY --REHELLO--> GREETING          any --> OVER
"""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Sequence
from typing import Any, TypeAlias

from . import message as m
from .encode import attach_payload, encode
from .message import Buffer, Fault, Message

# A broker answers a HELLO at once; silence means that the connection leads nowhere.
GREETING_SECONDS = 5.0
# So many heartbeats without any answer, and the connection is taken for dead.
SILENT_BEATS_MAX = 3

# One command and its attachment frames.
Outgoing: TypeAlias = "tuple[bytes, tuple[Buffer, ...]]"


class State(enum.Enum):
    """Where a session stands; see the picture above."""

    DOWN = 0
    GREETING = 1
    READY = 2
    OVER = 3


_MOVES = {
    State.DOWN: {State.DOWN, State.GREETING, State.OVER},
    State.GREETING: {State.DOWN, State.GREETING, State.READY, State.OVER},
    State.READY: {State.DOWN, State.GREETING, State.READY, State.OVER},
    State.OVER: {State.OVER},
}


class Session:
    """Base of WorkerSession and ClientSession, which say what a HELLO holds and what a WELCOME means."""

    def __init__(self) -> None:
        self.state = State.DOWN
        self.outbox: deque[Outgoing] = deque()
        # Set when the connection leads nowhere; the shell makes a new one and clears it.
        self.wants_reconnect = False
        # Why the broker refused the HELLO; the session is over then.
        self.refusal: m.Refuse | None = None
        # Sentences for the log; the shell takes them.
        self.notes: list[str] = []
        self.heartbeat_seconds = 5.0
        # The broker's limits, once its WELCOME has said them.
        self.frame_bytes_max = m.FRAME_BYTES_MAX
        self.inline_bytes_max = m.INLINE_BYTES_MAX
        self.control_bytes_max = m.CONTROL_BYTES_MAX
        self.beats_sent = 0
        self.beats_answered = 0
        self._beat_due = math.inf
        self._greeting_until = math.inf
        self._silent_since = math.inf

    # --- what happens ---

    def link_up(self, now: float) -> None:
        """A connection stands: greet the broker before anything else is said."""
        if self.state is not State.OVER:
            self._greet(now)

    def link_down(self, now: float) -> None:
        """The connection ended. What was not sent is forgotten here; the subclass offers it again after the WELCOME."""
        self.outbox.clear()
        self._beat_due = self._greeting_until = self._silent_since = math.inf
        self.wants_reconnect = False
        if self.state is not State.OVER:
            self._move(State.DOWN)

    def receive(self, messages: Sequence[Message | Fault], now: float) -> None:
        """Take the commands of one message."""
        self._silent_since = math.inf
        for message in messages:
            self._take(message, now)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self.state is State.GREETING and now >= self._greeting_until:
            self._give_up_link(now, "the broker did not answer HELLO")
        if self.state is not State.READY or now < self._beat_due:
            return
        if now - self._silent_since > SILENT_BEATS_MAX * self.heartbeat_seconds:
            self._give_up_link(now, "the broker has not answered for three heartbeats")
            return
        self._beat_due = self._next_beat(now)
        self._silent_since = min(self._silent_since, now)
        self.beats_sent += 1
        self._send(self._heartbeat())

    def _next_beat(self, now: float) -> float:
        # At whole multiples of the interval, so that all sessions of one host beat together: the broker then wakes up
        # once for all of them instead of once for each, which is most of what an idle one costs.
        return (math.floor(now / self.heartbeat_seconds) + 1) * self.heartbeat_seconds

    @property
    def next_due(self) -> float:
        """When tick must be called next, or infinity."""
        return min(self._beat_due, self._greeting_until)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen here."""
        return self.state is State.OVER

    # --- for the subclass ---

    def _hello(self) -> Message:
        raise NotImplementedError

    def _heartbeat(self) -> Message:
        raise NotImplementedError

    def _welcomed(self, welcome: m.Welcome, now: float) -> None:
        raise NotImplementedError

    def _refused(self, refusal: m.Refuse, now: float) -> None:
        raise NotImplementedError

    def _take_command(self, message: Any, now: float) -> None:
        raise NotImplementedError

    def _is_too_large(self, frames: tuple[Buffer, ...]) -> bool:
        """Whether a frame is over the broker's limit: libzmq would end the connection there, again and again."""
        return any(memoryview(frame).nbytes > self.frame_bytes_max for frame in frames)

    def _say_too_large(self, what: str, frames: tuple[Buffer, ...]) -> str:
        largest = max(memoryview(frame).nbytes for frame in frames)
        return (
            f"{what} has {largest:,} bytes in one frame, and the broker takes {self.frame_bytes_max:,} "
            "(limits.frame_max): send it in parts, or as several arrays or attachments, or raise that limit"
        )

    def _put(self, command: bytes, frames: tuple[Buffer, ...]) -> None:
        """Put a command that carries a payload into the outbox."""
        if len(command) > self.inline_bytes_max and not frames:
            command, frames = attach_payload(command)
        self.outbox.append((command, frames))

    def _send(self, message: Message) -> None:
        self.outbox.append((encode(message), ()))

    def _move(self, state: State) -> None:
        assert state in _MOVES[self.state], f"{self.state} -> {state}"
        self.state = state

    # --- the shared part of the conversation ---

    def _take(self, message: Message | Fault, now: float) -> None:
        kind = type(message)
        if kind is m.Heartbeat:
            self.beats_answered += 1
        elif kind is m.Welcome:
            self._take_welcome(message, now)  # type: ignore[arg-type]
        elif kind is m.Rehello:
            if self.state is State.READY:  # while GREETING it answers what was sent before the HELLO
                self.notes.append("the broker does not know this session any more; saying HELLO again")
                self.outbox.clear()
                self._greet(now)
        elif kind is m.Refuse:
            if self.state is State.GREETING:
                self._refused(message, now)  # type: ignore[arg-type]
        elif kind is Fault:
            self.notes.append(f"a command of the broker was not understood: {message}")
        else:
            self._take_command(message, now)

    def _take_welcome(self, welcome: m.Welcome, now: float) -> None:
        if self.state is not State.GREETING:
            return
        self._move(State.READY)
        self._greeting_until = math.inf
        self.heartbeat_seconds = max(welcome.heartbeat_ms, 1) / 1000
        self.frame_bytes_max = welcome.frame_max
        self.inline_bytes_max = welcome.inline_max
        self.control_bytes_max = welcome.control_max
        self._beat_due = self._next_beat(now)
        self.beats_sent = self.beats_answered = 0
        self._welcomed(welcome, now)

    def _greet(self, now: float) -> None:
        self._move(State.GREETING)
        self._beat_due = self._silent_since = math.inf
        self._greeting_until = now + GREETING_SECONDS
        self._send(self._hello())

    def _give_up_link(self, now: float, why: str) -> None:
        self.notes.append(why + "; connecting again")
        self.link_down(now)
        self.wants_reconnect = True
