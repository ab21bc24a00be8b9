"""Starts the real `snakepitd` on sockets of its own, and sees to it that nothing is left when it ends."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

BUILD = Path(os.environ.get("SNAKEPIT_BUILD", Path(__file__).parents[2] / "build"))
SNAKEPITD = os.environ.get("SNAKEPITD", str(BUILD / "broker" / "io" / "snakepitd"))
HERE = Path(__file__).parent
BOUND_SECONDS = 20.0


def free_ports(count):
    """Ports that were free a moment ago. All are held until the last is found: one by one, two can be the same."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def endpoints(transport, folder):
    names = ("clients", "workers", "events")
    if transport == "ipc":
        return {name: f"ipc://{folder}/{name}" for name in names}
    return {name: f"tcp://127.0.0.1:{port}" for name, port in zip(names, free_ports(len(names)), strict=True)}


def config_text(addresses, pools=("p",), limits="", timers="", log_level="debug", more=""):
    lines = [f'endpoints: {{ clients = "{addresses["clients"]}"; workers = "{addresses["workers"]}";',
             f'             events = "{addresses["events"]}"; }};',
             f'log: {{ level = "{log_level}"; }};',
             f"limits: {{ {limits} }};",
             f"timers: {{ {timers} }};",
             *([more] if more else []),
             "pools: ( " + ", ".join(pool if "{" in pool else f'{{ name = "{pool}"; }}' for pool in pools) + " );"]
    return "\n".join(lines) + "\n"


class BrokerProcess:
    """A running snakepitd. Use it in `with`: at the end it must stop by SIGINT with status 0 and leave no file.

    `prepare` is called in its process before the program begins."""

    def __init__(self, folder, transport="ipc", arguments=(), addresses=None, wait=True, prepare=None, **settings):
        self.folder = Path(folder)
        self.addresses = addresses or endpoints(transport, self.folder)
        self.config = self.folder / "snakepit.conf"
        self.config.write_text(config_text(self.addresses, **settings))
        self.clients = self.addresses["clients"]
        self.workers = self.addresses["workers"]
        self.events = self.addresses["events"]
        self.lines = queue.Queue()
        self.log = []
        self.process = subprocess.Popen([SNAKEPITD, "-c", str(self.config), *arguments],
                                        stderr=subprocess.PIPE, text=True, preexec_fn=prepare)
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait:
            self.wait_for_log("broker.ready")

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            self.lines.put(line.rstrip())
        self.lines.put(None)

    def wait_for_log(self, text, bound=BOUND_SECONDS):
        """The next log line with this text, passing over the others."""
        until = time.monotonic() + bound
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no '{text}' in the log:\n" + "\n".join(self.log[-50:])
            if text in line:
                return line

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, bound=BOUND_SECONDS):
        status = self.process.wait(bound)
        self._reader.join(bound)
        return status

    def kill(self):
        self.process.kill()
        self.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.signal(signal.SIGINT)
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            self.process.stderr.close()
        if kind is None:
            assert status == 0, f"snakepitd ended with {status}:\n" + "\n".join(self.log[-50:])
            assert sorted(path.name for path in self.folder.iterdir()) == ["snakepit.conf"]
        else:
            sys.stderr.write("\n".join(self.log[-50:]) + "\n")

    def cpu_seconds(self):
        """CPU time of all its threads so far."""
        spent = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in spent) / 1e9

    def rss_bytes(self):
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class WorkerProcess:
    """raw_worker.py as a process, killed at the end."""

    def __init__(self, endpoint, pool="p", slots=1):
        self.process = subprocess.Popen([sys.executable, str(HERE / "raw_worker.py"), endpoint, pool, str(slots)],
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.expect("ready")

    def expect(self, word):
        """The next line that it says. The process ends with its test, so a read never waits for ever."""
        line = self.process.stdout.readline().strip()
        assert line == word, f"the worker said '{line}', not '{word}'"

    def kill(self):
        self.process.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(BOUND_SECONDS)
        self.process.stdout.close()
