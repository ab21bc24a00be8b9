"""How a worker process begins and ends: exit status, signals, the lifeline."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

import snakepit
from conftest import wait_until
from pit import Broker, Worker
from snakepit.gil import GilWatch, is_free_threaded_build
from snakepit.loading import NoApp, load_app
from snakepit.vitals import measure_vitals
from snakepit.worker import make_hello, parse_arguments


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """A lifeline: [read end, write end]; the test closes the write end by removing it."""
    ends = list(os.pipe())
    os.set_inheritable(ends[0], True)
    yield ends
    for fd in ends:
        os.close(fd)


def test_an_app_that_is_not_there_is_told_in_one_line_with_exit_3(folder: pathlib.Path) -> None:
    for app, text in (("no_such_module:app", f"finds no module no_such_module in {os.getcwd()}"),
                      ("no_such_package.module", "finds no module no_such_package"),
                      ("pit_tasks.py:app", "without .py"), (":app", "for instance tasks:app"),
                      ("pit_tasks:nothing", "pit_tasks has no nothing; it has the App app"),
                      ("pit_tasks:square", "not a snakepit.App")):  # fmt: skip
        with Worker(f"ipc://{folder}/none", app=app) as process:
            assert process.wait() == 3
            [line] = process.lines
            assert line.startswith(f"snakepit-worker: cannot import {app}: ")
            assert text in line


def test_an_import_that_fails_in_the_module_shows_its_traceback_and_exits_3(folder: pathlib.Path) -> None:
    (folder / "broken.py").write_text("import no_such_module\n")
    command = [sys.executable, "-m", "snakepit.worker", "broken:app", "--pool", "p"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 3
    assert "Traceback" in ended.stderr
    assert "No module named 'no_such_module'" in ended.stderr
    assert ended.stderr.splitlines()[-1] == "snakepit-worker: cannot import broken:app"


def test_a_worker_that_no_broker_answers_says_so(folder: pathlib.Path) -> None:
    with Worker(f"ipc://{folder}/none") as process:
        process.wait_for_line(f"no broker answers at ipc://{folder}/none")


def test_a_module_is_found_in_the_working_directory(folder: pathlib.Path) -> None:
    (folder / "here.py").write_text("import snakepit\nraise SystemExit('it was found')\n")
    command = [sys.executable, "-m", "snakepit.worker", "here", "--pool", "p"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 3
    assert "it was found" in ended.stderr


def test_wrong_arguments_exit_2(folder: pathlib.Path) -> None:
    for arguments in (["--slots", "0"], ["--profile", "fiber"]):
        with Worker(f"ipc://{folder}/none", *arguments) as process:
            assert process.wait() == 2
    with Worker(f"ipc://{folder}/none", "--lifeline", "77") as process:
        assert process.wait() == 2
    with Worker("no-endpoint") as process:
        assert process.wait() == 2
        assert "no-endpoint" in process.lines[-1]


def test_a_refused_worker_says_why_and_exits_4(broker: Broker) -> None:
    with Worker(broker.workers, pool="unknown") as process:
        assert process.wait() == 4
        assert "no_such_pool" in process.lines[-1]


def test_sigterm_ends_an_idle_worker_with_0(worker: Worker, client: snakepit.Client) -> None:
    assert client.call("p", "square", 2) == 4
    assert worker.stop() == 0
    assert wait_until(lambda: not client.admin("workers"), "the worker's BYE") is True


def test_sigterm_ends_the_threads_of_a_thread_profile_worker_with_0(broker: Broker, client: snakepit.Client) -> None:
    with Worker(broker.workers, "--profile", "thread", "--slots", "3") as process:
        assert client.call("p", "square", 2) == 4
        assert process.stop() == 0


def test_a_process_that_a_task_forks_can_be_ended_without_ending_the_worker(
    worker: Worker, client: snakepit.Client
) -> None:
    assert client.call("p", "end_forks", 50) == [-signal.SIGTERM] * 50
    assert client.call("p", "end_a_fork_at_birth") == -signal.SIGTERM
    assert client.call("p", "which")[0] == worker.pid


def test_sigterm_before_the_broker_is_there_ends_a_worker_with_0(folder: pathlib.Path) -> None:
    with Worker(f"ipc://{folder}/none", app="plain_tasks:app") as process:
        process.wait_for_line("connecting to")
        assert process.stop() == 0


def test_sigterm_lets_the_running_task_end_and_gives_the_others_back(
    broker: Broker, client: snakepit.Client, folder: pathlib.Path
) -> None:
    begun, gate = folder / "begun", folder / "gate"
    with Worker(broker.workers, "--slots", "4") as first:
        running = client.submit("p", "wait_for_file", str(begun), str(gate))
        wait_until(begun.exists, "the task's begin")
        waiting = client.submit_many("p", "which", [()] * 3)
        wait_until(lambda: client.admin("workers")[0]["busy"] == 4, "the tasks in the worker")
        first.signal(signal.SIGTERM)
        first.wait_for_line("draining")
        with Worker(broker.workers) as second:
            assert [future.result(30)[0] for future in waiting] == [second.pid] * 3
            gate.touch()
            assert running.result(30) == "done"
            assert first.wait() == 0


def test_a_second_sigterm_ends_it_with_the_task_unfinished(
    broker: Broker, client: snakepit.Client, folder: pathlib.Path
) -> None:
    begun, gate = folder / "begun", folder / "gate"
    with Worker(broker.workers) as first:
        running = client.submit("p", "wait_for_file", str(begun), str(gate))
        wait_until(begun.exists, "the task's begin")
        first.signal(signal.SIGTERM)
        first.wait_for_line("draining")
        first.signal(signal.SIGTERM)
        assert first.wait() == 128 + signal.SIGTERM
        gate.touch()
        with Worker(broker.workers):
            assert running.result(30) == "done"


def test_interrupt_drains_a_worker_that_was_started_by_hand(worker: Worker, client: snakepit.Client) -> None:
    assert client.call("p", "square", 2) == 4
    worker.signal(signal.SIGINT)
    assert worker.wait() == 0


def test_interrupt_is_ignored_by_a_worker_with_a_lifeline(
    broker: Broker, client: snakepit.Client, pipe: list[int]
) -> None:
    with Worker(broker.workers, "--lifeline", str(pipe[0]), pass_fds=[pipe[0]]) as process:
        assert client.call("p", "square", 2) == 4
        process.signal(signal.SIGINT)
        assert client.call("p", "square", 3) == 9
        assert process.stop() == 0


@pytest.mark.parametrize("function", ["wait_for_cancel", "hold_the_gil", None])
def test_the_end_of_the_lifeline_ends_the_worker_whatever_it_does(
    broker: Broker, client: snakepit.Client, folder: pathlib.Path, pipe: list[int], function: str | None
) -> None:
    with Worker(broker.workers, "--lifeline", str(pipe[0]), pass_fds=[pipe[0]]) as process:
        begun = folder / "begun"
        if function is None:
            client.call("p", "square", 2)
        else:
            client.submit("p", function, str(begun))
            wait_until(begun.exists, "the task's begin")
        os.close(pipe.pop())
        assert process.wait(5) in (0, -signal.SIGIO)
        wait_until(lambda: not client.admin("workers"), "the broker sees it")


def test_two_workers_on_one_lifeline_both_end(broker: Broker, client: snakepit.Client, pipe: list[int]) -> None:
    arguments = ("--lifeline", str(pipe[0]))
    with (
        Worker(broker.workers, *arguments, pass_fds=[pipe[0]]) as first,
        Worker(broker.workers, *arguments, pass_fds=[pipe[0]]) as second,
    ):
        assert client.admin("await_ready", pool="p", workers=2)["ready"]
        os.close(pipe.pop())
        assert first.wait(5) in (0, -signal.SIGIO)
        assert second.wait(5) in (0, -signal.SIGIO)


def test_a_worker_survives_a_restart_of_the_broker(folder: pathlib.Path) -> None:
    with Broker(folder) as first, Worker(first.workers) as worker:
        first.wait_for_line("worker.started")
        first.kill()
        worker.wait_for_line("lost the connection")
        with Broker(folder) as second:
            second.wait_for_line("worker.started")
            assert worker.stop() == 0


def test_an_app_is_loaded_by_its_path() -> None:
    app = load_app("pit_tasks:app")
    assert "square" in app.tasks
    assert load_app("pit_tasks") is app
    with pytest.raises(NoApp, match="not a snakepit"):
        load_app("pit_tasks:square")
    with pytest.raises(NoApp, match="for instance"):
        load_app(":app")


def test_vitals_are_measured_with_those_of_children() -> None:
    alone = measure_vitals()
    assert alone["rss_bytes"] > 1_000_000
    assert alone["cpu_us"] > 0
    program = "held = bytearray(50_000_000); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert measure_vitals()["rss_bytes"] > alone["rss_bytes"] + 50_000_000
        child.communicate(b"\n")


def test_a_worker_tells_which_agent_started_it_and_whom_it_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    options = parse_arguments(["tasks:app", "--pool", "p"])
    monkeypatch.setenv("SNAKEPIT_AGENT", str(2**62 + 1))
    monkeypatch.setenv("SNAKEPIT_REPLACES", "17")
    hello = make_hello(options, GilWatch())
    assert (hello.agent, hello.replaces) == (2**62 + 1, 17)
    assert hello.free_threaded is is_free_threaded_build()
    for text in ("", "-1", "x", str(2**64)):
        monkeypatch.setenv("SNAKEPIT_AGENT", text)
        assert make_hello(options, GilWatch()).agent == 0, "what is no number names no agent"
