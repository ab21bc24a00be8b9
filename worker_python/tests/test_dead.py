"""Tasks that kill their workers, and tasks that fail, with real workers that the broker's own agent keeps alive."""

from __future__ import annotations

import collections
import contextlib
import itertools
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import snakepit
from conftest import BOUND_SECONDS, built_program, wait_until
from pit import TESTS, Broker
from snakepit import Options

INNOCENTS = 40
PROCESS = 'profile = "process"; workers = 2;'
THREAD = 'profile = "thread"; workers = 2; threads_per_worker = 4;'

pytestmark = pytest.mark.skipif(built_program("snakepitd") is None, reason="NOT TESTED END TO END: no snakepitd")


@contextlib.contextmanager
def local_pool(folder: pathlib.Path, pool: str) -> Iterator[snakepit.Client]:
    """A client of a broker whose pool `p` has ready local workers. They end with it, in good order."""
    app = f'app = "dead_tasks:app"; directory = "{TESTS}"; python = "{sys.executable}";'
    agent = 'restart_delay = "10ms"; restart_delay_max = "100ms";'
    with Broker(folder, pool=f"{pool} {app}", timers='worker_grace = "100ms";', agent=agent) as broker:
        with snakepit.Client(broker.clients) as client:
            client.admin("await_ready", pool="p", workers=2, timeout_ms=int(BOUND_SECONDS * 1000))
            yield client
        assert broker.stop() == 0


def lines(log: pathlib.Path) -> list[list[str]]:
    return [line.split() for line in log.read_text(encoding="ascii").splitlines()] if log.exists() else []


def counters(client: snakepit.Client) -> dict[str, Any]:
    (pool,) = client.admin("pools", pool="p")
    return dict(pool)


@pytest.mark.parametrize(("pool", "neighbours"), [(PROCESS, 0), (THREAD, 3)], ids=["process", "thread"])
def test_a_poisonous_task_costs_two_workers_harms_no_other_and_runs_when_it_is_mended(
    folder: pathlib.Path, pool: str, neighbours: int
) -> None:
    log, mended = folder / "log", folder / "mended"
    with local_pool(folder, pool) as client:
        poison = client.submit("p", "poison", str(log), str(mended))
        innocents = [client.submit("p", "innocent", str(log), number) for number in range(INNOCENTS)]
        with pytest.raises(snakepit.TaskDead):
            poison.result(timeout=BOUND_SECONDS)
        assert [future.result(timeout=BOUND_SECONDS) for future in innocents] == list(range(INNOCENTS))
        runs = collections.Counter(words[0] for words in lines(log))
        assert runs.pop("poison") == 2
        assert len([number for number in runs if runs[number] > 1]) <= neighbours, "only beside its first run"
        assert max(runs.values()) <= 2

        (dead,) = client.admin("dead", pool="p")
        assert (dead["function"], dead["attempts"], dead["kills"]) == ("poison", 2, 2)
        record = client.admin("dead_show", task=dead["task"])["record"]
        assert [attempt["kill"] for attempt in record] == [True, True]
        assert record[0]["worker"] != record[1]["worker"]

        mended.touch()
        assert client.admin("dead_requeue", task=dead["task"])["requeued"] == 1
        wait_until(lambda: counters(client)["succeeded"] == INNOCENTS + 1, "the mended task")
        assert [words[:2] for words in lines(log)][-2:] == [["poison", "1"], ["mended", "1"]]
        assert client.admin("dead", pool="p") == []


def test_a_failed_task_is_tried_again_after_pauses_that_double(folder: pathlib.Path) -> None:
    log, backoff = folder / "log", 0.2
    options = Options(retries=3, backoff_seconds=backoff, retry_on=(ValueError,))
    with local_pool(folder, f"{PROCESS} retry_jitter = 0;") as client:
        assert client.pool("p").options(retries=3, backoff_seconds=backoff).call("fail", str(log), 3, "KeyError") == 4
        moments = [float(moment) for moment, _ in lines(log)]
        assert [int(attempt) for _, attempt in lines(log)] == [1, 2, 3, 4]
        pauses = [after - before for before, after in itertools.pairwise(moments)]
        assert all(pause >= backoff * 2**i for i, pause in enumerate(pauses)), pauses
        assert counters(client)["retried"] == 3

        log.unlink()
        with pytest.raises(snakepit.TaskError, match="KeyError"):
            client.submit("p", "fail", str(log), 3, "KeyError", options=options).result(timeout=BOUND_SECONDS)
        assert len(lines(log)) == 1, "retry_on names another exception"
        with pytest.raises(snakepit.TaskError, match="ValueError"):
            client.submit("p", "fail", str(log), 4, "ValueError", options=options).result(timeout=BOUND_SECONDS)
        assert len(lines(log)) == 5, "the last failure ends it"
