"""The pages about threads, run as a reader would: files written, programs started, commands typed, examples run."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from conftest import REPOSITORY, built_program

BOUND_SECONDS = 60
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Reader:
    """Someone who follows a page in a folder of their own, with the programs in PATH and endpoints of their own."""

    def __init__(self, folder: pathlib.Path, free_threaded: str) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        programs = folder / "bin"
        programs.mkdir()
        for name, target in (("python3", sys.executable), ("python3.13t", free_threaded)):
            (programs / name).write_text(f'#!/bin/sh\nexec "{target}" "$@"\n')
            (programs / name).chmod(0o755)
        for name in ("snakepitd", "snakepit"):
            built = built_program(name)
            assert built is not None, f"no {name} was built"
            (programs / name).symlink_to(built)
        import snakepit

        self._environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(pathlib.Path(snakepit.__file__).parents[1]),
            "SNAKEPIT_ENDPOINT": f"ipc://{folder}/clients",
        }

    def follow(self, page: pathlib.Path) -> int:
        """Do all that a page says; give how many blocks it had."""
        text = page.read_text()
        blocks = list(FENCE.finditer(text))
        for block in blocks:
            language, content = block.groups()
            where = f"{page.name}:{text[: block.start()].count(chr(10)) + 1}"
            named = re.match(r"# (\S+\.(?:py|conf))\n", content)
            if named:
                self._write(named[1], content)
            elif language == "python":
                self._run([sys.executable, "-c", content], where)
            elif language == "console":
                self._type(content, where)
        return len(blocks)

    def _write(self, name: str, content: str) -> None:
        if name.endswith(".conf"):
            content += (
                f'endpoints: {{ clients = "ipc://{self._folder}/clients"; workers = "ipc://{self._folder}/workers"; '
                'events = ""; };\n'
            )
        (self._folder / name).write_text(content)

    def _type(self, content: str, where: str) -> None:
        """Type the lines that begin with a prompt; what stands below one is what it has to print."""
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", content, re.MULTILINE):
            if command.endswith("&"):
                self._start(command.removesuffix("&").split())
                continue
            printed = self._run(["bash", "-c", command], where)
            assert re.sub(r"\s+", "", printed) == re.sub(r"\s+", "", shown) or not shown, (where, command, printed)

    def _start(self, command: list[str]) -> None:
        log = (self._folder / "background.log").open("ab")
        process = subprocess.Popen(command, cwd=self._folder, env=self._environment, stdout=log, stderr=log)
        log.close()
        self._started.append(process)

    def _run(self, command: list[str], where: str) -> str:
        ended = subprocess.run(command, cwd=self._folder, env=self._environment, capture_output=True, text=True,
                               check=False, timeout=BOUND_SECONDS)  # fmt: skip
        log = self._folder / "background.log"
        said = log.read_text()[-3000:] if log.exists() else ""
        assert ended.returncode == 0, f"{where}: {command[-1]}\n{ended.stdout}{ended.stderr}\n{said}"
        return ended.stdout

    def leave(self) -> None:
        """End what was started."""
        for process in self._started:
            process.send_signal(signal.SIGTERM)
        until = time.monotonic() + BOUND_SECONDS
        for process in self._started:
            assert process.wait(max(0.0, until - time.monotonic())) == 0


@pytest.fixture
def reader(folder: pathlib.Path, free_threaded: str) -> Iterator[Reader]:
    made = Reader(folder, free_threaded)
    yield made
    made.leave()


@pytest.mark.parametrize("name", ["profiles.md", "thread-safety.md"])
def test_every_command_and_example_of_the_page_works(reader: Reader, name: str) -> None:
    assert reader.follow(REPOSITORY / "docs" / name) >= 6
