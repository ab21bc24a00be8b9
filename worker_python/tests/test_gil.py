"""Workers on a free-threaded Python, and the truth about their GIL."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

import snakepit
from conftest import wait_until
from pit import Broker, Worker
from snakepit.report import THREAD_VARIABLES, make_report
from unsafe_modules import SOURCES, compile_modules

APP = "thread_tasks:app"
THREADS = ("--profile", "thread", "--slots", "2")


@pytest.fixture(scope="session")
def modules(free_threaded: str, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with extension modules that declare free-threading and that do not."""
    folder = tmp_path_factory.mktemp("modules")
    compile_modules(free_threaded, folder, *SOURCES)
    (folder / "declared_app.py").write_text("import declared_multi, declared_single\nfrom thread_tasks import app\n")
    (folder / "undeclared_app.py").write_text(
        "import declared_multi, undeclared_multi, undeclared_single\nfrom thread_tasks import app\n"
    )
    return folder


@pytest.fixture
def in_modules(modules: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let workers find them: their working directory comes first in their path."""
    for name in ("thread_tasks.py",):
        target = modules / name
        if not target.exists():
            target.symlink_to(pathlib.Path(__file__).parent / name)
    monkeypatch.setattr("pit.TESTS", modules)
    return None


def facts_of(client: snakepit.Client) -> dict[str, Any]:
    [worker] = client.admin("workers")
    facts: dict[str, Any] = worker
    return facts


def ask(python: str, folder: pathlib.Path, program: str) -> Any:
    """Run a program that prints JSON."""
    path = f"{pathlib.Path(snakepit.__file__).parents[1]}:{folder}"
    ended = subprocess.run([python, "-c", program], env={**os.environ, "PYTHONPATH": path}, check=True,
                           capture_output=True, text=True)  # fmt: skip
    return json.loads(ended.stdout)


def test_two_tasks_run_at_one_time_without_a_gil(broker: Broker, client: snakepit.Client, free_threaded: str) -> None:
    with Worker(broker.workers, *THREADS, "--require-free-threading", app=APP, python=free_threaded) as worker:
        futures = client.submit_many("p", "meet_in_python", [()] * 2)
        assert [future.result(60) >= 0 for future in futures] == [True, True]
        assert client.call("p", "gil_enabled") is False
        assert facts_of(client)["gil_enabled"] is False
        assert worker.stop() == 0


def test_loaded_modules_say_whether_they_declare_free_threading(free_threaded: str, modules: pathlib.Path) -> None:
    program = (
        "import json, declared_multi, declared_single, undeclared_multi, undeclared_single\n"
        "from snakepit.extensions import declarations, first_undeclared\n"
        "print(json.dumps([declarations(), first_undeclared()]))"
    )
    found, first = ask(free_threaded, modules, program)
    mine = {name: is_declared for name, is_declared in found.items() if name in SOURCES}
    assert mine == {
        "declared_multi": True, "declared_single": True, "undeclared_multi": False, "undeclared_single": False,
    }  # fmt: skip
    assert first == "undeclared_multi"


def test_what_a_worker_imports_by_itself_leaves_the_gil_off(free_threaded: str, modules: pathlib.Path) -> None:
    program = (
        "import json, snakepit.worker, snakepit.aio, snakepit.testing\n"
        "from snakepit.gil import GilWatch\nfrom snakepit.extensions import declarations\n"
        "print(json.dumps([GilWatch().is_enabled, declarations()]))"
    )
    is_enabled, found = ask(free_threaded, modules, program)
    assert is_enabled is False
    assert found["msgpack._cmsgpack"] is True, "msgpack's C extension, not its slow fallback"
    assert set(found.values()) == {True}


def test_an_app_whose_modules_declare_free_threading_keeps_the_gil_off(
    broker: Broker, client: snakepit.Client, free_threaded: str, in_modules: None
) -> None:
    with Worker(broker.workers, *THREADS, app="declared_app:app", python=free_threaded):
        assert client.call("p", "gil_enabled") is False


def test_the_import_that_switches_the_gil_on_is_named(
    broker: Broker, client: snakepit.Client, free_threaded: str, in_modules: None
) -> None:
    with Worker(broker.workers, *THREADS, app="undeclared_app:app", python=free_threaded) as worker:
        worker.wait_for_line("the GIL is on: importing undeclared_multi switched it on")
        assert client.call("p", "gil_enabled") is True
        assert facts_of(client)["gil_enabled"] is True


def test_a_task_that_imports_such_a_module_is_noticed_with_its_answer(
    broker: Broker, client: snakepit.Client, free_threaded: str, in_modules: None
) -> None:
    with Worker(broker.workers, *THREADS, app=APP, python=free_threaded) as worker:
        assert client.call("p", "import_module", "declared_single") is False
        assert facts_of(client)["gil_enabled"] is False
        assert client.call("p", "import_module", "undeclared_single") is True
        worker.wait_for_line("the GIL is on: importing undeclared_single switched it on")
        wait_until(lambda: facts_of(client)["gil_enabled"], "the heartbeat that says so")


def test_a_worker_that_requires_free_threading_does_not_start_with_a_gil(
    broker: Broker, free_threaded: str, in_modules: None
) -> None:
    arguments = (*THREADS, "--require-free-threading")
    with Worker(broker.workers, *arguments, app=APP, environment={**os.environ, "PATH": "/usr/bin:/bin"}) as worker:
        assert worker.wait() == 5
        assert "PATH has no python3.14t or python3.13t" in worker.lines[-2]
        assert worker.lines[-1].startswith("snakepit-worker: gil_enabled: free threading is required, but this Python ")
    with Worker(broker.workers, *arguments, app="undeclared_app:app", python=free_threaded) as worker:
        assert worker.wait() == 5
        assert "importing undeclared_multi switched it on" in worker.lines[-1]
    environment = {**os.environ, "PYTHON_GIL": "1"}
    with Worker(broker.workers, *arguments, app=APP, python=free_threaded, environment=environment) as worker:
        assert worker.wait() == 5
        assert "PYTHON_GIL=1 switched it on" in worker.lines[-1]


def test_a_worker_that_requires_free_threading_goes_on_as_such_a_python_in_path(
    broker: Broker, client: snakepit.Client, free_threaded: str, folder: pathlib.Path
) -> None:
    package = pathlib.Path(snakepit.__file__).parents[1]
    for name, program in (("python3.14t", "exit 1"), ("python3.13t", f'exec "{free_threaded}" "$@"')):
        (folder / name).write_text(f"#!/bin/sh\n{program}\n")
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(package)}
    arguments = (*THREADS, "--require-free-threading")
    with Worker(broker.workers, *arguments, app=APP, environment=environment) as worker:
        assert client.call("p", "gil_enabled") is False
        assert facts_of(client)["pid"] == worker.pid
        assert worker.stop() == 0


def test_a_worker_that_requires_free_threading_drains_when_a_task_switches_the_gil_on(
    broker: Broker, client: snakepit.Client, free_threaded: str, in_modules: None
) -> None:
    arguments = (*THREADS, "--require-free-threading")
    with Worker(broker.workers, *arguments, app=APP, python=free_threaded) as worker:
        assert client.call("p", "import_module", "undeclared_multi") is True, "the task's own answer still arrives"
        assert worker.wait() == 5
    assert not client.admin("workers")


def test_a_pool_that_requires_free_threading_refuses_a_worker_with_a_gil(
    folder: pathlib.Path, free_threaded: str
) -> None:
    with Broker(folder, pool="require_free_threading = true;") as broker:
        with Worker(broker.workers, *THREADS, app=APP) as worker:
            assert worker.wait() == 4
            assert "the broker refused this worker: gil_enabled" in worker.lines[-1]
        with (
            Worker(broker.workers, *THREADS, app=APP, python=free_threaded) as worker,
            snakepit.Client(broker.clients) as client,
        ):
            assert client.call("p", "gil_enabled") is False
            assert worker.stop() == 0


def test_a_pool_that_requires_free_threading_ends_a_worker_whose_task_switches_the_gil_on(
    folder: pathlib.Path, free_threaded: str, in_modules: None
) -> None:
    with (
        Broker(folder, pool="require_free_threading = true;") as broker,
        snakepit.Client(broker.clients) as client,
        Worker(broker.workers, *THREADS, app=APP, python=free_threaded) as worker,
    ):
        assert client.call("p", "import_module", "undeclared_multi") is True
        worker.wait_for_line("asked to stop: gil_enabled")
        assert worker.wait() == 5


def test_the_report_tells_what_a_worker_runs_on(free_threaded: str, modules: pathlib.Path) -> None:
    program = (
        "import json, os, declared_multi, undeclared_single\n"
        "os.environ['OMP_NUM_THREADS'] = '1'\n"
        "import snakepit.worker\nfrom snakepit.report import make_report\nprint(json.dumps(make_report()))"
    )
    report = ask(free_threaded, modules, program)
    assert report["implementation"].startswith("CPython 3.")
    assert report["executable"] == free_threaded
    assert next(iter(report["extensions"])) == "undeclared_single", "those that matter come first"
    assert report["extensions"]["declared_multi"] is True
    assert report["libraries"]["zmq"]
    assert report["libraries"]["msgpack"]
    assert "json" not in report["libraries"]
    assert report["thread_variables"] == {"OMP_NUM_THREADS": "1"}


def test_the_report_stays_within_its_limit_however_much_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1000):
        name = f"library_{number:04}_" + "x" * 100
        module = types.ModuleType(name)
        module.__file__, module.__version__ = f"/somewhere/site-packages/{name}/__init__.py", "1" * 100  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
    declared = {f"package_{number:04}." + "y" * 100: bool(number % 2) for number in range(1000)}
    monkeypatch.setattr("snakepit.report.is_free_threaded_build", lambda: True)
    monkeypatch.setattr("snakepit.extensions.declarations", lambda: declared)
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, "9" * 100)
    monkeypatch.setattr("sys.executable", "/" + "p" * 5000)
    report = make_report()
    assert len(msgpack.packb(report)) <= 16 * 1024
    assert not any(report["extensions"].values()), "those that do not declare it are the ones to know"


def test_a_module_that_is_loaded_lazily_is_not_loaded_by_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"{name} was asked for")

    monkeypatch.setitem(sys.modules, "lazy_one", Lazy("lazy_one"))
    assert "lazy_one" not in make_report()["libraries"]


def test_the_broker_shows_the_report_as_it_was_after_the_first_task(
    broker: Broker, client: snakepit.Client, free_threaded: str, in_modules: None
) -> None:
    with Worker(broker.workers, *THREADS, app="declared_app:app", python=free_threaded):
        assert client.call("p", "import_module", "undeclared_single") is True

        def shown() -> Any:
            seen = client.admin("worker", worker=facts_of(client)["id"])
            return seen if "undeclared_single" in seen["report"]["extensions"] else None

        seen = wait_until(shown, "the report of the heartbeat after the first task")
        assert seen["report"]["extensions"]["declared_multi"] is True
        assert (seen["free_threaded"], seen["gil_enabled"], seen["gil_module"]) == (True, True, "undeclared_single")
