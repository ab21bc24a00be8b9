"""The processes of a run: broker, workers, clients, in a folder of their own. Starts, restarts and surely ends them.

What is done to them is written to the faults log, for the checker: a kill before it happens, a pause with its end."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import msgpack
import zmq

from client import Settings
from journal import Journal, now
from wire import ERROR, RESULT, SUBMIT, encode

HERE = Path(__file__).resolve().parent
HOUSE = HERE.parents[1]
_libc = ctypes.CDLL(None)


def build_folder():
    return Path(os.environ.get("SNAKEPIT_BUILD", HOUSE / "build")).resolve()


def end_with_parent():
    """In the child: end when this process does, in whatever way that is."""
    _libc.prctl(1, signal.SIGKILL)


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@dataclass
class Config:
    """Of the broker. The defaults are those of the product, but for the pools and what is given here."""

    pools: str = '{ name = "p"; }'
    timers: str = ""
    limits: str = ""
    agent: str = ""
    log_level: str = "info"
    transport: str = "ipc"
    address: str = "127.0.0.1"  # of tcp

    def text(self, endpoints):
        return (
            f'endpoints = {{ clients = "{endpoints[0]}"; workers = "{endpoints[1]}"; events = ""; }};\n'
            f'log = {{ level = "{self.log_level}"; }};\nlimits = {{ {self.limits} }};\ntimers = {{ {self.timers} }};\n'
            f"agent = {{ {self.agent} }};\ninsecure = true;\npools = ( {self.pools} );\n"
        )


class Worker:
    """A worker process with the command that starts it again."""

    def __init__(self, command, environment, is_kept):
        self.command = command
        self.environment = environment
        self.is_kept = is_kept  # started again when it ends
        self.process = None
        self.pids = []  # of all its processes, one after the other
        self.paused = None  # since when
        self.namespace = None


class Stage:
    def __init__(self, config=None, program=None, environment=None, prepare=None):
        self.folder = Path(tempfile.mkdtemp(prefix="pit"))
        self.config = config or Config()
        self.program = program or str(build_folder() / "broker/io/snakepitd")
        self.environment = {**os.environ, **(environment or {})}
        self.prepare = prepare
        if self.config.transport == "ipc":
            self.endpoints = [f"ipc://{self.folder}/clients", f"ipc://{self.folder}/workers"]
        else:
            self.endpoints = [f"tcp://{self.config.address}:{port}" for port in free_ports(2)]
        self.config_file = self.folder / "snakepit.conf"
        self.config_file.write_text(self.config.text(self.endpoints))
        for name in ("executions.log", "faults.log"):
            (self.folder / name).touch()
        self.faults = Journal(self.folder / "faults.log")
        self.log_file = open(self.folder / "broker.log", "ab")
        self.broker = None
        self.broker_paused = None
        self.broker_starts = 0
        self.workers = []
        self.clients = {}  # number -> process
        self.dead_clients = set()
        self.problems = []  # what no log can tell

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        if kind is None and not self.problems and not os.environ.get("FAULT_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"the logs are in {self.folder}", file=sys.stderr)

    # --- the broker ---

    def start_broker(self, arguments=("--no-agent",)):
        self.arguments = arguments
        self.broker = subprocess.Popen(
            [self.program, "-c", str(self.config_file), *arguments],
            stderr=self.log_file,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            preexec_fn=self._prepare_broker,
        )
        self.broker_starts += 1
        (self.folder / "broker.pid.new").write_text(str(self.broker.pid))
        (self.folder / "broker.pid.new").rename(self.folder / "broker.pid")
        self.await_broker()

    def _prepare_broker(self):
        end_with_parent()
        if self.prepare:
            self.prepare()

    def await_broker(self, seconds=20.0):
        until = time.monotonic() + seconds
        while self.ask("ping", seconds=0.5) is None:
            if self.broker.poll() == -signal.SIGKILL:
                return  # by somebody's bomb: tend() starts the next one
            if self.broker.poll() is not None:
                raise RuntimeError("the broker ended: " + self.log_tail())
            if time.monotonic() > until:
                raise TimeoutError("the broker does not answer: " + self.log_tail())

    def log_tail(self, lines=5):
        return "\n".join((self.folder / "broker.log").read_text().splitlines()[-lines:])

    def ask(self, function, seconds=5.0, **arguments):
        """The value that an admin call answers; None: there was no answer, or an error."""
        context = zmq.Context()
        with context.socket(zmq.DEALER) as peer:
            peer.linger = 0
            peer.connect(self.endpoints[0])
            peer.send(encode([SUBMIT, 1, "$snakepit", function, msgpack.packb([[], arguments])]))
            until = time.monotonic() + seconds
            answer = None
            while peer.poll(max(0, int((until - time.monotonic()) * 1000))):
                control, *frames = peer.recv_multipart()
                verb, _, *rest = msgpack.unpackb(control)
                if verb == RESULT:
                    answer = msgpack.unpackb(frames[0] if isinstance(rest[0], int) else rest[0])
                if verb in (RESULT, ERROR):
                    break
        context.destroy()
        return answer

    def kill_broker(self):
        """The kill alone; tend() starts the next one."""
        if self.broker.poll() is None:
            self.end_broker_pause()
            self.faults.write("broker_kill", self.broker.pid, now())
            self.broker.kill()
            self.broker.wait()

    def pause_broker(self):
        self.broker_paused = now()
        self.broker.send_signal(signal.SIGSTOP)

    def end_broker_pause(self):
        if self.broker_paused:
            self.broker.send_signal(signal.SIGCONT)
            self.faults.write("broker_pause", self.broker.pid, self.broker_paused, now())
            self.broker_paused = None

    def broker_rss(self):
        pages = int(Path(f"/proc/{self.broker.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    # --- workers ---

    def add_worker(self, pool="p", bomb=(), wrap=(), is_kept=True, endpoint=None):
        """A worker of the suite's own. `wrap`: a command in front of its own."""
        command = [
            *wrap,
            sys.executable,
            str(HERE / "worker.py"),
            endpoint or self.endpoints[1],
            pool,
            str(self.folder),
            *map(str, bomb),
        ]
        return self._add(Worker(command, os.environ, is_kept))

    def add_python_worker(self, pool="p", wrap=(), arguments=(), is_kept=True, endpoint=None):
        """A worker of the product."""
        command = [
            *wrap,
            sys.executable,
            "-m",
            "snakepit.worker",
            "pit_faults:app",
            "--pool",
            pool,
            "--connect",
            endpoint or self.endpoints[1],
            *arguments,
        ]
        return self._add(Worker(command, self.worker_environment(), is_kept))

    def worker_environment(self):
        return {**os.environ, "FAULT_EXECUTIONS": str(self.folder / "executions.log"), "PYTHONPATH": str(HERE)}

    def _add(self, worker):
        self.workers.append(worker)
        self._start_worker(worker)
        return worker

    def _start_worker(self, worker):
        with open(self.folder / "workers.log", "ab") as log:
            worker.process = subprocess.Popen(
                worker.command,
                env=worker.environment,
                cwd=HERE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=end_with_parent,
            )
        worker.pids.append(worker.process.pid)

    def await_workers(self, count, pool="p", seconds=30.0):
        until = time.monotonic() + seconds
        while True:
            pools = {entry["name"]: entry for entry in self.ask("pools") or ()}
            if pools.get(pool, {}).get("workers_ready", 0) >= count:
                return
            if time.monotonic() > until:
                raise TimeoutError(f"{count} workers of {pool} were not ready: {pools}")
            time.sleep(0.02)

    def count_ready(self):
        """The workers of all pools that can take a task; 0 when the broker does not say at once."""
        return sum(pool["workers_ready"] for pool in self.ask("pools", seconds=0.2) or ())

    def kill_worker(self, worker):
        if worker.process.poll() is None:
            self.end_pause(worker)
            self.faults.write("kill", worker.process.pid, now())
            worker.process.kill()
            worker.process.wait()

    def pause(self, worker):
        if worker.process.poll() is None and worker.paused is None:
            worker.paused = now()
            worker.process.send_signal(signal.SIGSTOP)

    def end_pause(self, worker):
        if worker.paused is not None:
            worker.process.send_signal(signal.SIGCONT)
            self.faults.write("pause", worker.process.pid, worker.paused, now())
            worker.paused = None

    # --- clients ---

    def add_client(self, **settings):
        number = len(self.clients) + 1
        settings = Settings(
            endpoint=settings.pop("endpoint", self.endpoints[0]), folder=str(self.folder), client=number, **settings
        )
        return self._start_client(number, [sys.executable, str(HERE / "client.py"), json.dumps(asdict(settings))])

    def add_product_client(self, **settings):
        """One that uses the Python package."""
        number = len(self.clients) + 1
        settings = Settings(endpoint=self.endpoints[0], folder=str(self.folder), client=number, **settings)
        return self._start_client(
            number, [sys.executable, str(HERE / "product_client.py"), json.dumps(asdict(settings))]
        )

    def _start_client(self, number, command):
        with open(self.folder / "clients.log", "ab") as log:
            self.clients[number] = subprocess.Popen(
                command, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent
            )
        return number

    def kill_client(self, number):
        if self.clients[number].poll() is None:
            self.faults.write("client_kill", number, now())
            self.dead_clients.add(number)
            self.clients[number].kill()

    def is_done(self):
        """Whether all clients have ended by themselves, or were killed."""
        return all(process.poll() is not None for process in self.clients.values())

    # --- the run ---

    def tend(self):
        """Start again what ended."""
        if self.broker.poll() is not None:
            if self.broker.returncode != -signal.SIGKILL:
                raise RuntimeError(f"the broker ended with {self.broker.returncode}: " + self.log_tail())
            self.start_broker(self.arguments)
        for worker in self.workers:
            if worker.is_kept and worker.process.poll() is not None:
                if worker.process.returncode not in (0, -signal.SIGKILL):
                    self.problems.append(f"a worker ended with status {worker.process.returncode}, see workers.log")
                self._start_worker(worker)

    def run(self, seconds, injectors=()):
        """Until all clients have ended, or so long. The injectors do their work meanwhile, and then end it."""
        until = time.monotonic() + seconds
        while not self.is_done() and time.monotonic() < until:
            for injector in injectors:
                injector.turn()
            self.tend()
            time.sleep(0.01)
        for injector in injectors:
            injector.heal()
        for number, process in self.clients.items():
            if process.poll() is None:
                self.problems.append(f"client {number} has not ended after {seconds:.0f} s")
            elif process.returncode != 0 and number not in self.dead_clients:
                self.problems.append(f"client {number} ended with status {process.returncode}")

    def close(self):
        for worker in self.workers:
            self.end_pause(worker)
        if self.broker and self.broker.poll() is None:
            self.end_broker_pause()
        processes = [*self.clients.values(), *(worker.process for worker in self.workers)]
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        if self.broker and self.broker.poll() is None:
            self.broker.send_signal(signal.SIGINT)
            try:
                self.broker.wait(10)
            except subprocess.TimeoutExpired:
                self.broker.kill()
                self.broker.wait()
                self.problems.append("the broker did not end on SIGINT")
        self.log_file.close()
        self.faults.close()
