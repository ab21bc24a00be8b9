"""What happened to each task, from the logs of all who saw it, and whether that may be. Pure: reads no file, knows no
clock.

Records are lists of words, the first says what it is; times are nanoseconds of one clock.

    clients    S uid t digest function pool priority delay_ms deadline_ms once expected    submitted
               O uid t connection                             offered again
               A uid t number connection                      accepted
               F uid t connection code attempt fence digest   a final message; fence and digest "-" if it has none
               R uid t code retry_ms                          refused
               G uid t                                        given up: it will not be offered again
               H t connection resumed                         a WELCOME
               C uid t                                        its end was asked for
    workers    B uid attempt fence pid t digest function pool an attempt begins
               E fence pid t                                  it ends, and its answer goes out
               V fence pid t                                  it came while another task had the slot
    faults     kill pid t | pause pid t until | cut pid t until | broker_kill pid t | broker_pause pid t until
               client_kill client t

A task's uid is client * CLIENT_SPAN + a number from 0. One pass over the records, one over the tasks: O(n)."""

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field

CLIENT_SPAN = 100_000_000
MS = 1_000_000
SECOND = 1000 * MS

FINDINGS = {
    "lost": "submitted, its client lived, and it has no final state",
    "duplicated": "a second final message that nobody asked for, or another final state than before",
    "stale_accepted": "the result of an attempt counted that was superseded before it had ended",
    "wrong_payload": "the worker or the client got other bytes than were sent",
    "late_dispatched": "an attempt began after the deadline",
    "early_dispatched": "an attempt began before the delay had passed",
    "expired_wrongly": "expired without a deadline, before it, or long after it",
    "wrong_final": "a final state that this task cannot have",
    "unexplained": "run again although no lease was lost",
    "run_after_final": "an attempt began after the client knew the final state",
    "run_twice": "run twice although at most once was asked for",
    "invented": "an attempt or a result of a task that was never submitted, or a result of an attempt that never was",
    "misordered": "first runs not in the order of acceptance",
    "attempt_numbers": "attempts that do not grow with their fences, or two with one fence",
    "wrong_pool": "run by a worker of another pool, or as another function",
    "over_slots": "a worker got a task while it had no free slot",
    "stray": "a message about a task of another client",
    "untyped": "a refusal without a known code, or a busy one without a time to come back",
    "renumbered": "one task accepted under two numbers, or two tasks under one, on one connection",
}

REFUSALS = {
    "busy",
    "draining",
    "no_such_pool",
    "too_large",
    "bad_field",
    "unsupported",
    "bad_message",
    "circuit_open",
    "session_busy",
    "shutdown",
    "unavailable",
}


@dataclass(slots=True)
class Attempt:
    uid: int
    number: int
    fence: int
    pid: int
    began: int
    digest: str
    function: str
    pool: str
    ended: int | None = None


@dataclass(slots=True)
class Final:
    t: int
    connection: int
    code: str
    attempt: int
    fence: int | None
    digest: str


@dataclass(slots=True)
class Task:
    uid: int
    submitted: int
    digest: str
    function: str
    pool: str
    priority: int
    delay: int
    deadline: int
    is_once: bool
    expected: frozenset
    offers: list = field(default_factory=list)  # (t, connection), the first one included
    accepted: list = field(default_factory=list)  # (t, number, connection)
    finals: list = field(default_factory=list)
    attempts: list = field(default_factory=list)
    given_up: bool = False
    was_refused: bool = False  # by the latest answer


@dataclass
class Rules:
    """What is judged how strictly."""

    slack: int = 500 * MS  # for processes that wait for a CPU
    early: int = 50 * MS  # the broker reads its clock once in a turn, so its time may lag behind a client's
    ordered_pools: tuple = ()  # pools with one slot and no faults
    is_adopting: bool = False  # a broker's kill does not explain a second run while the first goes on


@dataclass
class Verdict:
    tasks: int = 0
    attempts: int = 0
    finals: Counter = field(default_factory=Counter)
    findings: Counter = field(default_factory=Counter)
    examples: dict = field(default_factory=lambda: defaultdict(list))
    refusals: Counter = field(default_factory=Counter)
    reexecutions: int = 0
    explained: Counter = field(default_factory=Counter)
    redispatch: list = field(default_factory=list)  # ns from a kill to the next attempt's begin
    redispatch_cut: list = field(default_factory=list)  # the same from a cut of the link, or a later dispatch into it

    def find(self, kind, text):
        self.findings[kind] += 1
        if len(self.examples[kind]) < 5:
            self.examples[kind].append(text)


