"""A client of the suite's own: submits planned tasks, and writes down all that the broker says, message by message.

    client.py '{"endpoint": ..., "folder": ..., "client": 1, "seed": 1, "tasks": 1000, ...}'

Like every good client it keeps what is not final, and offers it again after a lost connection. It ends with status 0
when all is final, and with 3 when nothing has been heard of its tasks for `patience` seconds."""

import contextlib
import json
import os
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import msgpack
import zmq

from journal import Journal, digest, now
from plan import plan_tasks
from wire import ACCEPTED, BYE, CANCEL, ERROR, HEARTBEAT, HELLO, REHELLO, RESULT, SEEN, SUBMIT, WELCOME, Link, split

FINAL_CODES = {
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
}
BATCH_BYTES = 256 * 1024
AWAY_SECONDS = 3.0
KILLS_MAX = 5  # each makes all be offered again, and that may be the next one's step


@dataclass
class Settings:
    endpoint: str
    folder: str
    client: int
    seed: int = 1
    tasks: int = 1000
    window: int = 500
    rate: float = 0  # tasks per second; 0: as fast as the window allows
    mix: str = "mixed"
    pools: list = field(default_factory=lambda: ["p"])
    ms: float | None = None
    patience: float = 60.0
    seconds: float = 0  # stop submitting after so long; 0: never
    has_retry: bool = True  # a busy task is offered again
    bomb: list = field(default_factory=list)  # [step, every]: kill the broker at submitted, accepted or final
    extra: dict = field(default_factory=dict)  # options of every task
    stall_ms: float = 0  # a slow reader: so long between two messages


