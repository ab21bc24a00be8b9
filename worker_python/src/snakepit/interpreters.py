"""Free-threaded interpreters in PATH."""

from __future__ import annotations

import shutil
import subprocess

__all__ = ["FREE_THREADED_NAMES", "find_free_threaded"]

FREE_THREADED_NAMES = ("python3.14t", "python3.13t")
TRY_SECONDS = 30.0


def find_free_threaded() -> str | None:
    """Give the path of the newest one that can run a worker: it has this package and what that needs. None: no such."""
    for name in FREE_THREADED_NAMES:
        path = shutil.which(name)
        if path is not None and _can_run_worker(path):
            return path
    return None


def _can_run_worker(python: str) -> bool:
    program = "import sys, snakepit.worker; sys.exit('t' not in sys.abiflags)"
    try:
        ended = subprocess.run([python, "-c", program], capture_output=True, check=False, timeout=TRY_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0
