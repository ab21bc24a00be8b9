"""A broker of the demo's own: its configuration, its start, its end."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

from snakepit import Client

HERE = Path(__file__).resolve().parent

CONFIGURATION = """
endpoints: {{
  clients = "ipc://{folder}/clients"; workers = "ipc://{folder}/workers"; events = "ipc://{folder}/events";
}};
agent: {{ stop_timeout = "5s"; }};
pools = (
  {{ name = "text";    workers = {workers}; app = "text_tasks:app";   python = "{python}"; directory = "{here}"; }},
  {{ name = "numbers"; workers = {workers}; app = "number_tasks:app"; python = "{python}"; directory = "{here}"; }}
);
"""


class Pit:
    """snakepitd with the two pools on ipc endpoints in a temporary folder, as a context manager.

    Args:
        snakepitd: path of the broker's program.
        workers: local Python workers for each pool.
    """

    def __init__(self, snakepitd: str, workers: int) -> None:
        self.workers = workers
        self._snakepitd = snakepitd
        self._folder = tempfile.mkdtemp(prefix="snakepit-demo-")
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"ipc://{self._folder}/clients"
        self.log_path = f"{self._folder}/broker.log"

    def __enter__(self) -> "Pit":
        path = Path(self._folder, "demo.conf")
        path.write_text(
            CONFIGURATION.format(folder=self._folder, workers=self.workers, python=sys.executable, here=HERE)
        )
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen([self._snakepitd, "-c", str(path)], stderr=log, stdout=log)
        return self

    def await_ready(self, client: Client) -> None:
        """Wait until every wanted worker is ready, at most 30 s."""
        client.admin("await_ready", timeout_ms=30_000)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if kind is not None:
            print(f"\nThe broker's log:\n{Path(self.log_path).read_text(errors='replace')[-4000:]}", file=sys.stderr)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def exit_status(self) -> int | None:
        """The broker's exit status; None while it runs."""
        return self._process.returncode if self._process else None


def is_alive(pid: int) -> bool:
    """Tell whether a process exists."""
    return os.path.exists(f"/proc/{pid}")
