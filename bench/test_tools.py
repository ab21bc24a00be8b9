#!/usr/bin/env python3
"""The benchmarks measure what they say: each tool with a few tasks, its JSON looked at. Times nothing.

Usage: test_tools.py BUILD_FOLDER
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from processes import Stage  # noqa: E402

BENCH = Path(__file__).resolve().parent
BUILD = Path()
QUANTILES = ["p50_us", "p90_us", "p99_us", "p999_us", "p9999_us", "max_us"]


class Tools(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_tool(self, name: str, *arguments: str, status: int = 0) -> Any:
        """Run a script of bench/ and give what it wrote to its -o file; checks its exit status."""
        output = self.folder / "out.json"
        done = subprocess.run([sys.executable, BENCH / name, "--build", BUILD, *arguments, "-o", output], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)  # fmt: skip
        self.assertEqual(done.returncode, status, done.stdout)
        self.printed = done.stdout
        return json.loads(output.read_text())

    def check_numbers(self, numbers: dict[str, float], tasks: int) -> None:
        self.assertEqual(numbers["tasks"], tasks)
        self.assertEqual(numbers["wrong"], 0)
        times = [numbers[name] for name in QUANTILES]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)

    def test_run_measures_each_system_in_each_cell(self) -> None:
        plot = self.folder / "plot.svg"
        report = self.run_tool("run", "--payload", "64", "70000", "--transport", "tcp", "ipc", "--window", "10",
                               "--tasks", "200", "--rounds", "2", "--warm-up", "50", "--plot", str(plot))  # fmt: skip
        self.assertEqual([(cell["payload"], cell["transport"]) for cell in report["cells"]],
                         [(64, "tcp"), (64, "ipc"), (70000, "tcp"), (70000, "ipc")])  # fmt: skip
        for cell in report["cells"]:
            for name in ("snakepit", "zmq_proxy", "lru_broker"):
                self.assertEqual(len(cell["rounds"][name]), 2)
                self.check_numbers(cell[name], 200)
            self.assertGreater(cell["push_pull"]["per_second"], 0)
            pairs = zip(cell["rounds"]["snakepit"], cell["rounds"]["zmq_proxy"], strict=True)
            ratios = [ours["per_second"] / theirs["per_second"] for ours, theirs in pairs]
            self.assertAlmostEqual(cell["zmq_proxy"]["snakepit_ratio"], sum(ratios) / 2)
        self.check_numbers(report["open_loop"][0], 200)
        bars = [node for node in ElementTree.parse(plot).iter() if node.tag.endswith("title")]
        self.assertEqual(len(bars), 4 * 4)

    def test_run_leaves_out_cells_that_do_not_fit_into_memory(self) -> None:
        report = self.run_tool("run", "--payload", str(2**20), "--window", "1", "1000", "--rounds", "1", "--tasks", "5",
                               "--warm-up", "5", "--no-open-loop", "--systems", "snakepit", "zmq_proxy")  # fmt: skip
        self.assertEqual([cell["window"] for cell in report["cells"]], [1])
        self.assertIn("left out: 1000 MiB", self.printed)

    def test_open_loop_offers_each_share_of_the_highest_rate(self) -> None:
        found = self.run_tool("open_loop", "--tasks", "300", "--warm-up", "50", "--share", "0.01", "0.02")
        for one, share in zip(found, (0.01, 0.02), strict=True):
            self.check_numbers(one, 300)
            self.assertAlmostEqual(one["offered_per_second"], one["highest_per_second"] * share)
            # Not faster than offered: the last task is due after all intervals but one.
            self.assertLessEqual(one["per_second"], one["offered_per_second"] * 300 / 299 * 1.01)

    def test_memory_counts_tasks_pools_and_peers(self) -> None:
        # So few tasks weigh more than the bar allows: the tables have a smallest size. So it says that a bar is missed.
        found = self.run_tool("memory", "--tasks", "3000", "--pools", "7", "--peers", "20", status=1)
        self.assertIn("MISSED", self.printed)
        self.assertEqual((found["queued"]["tasks"], found["queued"]["wrong"]), (3000, 0))
        self.assertEqual((found["pools"]["tasks"], found["pools"]["pools"]), (3000, 7))
        self.assertEqual((found["peers"]["peers"], found["peers"]["still_there"]), (20, 20))
        self.assertGreater(found["queued"]["full_bytes"], found["queued"]["before_bytes"])

    def test_peers_are_measured_when_they_are_there_and_named_when_not(self) -> None:
        found = self.run_tool("peers/run", "--home", str(self.folder), "--tasks", "50", "--rounds", "1",
                              "--systems", "snakepit", "celery")  # fmt: skip
        self.assertEqual(list(found["systems"]), ["snakepit"])
        self.assertGreater(found["systems"]["snakepit"]["per_second"], 0)
        self.assertIn("celery      not there", self.printed)

    def test_a_standstill_counts_for_every_task_that_was_due_meanwhile(self) -> None:
        with Stage(BUILD) as stage:
            _, clients, workers = stage.start_broker()
            worker = stage.start("bench/echo_worker", "-v", "-e", workers, piped=True)
            client = stage.start("bench/echo_client", "-e", clients, "-n", "300", "-r", "100", piped=True)
            while not worker.stdout.readline().startswith("task"):
                pass
            os.kill(client.pid, signal.SIGSTOP)
            time.sleep(1.5)  # half of the schedule
            os.kill(client.pid, signal.SIGCONT)
            numbers = json.loads(client.stdout.readline())
        self.check_numbers(numbers, 300)
        self.assertGreater(numbers["p90_us"], 500_000)


if __name__ == "__main__":
    BUILD = Path(sys.argv.pop(1)).resolve()
    unittest.main()