class Faults:
    """When what was done to whom."""

    def __init__(self, records=()):
        self.kills = {}  # pid -> t; a pid is used once in a run
        self.pauses = defaultdict(list)  # pid -> [(from, until)]
        self.cuts = defaultdict(list)
        self.broker_kills = []
        self.broker_pauses = []
        self.dead_clients = {}
        for kind, who, t, *until in records:
            until = int(until[0]) if until else None
            if kind == "kill":
                self.kills.setdefault(int(who), int(t))
            elif kind in ("pause", "cut"):
                (self.pauses if kind == "pause" else self.cuts)[int(who)].append((int(t), until))
            elif kind == "broker_kill":
                self.broker_kills.append(int(t))
            elif kind == "broker_pause":
                self.broker_pauses.append((int(t), until))
            elif kind == "client_kill":
                self.dead_clients[int(who)] = int(t)
        self.broker_kills.sort()

    def broker_life(self, t):
        """How many brokers had been killed by then."""
        return bisect_right(self.broker_kills, t)

    def was_stopped(self, pid, since, until):
        """The word for what held this process up, or cut it off, at some time between the two; or None."""
        for name, spans in (
            ("paused", self.pauses.get(pid, ())),
            ("cut off", self.cuts.get(pid, ())),
            ("broker paused", self.broker_pauses),
        ):
            if any(begin <= until and end >= since for begin, end in spans):
                return name
        return None


