"""A client's side of SPIT/1: offers, outcomes, busy retries, offering again. Pure: no sockets, no threads, no clock.

Every offer is kept, encoded, until it is final; after each WELCOME all of them are offered again with the same ids,
which the protocol makes safe. So neither a link that blinks nor a broker that was killed and restarted loses a task.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import message as m
from .encode import encode, has_times, mark_again
from .errors import SnakepitError, Unreachable, error_from_code
from .message import Buffer
from .session import Session, State

FINAL_CODES = frozenset(
    (
        "failed",
        "no_such_function",
        "bad_payload",
        "cancelled",
        "expired",
        "dead",
        "lost",
        "pool_failed",
        "session_lost",
        "timed_out",
    )
)
# These answer a CANCEL, or say that the task is not over; the task's own end comes, or came, by itself.
_NOT_AN_END = frozenset(("too_late", "not_found", "shutdown", "stale"))
# Of those, what an admin call may be answered with: it asked about something else than itself.
_ENDS_ADMIN = frozenset(("not_found", "too_late"))
# A HELLO refused with these may be welcome later.
_REFUSED_FOR_NOW = frozenset(("unavailable", "draining", "shutdown"))
REFUSED_SECONDS = 1.0
SEEN_SECONDS = 1.0
RETRY_SECONDS_MIN = 0.01


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client is patient, in seconds.

    `busy_seconds`: how long a task that is refused as `busy` is offered again before the caller is told; 0: never.
    `connect_seconds`: how long tasks wait for the first WELCOME before they fail as Unreachable; infinity: for ever.
    `endpoint`: where that broker should be, for the text of Unreachable; `explain` may know more about why it is not.
    """

    busy_seconds: float = 30.0
    connect_seconds: float = 10.0
    endpoint: str = "the endpoint"
    explain: Callable[[], str] = str


class Offer:
    """One task until it is final: its encoded SUBMIT with frames, and whom to tell (`sink`, which the shell calls)."""

    __slots__ = (
        "command", "credit", "frames", "id", "is_admin", "is_again", "is_cancelled", "is_offered", "offered_at",
        "refused_at", "retry_at", "sink",
    )  # fmt: skip

    def __init__(
        self, task_id: int, command: bytes, frames: tuple[Buffer, ...], sink: Any, *, is_admin: bool = False
    ) -> None:
        self.id = task_id
        self.command = command
        self.frames = frames
        self.sink = sink
        self.is_admin = is_admin  # answered by the broker itself, which keeps nothing of it: SEEN does not count it
        self.is_cancelled = False
        self.is_offered = False  # the broker was told of it, and has not refused it
        self.is_again = False  # its SUBMIT says that it was offered before, on another connection
        self.offered_at = 0.0  # if `is_offered`: the times in its SUBMIT are counted from here
        self.credit: m.Credit | None = None  # of a stream: the last that its reader allowed
        self.refused_at = math.inf  # when the first `busy` came
        self.retry_at = math.inf  # when it is offered again; infinity while the broker has it


# What became of an offer: a part of its stream, its result, or the error that ends it.
Outcome: TypeAlias = "m.Result | m.Chunk | SnakepitError"


