"""A real snakepitd with workers in a temporary folder, and the command line run against it. Standard library only."""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

SNAKEPIT = os.environ["SNAKEPIT"]
SNAKEPITD = os.environ["SNAKEPITD"]
WORKER = os.environ["TEST_WORKER"]
WAIT_SECONDS = 30


def wait_until(condition, what):
    """Ask until it is so; the one place that polls, with a bound."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        select.select([], [], [], 0.01)
    raise AssertionError(f"{what}: not within {WAIT_SECONDS} s")


class Pit:
    """A broker and its workers. Nothing of it is left after close()."""

    CONFIG = """
endpoints: {{ clients = "{clients}"; workers = "{workers}"; events = "{events}"; }};
log: {{ level = "warn"; }};
timers: {{ drain_timeout = "1s"; }};
pools = ( {{ name = "work"; }}, {{ name = "small"; queued_max = 5; }}, {{ name = "empty"; }},
          {{ name = "other"; fairness = "client"; running_max = 64; rate = "1000000/s"; key_running_max = 32; }} );
"""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="snakepit-cli-"))
        self.endpoint = f"ipc://{self.folder}/c"
        self.workers_endpoint = f"ipc://{self.folder}/w"
        self.config = self.folder / "snakepit.conf"
        self.events_endpoint = f"ipc://{self.folder}/e"
        self.config.write_text(self.CONFIG.format(clients=self.endpoint, workers=self.workers_endpoint,
                                                  events=self.events_endpoint))
        self.processes = []
        self.broker = None
        self.start_broker()

    def start_broker(self):
        with open(self.folder / "log", "ab") as log:
            self.broker = self.start([SNAKEPITD, "-c", str(self.config)], stderr=log, stdout=log)

    def start(self, command, **options):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def start_worker(self, pool="work", slots=4):
        return self.start([WORKER, self.workers_endpoint, pool, str(slots)])

    def kill(self, process):
        process.kill()
        process.wait(WAIT_SECONDS)
        self.processes.remove(process)

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait(WAIT_SECONDS)
        shutil.rmtree(self.folder)


class CliTest(unittest.TestCase):
    """One broker for all tests of a class; pool "work" has a worker with four slots."""

    @classmethod
    def setUpClass(cls):
        cls.pit = Pit()
        cls.addClassCleanup(cls.pit.close)
        cls.pit.start_worker()
        cls.run_cli("ready", "work", "--workers", "1").check_returncode()

    @classmethod
    def command(cls, *words):
        return [SNAKEPIT, "--connect", cls.pit.endpoint, *words]

    @classmethod
    def environment(cls, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SNAKEPIT_")}
        return kept | {"LC_ALL": "C.UTF-8"} | more

    @classmethod
    def run_cli(cls, *words, **options):
        options = {"input": "", "capture_output": True, "text": True, "timeout": WAIT_SECONDS,
                   "env": cls.environment()} | options
        return subprocess.run(cls.command(*words), **options)

    def start_cli(self, *words, **options):
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
                   "env": self.environment()} | options
        process = subprocess.Popen(self.command(*words), **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait(WAIT_SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass

    def assert_exit(self, done, code):
        self.assertEqual(code, done.returncode, f"{done.args}\nstdout: {done.stdout}\nstderr: {done.stderr}")

    def ok(self, *words, **options):
        """Run, expect exit code 0 and a silent stderr, give stdout."""
        done = self.run_cli(*words, **options)
        self.assert_exit(done, 0)
        self.assertEqual("", done.stderr)
        return done.stdout

    def ok_json(self, *words, **options):
        return json.loads(self.ok(*words, **options))

    def fails(self, code, *words, **options):
        """Run, expect the exit code, give stderr."""
        done = self.run_cli(*words, **options)
        self.assert_exit(done, code)
        self.assertNotIn("\033", done.stderr)
        return done.stderr

    def pool(self, name="work"):
        return self.ok_json("pools", name, "-o", "json")[0]

    def wait_for_pool(self, name, **wanted):
        wait_until(lambda: wanted.items() <= self.pool(name).items(), f"pool {name} with {wanted}")

    def interrupt(self, process, signal_number=signal.SIGINT):
        process.send_signal(signal_number)
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
        return stdout, stderr