class Client:
    def __init__(self, settings):
        self.settings = settings
        self.journal = Journal(Path(settings.folder) / f"client-{settings.client}.log")
        self.context = zmq.Context()
        self.instance = os.urandom(16)
        self.connection = -1
        self.plans = plan_tasks(
            settings.seed, settings.client, settings.tasks, settings.mix, settings.pools, settings.ms
        )
        self.open = {}  # uid -> plan
        self.offered = set()  # on an earlier connection, of those that are open
        self.says_again = True
        self.retries = deque()  # (when, uid), in order, as the broker gives one pause
        self.is_done_submitting = False
        self.submitted = 0
        self.began = time.monotonic()
        self.moved = self.began  # the last time at which something became final
        self.bombs = dict([(settings.bomb[0], [int(settings.bomb[1])] * 2)]) if settings.bomb else {}
        self.kills = 0
        self.link = None

    # --- the connection ---

    def connect(self):
        self.connection += 1
        self.link = Link(self.context, self.settings.endpoint)
        self.is_welcome = False
        self.seen = self.seen_told = 0
        self.heard = time.monotonic()
        self.asked = 0.0
        self.link.send(
            [HELLO, "SPIT/1", "client", {"instance": self.instance, "name": f"suite-{self.settings.client}"}]
        )

    def reconnect(self):
        raise ConnectionResetError

    def run(self):
        while self.open or not self.is_done_submitting:
            try:
                if self.link is None:
                    self.connect()
                self.turn()
            except ConnectionResetError:
                self.link.close()
                self.link = None
                time.sleep(0.02)
            if time.monotonic() - self.moved > self.settings.patience:
                return 3
        if self.link:
            with contextlib.suppress(ConnectionResetError):
                self.tell_seen()
                self.link.send([BYE, ""])
            self.link.close(linger_ms=1000)
        self.context.term()
        return 0

    def turn(self):
        if self.is_welcome:
            self.offer_again_when_due()
            self.submit_more()
            self.tell_seen()
        if self.link.wait(self.pause()):
            self.heard = time.monotonic()
            if self.settings.stall_ms:
                time.sleep(self.settings.stall_ms / 1000)
            for command in self.link.receive():
                self.take(command)
            return
        silent = time.monotonic() - self.heard
        if silent > AWAY_SECONDS:
            self.reconnect()
        elif silent > 1.0 and self.is_welcome and time.monotonic() - self.asked > 1.0:
            self.asked = time.monotonic()
            self.link.send([HEARTBEAT, {}])

    def pause(self):
        if not self.is_welcome:
            return 0.5
        if self.settings.rate and not self.is_done_submitting:
            return 0.005
        return 0.02 if self.retries else 0.2

    # --- what is said ---

    def submit_more(self):
        settings = self.settings
        room = settings.window - len(self.open)
        if settings.rate:
            room = min(room, int((time.monotonic() - self.began) * settings.rate) - self.submitted)
        if settings.seconds and time.monotonic() - self.began > settings.seconds:
            room, self.is_done_submitting = 0, True
        batch = []
        while room > 0 and not self.is_done_submitting:
            plan = next(self.plans, None)
            if plan is None:
                self.is_done_submitting = True
                break
            room -= 1
            self.write_submitted(plan)
            batch.append(plan)
            if len(batch) == 200:
                self.send_tasks(batch)
                batch = []
        self.send_tasks(batch)

    def write_submitted(self, plan):
        options = plan.options
        if not self.open:
            self.moved = time.monotonic()
        self.open[plan.uid] = plan
        self.submitted += 1
        self.journal.write(
            "S",
            plan.uid,
            now(),
            digest(plan.filler),
            plan.function,
            plan.pool,
            options.get("priority", 5),
            options.get("delay_ms", 0),
            options.get("deadline_ms", 0),
            int(options.get("on_loss") == "lost"),
            plan.expected,
        )
        if self.connection > 0:  # its first offer is on this connection
            self.journal.write("O", plan.uid, now(), self.connection)

    def send_tasks(self, plans):
        commands, frames, size = [], [], 0
        for plan in plans:
            arguments = msgpack.packb([[plan.uid, plan.what, plan.ms, plan.filler]])
            payload, more = split(arguments)
            options = {**plan.options, **self.settings.extra, "ack": True}
            if plan.uid in self.offered and self.says_again:
                options["again"] = True
            commands.append([SUBMIT, plan.uid, plan.pool, plan.function, payload, options])
            frames += more
            size += len(arguments)
            if plan.is_cancelled:
                commands.append([CANCEL, plan.uid])
                self.journal.write("C", plan.uid, now())
            if size > BATCH_BYTES:
                self.link.send(*commands, frames=frames)
                commands, frames, size = [], [], 0
        if commands:
            self.link.send(*commands, frames=frames)
            self.pass_by("submitted")

    def offer_again(self, uids):
        plans = [self.open[uid] for uid in uids if uid in self.open]
        for plan in plans:
            self.journal.write("O", plan.uid, now(), self.connection)
        for start in range(0, len(plans), 200):
            self.send_tasks(plans[start : start + 200])

    def offer_again_when_due(self):
        due = []
        while self.retries and self.retries[0][0] <= time.monotonic():
            due.append(self.retries.popleft()[1])
        if due:
            self.offer_again(due)

    def tell_seen(self):
        if self.is_welcome and self.seen != self.seen_told:
            self.seen_told = self.seen
            self.link.send([SEEN, self.seen])

    # --- what is heard ---

    def take(self, command):
        verb = command[0]
        if verb == RESULT:
            attempt, fence, filler = msgpack.unpackb(command[2]) if command[2] else (0, "-", b"")
            self.finish(command[1], "ok", attempt, fence, digest(filler))
        elif verb == ACCEPTED:
            self.journal.write("A", command[1], now(), command[2], self.connection)
            self.pass_by("accepted")
        elif verb == ERROR:
            self.take_error(*command[1:])
        elif verb == WELCOME:
            self.is_welcome = True
            self.journal.write("H", now(), self.connection, int(command[2].get("resumed", False)))
            self.retries.clear()
            self.offered = set(self.open)
            self.offer_again(list(self.open))
        elif verb == REHELLO:
            self.reconnect()

    def take_error(self, uid, code, text="", details=None):
        if code in FINAL_CODES:
            self.finish(uid, code, (details or {}).get("attempt", 1), "-", "-")
        elif uid is not None and code not in ("too_late", "not_found"):
            if code == "unsupported" and uid in self.open:  # a broker that does not have these options yet
                self.settings.extra = {}
                self.says_again = False
                self.offer_again([uid])
                return
            retry_ms = (details or {}).get("retry_after_ms", 0)
            self.journal.write("R", uid, now(), code, retry_ms)
            if uid not in self.open:
                return
            if code == "busy" and self.settings.has_retry:
                self.retries.append((time.monotonic() + max(retry_ms, 1) / 1000, uid))
            elif code != "shutdown":
                del self.open[uid]
                self.moved = time.monotonic()

    def finish(self, uid, *words):
        self.seen += 1
        self.moved = time.monotonic()
        self.journal.write("F", uid, now(), self.connection, *words)
        self.open.pop(uid, None)
        self.pass_by("final")

    def pass_by(self, step):
        """Kill the broker at this step, each so many-th time."""
        count = self.bombs.get(step)
        if count is None or self.kills == KILLS_MAX:
            return
        count[0] -= 1
        if count[0] == 0:
            count[0] = count[1]
            self.kills += 1
            pid = int((Path(self.settings.folder) / "broker.pid").read_text())
            faults = Journal(Path(self.settings.folder) / "faults.log")
            faults.write("broker_kill", pid, now())
            faults.close()
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    sys.exit(Client(Settings(**json.loads(sys.argv[1]))).run())