class ClientSession(Session):
    """One client's conversation with the broker. `outcomes` fills with what the shell must tell the callers."""

    def __init__(self, hello: m.ClientHello, now: float, limits: Limits | None = None) -> None:
        super().__init__()
        self._greeting = hello
        self._limits = limits or Limits()
        self.offers: dict[int | bytes, Offer] = {}
        self.outcomes: list[tuple[Offer, Outcome]] = []
        self.was_welcomed = False
        self._contact_by = now + self._limits.connect_seconds
        self._retries: list[tuple[float, int, Offer]] = []
        self._order = itertools.count()
        self._seen = 0
        self._seen_told = 0
        self._seen_due = math.inf
        self._is_leaving = False

    # --- what the callers do ---

    def offer(self, offer: Offer, now: float) -> None:
        """Offer a task, now or as soon as there is a connection. Owns it until it is final."""
        if self.is_over:
            self.outcomes.append((offer, self._end_reason()))
            return
        if not self.was_welcomed and not self.offers:
            self._contact_by = now + self._limits.connect_seconds
        self.offers[offer.id] = offer
        if offer.frames and self._is_too_large(offer.frames):
            self._finish(offer, self._too_large(offer))
        elif self.state is State.READY:
            self._put_offer(offer, now)

    def cancel(self, task_id: int, now: float) -> None:
        """Ask for the end of a task. One that the broker does not have yet ends here."""
        offer = self.offers.get(task_id)
        if offer is None:
            return
        offer.is_cancelled = True
        if offer.retry_at != math.inf:
            self._finish(offer, error_from_code("cancelled", "cancelled before the broker took it"))
        elif self.state is State.READY:
            self._send(m.Cancel(task_id))

    def allow(self, credit: m.Credit) -> None:
        """Let a stream go on: its reader has read so much. Said again after a reconnect."""
        offer = self.offers.get(credit.ref)
        if offer is None:
            return
        offer.credit = credit
        if self.state is State.READY and offer.retry_at == math.inf:
            self._send(credit)

    def leave(self, now: float, reason: str = "") -> None:
        """Say BYE as soon as all offers are out, and be over. Without a connection: at once if there are none."""
        self._is_leaving = True
        if self.state is State.READY:
            self._tell_seen()
            self._send(m.Bye(reason))
            self._move(State.OVER)
        elif not self.offers:
            self._move(State.OVER)

    def end(self) -> None:
        """Be over, whatever is left; the broker will notice."""
        if not self.is_over:
            self.outbox.clear()
            self._move(State.OVER)

    def tick(self, now: float) -> None:
        """Do what is due: heartbeats, SEEN, tasks that were refused as busy, the wait for the first contact."""
        super().tick(now)
        while self._retries and self._retries[0][0] <= now:
            offer = heapq.heappop(self._retries)[2]
            if self.offers.get(offer.id) is offer and self.state is State.READY:
                offer.retry_at = math.inf
                self._put_offer(offer, now)
        if self.state is State.READY and self._seen != self._seen_told and (self.outbox or now >= self._seen_due):
            self._tell_seen()
        if not self.was_welcomed and now >= self._contact_by and self.offers:
            limits = self._limits
            text = f"no broker answered at {limits.endpoint} within {limits.connect_seconds:g} s"
            self._fail_all(Unreachable(text + limits.explain()))

    @property
    def next_due(self) -> float:
        """When tick must be called next, or infinity."""
        due = min(super().next_due, self._seen_due)
        if self._retries:
            due = min(due, self._retries[0][0])
        return due if self.was_welcomed or not self.offers else min(due, self._contact_by)

    # --- the conversation ---

    def _hello(self) -> m.Message:
        return self._greeting

    def _heartbeat(self) -> m.Message:
        return m.Heartbeat()

    def link_down(self, now: float) -> None:
        """The connection ended: the broker counts SEEN from the next WELCOME on."""
        super().link_down(now)
        self._seen_due = math.inf

    def _welcomed(self, welcome: m.Welcome, now: float) -> None:
        self.was_welcomed = True
        self._seen = self._seen_told = 0
        self._seen_due = math.inf
        self._retries.clear()
        for offer in [offer for offer in self.offers.values() if offer.frames and self._is_too_large(offer.frames)]:
            self._finish(offer, self._too_large(offer))
        for offer in self.offers.values():
            offer.retry_at = math.inf
            if offer.is_offered and not offer.is_admin:
                self._mark_again(offer, now)
            self._put_offer(offer, now)
            if offer.is_cancelled:
                self._send(m.Cancel(offer.id))
            elif offer.credit is not None:
                self._send(offer.credit)
        if self._is_leaving:
            self.leave(now)

    def _refused(self, refusal: m.Refuse, now: float) -> None:
        if refusal.code in _REFUSED_FOR_NOW:
            self.notes.append(f"the broker refused this client for now: {refusal.code}: {refusal.text}")
            self._greeting_until = now + REFUSED_SECONDS  # then the link is given up and made again
            return
        self.refusal = refusal
        self._move(State.OVER)
        self._fail_all(self._end_reason())

    def _take_command(self, message: Any, now: float) -> None:
        kind = type(message)
        if kind is m.Result:
            offer = self.offers.pop(message.ref, None)
            self._count_final(offer, now)
            if offer is not None:
                self.outcomes.append((offer, message))
        elif kind is m.Chunk:
            offer = self.offers.get(message.ref)
            if offer is not None:
                self.outcomes.append((offer, message))
            else:  # nobody reads it, and its task would wait for credit
                self._send(m.Cancel(message.ref))
        elif kind is m.Error:
            self._take_error(message, now)

    def _take_error(self, error: m.Error, now: float) -> None:
        offer = None if error.ref is None else self.offers.get(error.ref)
        if error.code in FINAL_CODES:
            self._count_final(offer, now)
        if offer is None:
            if error.code not in _NOT_AN_END:
                self.notes.append(f"the broker answered {error.code}: {error.text}")
            return
        if error.code == "busy" and self._retry(offer, error, now):
            return
        if error.code in _NOT_AN_END and not (offer.is_admin and error.code in _ENDS_ADMIN):
            return
        self._finish(offer, error_from_code(error.code, error.text, error.details))

    def _retry(self, offer: Offer, error: m.Error, now: float) -> bool:
        """Plan to offer a refused task again; False when its patience has ended."""
        wait = max(float(error.details.get("retry_after_ms", 0)) / 1000, RETRY_SECONDS_MIN)
        first = min(offer.refused_at, now)
        if offer.is_cancelled or now + wait > first + self._limits.busy_seconds:
            return False
        offer.refused_at = first
        offer.is_offered = False
        offer.retry_at = now + wait
        heapq.heappush(self._retries, (offer.retry_at, next(self._order), offer))
        return True

    def _mark_again(self, offer: Offer, now: float) -> None:
        """Say that it was offered before, and what is left of its times."""
        if offer.is_again and not has_times(offer.command):
            return
        passed_ms = max(0, int((now - offer.offered_at) * 1000))
        offer.command = mark_again(offer.command, passed_ms)
        offer.is_again = True
        offer.offered_at += passed_ms / 1000

    def _put_offer(self, offer: Offer, now: float) -> None:
        if not offer.is_offered:
            offer.offered_at = now
        offer.is_offered = True
        self._put(offer.command, offer.frames)

    def _finish(self, offer: Offer, error: SnakepitError) -> None:
        del self.offers[offer.id]
        self.outcomes.append((offer, error))

    def _fail_all(self, error: SnakepitError) -> None:
        offers, self.offers = self.offers, {}
        self.outcomes.extend((offer, error) for offer in offers.values())

    def _too_large(self, offer: Offer) -> SnakepitError:
        details = {"limit": "frame_max", "limit_bytes": self.frame_bytes_max}
        return error_from_code("too_large", self._say_too_large("the task's payload", offer.frames), details)

    def _end_reason(self) -> SnakepitError:
        if self.refusal is not None:
            return error_from_code(self.refusal.code, self.refusal.text, self.refusal.details)
        return error_from_code("closed", "the client is closed")

    def _count_final(self, offer: Offer | None, now: float) -> None:
        if offer is not None and offer.is_admin:
            return
        self._seen += 1
        self._seen_due = min(self._seen_due, now + SEEN_SECONDS)

    def _tell_seen(self) -> None:
        if self._seen != self._seen_told:
            self.outbox.append((encode(m.Seen(self._seen)), ()))
        self._seen_told = self._seen
        self._seen_due = math.inf
