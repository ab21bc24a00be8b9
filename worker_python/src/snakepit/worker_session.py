"""A worker's side of SPIT/1: leases, answers, recall, cancel, drain. Pure: no sockets, no threads, no clock.

An answer is kept until the broker has answered a heartbeat that was sent after it: a connection keeps its order, so the
broker has it then. If the connection ends before, the fence is offered in the next HELLO, and when the broker still has
the lease open the answer is sent again. So a link that blinks costs no second run.

A broker that was killed may have had an answer and not passed it on. So those of the last seconds are kept for longer,
and HELLO names what a broker that was started anew can adopt: tasks that run, and answers that can be given once more.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from . import message as m
from .answers import Waiting
from .encode import encode
from .errors import RESULT_TOO_LARGE
from .message import Buffer
from .session import Session, State
from .task import RunningTask

# How many answers, and bytes of them, are kept for a reconnect; the oldest are dropped first, and their tasks would
# then run again if the broker has not got them.
ANSWERS_MAX = m.LEASES_MAX // 2
ANSWER_BYTES_MAX = 16 * 1024 * 1024
# The same for answers that the broker has acknowledged, which only one that was started anew can still want.
RECENT_SECONDS = 5.0
RECENT_MAX = 1000
RECENT_BYTES_MAX = 4 * 1024 * 1024
# Answers of small tasks are put together up to this size: enough for the cost of an entry in the outbox to vanish.
TOGETHER_BYTES_MAX = 16 * 1024
# Telemetry waits while so much else does.
EVENTS_WAITING_MAX = 1000
# A worker that is done, but has no connection, waits so long for one to bring its last answers.
LAST_ANSWERS_SECONDS = 2.0


# A lease as HELLO names it to another broker: fence, attempt, origin (empty: nobody will offer the task again).
Hold: TypeAlias = "tuple[int, int, bytes]"
# A final answer that was given and may not have arrived: its lease, encoded command, frames, bytes that it holds, how
# many heartbeats were sent before it, and when it was given. A bare tuple, since each task makes one.
Answer: TypeAlias = "tuple[Hold, bytes, tuple[Buffer, ...], int, int, float]"

# Why workers are recycled every day. The broker's log says it; a warning of each would hide others.
ROUTINE_REASONS = frozenset({"ttl", "max_tasks", "memory", "manual", "reload", "cancel"})


class WorkerSession(Session):
    """One worker's conversation with the broker.

    Args:
        hello: who the worker is; `session` and `leases` are filled in here.
        measure: gives the facts for a heartbeat (rss_bytes, cpu_us); called from tick.

    All methods belong to the I/O thread, except `begin`.
    """

    def __init__(self, hello: m.WorkerHello, measure: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self._facts = hello
        self._measure = measure
        self.session = 0
        self.leases: dict[int, RunningTask] = {}
        self._unstarted: dict[int, RunningTask] = {}
        self._answers: deque[Answer] = deque()
        self._answer_bytes = 0
        self._recent: deque[Answer] = deque()
        self._recent_bytes = 0
        self.tasks_done = 0
        # Work for the shell: it takes and clears these lists after each call.
        self.to_run: list[RunningTask] = []
        self.to_cancel: list[RunningTask] = []
        self.to_interrupt: list[RunningTask] = []
        self.to_allow: list[tuple[RunningTask, int]] = []
        self.clients = ""  # the clients' endpoint, as the broker's WELCOME says it
        self.is_draining = False
        # What the broker gave as its reason when it asked for the end.
        self.stop_reason = ""
        # Facts of the HELLO that have changed since it was said, for the next heartbeat.
        self._changed: dict[str, Any] = {}
        self._stop_by = math.inf

    # --- what the task threads do ---

    def begin(self, fence: int) -> bool:
        """Claim a task for running. False: it was recalled or given up, do not run it.

        The one method for other threads: taking a key out of a dict is atomic, so either the task begins or a RECALL
        gets it, never both.
        """
        return self._unstarted.pop(fence, None) is not None

    # --- what the shell brings from the task threads ---

    def update(self, now: float, **facts: Any) -> None:
        """Change facts of the HELLO (`gil_enabled`, `gil_module`, `report`); the broker is told at once."""
        changed = {name: value for name, value in facts.items() if getattr(self._facts, name) != value}
        if not changed:
            return
        self._facts = dataclasses.replace(self._facts, **changed)
        if self.state is State.READY:
            self._changed.update(changed)
            self._beat_due = now

    def answer_many(self, answers: Iterable[Waiting], now: float) -> int:
        """Send answers and parts of streams as `answer` and `chunk` do; give how many parts.

        Small answers that follow one another become one entry of the outbox.
        """
        chunks = 0
        leases, beats, is_ready = self.leases, self.beats_sent, self.state is State.READY
        together: list[bytes] = []
        size, size_max = 0, min(self.inline_bytes_max, self.control_bytes_max, TOGETHER_BYTES_MAX)
        for fence, command, frames, is_final in answers:
            if frames or not is_final or self.is_draining or len(command) > size_max:
                self._put_together(together)
                size = 0
                if is_final:
                    self.answer(fence, command, frames, now)
                else:
                    self.chunk(fence, command, frames)
                    chunks += 1
                continue
            running = leases.pop(fence, None)
            if running is None:
                continue
            self.tasks_done += 1
            if is_ready:
                if size + len(command) > size_max:
                    self._put_together(together)
                    size = 0
                size += len(command)
                together.append(command)
            _, attempt, _, _, options = running.command
            hold = fence, attempt, options.get("origin", b"")
            self._answers.append((hold, command, (), len(command), beats, now))
            self._answer_bytes += len(command)
        self._put_together(together)
        self._forget_oldest()
        return chunks

    def _put_together(self, commands: list[bytes]) -> None:
        """Put commands into the outbox as if they were one."""
        if commands:
            self.outbox.append((b"".join(commands), ()))
            commands.clear()

    def answer(self, fence: int, command: bytes, frames: tuple[Buffer, ...], now: float) -> None:
        """Send the final answer (an encoded RESULT or ERROR) of a lease. Dropped when the lease was given up."""
        running = self.leases.pop(fence, None)
        if running is None:
            return
        self.tasks_done += 1
        if frames and self._is_too_large(frames):
            text = self._say_too_large("the result", frames)
            command, frames = encode(m.Error(fence, "failed", text, {"type": RESULT_TOO_LARGE})), ()
        if self.state is State.READY:
            self._put(command, frames)
        self._remember(hold_of(running), command, frames, now)
        if self.is_draining:
            self._end_if_done(now)

    @property
    def has_unstarted(self) -> bool:
        """Whether tasks wait for a thread."""
        return bool(self._unstarted)

    @property
    def takes_events(self) -> bool:
        """Whether telemetry may go into the outbox now."""
        return self.state is State.READY and len(self.outbox) < EVENTS_WAITING_MAX

    def chunk(self, fence: int, command: bytes, frames: tuple[Buffer, ...]) -> None:
        """Send one part of a stream (an encoded CHUNK). Not kept: a stream that lost parts is told so at its end."""
        if self.state is State.READY and fence in self.leases and not self._is_too_large(frames):
            self._put(command, frames)

    def drain(self, now: float, grace_seconds: float = math.inf) -> None:
        """Take no new tasks, give back those that have not begun, end when the others are answered or time is up."""
        self._stop_by = min(self._stop_by, now + grace_seconds)
        if self.is_draining or self.is_over:
            return
        self.is_draining = True
        if self.state is State.READY:
            self._send(m.Draining())
        for fence in list(self.leases):
            self._give_back(fence, "the worker is draining")
        self._end_if_done(now)

    def leave(self, reason: str) -> None:
        """End now: say BYE if there is someone to hear it; running tasks go back to the queue."""
        if self.state is State.READY:
            self._send(m.Bye(reason))
        if not self.is_over:
            self._move(State.OVER)

    def tick(self, now: float) -> None:
        """Do what is due: heartbeats, the end of a drain."""
        super().tick(now)
        if now >= self._stop_by and not self.is_over:
            self.leave("its time was up")

    @property
    def next_due(self) -> float:
        """When tick must be called next, or infinity."""
        return min(super().next_due, self._stop_by)

    # --- the conversation ---

    def link_down(self, now: float) -> None:
        """The connection ended. What was answered shortly before may have ended with the broker."""
        super().link_down(now)
        self._forget_recent(now)

    def _hello(self) -> m.Message:
        fences = [answer[0][0] for answer in self._answers] + list(self.leases)
        return dataclasses.replace(
            self._facts, session=self.session, leases=tuple(fences[-m.LEASES_MAX :]), holds=self._holds()
        )

    def _holds(self) -> tuple[Hold, ...]:
        """What a broker that does not know this session can adopt; what runs comes first, since it takes the slots."""
        if not self.session:
            return ()
        holds = [hold_of(running) for running in self.leases.values()]
        holds += [answer[0] for answers in (self._answers, self._recent) for answer in reversed(answers)]
        return tuple(hold for hold in holds if hold[2])[: m.LEASES_MAX]

    def _heartbeat(self) -> m.Message:
        running = [fence for fence in self.leases if fence not in self._unstarted]
        facts = {**self._measure(), "gil_enabled": self._facts.gil_enabled, "tasks_done": self.tasks_done,
                 "running": running[: m.LEASES_MAX], **self._changed}  # fmt: skip
        self._changed = {}
        return m.Heartbeat(facts)

    def _welcomed(self, welcome: m.Welcome, now: float) -> None:
        self.session = welcome.session
        self.clients = welcome.clients
        self._changed = {}  # its HELLO said all
        self._beat_due = now  # at once: the broker then knows memory and CPU from the start
        still_open = set(welcome.leases)
        for fence in [fence for fence in self.leases if fence not in still_open]:
            self._give_up(fence)
        answers = [*self._recent, *self._answers]
        self._answers, self._answer_bytes = deque(), 0
        self._recent, self._recent_bytes = deque(), 0
        for hold, command, frames, *_ in answers:
            if hold[0] in still_open:
                self._put(command, frames)
                self._remember(hold, command, frames, now)
        if self.is_draining:
            self._send(m.Draining())
            self._end_if_done(now)

    def _refused(self, refusal: m.Refuse, now: float) -> None:
        self.refusal = refusal
        self._move(State.OVER)

    def _take_command(self, message: Any, now: float) -> None:
        kind = type(message)
        if kind is m.Cancel:
            self._cancel(message)
        elif kind is m.Credit:
            running = self.leases.get(message.ref)
            if running is not None:
                self.to_allow.append((running, message.count))
        elif kind is m.Recall:
            self._give_back(message.fence, "recalled")
        elif kind is m.Stop:
            self.stop_reason = message.reason
            if message.reason not in ROUTINE_REASONS:
                self.notes.append(f"asked to stop: {message.reason or 'no reason given'}")
            self.drain(now, message.grace_ms / 1000 if message.grace_ms else math.inf)
        elif kind is m.Error and message.code != "stale":  # stale: another attempt was quicker, nothing to do
            self.notes.append(f"the broker answered {message.code}: {message.text}")

    def receive(self, messages: Sequence[m.Message | m.Fault], now: float) -> None:
        """Take the commands of one message."""
        self._silent_since = math.inf
        leases, unstarted, add = self.leases, self._unstarted, self.to_run.append
        for message in messages:
            if type(message) is not m.Task:
                self._take(message, now)
            elif self.is_draining:
                self._send(m.Nack(message.fence, "the worker is draining"))
            elif message.fence not in leases:
                fence = message.fence
                leases[fence] = unstarted[fence] = running = RunningTask(message, now)
                add(running)

    def _take(self, message: m.Message | m.Fault, now: float) -> None:
        super()._take(message, now)
        if type(message) is m.Heartbeat:
            self._acknowledge(now)

    def _cancel(self, message: Any) -> None:
        running = self.leases.get(message.ref)
        if running is None:
            return
        self._give_back(running.fence, "cancelled before it began")
        if running.fence in self.leases:
            (self.to_interrupt if message.raise_ else self.to_cancel).append(running)

    def _give_back(self, fence: int, reason: str) -> None:
        """NACK a task, if it has not begun."""
        if self._unstarted.pop(fence, None) is None:
            return
        del self.leases[fence]
        if self.state is State.READY:
            self._send(m.Nack(fence, reason))

    def _give_up(self, fence: int) -> None:
        """The broker has ended this lease: its answer would be stale."""
        running = self.leases.pop(fence)
        if self._unstarted.pop(fence, None) is None:
            self.to_cancel.append(running)

    def _remember(self, hold: Hold, command: bytes, frames: tuple[Buffer, ...], now: float) -> None:
        size = len(command)
        if frames:
            size += sum(memoryview(frame).nbytes for frame in frames)
        self._answers.append((hold, command, frames, size, self.beats_sent, now))
        self._answer_bytes += size
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        while len(self._answers) > ANSWERS_MAX or self._answer_bytes > ANSWER_BYTES_MAX:
            self._answer_bytes -= self._answers.popleft()[3]

    def _acknowledge(self, now: float) -> None:
        """The broker has answered a heartbeat, and so it has what was said before it."""
        while self._answers and self._answers[0][4] < self.beats_answered:
            answer = self._answers.popleft()
            self._answer_bytes -= answer[3]
            self._recent.append(answer)
            self._recent_bytes += answer[3]
        self._forget_recent(now)

    def _forget_recent(self, now: float) -> None:
        recent = self._recent
        while recent and (
            recent[0][5] < now - RECENT_SECONDS or len(recent) > RECENT_MAX or self._recent_bytes > RECENT_BYTES_MAX
        ):
            self._recent_bytes -= recent.popleft()[3]

    def _end_if_done(self, now: float) -> None:
        if self.leases or self.is_over:
            return
        if self.state is State.READY:
            self.leave("drained")
        elif self._answers:
            self._stop_by = min(self._stop_by, now + LAST_ANSWERS_SECONDS)
        else:
            self._move(State.OVER)


def hold_of(running: RunningTask) -> Hold:
    """Give what another broker must know of a lease to adopt it."""
    fence, attempt, _, _, options = running.command
    return fence, attempt, options.get("origin", b"")
