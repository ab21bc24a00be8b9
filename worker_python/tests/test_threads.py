"""The thread profile with real processes: slots, hooks, values of threads, what is not thread-safe, crashes."""

from __future__ import annotations

import os
import pathlib
import signal
from typing import Any

import pytest

import snakepit
from conftest import wait_until
from pit import Broker, Worker

APP = "thread_tasks:app"


def threads(broker: Broker, slots: int, *arguments: str, app: str = APP, **settings: Any) -> Worker:
    return Worker(broker.workers, "--profile", "thread", "--slots", str(slots), *arguments, app=app, **settings)


def test_each_slot_is_a_thread_and_no_more_tasks_run_than_there_are_slots(
    broker: Broker, client: snakepit.Client
) -> None:
    with threads(broker, 4):
        futures = client.submit_many("p", "crowd", [(0.02,)] * 100)
        assert max(future.result(60) for future in futures) == 4


def test_capacity_is_workers_times_threads_and_the_least_loaded_comes_first(
    broker: Broker, client: snakepit.Client, folder: pathlib.Path
) -> None:
    gate = folder / "gate"
    with threads(broker, 3) as first, threads(broker, 3) as second:
        wait_until(lambda: len(client.admin("workers")) == 2, "both workers")
        begun = [folder / f"begun{number}" for number in range(8)]
        futures = []
        for number, path in enumerate(begun):
            futures.append(client.submit("p", "wait_for_file", str(path), str(gate)))
            if number < 6:
                wait_until(path.exists, f"the begin of task {number}")
                busy = sorted(worker["busy"] for worker in client.admin("workers"))
                assert busy == [(number + 1) // 2, number + 1 - (number + 1) // 2]
        [pool] = client.admin("pools", pool="p")
        assert (pool["slots"], pool["slots_busy"], pool["queued"]) == (6, 6, 2)
        assert not begun[6].exists()
        gate.touch()
        assert [future.result(30) for future in futures] == ["done"] * 8
        assert (first.stop(), second.stop()) == (0, 0)


def test_hooks_and_values_of_threads_are_opened_and_closed_once_in_each(
    broker: Broker, client: snakepit.Client, folder: pathlib.Path
) -> None:
    diary = folder / "diary"
    with threads(broker, 2, environment={**os.environ, "DIARY": str(diary)}) as worker:
        assert len({future.result(30) for future in client.submit_many("p", "meet", [()] * 2)}) == 2
        for _ in range(4):
            assert client.call("p", "use_connection") is True
        assert worker.stop() == 0
    lines = diary.read_text().splitlines()
    assert sorted(lines[:2]) == ["thread start snakepit-task-0", "thread start snakepit-task-1"]
    opened = lines.count("open")
    assert 1 <= opened <= 2
    assert lines.count("close") == opened
    assert sorted(line for line in lines if line.startswith("thread stop")) == [
        "thread stop snakepit-task-0", "thread stop snakepit-task-1"]  # fmt: skip
    assert lines[-1] == "process stop"


def test_the_process_profile_runs_the_same_hooks_in_the_main_thread(
    broker: Broker, client: snakepit.Client, folder: pathlib.Path
) -> None:
    diary = folder / "diary"
    with Worker(broker.workers, app=APP, environment={**os.environ, "DIARY": str(diary)}) as worker:
        assert client.call("p", "use_connection") is True
        assert worker.stop() == 0
    assert diary.read_text().splitlines() == [
        "thread start MainThread", "open", "thread stop MainThread", "close", "process stop"]  # fmt: skip


def test_a_thread_start_hook_that_fails_ends_the_worker_with_3_before_it_says_hello(
    broker: Broker, client: snakepit.Client, folder: pathlib.Path
) -> None:
    (folder / "failing.py").write_text(
        "import snakepit\napp = snakepit.App()\n@app.on_thread_start\ndef begin():\n    raise OSError('no licence')\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}
    with threads(broker, 3, app="failing:app", environment=environment) as worker:
        assert worker.wait() == 3
        assert "OSError: no licence" in "\n".join(worker.lines)
        assert worker.lines[-1] == "snakepit-worker: a start hook of failing:app failed"
    assert not any("worker.started" in line for line in broker.lines)


def test_tasks_that_are_not_thread_safe_run_one_at_a_time_beside_others(
    broker: Broker, client: snakepit.Client
) -> None:
    with threads(broker, 4):
        unsafe = client.submit_many("p", "alone", [(0.05,)] * 8)
        assert {future.result(30) for future in unsafe} == {1}
        mixed = client.submit_many("p", "alone", [(0.05,)] * 2) + client.submit_many("p", "crowd", [(0.2,)] * 2)
        assert max(future.result(30) for future in mixed) > 1, "safe ones do not wait for the lock"


def test_a_task_that_waits_for_the_lock_has_not_begun_and_is_given_back_by_a_drain(
    broker: Broker, client: snakepit.Client, folder: pathlib.Path
) -> None:
    begun, gate = [folder / "begun0", folder / "begun1"], folder / "gate"
    with threads(broker, 2) as first:
        futures = [client.submit("p", "wait_alone", str(path), str(gate)) for path in begun]
        wait_until(lambda: facts_are(client, busy=2), "both tasks in the worker")
        wait_until(lambda: any(path.exists() for path in begun), "the begin of one of them")
        first.signal(signal.SIGTERM)
        first.wait_for_line("draining")
        with threads(broker, 2) as second:
            wait_until(lambda: all(path.exists() for path in begun), "the begin of the other one elsewhere")
            gate.touch()
            assert {future.result(30) for future in futures} == {first.pid, second.pid}
            assert first.wait() == 0


def facts_are(client: snakepit.Client, **wanted: Any) -> bool:
    """Whether the one worker has these facts."""
    workers = client.admin("workers")
    return len(workers) == 1 and all(workers[0][name] == value for name, value in wanted.items())


def test_a_pool_can_refuse_what_is_not_thread_safe(broker: Broker, client: snakepit.Client) -> None:
    with threads(broker, 2, "--thread-unsafe", "refuse"):
        with pytest.raises(snakepit.ThreadUnsafe, match="'alone' is declared not thread-safe") as caught:
            client.call("p", "alone", 0.0)
        assert "process profile" in caught.value.message
        assert caught.value.code == "failed"
        assert client.call("p", "crowd", 0.0) == 1


def test_an_app_that_is_not_thread_safe_does_not_start_where_it_is_refused(folder: pathlib.Path) -> None:
    arguments = ("--profile", "thread", "--slots", "2", "--thread-unsafe", "refuse")
    with Worker(f"ipc://{folder}/none", *arguments, app="unsafe_app:app") as worker:
        assert worker.wait() == 3
        [line] = worker.lines
        assert line.startswith("snakepit-worker: thread_unsafe: unsafe_app:app is declared not thread-safe")
        assert 'thread_unsafe = "lock"' in line


def test_one_thread_and_the_process_profile_run_what_is_not_thread_safe(
    broker: Broker, client: snakepit.Client
) -> None:
    with threads(broker, 1, "--thread-unsafe", "refuse", app="unsafe_app:app") as worker:
        assert client.call("p", "careful") == "careful"
        assert worker.stop() == 0
    with Worker(broker.workers, "--thread-unsafe", "refuse", app="unsafe_app:app") as worker:
        assert client.call("p", "careful") == "careful"
        assert worker.stop() == 0


def test_a_crash_of_one_thread_requeues_what_the_others_ran(
    broker: Broker, client: snakepit.Client, folder: pathlib.Path
) -> None:
    gate = folder / "gate"
    begun = [folder / f"begun{number}" for number in range(3)]
    with threads(broker, 4) as first, Worker(broker.workers, app=APP, pool="q"):
        futures = [client.submit("p", "wait_for_file", str(path), str(gate)) for path in begun]
        wait_until(lambda: all(path.exists() for path in begun), "three tasks that run")
        crashing = client.submit("p", "crash_once", str(folder / "crashed"))
        assert first.wait() == -11
        [pool] = wait_until(
            lambda: [pool for pool in client.admin("pools", pool="p") if pool["queued"] == 4], "all four in the queue"
        )
        assert pool["requeued"] == 4
        with threads(broker, 4):
            gate.touch()
            assert [future.result(30) for future in futures] == ["done"] * 3
            assert crashing.result(30) == "survived"
