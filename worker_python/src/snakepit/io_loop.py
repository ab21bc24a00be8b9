"""The loop of the I/O thread: events of the socket to the session, the session's outbox to the socket.

One turn: sleep until something happens; read the clock once; connection events; messages; what the other threads
brought; what is due; deliver; send all that this turn produced.
"""

from __future__ import annotations

import logging
import math
import threading
import time

from .dealer import Dealer
from .decode import decode
from .session import Session

# A session that is over still has a BYE and perhaps answers to send; they get so long.
FLUSH_SECONDS = 2.0


class IoLoop:
    """Base of the worker's and the client's I/O thread. The subclass says what goes between session and other threads.

    Args:
        endpoint: where the broker is.
        session: the pure session; it and the socket belong to this thread.
        side: `"client"` or `"worker"`.
        log: where notes go.
    """

    def __init__(self, endpoint: str, session: Session, side: str, log: logging.Logger) -> None:
        self.dealer = Dealer(endpoint)
        self._session = session
        self._side = side
        self._endpoint = endpoint
        self._log = log
        self._thread = threading.Thread(target=self._run_guarded, name=f"snakepit-{side}-io", daemon=True)

    # --- for the subclass ---

    def bring(self, now: float, ready_fds: set[int]) -> None:
        """Take what other threads left for the session. Called once a turn."""
        raise NotImplementedError

    def deliver(self, now: float) -> None:
        """Give other threads what the session decided. Called once a turn."""
        raise NotImplementedError

    def sent(self) -> None:
        """All that could go out has gone; what has not is still in the outbox. Called once a turn."""

    def ended(self, fault: BaseException | None) -> None:
        """The loop ended, with the exception when it was a fault. The socket is closed."""
        raise NotImplementedError

    def next_wake(self) -> float:
        """When the loop must turn although nothing happens and the session has nothing due; infinity: never."""
        return math.inf

    # --- the thread ---

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_seconds: float | None = None) -> None:
        """Wait for the end of the thread, but never from itself."""
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_seconds)

    @property
    def is_own_thread(self) -> bool:
        """Whether the caller is the I/O thread, which must never wait for itself."""
        return threading.current_thread() is self._thread

    def _run_guarded(self) -> None:
        fault = None
        try:
            self._run()
            self.dealer.close()
        except BaseException as error:
            fault = error
            self._log.critical("the I/O thread ended by a fault", exc_info=True)
        self.ended(fault)

    def _run(self) -> None:
        flush_until = math.inf
        while True:
            now = time.monotonic()
            if self._session.is_over:
                flush_until = min(flush_until, now + FLUSH_SECONDS)
                if now >= flush_until or not (self._session.outbox or self.dealer.has_unsent):
                    return
            self._turn(min(self._session.next_due, self.next_wake(), flush_until) - now)

    def _turn(self, sleep_seconds: float) -> None:
        session, dealer = self._session, self.dealer
        ready_fds = dealer.wait(None if sleep_seconds == math.inf else sleep_seconds)
        now = time.monotonic()
        for is_up in dealer.link_events():
            self._log.info("%s %s", "connected to" if is_up else "lost the connection to", self._endpoint)
            if is_up:
                session.link_up(now)
            else:
                dealer.forget_unsent()
                session.link_down(now)
        for control, frames in dealer.receive():
            session.receive(decode(control, frames, side=self._side), now)
        self.bring(now, ready_fds)
        session.tick(now)
        self.deliver(now)
        if session.wants_reconnect:
            session.wants_reconnect = False
            dealer.reconnect()
        dealer.send(session.outbox, session.control_bytes_max)
        self.sent()
        for note in session.notes:
            self._log.warning("%s", note)
        session.notes.clear()
