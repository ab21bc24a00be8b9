"""Real processes for the end-to-end tests: `snakepitd` on addresses of its own, and workers of this package."""

from __future__ import annotations

import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import snakepit
from conftest import BOUND_SECONDS, built_program

TESTS = pathlib.Path(__file__).resolve().parent


class Process:
    """A child whose stderr is read line by line; killed at the end of its `with`."""

    def __init__(self, command: Sequence[str], **settings: Any) -> None:
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **settings)
        self.pid = self.process.pid
        self.lines: list[str] = []
        self._new_lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            self._new_lines.put(line.rstrip())
        self._new_lines.put(None)

    def wait_for_line(self, text: str, bound_seconds: float = BOUND_SECONDS) -> str:
        """Give the next line of its stderr with this text."""
        until = time.monotonic() + bound_seconds
        while True:
            try:
                line = self._new_lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no {text!r} within {bound_seconds} s in:\n" + "\n".join(self.lines[-50:])
            if text in line:
                return line

    def wait(self, bound_seconds: float = BOUND_SECONDS) -> int:
        """Wait for its end; give its exit status."""
        status = self.process.wait(bound_seconds)
        self._reader.join(bound_seconds)
        return status

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.wait()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


class Broker(Process):
    """A running snakepitd with the pools `p`, `q` and `text`, over ipc in `folder`."""

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        pool: str = "",
        limits: str = "",
        timers: str = "",
        events: str = "",
        more_pools: str = "",
        agent: str = "",
    ) -> None:
        program = built_program("snakepitd")
        assert program is not None
        self.clients = f"ipc://{folder}/clients"
        self.workers = f"ipc://{folder}/workers"
        config = folder / "snakepit.conf"
        config.write_text(
            f'endpoints: {{ clients = "{self.clients}"; workers = "{self.workers}"; events = "{events}"; }};\n'
            f'log: {{ level = "debug"; }};\nlimits: {{ {limits} }};\ntimers: {{ {timers} }};\nagent: {{ {agent} }};\n'
            f'pools: ( {{ name = "p"; {pool} }}, {{ name = "q"; }}, {{ name = "text"; }}{more_pools} );\n'
        )
        super().__init__([program, "-c", str(config)])
        self.wait_for_line("broker.ready")

    def stop(self) -> int:
        """End it in good order."""
        self.signal(signal.SIGINT)
        return self.wait()


class Worker(Process):
    """A running worker of tests/pit_tasks.py."""

    def __init__(
        self,
        endpoint: str,
        *arguments: str,
        app: str = "pit_tasks:app",
        pool: str = "p",
        environment: dict[str, str] | None = None,
        python: str = sys.executable,
        **settings: Any,
    ) -> None:
        environment = dict(os.environ) if environment is None else environment
        if python != sys.executable:  # what this one imports is not installed there
            environment = {**environment, "PYTHONPATH": str(pathlib.Path(snakepit.__file__).parents[1])}
        command = [python, "-m", "snakepit.worker", app, "--pool", pool, "--connect", endpoint,
                   "--log-level", "info", *arguments]  # fmt: skip
        super().__init__(command, cwd=str(TESTS), env=environment, **settings)

    def stop(self) -> int:
        """Ask it to end with SIGTERM; give its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()
