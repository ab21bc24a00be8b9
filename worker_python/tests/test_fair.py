"""Turns and limits with real workers and clients: what the workers' own log says."""

from __future__ import annotations

import pathlib
import time

import pytest

import snakepit
from conftest import built_program, wait_until
from pit import Broker, Worker
from snakepit import Options

FLOOD = 10_000

pytestmark = pytest.mark.skipif(built_program("snakepitd") is None, reason="NOT TESTED END TO END: no snakepitd")


def queued(client: snakepit.Client) -> int:
    pools = {pool["name"]: pool for pool in client.admin("pools")}
    return int(pools["p"]["queued"])


def test_a_client_s_flood_lets_another_s_single_task_wait_for_one_round(folder: pathlib.Path) -> None:
    log, begun, gate = folder / "log", folder / "begun", folder / "gate"
    with (
        Broker(folder, pool='fairness = "client";') as broker,
        Worker(broker.workers, app="fair_tasks:app"),
        snakepit.Client(broker.clients) as many,
        snakepit.Client(broker.clients) as one,
    ):
        held = many.submit("p", "hold", str(begun), str(gate))
        wait_until(begun.exists, "the task that holds the worker")
        futures = many.submit_many("p", "note", [(str(log), "flood")] * FLOOD)
        wait_until(lambda: queued(one) == FLOOD, "the flood")
        single = one.submit("p", "note", str(log), "single")
        wait_until(lambda: queued(one) == FLOOD + 1, "the single task")
        gate.touch()
        single.result(30)
        held.result(30)
        for future in futures:
            future.result(60)
    words = log.read_text(encoding="ascii").split()
    assert words.index("single") <= 1
    assert len(words) == FLOOD + 1


def test_keys_of_one_client_share_a_worker_equally(folder: pathlib.Path) -> None:
    log, begun, gate = folder / "log", folder / "begun", folder / "gate"
    with (
        Broker(folder) as broker,
        Worker(broker.workers, app="fair_tasks:app"),
        snakepit.Client(broker.clients) as client,
    ):
        held = client.submit("p", "hold", str(begun), str(gate))
        wait_until(begun.exists, "the task that holds the worker")
        futures = []
        for key, count in (("a", 500), ("b", 100), ("c", 100)):
            options = Options(fair_key=key)
            futures += client.submit_many("p", "note", [(str(log), key)] * count, options=options)
        wait_until(lambda: queued(client) == 700, "all tasks")
        gate.touch()
        held.result(30)
        for future in futures:
            future.result(60)
    words = log.read_text(encoding="ascii").split()
    assert [words[:300].count(key) for key in "abc"] == [100, 100, 100]
    assert words[300:] == ["a"] * 400


def test_tasks_take_at_least_the_time_that_their_rate_says(folder: pathlib.Path) -> None:
    with (
        Broker(folder, pool='rate = "100/s"; rate_burst = 10;') as broker,
        Worker(broker.workers, app="fair_tasks:app"),
        snakepit.Client(broker.clients) as client,
    ):
        began = time.monotonic()
        futures = client.submit_many("p", "note", [(str(folder / "log"), "x")] * 60)
        for future in futures:
            future.result(30)
        assert time.monotonic() - began >= 0.49