class History:
    def __init__(self, rules=None):
        self.rules = rules or Rules()
        self.tasks = {}
        self.by_fence = {}
        self.verdict = Verdict()
        self.faults = Faults()
        self._numbers = {}
        self._resumes = defaultdict(set)  # client -> connections that resumed
        self._takers = {
            "S": self._submitted,
            "O": self._offered,
            "A": self._accepted,
            "F": self._ended,
            "R": self._refused,
            "G": self._given_up,
            "H": self._welcomed,
            "C": lambda *_: None,
        }

    # --- one pass over the records ---

    def add_faults(self, records):
        self.faults = Faults(records)

    def add_client(self, client, records):
        for kind, *words in records:
            self._takers[kind](client, words)

    def add_workers(self, records):
        for kind, *words in records:
            if kind == "B":
                self._began(words)
            elif kind == "E":
                attempt = self.by_fence.get(int(words[0]))
                if attempt and attempt.pid == int(words[1]) and attempt.ended is None:
                    attempt.ended = int(words[2])
            elif kind == "V" and not self.faults.was_stopped(int(words[1]), int(words[2]) - 10 * SECOND, int(words[2])):
                self.verdict.find("over_slots", f"fence {words[0]} came to {words[1]}")

    def _task_of(self, client, uid, what):
        task = self.tasks.get(uid)
        if task is None or uid // CLIENT_SPAN != client:
            self.verdict.find("stray", f"client {client} got {what} of {uid}")
            return None
        return task

    def _submitted(self, _, words):
        uid, t, digest, function, pool, priority, delay, deadline, once, expected = words
        task = Task(
            int(uid),
            int(t),
            digest,
            function,
            pool,
            int(priority),
            int(delay) * MS,
            int(deadline) * MS,
            once == "1",
            frozenset(expected.split(",")),
        )
        task.offers.append((task.submitted, 0))
        self.tasks[task.uid] = task

    def _offered(self, client, words):
        task = self.tasks[int(words[0])]
        task.offers.append((int(words[1]), int(words[2])))
        task.was_refused = False

    def _accepted(self, client, words):
        uid, t, number, connection = map(int, words)
        task = self._task_of(client, uid, "ACCEPTED")
        if task:
            task.accepted.append((t, number, connection))

    def _ended(self, client, words):
        uid, t, connection, code, attempt, fence, digest = words
        task = self._task_of(client, int(uid), code)
        if task:
            task.finals.append(
                Final(int(t), int(connection), code, int(attempt), None if fence == "-" else int(fence), digest)
            )

    def _refused(self, client, words):
        uid, _, code, retry_ms = words
        task = self._task_of(client, int(uid), code)
        self.verdict.refusals[code] += 1
        if task:
            task.was_refused = True
        if code not in REFUSALS or (code == "busy" and int(retry_ms) <= 0):
            self.verdict.find("untyped", f"{uid} was refused with '{code}', come back in {retry_ms} ms")

    def _given_up(self, _, words):
        self.tasks[int(words[0])].given_up = True

    def _welcomed(self, client, words):
        if words[2] == "1":
            self._resumes[client].add(int(words[1]))

    def _began(self, words):
        uid, number, fence, pid, t, digest, function, pool = words
        attempt = Attempt(int(uid), int(number), int(fence), int(pid), int(t), digest, function, pool)
        task = self.tasks.get(attempt.uid)
        self.verdict.attempts += 1
        if attempt.fence in self.by_fence:
            self.verdict.find("attempt_numbers", f"{uid}: fence {fence} began twice")
            return
        self.by_fence[attempt.fence] = attempt
        if task is None:
            self.verdict.find("invented", f"{uid} was run and never submitted")
        else:
            task.attempts.append(attempt)

    # --- one pass over the tasks ---

    def judge(self):
        """Call it once, after all records."""
        self.verdict.tasks = len(self.tasks)
        for task in self.tasks.values():
            task.attempts.sort(key=lambda attempt: attempt.fence)
            self._judge_end(task)
            self._judge_numbers(task)
            self._judge_finals(task)
            for attempt in task.attempts:
                self._judge_attempt(task, attempt)
            self._judge_reruns(task)
        for pool in self.rules.ordered_pools:
            self._judge_order(pool)
        return self.verdict

    def _judge_end(self, task):
        client = task.uid // CLIENT_SPAN
        if not task.finals and not task.given_up and not task.was_refused and client not in self.faults.dead_clients:
            seen = "accepted" if task.accepted else "never answered"
            self.verdict.find("lost", f"{task.uid}: {seen}, {len(task.attempts)} attempts")

    def _judge_numbers(self, task):
        seen = {}
        client = task.uid // CLIENT_SPAN
        for _, number, connection in task.accepted:
            owner = self._numbers.setdefault((client, connection, number), task.uid)
            if seen.setdefault(connection, number) != number or owner != task.uid:
                self.verdict.find("renumbered", f"{task.uid} was accepted as {number}")

    def _judge_finals(self, task):
        if not task.finals:
            return
        first = task.finals[0]
        self.verdict.finals[first.code] += 1
        self._judge_repeats(task, first)
        if first.code not in task.expected:
            self.verdict.find("wrong_final", f"{task.uid}: {first.code}, may be {','.join(sorted(task.expected))}")
        if first.code == "expired":
            self._judge_expiry(task, first)
        if first.code == "ok":
            self._judge_result(task, first)

    def _judge_repeats(self, task, first):
        """A final message comes once for each time that the task was offered, and once when a session is resumed."""
        by_connection = Counter(final.connection for final in task.finals)
        asked = Counter(connection for _, connection in task.offers)
        resumes = self._resumes[task.uid // CLIENT_SPAN]
        if len(task.finals) > 1:
            for connection, count in by_connection.items():
                if count > max(1, asked[connection] + (connection in resumes)):
                    self.verdict.find("duplicated", f"{task.uid}: {count} times {first.code} on one connection")
        for final in task.finals[1:]:
            if (final.code, final.fence, final.digest) != (first.code, first.fence, first.digest):
                # A killed broker forgets what it told; but then the client never offers the task again.
                self.verdict.find(
                    "duplicated", f"{task.uid}: {first.code} of {first.fence}, then {final.code} of {final.fence}"
                )
        if task.given_up or (task.was_refused and not self.faults.broker_kills):
            self.verdict.find("duplicated", f"{task.uid}: refused for good and {first.code}")

    def _judge_expiry(self, task, final):
        latest = self._acceptance(task, final.t) + task.deadline
        if not task.deadline or final.t < task.submitted + task.deadline - self.rules.early:
            self.verdict.find("expired_wrongly", f"{task.uid}: too early")
        elif (
            final.connection == 0
            and final.t > latest + 100 * MS + self.rules.slack
            and not self._was_broker_hurt(task.submitted, final.t)
        ):
            self.verdict.find("expired_wrongly", f"{task.uid}: {(final.t - latest) // MS} ms late")

    def _was_broker_hurt(self, since, until):
        return any(since - SECOND <= t <= until for t in self.faults.broker_kills) or any(
            begin <= until and end >= since for begin, end in self.faults.broker_pauses
        )

    def _judge_result(self, task, final):
        attempt = self.by_fence.get(final.fence)
        if attempt is None or attempt.uid != task.uid:
            self.verdict.find("invented", f"{task.uid}: ok from fence {final.fence}, which never ran it")
            return
        if final.digest != task.digest:
            self.verdict.find("wrong_payload", f"{task.uid}: its result")
        ended = attempt.ended if attempt.ended is not None else final.t
        for other in task.attempts:
            if other.fence > attempt.fence and other.began < ended and not self._was_forgotten(other, final.t):
                self.verdict.find(
                    "stale_accepted",
                    f"{task.uid}: fence {attempt.fence}, superseded by {other.fence} "
                    f"{(ended - other.began) // MS} ms before it ended",
                )
                return

    def _was_forgotten(self, attempt, until):
        """Whether the broker that began the attempt was killed: the next one takes what a worker brings it first."""
        return any(attempt.began - SECOND <= t <= until for t in self.faults.broker_kills)

    def _acceptance(self, task, before):
        """The latest time before that at which the task can have been accepted: a new broker counts from a new offer,
        and may have been killed before its ACCEPTED was seen."""
        return max((t for t, *_ in (*task.accepted, *task.offers) if t <= before), default=task.submitted)

    def _judge_attempt(self, task, attempt):
        slack = self.rules.slack
        if attempt.digest != task.digest:
            self.verdict.find("wrong_payload", f"{task.uid}: its arguments in attempt {attempt.number}")
        if attempt.pool != task.pool or attempt.function != task.function:
            self.verdict.find("wrong_pool", f"{task.uid}: {attempt.pool} ran {attempt.function}")
        early = task.submitted + task.delay - attempt.began
        if task.delay and early > self.rules.early:
            self.verdict.find("early_dispatched", f"{task.uid}: {early // MS} ms")
        if task.deadline:
            late = attempt.began - self._acceptance(task, attempt.began) - task.deadline
            if late > slack and not self._was_held_up(attempt, late):
                self.verdict.find("late_dispatched", f"{task.uid}: {late // MS} ms")
        if task.finals:
            late = attempt.began - task.finals[0].t
            if late > slack and not self._was_held_up(attempt, late):
                self.verdict.find("run_after_final", f"{task.uid}: {late // MS} ms after {task.finals[0].code}")

    def _was_held_up(self, attempt, by):
        """Whether it reached its worker in time, but the process stood still or was cut off."""
        return self.faults.was_stopped(attempt.pid, attempt.began - by - SECOND, attempt.began) is not None

    def _judge_reruns(self, task):
        attempts = task.attempts
        if len(attempts) < 2:
            return
        if task.is_once:
            # A killed broker forgets that it dispatched the task; its client offers it again.
            lives = Counter(self.faults.broker_life(attempt.began) for attempt in attempts)
            if max(lives.values()) > 1 and not self._was_broker_hurt(attempts[0].began, attempts[-1].began):
                self.verdict.find("run_twice", f"{task.uid}: {len(attempts)} times")
        for before, after in zip(attempts, attempts[1:], strict=False):
            self.verdict.reexecutions += 1
            reason = self._explain(before, after)
            if reason:
                self.verdict.explained[reason] += 1
            else:
                self.verdict.find(
                    "unexplained",
                    f"{task.uid}: attempt {before.number} of process {before.pid}, then "
                    f"{after.number} after {(after.began - before.began) // MS} ms",
                )
            if after.number <= before.number and not self._is_broker_between(before, after):
                self.verdict.find("attempt_numbers", f"{task.uid}: {before.number}, then {after.number}")

    def _is_broker_between(self, before, after):
        """A worker that was cut off or stood still may begin only afterwards what a broker before the kill had sent."""
        since = min(before.began, after.began)
        held_up = (*self.faults.pauses.get(before.pid, ()), *self.faults.cuts.get(before.pid, ()))
        since = min([since, *(begin for begin, end in held_up if begin <= since <= end + SECOND)]) - SECOND
        return any(since <= t <= after.began for t in self.faults.broker_kills)

    def _explain(self, before, after):
        """Why the lease of `before` was lost before `after` began; None: nobody knows."""
        killed = self.faults.kills.get(before.pid)
        since, until = min(before.began, after.began), max(before.began, after.began)
        if killed is not None and killed <= after.began:
            self.verdict.redispatch.append(after.began - killed)
            return "worker killed"
        stopped = self.faults.was_stopped(before.pid, since - SECOND, until)
        if stopped:
            if stopped == "cut off":
                cut = max(begin for begin, _ in self.faults.cuts[before.pid] if begin <= until)
                self.verdict.redispatch_cut.append(after.began - max(cut, before.began))
            return f"worker {stopped}" if stopped != "broker paused" else stopped
        if not self._is_broker_between(before, after):
            return None
        if not self.rules.is_adopting:
            return "broker killed"
        return None if self._ran_through(before, after) else "answer lost with the broker"

    def _ran_through(self, before, after):
        """Whether it ran from before a kill of the broker until after the next one was there: it had to be adopted."""
        ended = before.ended if before.ended is not None else after.began
        return any(before.began + 100 * MS < t and t + SECOND < ended for t in self.faults.broker_kills)

    def _judge_order(self, pool):
        latest = defaultdict(int)
        firsts = sorted(
            (task for task in self.tasks.values() if task.pool == pool and task.attempts and not task.delay),
            key=lambda task: task.attempts[0].began,
        )
        for task in firsts:
            key = task.uid // CLIENT_SPAN, task.priority
            if task.uid < latest[key]:
                self.verdict.find("misordered", f"{task.uid} after {latest[key]}")
            latest[key] = max(latest[key], task.uid)
