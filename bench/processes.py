"""Programs of the build, started on free loopback ports in a temporary folder and surely ended. For the benchmarks."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# 100 MiB under way to one peer are more than it may have waiting by default.
CONFIG = """
endpoints = {{ clients = "{clients}"; workers = "{workers}"; events = ""; }};
limits = {{ send_bytes_max = "512MiB"; }};
log = {{ level = "error"; }};
pools = ( {{ name = "echo"; queued_max = 200000; max_attempts = 1000; kills_max = 1000; prefetch = {prefetch}; }} );
"""

POOLS_CONFIG = """
endpoints = {{ clients = "ipc://{folder}/clients"; workers = "ipc://{folder}/workers"; events = ""; }};
log = {{ level = "error"; }};
agent = {{ restart_delay = "50ms"; stop_timeout = "5s"; }};
pools = ( {pools} );
"""


def _end_with_parent() -> None:
    """In the child: end when this process ends, in whatever way it does."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_endpoints() -> tuple[str, str]:
    """Two tcp endpoints whose ports were free a moment ago. Taken together, or both might be the same."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}", f"tcp://127.0.0.1:{other.getsockname()[1]}"


def endpoints_for(transport: str, folder: Path) -> tuple[str, str]:
    """Two free endpoints, "tcp" on loopback or "ipc" in the folder."""
    if transport == "tcp":
        return free_endpoints()
    return f"ipc://{folder}/clients", f"ipc://{folder}/workers"


def await_listener(endpoint: str, timeout_s: float = 10.0) -> None:
    """Return when somebody listens there, tcp or ipc; TimeoutError otherwise."""
    end_s = time.monotonic() + timeout_s
    while True:
        try:
            _try_to_connect(endpoint)
            return
        except OSError:
            if time.monotonic() > end_s:
                raise TimeoutError(f"nobody listens at {endpoint}") from None
            time.sleep(0.01)


def _try_to_connect(endpoint: str) -> None:
    """OSError when nobody listens."""
    if endpoint.startswith("ipc://"):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(endpoint.removeprefix("ipc://"))
        return
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    socket.create_connection((host, int(port)), 1.0).close()


class Stage:
    """A context manager: what is started within it has ended, and its folder is gone, when it is left."""

    def __init__(self, build: Path) -> None:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # leave in good order
        self.build = build
        self.folder = Path(tempfile.mkdtemp(prefix="snakepit-bench-"))
        self.running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.running):  # workers before their broker
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, program: str, *arguments: str, piped: bool = False) -> subprocess.Popen[str]:
        """Start a program of the build and leave it running."""
        process = subprocess.Popen(
            [str(self.build / program), *arguments],
            stdout=subprocess.PIPE if piped else None,
            stdin=subprocess.DEVNULL,
            text=True,
            preexec_fn=_end_with_parent,
            cwd=self.folder,
        )
        self.running.append(process)
        return process

    def run(self, program: str, *arguments: str, timeout_s: float = 120.0) -> str:
        """Run a program of the build to its end; its output. CalledProcessError when it fails."""
        return subprocess.run(
            [str(self.build / program), *arguments],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            check=True,
            timeout=timeout_s,
            preexec_fn=_end_with_parent,
            cwd=self.folder,
        ).stdout

    def end(self, process: subprocess.Popen[str], number: int = signal.SIGTERM) -> None:
        """End one program now and forget it."""
        self.running.remove(process)
        process.send_signal(number)
        process.wait(10)
        if process.stdout:
            process.stdout.close()

    def start_broker(self, transport: str = "tcp", *, prefetch: int = 0) -> tuple[subprocess.Popen[str], str, str]:
        """Start snakepitd with a pool "echo" that waits for workers: process, clients' and workers' endpoint.

        Args:
            transport: "tcp" on loopback or "ipc".
            prefetch: tasks that may be sent ahead to each worker, for each of its slots.
        """
        clients, workers = endpoints_for(transport, self.folder)
        config = self.folder / "snakepit.conf"
        config.write_text(CONFIG.format(clients=clients, workers=workers, prefetch=prefetch))
        broker = self.start(BROKER, "-c", str(config))
        await_listener(clients)
        await_listener(workers)
        return broker, clients, workers


    def start_pools(self, app: str, *pools: str) -> tuple[subprocess.Popen[str], str]:
        """Start snakepitd on ipc endpoints with local workers of this interpreter: process, clients' endpoint.

        Args:
            app: the text of the module `bench_tasks`, which has an App named `app`.
            pools: each pool's options, as in the configuration file, without app, python and directory.
        """
        (self.folder / "bench_tasks.py").write_text(app)
        common = f'app = "bench_tasks:app"; python = "{sys.executable}"; directory = "{self.folder}";'
        config = self.folder / "pools.conf"
        groups = ", ".join(f"{{ {common} {pool} }}" for pool in pools)
        config.write_text(POOLS_CONFIG.format(folder=self.folder, pools=groups))
        return self.start(BROKER, "-c", str(config)), f"ipc://{self.folder}/clients"


BROKER = "broker/io/snakepitd"


def default_build() -> Path:
    """The folder that meson was told to build in: $SNAKEPIT_BUILD, or build."""
    return Path(os.environ.get("SNAKEPIT_BUILD", HOUSE / "build")).resolve()
