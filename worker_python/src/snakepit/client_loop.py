"""The client's I/O thread: offers and cancels of the callers to the session, outcomes to their sinks."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections import deque

from .client_session import ClientSession, Limits, Offer
from .errors import ClientClosed, UsedAfterFork
from .io_loop import IoLoop
from .message import Chunk, ClientHello, Credit
from .resolve import unknown_host
from .session import State
from .window import Window

_log = logging.getLogger("snakepit.client")
# A closing client waits so long at most for the broker to take what it has not sent yet.
CLOSE_SECONDS = 5.0


def explain_silence(endpoint: str) -> str:
    """Give what is to be said besides, when no broker answered there: that its host is unknown, or nothing."""
    reason = unknown_host(endpoint)
    return f": {reason}" if reason else ""


class ClientLoop(IoLoop):
    """Carries out what `Client` and `aio.Client` ask for.

    Args:
        endpoint: the broker's endpoint for clients.
        hello: who the client is.
        limits: how patient it is.
        window: the bound on outstanding tasks; whoever offers takes its room first, here it is given back.
    """

    def __init__(self, endpoint: str, hello: ClientHello, limits: Limits, window: Window) -> None:
        limits = dataclasses.replace(limits, endpoint=endpoint, explain=lambda: explain_silence(endpoint))
        self._client = ClientSession(hello, time.monotonic(), limits)
        super().__init__(endpoint, self._client, "client", _log)
        self._window = window
        self._pid = os.getpid()
        # What the callers left, in order: an offer, the id of a task to cancel, or credit of a stream.
        self._asked: deque[Offer | int | Credit] = deque()
        self._is_closing = False
        self._has_ended = False
        self._close_by = 0.0

    # --- for the callers, any thread ---

    def check_usable(self) -> None:
        """Raise UsedAfterFork or ClientClosed when this client cannot be used here or any more."""
        if self._pid != os.getpid():
            raise UsedAfterFork(
                f"this client was made in process {self._pid} and cannot be used in its fork {os.getpid()}: "
                "make a new client there"
            )
        if self._is_closing:
            raise ClientClosed("the client is closed")

    def offer(self, offers: list[Offer]) -> None:
        """Leave offers for the session; their room in the window is taken already."""
        self._asked.extend(offers)
        self.dealer.wake()
        if self._has_ended:
            self._fail_left()

    def cancel(self, task_id: int) -> None:
        """Leave a cancel for the session. Does nothing after the end."""
        if not self._has_ended and self._pid == os.getpid():
            self._asked.append(task_id)
            self.dealer.wake()

    def allow(self, task_id: int, total: int, attempt: int) -> None:
        """Leave credit of a stream for the session. Does nothing after the end."""
        if not self._has_ended and self._pid == os.getpid():
            self._asked.append(Credit(task_id, total, attempt))
            self.dealer.wake()

    @property
    def is_closed_here(self) -> bool:
        """Whether nothing is left to close, in this process."""
        return self._is_closing or self._pid != os.getpid()

    def close_soon(self) -> None:
        """Begin a close, and do not wait for its end."""
        if not self.is_closed_here:
            self._close_by = time.monotonic() + CLOSE_SECONDS
            self._is_closing = True
            self._window.close()
            self.dealer.wake()

    def close(self) -> None:
        """Say BYE when what was asked is sent, and end. Waits for that, at most CLOSE_SECONDS. In a fork: nothing."""
        if self._pid == os.getpid():
            self.close_soon()
            self.join()

    @property
    def is_connected(self) -> bool:
        """Whether the broker has welcomed this client and the connection stands."""
        return self._client.state is State.READY

    # --- the I/O thread ---

    def bring(self, now: float, ready_fds: set[int]) -> None:
        """Bring offers and cancels to the session."""
        asked, session = self._asked, self._client
        while asked:
            item = asked.popleft()
            if isinstance(item, Offer):
                session.offer(item, now)
            elif isinstance(item, Credit):
                session.allow(item)
            else:
                session.cancel(item, now)
        if self._is_closing and not session.is_over:
            session.leave(now)
        if self._is_closing and now >= self._close_by:
            session.end()

    def next_wake(self) -> float:
        """When the loop must turn without an event: the end of a close."""
        return self._close_by if self._is_closing else super().next_wake()

    def deliver(self, now: float) -> None:
        """Tell the sinks what became of their tasks, and give their room back."""
        outcomes = self._client.outcomes
        if not outcomes:
            return
        final = 0
        for offer, outcome in outcomes:
            final += type(outcome) is not Chunk
            try:
                offer.sink.deliver(outcome)
            except Exception:
                _log.exception("a callback of task %s raised", offer.id)
        outcomes.clear()
        if final:
            self._window.give(final)

    def ended(self, fault: BaseException | None) -> None:
        """Fail what is left; nobody will hear of it any more."""
        self._is_closing = self._has_ended = True
        self._window.close()
        for offer in self._client.offers.values():
            self._asked.append(offer)
        self._client.offers.clear()
        self._fail_left()

    def _fail_left(self) -> None:
        error = ClientClosed("the client was closed before the task was final")
        while self._asked:
            try:
                item = self._asked.popleft()
            except IndexError:  # another thread was quicker
                return
            if isinstance(item, Offer):
                item.sink.deliver(error)
