"""The worker's I/O thread: what goes between session, task threads, signals and the one who started the worker."""

from __future__ import annotations

import logging
import math
import os
import time

from .exit_status import EXIT_FAULT, EXIT_GIL, EXIT_OK, EXIT_REFUSED, EXIT_SIGNALLED
from .gil import GilWatch
from .home import WorkerHome, do_nothing
from .io_loop import IoLoop
from .lifeline import Lifeline
from .report import make_report
from .resolve import unknown_host
from .runner import Runner
from .signals import SignalPipe
from .worker_session import WorkerSession

__all__ = ["WorkerLoop"]

# How often the I/O thread looks for answers by itself, while many small tasks are answered.
WATCH_SECONDS = 0.001
# A worker that no broker has welcomed by then says so, once, and tries on.
LONELY_SECONDS = 3.0

_log = logging.getLogger("snakepit.worker")


class WorkerLoop(IoLoop):
    """The worker's I/O thread: answers of task threads to the session, its leases to the runner, signals to a drain.

    Args:
        endpoint: the broker's endpoint for workers.
        session: the worker session.
        home: what tasks get beside their arguments.
        runner: runs the tasks; it is told to stop when the session is over.
        gil: looked at in each turn.
        signals: what tells the worker to end.
        lifeline: ends the process with whoever started it; None: it has no such parent.
        needs_free_threading: whether it drains when the GIL is switched on.
    """

    def __init__(
        self,
        endpoint: str,
        session: WorkerSession,
        home: WorkerHome,
        runner: Runner,
        gil: GilWatch,
        signals: SignalPipe,
        lifeline: Lifeline | None,
        *,
        needs_free_threading: bool = False,
    ) -> None:
        super().__init__(endpoint, session, "worker", _log)
        self.session = session
        self.exit_status = EXIT_OK
        self._answers = runner.answers
        self._runner = runner
        self._home = home
        home.wake = self.dealer.wake
        self._gil = gil
        self._needs_free_threading = needs_free_threading
        runner.connect(session.begin, self.dealer.wake)
        self._chunks_out = 0
        self._signals_seen = 0
        self._done_before = 0
        self._look_at = math.inf
        self._lonely_at = time.monotonic() + LONELY_SECONDS
        self._signals = signals
        self._lifeline = lifeline
        self.dealer.watch(signals.fd)
        if lifeline is not None:
            self.dealer.watch(lifeline.fd)

    def bring(self, now: float, ready_fds: set[int]) -> None:
        """Bring answers, chunks and signals to the session; end at once with the lifeline."""
        if self._lifeline is not None and self._lifeline.fd in ready_fds and self._lifeline.has_ended():
            self._end_with_parent()
        if self._signals.fd in ready_fds:
            self._take_signals(now)
        self._take_answers(now)
        self._take_events()
        self._watch_answers(now)
        self._watch_gil(now)
        self._tell_loneliness(now)

    def _take_answers(self, now: float) -> None:
        self._chunks_out += self.session.answer_many(self._answers.take_all(), now)

    def _take_events(self) -> None:
        if self._home.has_events and self.session.takes_events:
            for command in self._home.take_events():
                self.session.outbox.append((command, ()))

    def _watch_answers(self, now: float) -> None:
        """Promise to look again soon while small tasks are answered in a row, and end the promise in time."""
        answers, done = self._answers, self.session.tasks_done
        is_burst = done != self._done_before and self.session.has_unstarted
        if self._done_before == 0 and done:  # a first task imports what others find loaded
            self.session.update(now, report=make_report())
        self._done_before = done
        if answers.is_watched and not is_burst:
            answers.is_watched = False
            self._take_answers(now)  # one that was added before the promise ended woke nobody
        answers.is_watched = is_burst
        self._look_at = now + WATCH_SECONDS if is_burst else math.inf

    def _watch_gil(self, now: float) -> None:
        """Tell the broker when a task's import has switched the GIL on, and end where that is not allowed."""
        if not self._gil.look():
            return
        _log.warning("the GIL is on: %s", self._gil.reason)
        self.session.update(now, gil_enabled=True, gil_module=self._gil.module, report=make_report())
        if self._needs_free_threading:
            self.exit_status = EXIT_GIL
            self.session.drain(now)

    def next_wake(self) -> float:
        """When to look for answers unasked, or to say that there is no broker; infinity: when something happens."""
        return min(self._look_at, self._lonely_at)

    def _tell_loneliness(self, now: float) -> None:
        if self.session.session or self.session.is_over:
            self._lonely_at = math.inf
        elif now >= self._lonely_at:
            self._lonely_at = math.inf
            reason = unknown_host(self._endpoint) or "trying on"
            _log.warning("no broker answers at %s; %s", self._endpoint, reason)

    def deliver(self, now: float) -> None:
        """Give leases to the task threads, and pass cancels on."""
        session = self.session
        if self._home.session != session.session:
            self._home.welcomed(session.session, session.clients)
        if session.to_run:
            tasks, session.to_run = session.to_run, []
            if len(tasks) > 1:  # the first of them need not wake this thread
                self._answers.is_watched = True
                self._look_at = now + WATCH_SECONDS
            self._runner.put(tasks)
        for running, total in session.to_allow:
            if running.credit is not None:
                running.credit.allow(total)
        session.to_allow.clear()
        for running in session.to_cancel:
            running.cancel()
        session.to_cancel.clear()
        for running in session.to_interrupt:
            running.interrupt()
        session.to_interrupt.clear()

    def sent(self) -> None:
        """Make room for more chunks when those that waited have left, or were dropped with the connection."""
        if self._chunks_out and not self.session.outbox:
            self._answers.chunks_sent(self._chunks_out)
            self._chunks_out = 0

    def ended(self, fault: BaseException | None) -> None:
        """Let the runner end; where a task still runs, end the process, since nothing else can end the task."""
        self._home.wake = do_nothing  # this process may go on emitting events, and nobody takes them
        if fault is not None:
            self.exit_status = EXIT_FAULT
        elif self.session.refusal is not None:
            refusal = self.session.refusal
            self.exit_status = EXIT_REFUSED
            _log.error("the broker refused this worker: %s: %s", refusal.code, refusal.text)
        elif self.session.stop_reason == "gil_enabled":
            self.exit_status = EXIT_GIL
        if fault is not None or self.session.leases:
            os._exit(self.exit_status or EXIT_SIGNALLED)
        self._runner.stop()

    def _take_signals(self, now: float) -> None:
        for number in self._signals.take():
            self._signals_seen += 1
            if self._signals_seen == 1:
                _log.info("%s: draining", number.name)
                self.session.drain(now)
            else:
                _log.warning("%s again: ending with %d tasks unfinished", number.name, len(self.session.leases))
                self.session.leave("told to end twice")

    def _end_with_parent(self) -> None:
        # At once: a task may never end, and nobody is left who could replace this worker. The broker hears the BYE,
        # or sees the connection end, and requeues.
        self.session.leave("its parent has ended")
        self.dealer.send(self.session.outbox, self.session.control_bytes_max)
        self.dealer.close(linger_ms=100)
        os._exit(EXIT_OK)
