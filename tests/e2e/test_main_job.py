"""The main job as a user runs it, in small: ./demo's program, and the kill storm, with real Python workers."""

import re
import subprocess
import sys
from pathlib import Path

from broker_process import BUILD, SNAKEPITD

HOUSE = Path(__file__).parents[2]
BOUND_SECONDS = 120


def run(*arguments):
    ended = subprocess.run([sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=BOUND_SECONDS, check=False)  # fmt: skip
    return ended.returncode, ended.stdout


def test_the_demo_holds_every_check_with_a_worker_killed_half_way():
    status, output = run(HOUSE / "examples" / "demo" / "run.py", "--snakepitd", SNAKEPITD,
                         "--documents", 60, "--integers", 600)  # fmt: skip
    assert status == 0, output
    assert "kill -9 of worker" in output
    assert "numbers: 600 of 600 tasks ended exactly once" in output
    assert len(re.findall("✓", output)) == 8 and "✗" not in output


def test_every_task_ends_once_and_right_while_workers_are_killed():
    status, output = run(HOUSE / "bench" / "kill_storm", "--build", BUILD, "--tasks", 8000, "--interval", 0.4)
    assert status == 0, output
    assert "ends {'ok': 8000}" in output


def test_a_killed_worker_s_task_runs_elsewhere_within_a_second():
    status, output = run(HOUSE / "bench" / "kill_latency", "--build", BUILD, "--kills", 8, "--limit-ms", 1000)
    assert status == 0, output
