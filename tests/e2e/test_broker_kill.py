"""The broker is killed with -9 under load and started again: nothing is lost, and nothing that runs is run twice."""

import subprocess
import sys
from pathlib import Path

import pytest

from broker_process import BUILD

HOUSE = Path(__file__).parents[2]
BOUND_SECONDS = 150


def run(*arguments):
    ended = subprocess.run([sys.executable, HOUSE / "bench" / "broker_kills", "--build", BUILD, *map(str, arguments)],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BOUND_SECONDS,
                           check=False)  # fmt: skip
    return ended.returncode, ended.stdout


@pytest.mark.parametrize("profile", [("--workers", 4), ("--workers", 1, "--slots", 4)], ids=["process", "thread"])
def test_no_task_is_lost_and_none_of_the_running_ones_is_executed_twice(profile):
    status, output = run("--seconds", 10, "--interval", 2.5, *profile)
    assert status == 0, output
    assert "3 kills" in output
    assert " 0 adopted" not in output
