"""Groups and sessions with real workers, some of which are killed: what they themselves wrote down must be in order."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import time
from collections import defaultdict
from typing import Any

import pytest

import snakepit
from conftest import BOUND_SECONDS, wait_until
from pit import Broker, Worker
from snakepit import Options

TIMERS = 'worker_grace = "100ms";'


def start_worker(broker: Broker, folder: pathlib.Path, *arguments: str) -> Worker:
    return Worker(
        broker.workers, *arguments, app="order_tasks:app", environment={**os.environ, "ORDER_LOG": str(folder / "log")}
    )


def wait_for_workers(client: snakepit.Client, count: int) -> None:
    wait_until(lambda: client.admin("pools", pool="p")[0]["workers_ready"] == count, f"{count} workers")


def read_log(folder: pathlib.Path) -> dict[str, list[tuple[int, str, int, int]]]:
    """For each group (instant, "begin" or "end", number, pid), in order."""
    runs: dict[str, list[tuple[int, str, int, int]]] = defaultdict(list)
    for line in (folder / "log").read_text().splitlines():
        instant, what, group, number, pid = line.split()
        runs[group].append((int(instant), what, int(number), int(pid)))
    return {group: sorted(of) for group, of in runs.items()}


def check_group(runs: list[tuple[int, str, int, int]], count: int, killed: set[int]) -> None:
    """One at a time, in order; a run without an end is one of a worker that was killed, and the same number follows."""
    numbers: list[int] = []
    at = 0
    while at < len(runs):
        _, what, number, pid = runs[at]
        assert what == "begin", runs
        numbers.append(number)
        if at + 1 < len(runs) and runs[at + 1][1:] == ("end", number, pid):
            at += 2
            continue
        assert pid in killed, f"task {number} did not end, and its worker {pid} was not killed: {runs}"
        at += 1
    assert numbers == sorted(numbers), numbers
    assert sorted(set(numbers)) == list(range(count))


def test_groups_run_in_order_and_one_at_a_time_while_workers_are_killed(folder: pathlib.Path) -> None:
    groups, count, chance = 8, 12, random.Random(7)
    killed: set[int] = set()
    with (
        Broker(folder, timers=TIMERS, pool="max_attempts = 1000; kills_max = 1000;") as broker,
        snakepit.Client(broker.clients) as client,
    ):
        workers = [start_worker(broker, folder) for _ in range(3)]
        try:
            wait_for_workers(client, 3)
            futures = [
                client.submit("p", "work", f"g{group}", number, 0.02,
                              options=Options(group=f"g{group}", priority=chance.randrange(10)))
                for number in range(count) for group in range(groups)
            ]  # fmt: skip
            for _ in range(4):
                time.sleep(0.2)  # let some run
                victim = chance.randrange(3)
                killed.add(workers[victim].pid)
                workers[victim].kill()
                workers[victim] = start_worker(broker, folder)
            for future in futures:
                future.result(timeout=BOUND_SECONDS)
        finally:
            for worker in workers:
                worker.kill()
    for runs in read_log(folder).values():
        check_group(runs, count, killed)


def test_a_strict_session_keeps_its_state_and_begins_anew_when_its_worker_is_killed(folder: pathlib.Path) -> None:
    with (
        Broker(folder, timers=TIMERS) as broker,
        snakepit.Client(broker.clients) as client,
        start_worker(broker, folder) as one,
        start_worker(broker, folder) as other,
    ):
        wait_for_workers(client, 2)
        keys = [f"s{number}" for number in range(6)]
        seen: dict[str, list[tuple[int, int]]] = defaultdict(list)
        futures = [(key, client.submit("p", "count_up", options=strict(key))) for _ in range(10) for key in keys]
        for key, future in futures:
            seen[key].append(tuple(future.result(timeout=BOUND_SECONDS)))
        for key in keys:
            assert sorted(count for count, _ in seen[key]) == list(range(1, 11)), "every task found the same state"
            assert len({pid for _, pid in seen[key]}) == 1
        home = {key: seen[key][0][1] for key in keys}
        assert set(home.values()) == {one.pid, other.pid}
        os.kill(one.pid, signal.SIGKILL)
        for key in keys:
            count, pid = client.call("p", "count_up", options=strict(key, timeout_seconds=BOUND_SECONDS))
            assert pid == other.pid
            assert count == (11 if home[key] == other.pid else 1), "rebound: nothing of the state is left"


def strict(key: str, mode: str = "strict_queue", **more: Any) -> Options:
    return Options(session=key, session_mode=mode, **more)


def test_with_fail_a_session_ends_with_its_worker_and_the_next_task_begins_it_anew(folder: pathlib.Path) -> None:
    with (
        Broker(folder, timers=TIMERS, pool='session_on_loss = "fail";') as broker,
        snakepit.Client(broker.clients) as client,
        start_worker(broker, folder) as one,
    ):
        wait_for_workers(client, 1)
        assert client.call("p", "count_up", options=strict("s"))[0] == 1
        running = client.submit("p", "count_up", BOUND_SECONDS, options=strict("s"))
        waiting = client.submit("p", "count_up", options=strict("s"))
        wait_until(lambda: client.admin("pools", pool="p")[0]["running"] == 1, "the task runs")
        with start_worker(broker, folder) as other:
            wait_for_workers(client, 2)
            one.kill()
            for future in (running, waiting):
                with pytest.raises(snakepit.SnakepitError) as caught:
                    future.result(timeout=BOUND_SECONDS)
                assert caught.value.code == "session_lost"
            assert list(client.call("p", "count_up", options=strict("s"))) == [1, other.pid]


def test_fail_fast_is_told_that_the_worker_is_busy_and_explain_says_who_waits_for_whom(folder: pathlib.Path) -> None:
    with (
        Broker(folder) as broker,
        snakepit.Client(broker.clients, busy_seconds=0) as client,
        start_worker(broker, folder),
        start_worker(broker, folder),
    ):
        wait_for_workers(client, 2)
        running = client.submit("p", "count_up", 1.0, options=strict("s"))
        wait_until(lambda: client.admin("pools", pool="p")[0]["running"] == 1, "the task runs")
        with pytest.raises(snakepit.SnakepitError) as caught:
            client.call("p", "count_up", options=strict("s", "strict_fail_fast"))
        assert caught.value.code == "session_busy"
        waiting = client.submit("p", "count_up", options=strict("s"))
        wait_until(lambda: client.admin("pools", pool="p")[0]["queued"] == 1, "the task waits")
        why = client.admin("explain", pool="p")
        assert (why["cause"], why["session"], why["worker_state"]) == ("session_waits", "s", "ready")
        assert "is bound to worker" in why["text"]
        assert [running.result()[0], waiting.result()[0]] == [1, 2]


def test_the_worker_sees_the_key_of_the_session_and_none_without_one(folder: pathlib.Path) -> None:
    with (
        Broker(folder) as broker,
        snakepit.Client(broker.clients) as client,
        start_worker(broker, folder),
    ):
        assert client.call("p", "session_of", options=Options(session="account-17")) == "account-17"
        assert client.call("p", "session_of") is None
