"""A worker of the suite's own: one slot, one task at a time, killed at a named step on request.

    worker.py ENDPOINT POOL FOLDER [STEP EVERY VICTIM]

STEP is received, begun, before_result or after_result; each EVERY-th time there the VICTIM dies by SIGKILL: `self`,
or the `broker`, whose pid is in FOLDER/broker.pid. The kill is written to the faults log first. With the victim
`link` (at begun) the worker is cut off while it works, and comes back as a stranger with a late result.

It answers every task in the end: what it holds it names when it comes back after a lost connection, and it says the
result again if the broker still wants it."""

import os
import signal
import sys
import time
from collections import deque
from pathlib import Path

import msgpack
import zmq

from journal import Journal, now
from wire import (
    BYE,
    ERROR,
    HEARTBEAT,
    HELLO,
    REFUSE,
    REHELLO,
    RESULT,
    STOP,
    TASK,
    WELCOME,
    Link,
    split,
)
from work import Performer, PlannedFailure


class Bomb:
    """Kills somebody at a step of the protocol."""

    def __init__(self, folder, step="", every="0", victim="self"):
        self.folder = folder
        self.step = step
        self.left = self.every = int(every)
        self.victim = victim
        self.strikes = 0

    def pass_by(self, step):
        """True when the link is to be cut."""
        if step != self.step:
            return False
        self.left -= 1
        if self.left > 0:
            return False
        self.left = self.every
        self.strikes += 1
        if self.victim == "broker" and self.strikes > 5:
            return False  # each makes all be offered again, and that may be the next one's step
        if self.victim == "link":
            return True
        faults = Journal(self.folder / "faults.log")
        if self.victim == "self":
            faults.write("kill", os.getpid(), now())
            os.kill(os.getpid(), signal.SIGKILL)
        pid = int((self.folder / "broker.pid").read_text())
        faults.write("broker_kill", pid, now())
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        faults.close()
        return False


class Worker:
    def __init__(self, endpoint, pool, folder, *bomb):
        self.context = zmq.Context()
        self.endpoint = endpoint
        self.pool = pool
        self.bomb = Bomb(folder, *bomb)
        self.performer = Performer(folder / "executions.log", pool)
        self.session = 0
        self.answer = None  # the last one: (fence, command, frames), until a newer TASK shows that it arrived
        self.tasks = deque()
        self.backlog = deque()  # commands that came while a task ran
        self.heartbeat = 1.0
        self.link = None

    def connect(self):
        self.link = Link(self.context, self.endpoint)
        self.heard = time.monotonic()
        self.hello()

    def hello(self):
        facts = {"pool": self.pool, "slots": 1, "pid": os.getpid(), "name": "suite"}
        if self.session:
            held = [task[1] for task in self.tasks] + ([self.answer[0]] if self.answer else [])
            facts.update(session=self.session, leases=held)
        self.link.send([HELLO, "SPIT/1", "worker", facts])

    def run(self):
        while True:
            try:
                if self.link is None:
                    self.connect()
                self.turn()
            except ConnectionResetError:
                self.backlog.clear()
                self.link.close()
                self.link = None
                time.sleep(0.02)

    def turn(self):
        while self.backlog:
            self.take(self.backlog.popleft())
        if not self.link.wait(0 if self.tasks else self.heartbeat):
            if self.tasks:
                self.serve(self.tasks.popleft())
            elif time.monotonic() - self.heard > 4 * self.heartbeat:
                raise ConnectionResetError
            else:
                self.link.send([HEARTBEAT, {}])
            return
        self.heard = time.monotonic()
        for command in self.link.receive():
            self.take(command)

    def take(self, command):
        verb = command[0]
        if verb == TASK:
            if self.tasks:
                self.performer.journal.write("V", command[1], os.getpid(), now())
            self.tasks.append(command)
            self.bomb.pass_by("received")
        elif verb == WELCOME:
            self.welcome(command)
        elif verb == REHELLO:
            self.hello()
        elif verb == STOP:
            self.link.send([BYE, "asked to"])
            sys.exit(0)
        elif verb == REFUSE:
            sys.exit(4)

    def welcome(self, command):
        facts = command[2]
        open_leases = set(facts.get("leases", ())) if facts.get("resumed") else set()
        self.session = command[1]
        self.heartbeat = min(facts["heartbeat_ms"] / 1000, 1.0)
        self.tasks = deque(task for task in self.tasks if task[1] in open_leases)
        if self.answer and self.answer[0] in open_leases:
            self.link.send(self.answer[1], frames=self.answer[2])
        else:
            self.answer = None

    def serve(self, task):
        self.answer = None
        fence, attempt, function, payload = task[1:5]
        if self.bomb.pass_by("begun"):
            self.serve_cut_off(fence, attempt, function, payload)
            return
        try:
            result = msgpack.packb(self.performer.perform(msgpack.unpackb(payload)[0], attempt, fence, function))
            payload, frames = split(result)
            self.answer = (fence, [RESULT, fence, payload], frames)
        except PlannedFailure:
            self.answer = (fence, [ERROR, fence, "failed", "as planned"], [])
        self.look_for_more()
        self.bomb.pass_by("before_result")
        self.link.send(self.answer[1], frames=self.answer[2])
        self.bomb.pass_by("after_result")

    def serve_cut_off(self, fence, attempt, function, payload):
        """Half as long as the others take, so that it ends while the task runs elsewhere."""
        began = now()
        self.link.close()
        uid, what, ms, filler = msgpack.unpackb(payload)[0]
        result = self.performer.perform((uid, what, ms / 2, filler), attempt, fence, function)
        faults = Journal(self.bomb.folder / "faults.log")
        faults.write("cut", os.getpid(), began, now())
        faults.close()
        self.session = 0
        self.connect()
        self.link.send([RESULT, fence, msgpack.packb(result)])

    def look_for_more(self):
        """A task that comes before the answer to this one has no slot."""
        while self.link.socket.poll(0):
            for command in self.link.receive():
                if command[0] == TASK:
                    self.performer.journal.write("V", command[1], os.getpid(), now())
                self.backlog.append(command)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Worker(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:]).run()
