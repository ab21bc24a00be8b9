"""What a client submits: the same tasks for the same seed. Also which final states each may have."""

import random
from dataclasses import dataclass, field

from history import CLIENT_SPAN

# How often of a thousand a task is something else than plain.
MIXES = {
    "plain": {},
    "mixed": {"once": 20, "deadline": 20, "long_deadline": 20, "delay": 30, "fail": 30, "cancel": 20, "priority": 100},
    "dated": {"deadline": 1000},
    "once": {"once": 1000},
    "dense": {"once": 60, "deadline": 80, "long_deadline": 40, "delay": 80, "fail": 80, "cancel": 80, "priority": 60},
}


@dataclass(slots=True)
class Plan:
    uid: int
    pool: str
    what: str = "work"
    ms: float = 0
    filler: bytes = b""
    options: dict = field(default_factory=dict)
    expected: str = "ok"
    is_cancelled: bool = False
    function: str = "work"


def filler_bytes(dice):
    """Mostly small, some beyond what travels inline."""
    kind = dice.random()
    size = (
        dice.randint(0, 200)
        if kind < 0.9
        else dice.randint(200, 4000)
        if kind < 0.98
        else dice.randint(9000, 40_000)
        if kind < 0.998
        else 300_000
    )
    return dice.randbytes(size)


def usual_ms(dice):
    """Most take no time at all, some so long that a fault hits them in the middle."""
    kind = dice.random()
    return 0 if kind < 0.8 else dice.randint(1, 5) if kind < 0.98 else dice.randint(10, 100)


def plan_tasks(seed, client, count, mix="mixed", pools=("p",), ms=None):
    """Yield the plans of one client. `ms`: how long each takes; else usual_ms."""
    dice = random.Random(f"{seed} {client}")
    shares = MIXES[mix]
    kinds = [*shares, "plain"]
    weights = [*shares.values(), 1000 - sum(shares.values())]
    for n in range(count):
        plan = Plan(client * CLIENT_SPAN + n, dice.choice(pools), filler=filler_bytes(dice))
        plan.ms = usual_ms(dice) if ms is None else ms
        # What runs late because of the faults must not die of too many attempts: that is another promise.
        plan.options = {"max_attempts": 1000}
        plan_kind(plan, dice.choices(kinds, weights)[0], dice)
        yield plan


def plan_kind(plan, kind, dice):
    if kind == "once":
        plan.options = {"max_attempts": 1, "on_loss": "lost"}
        plan.expected = "ok,lost"
    elif kind == "deadline":
        plan.options["deadline_ms"] = dice.randint(20, 400)
        plan.expected = "ok,expired"
    elif kind == "long_deadline":
        plan.options["deadline_ms"] = 3_600_000
    elif kind == "delay":
        plan.options["delay_ms"] = dice.randint(50, 500)
    elif kind == "fail":
        plan.what = "fail"
        plan.expected = "failed"
    elif kind == "cancel":
        plan.is_cancelled = True
        plan.expected = "ok,cancelled"
    elif kind == "priority":
        plan.options["priority"] = dice.randint(0, 9)
