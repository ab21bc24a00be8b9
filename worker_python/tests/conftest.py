"""What the tests share: where the repository and its programs are, and waiting for events with a bound."""

from __future__ import annotations

import os
import pathlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BOUND_SECONDS = 30.0


def wait_until(condition: Callable[[], Any], what: str, bound_seconds: float = BOUND_SECONDS) -> Any:
    """Wait until condition gives something true, and give that; fail when the bound is reached.

    For events of other processes that nothing here can wait on; everything else waits on the event itself.
    """
    until = time.monotonic() + bound_seconds
    pause = threading.Event()
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > until:
            pytest.fail(f"not within {bound_seconds} s: {what}")
        pause.wait(0.01)


@pytest.fixture(autouse=True)
def no_thread_or_descriptor_stays_behind() -> Iterator[None]:
    """Fail a test that leaves an I/O thread behind."""
    yield
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("snakepit-client-io")]
    wait_until(
        lambda: not any(t.name in names and t.is_alive() for t in threading.enumerate()), f"the end of {names}", 5.0
    )


def built_program(name: str) -> str | None:
    """Give the path of a C program: $SNAKEPITD for the broker, else in $SNAKEPIT_BUILD, else in ./build."""
    if name == "snakepitd" and os.environ.get("SNAKEPITD"):
        return os.environ["SNAKEPITD"]
    build = pathlib.Path(os.environ.get("SNAKEPIT_BUILD", REPOSITORY / "build"))
    for folder in ("broker/io", "broker", "agent", "client/cli"):
        path = build / folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    return None


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with a short path: that of an ipc socket may have 107 bytes only."""
    return tmp_path_factory.mktemp("pit")


@pytest.fixture
def broker(folder: pathlib.Path) -> Iterator[Any]:
    """A running snakepitd."""
    from pit import Broker

    if built_program("snakepitd") is None:
        pytest.skip("NOT TESTED END TO END: no snakepitd; build it, and set SNAKEPITD or SNAKEPIT_BUILD")
    with Broker(folder) as process:
        yield process


@pytest.fixture
def worker(broker: Any) -> Iterator[Any]:
    """A running worker with one slot."""
    from pit import Worker

    with Worker(broker.workers) as process:
        yield process


@pytest.fixture
def client(broker: Any) -> Iterator[Any]:
    """A client of the running broker."""
    import snakepit

    with snakepit.Client(broker.clients, name="test") as made:
        yield made


@pytest.fixture(scope="session")
def free_threaded() -> str:
    """The path of a free-threaded Python with what a worker needs; the first one may take minutes to build."""
    tool = REPOSITORY / "tools/free-threaded-python"
    found = subprocess.run([tool], stdout=subprocess.PIPE, text=True, check=True)
    return found.stdout.strip()
