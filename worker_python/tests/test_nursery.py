"""The nursery by itself: what it refuses, what it notices, and its talk, played with a real process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from snakepit import nursery

SOURCE = Path(nursery.__file__).parents[1]
BOUND_SECONDS = 20.0


Channel = tuple[socket.socket, socket.socket]


@pytest.fixture
def channel() -> Iterator[Channel]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(BOUND_SECONDS)
    with ours, theirs:
        yield ours, theirs


def start(channel: Channel, folder: Path, app: str) -> subprocess.Popen[str]:
    """A nursery for this app; the test plays the agent."""
    (folder / "nursed.py").write_text(app)
    fd = channel[1].fileno()
    arguments = ["-m", "snakepit.nursery", "nursed:app", "--pool", "p", "--connect", f"ipc://{folder}/none"]
    process = subprocess.Popen(
        [sys.executable, *arguments, "--socket", str(fd)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[fd],
    )
    channel[1].close()
    return process


def hear(channel: Channel) -> list[str]:
    return channel[0].recv(4096).decode().split("\0")


def end(process: subprocess.Popen[str]) -> int:
    try:
        process.communicate(timeout=BOUND_SECONDS)
    finally:
        process.kill()
    return process.returncode


def test_a_nursery_is_ready_after_the_import_and_ends_with_the_agent(channel: Channel, tmp_path: Path) -> None:
    process = start(channel, tmp_path, "import snakepit\napp = snakepit.App()\n")
    assert hear(channel) == ["ready"]
    channel[0].close()
    assert end(process) == 0


def test_threads_that_python_does_not_know_are_refused_by_their_name(channel: Channel, tmp_path: Path) -> None:
    app = "import snakepit, zmq\nsocket = zmq.Context().socket(zmq.PUB)\napp = snakepit.App()\n"
    process = start(channel, tmp_path, app)
    verb, reason = hear(channel)
    assert verb == "refused"
    assert "ZMQ" in reason
    assert "on_process_start" in reason
    assert end(process) == 6


def test_a_before_fork_hook_may_end_the_threads(channel: Channel, tmp_path: Path) -> None:
    app = """
import snakepit, zmq
context = zmq.Context()
socket = context.socket(zmq.PUB)
app = snakepit.App()

@app.before_fork
def close():
    socket.close()
    context.term()
"""
    process = start(channel, tmp_path, app)
    assert hear(channel) == ["ready"]
    channel[0].close()
    assert end(process) == 0


def test_a_hook_that_fails_is_told_and_ends_the_nursery(channel: Channel, tmp_path: Path) -> None:
    app = "import snakepit\napp = snakepit.App()\n@app.before_fork\ndef fail():\n    raise OSError('no')\n"
    process = start(channel, tmp_path, app)
    _, errors = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 3
    assert "a before_fork hook of nursed:app failed" in errors


def test_a_change_of_a_loaded_file_makes_it_stale(channel: Channel, tmp_path: Path) -> None:
    process = start(channel, tmp_path, "import snakepit\napp = snakepit.App()\n")
    assert hear(channel) == ["ready"]
    (tmp_path / "nursed.py").write_text("import snakepit\napp = snakepit.App()  # another\n")
    read_fd, write_fd = os.pipe()
    socket.send_fds(channel[0], [b"fork\0001\0p-1"], [write_fd, write_fd])
    assert hear(channel) == ["stale"]
    assert end(process) == 0
    os.close(read_fd)
    os.close(write_fd)


def test_threads_are_named_the_python_ones_as_python_names_them() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="a-thread-of-mine", daemon=True)
    thread.start()
    try:
        assert "a-thread-of-mine" in nursery.find_threads()
    finally:
        done.set()
        thread.join()


def test_a_refusal_names_eight_threads_and_the_number_of_all() -> None:
    text = nursery.refusal_of([f"t{number}" for number in range(12)])
    assert "12 thread(s)" in text
    assert "t7, ...)" in text


def test_a_file_that_was_removed_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("a = 1")
    before = nursery.find_files({str(path): (0, 0)})
    assert nursery.find_files(before) == before
    path.unlink()
    assert nursery.find_files(before) != before
