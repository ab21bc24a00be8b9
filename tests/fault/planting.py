"""A short load that touches everything that the checker knows, for a broker with one planted fault: see planted.h."""

import re

from history import MS, Rules
from judge import judge
from stage import HERE, Config, Stage, build_folder

TIMERS = 'worker_grace = "50ms"; heartbeat = "500ms";'
# `p` refuses much, `line` is one worker that nobody hurts, `slow` has a worker that is cut off, `late`
# opens late.
POOLS = '{ name = "p"; queued_max = 100; }, { name = "line"; }, { name = "slow"; }, { name = "late"; }'


def names():
    """All planted faults with what they are."""
    source = (HERE / "planted_actions.c").read_text() + (HERE / "planted_events.c").read_text()
    return dict(re.findall(r'(?:ACTION\(|EVENT\(|^    \{)"([a-z-]+)", "([^"]+)"', source, re.MULTILINE))


class LateOpener:
    """Starts the worker of `late` when the deadlines there have passed."""

    def __init__(self, stage):
        self.stage = stage
        self.turns = 0

    def turn(self):
        self.turns += 1
        if self.turns == 100:
            self.stage.add_worker("late")

    def heal(self):
        pass


def run(name, seed=1):
    """What the checker finds with this fault in the broker; "": with none."""
    stage = Stage(
        Config(pools=POOLS, timers=TIMERS),
        program=str(build_folder() / "tests/fault/snakepitd_planted"),
        environment={"SNAKEPIT_PLANTED_FAULT": name},
    )
    with stage:
        stage.start_broker()
        for step in ("received", "before_result", "before_result"):
            stage.add_worker("p", bomb=(step, 30, "self"))
        stage.add_worker("line")
        for _ in range(2):
            stage.add_worker("slow")
        stage.add_worker("slow", bomb=("begun", 2, "link"))
        stage.await_workers(2, "slow")
        common = {"seed": seed, "patience": 4.0, "window": 120, "extra": {"kills_max": 1000}}
        stage.add_client(tasks=500, mix="dense", pools=["p", "line"], **common)
        stage.add_client(tasks=300, mix="dense", pools=["p", "line"], **common)
        stage.add_client(tasks=150, mix="once", **{**common, "window": 30})
        stage.add_client(tasks=8, mix="plain", pools=["slow"], ms=400, **common)
        stage.add_client(tasks=40, mix="dated", pools=["late"], **common)
        stage.run(20, [LateOpener(stage)])
        verdict = judge(stage, Rules(slack=300 * MS, ordered_pools=("line",)))
        stage.problems.clear() if name else None
        return verdict
