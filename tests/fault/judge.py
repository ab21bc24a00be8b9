"""Reads the logs of a stage and lets the checker judge."""

from history import History
from journal import read


def judge(stage, rules=None):
    history = History(rules)
    history.add_faults(read(stage.folder / "faults.log"))
    for number in stage.clients:
        path = stage.folder / f"client-{number}.log"
        if path.exists():
            history.add_client(number, read(path))
    history.add_workers(read(stage.folder / "executions.log"))
    return history.judge()
