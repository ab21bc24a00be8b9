"""What a scenario is: a name, a sentence, its usual size, and a function that gives an Outcome."""

from dataclasses import dataclass, field

from history import Verdict

SCENARIOS = {}


@dataclass
class Order:
    """What was asked for on the command line. `tasks` in all; `seconds`: how long what has no number of tasks goes
    on."""

    seed: int
    tasks: int
    seconds: float


@dataclass
class Outcome:
    verdict: Verdict = field(default_factory=Verdict)
    problems: list = field(default_factory=list)
    facts: str = ""
    not_run: str = ""  # why

    @property
    def is_right(self):
        return not self.problems and not self.verdict.findings

    def demand(self, condition, text):
        if not condition:
            self.problems.append(text)


@dataclass
class Scenario:
    name: str
    text: str
    function: object
    tasks: int
    seconds: float
    is_quick: bool


def scenario(tasks=2000, seconds=5.0, quick=False):
    """`quick`: part of the short form that ./check runs."""

    def register(function):
        name = function.__name__.replace("_", "-")
        SCENARIOS[name] = Scenario(name, (function.__doc__ or "").split("\n")[0], function, tasks, seconds, quick)
        return function

    return register


def percentile(values, share):
    """Nearest rank, in milliseconds; values are nanoseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6 if ordered else 0.0
