"""Scenarios in which something runs out: descriptors, memory, disk, patience."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import snakepit

from faults import Injector
from history import Rules
from journal import read
from processes_scenarios import PATIENCE, QUICK_TIMERS, bound, finish
from scenario import Outcome, scenario
from stage import Config, Stage, build_folder

MIB = 1024 * 1024
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000  # of <sched.h> and <sys/mount.h>


def limit_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


class Crowd(Injector):
    """Strangers that connect until nobody is let in any more, and go again."""

    def __init__(self, stage, seed, every):
        super().__init__(stage, seed, every)
        self.guests = []

    def strike(self):
        if self.guests:
            self.heal()
            return
        for endpoint in self.stage.endpoints:
            host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
            for _ in range(60):
                with contextlib.suppress(OSError):
                    self.guests.append(socket.create_connection((host, int(port)), 0.2))

    def heal(self):
        for guest in self.guests:
            guest.close()
        self.guests.clear()


@scenario(tasks=6000)
def descriptors(order):
    """a broker without descriptors: new peers are refused, present ones go on, and later new ones come in again"""
    with Stage(Config(transport="tcp"), prepare=limit_descriptors) as stage:
        stage.start_broker()
        for _ in range(2):
            stage.add_worker()
        stage.await_workers(2)
        for _ in range(2):
            stage.add_client(seed=order.seed, tasks=order.tasks // 2, rate=400, patience=PATIENCE)
        outcome = finish(stage, [Crowd(stage, order.seed, 0.7)], bound(order))
        log = (stage.folder / "broker.log").read_text()
        outcome.demand("descriptors.exhausted" in log, "the descriptors were not exhausted")
        outcome.demand(stage.ask("ping") is not None, "a new peer is not let in afterwards")
        outcome.demand(stage.broker_starts == 1, "the broker was started again")
        return outcome


@scenario(tasks=2000)
def worker_memory(order):
    """a worker that may not have more memory: its task fails with MemoryError, everything else goes on"""
    with Stage() as stage:
        stage.start_broker()
        for _ in range(2):
            stage.add_python_worker(wrap=("prlimit", f"--as={700 * MIB}"))
        stage.await_workers(2)
        stage.add_client(seed=order.seed, tasks=order.tasks, rate=400, patience=PATIENCE)
        types = []
        with snakepit.Client(stage.endpoints[0]) as client:
            for n in range(10):
                try:
                    client.call("p", "eat", 99 * 10**8 + n, "", 4000, b"", timeout=20)
                    types.append("ok")
                except snakepit.TaskError as error:
                    types.append(error.remote_type)
        # What `eat` runs was not submitted by a client that keeps a log.
        outcome = finish(stage, [], bound(order), facts=f"10 hungry tasks: {', '.join(sorted(set(types)))}")
        outcome.demand(set(types) == {"MemoryError"}, f"hungry tasks ended so: {types}")
        forgive(outcome.verdict, "invented", 10)
        return outcome


def forgive(verdict, kind, count):
    """So many findings are the scenario's own doing."""
    verdict.findings[kind] -= count
    if verdict.findings[kind] == 0:
        del verdict.findings[kind]
        verdict.examples.pop(kind, None)


@scenario(tasks=1000, quick=True)
def full_disk(order):
    """the log goes to a full disk: the broker goes on, and ends in good order"""
    with Stage(Config(log_level="debug")) as stage:
        stage.log_file.close()
        stage.log_file = open("/dev/full", "ab")  # each write fails with ENOSPC
        stage.start_broker()
        stage.add_worker()
        stage.await_workers(1)
        stage.add_client(seed=order.seed, tasks=order.tasks, patience=PATIENCE)
        outcome = finish(stage, [], bound(order))
        outcome.demand(stage.broker_starts == 1, "the broker was started again")
        stage.broker.send_signal(signal.SIGTERM)
        outcome.demand(stage.broker.wait(40) == 0, "the broker did not end in good order")
        return outcome


class SmallDisk:
    """A file system of 4 KiB, which the broker alone sees, for its log; from here it is below /proc/PID/root."""

    BYTES = 4096  # one page, the least that there is

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder

    def enter(self):
        """In the broker, before it runs: its log goes to the small disk."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.unshare(CLONE_NEWNS)
        libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        if libc.mount(b"tmpfs", bytes(self.folder), b"tmpfs", 0, b"size=%d" % self.BYTES) != 0:
            raise OSError(ctypes.get_errno(), "no tmpfs")
        os.dup2(os.open(self.folder / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), 2)

    def log_of(self, pid):
        return Path(f"/proc/{pid}/root{self.folder}/log")


class Cleaner(Injector):
    """Has the broker write lines (it reads its configuration again), and empties the log when some were lost."""

    PATIENCE = 10  # strikes, from a full disk to an empty one

    def __init__(self, stage, seed, every, log):
        super().__init__(stage, seed, every)
        self.log = log
        self.full_since = 0  # the strike
        self.times_full = self.times_told = 0

    def strike(self):
        self.stage.broker.send_signal(signal.SIGHUP)
        if not self.full_since and self.log.stat().st_size >= SmallDisk.BYTES:
            self.full_since = self.strikes
            self.times_full += 1
            self.times_told += "lost_lines=" in self.log.read_text()
        elif self.full_since and self.strikes >= self.full_since + self.PATIENCE:
            self.full_since = 0
            os.truncate(self.log, 0)


@scenario(tasks=3000)
def small_disk(order):
    """the log fills its disk, and somebody makes room again and again: the log goes on and says what it lost"""
    if os.geteuid() != 0:
        return Outcome(not_run="a file system of its own needs root")
    with Stage(Config(log_level="debug")) as stage:
        disk = SmallDisk(stage.folder / "disk")
        stage.prepare = disk.enter
        stage.start_broker()
        stage.add_worker()
        stage.await_workers(1)
        stage.add_client(seed=order.seed, tasks=order.tasks, patience=PATIENCE, rate=700)
        log = disk.log_of(stage.broker.pid)
        cleaner = Cleaner(stage, order.seed, 0.02, log)
        outcome = finish(stage, [cleaner], bound(order))
        outcome.facts += f"; full {cleaner.times_full} times"
        outcome.demand(cleaner.times_full > 1, "the disk was hardly full")
        # The first time nothing is lost yet.
        told = cleaner.times_told
        outcome.demand(told == cleaner.times_full - 1, f"the log says {told} times only that lines were lost")
        outcome.demand(stage.broker_starts == 1, "the broker was started again")
        return outcome


@scenario(tasks=500, quick=True)
def two_brokers(order):
    """a second broker on the endpoints of the first, ipc and tcp: it refuses and says why, the first goes on"""
    outcome = Outcome()
    for transport in ("ipc", "tcp"):
        with Stage(Config(transport=transport)) as stage:
            stage.start_broker()
            stage.add_worker()
            stage.await_workers(1)
            stage.add_client(seed=order.seed, tasks=order.tasks, patience=PATIENCE)
            second = subprocess.run(
                [stage.program, "-n", "-c", str(stage.config_file)], capture_output=True, text=True, timeout=20
            )
            part = finish(stage, [], bound(order))
            part.demand(second.returncode == 1, f"{transport}: the second broker ended with {second.returncode}")
            part.demand(stage.endpoints[1] in second.stderr, f"{transport}: it does not say where: {second.stderr}")
            part.problems += outcome.problems
            outcome = part
    return outcome


class Reloader(Injector):
    """Sends SIGHUP, with another configuration each time: a pool more or less, other limits, sometimes a wrong file."""

    def strike(self):
        pools = f'{{ name = "p"; queued_max = {self.dice.randint(5000, 9000)}; }}'
        if self.strikes % 2:
            pools += f', {{ name = "q{self.strikes % 7}"; }}'
        self.stage.config.pools = "{" if self.strikes % 10 == 0 else pools
        self.stage.config_file.write_text(self.stage.config.text(self.stage.endpoints))
        self.stage.broker.send_signal(signal.SIGHUP)


@scenario(tasks=3000, quick=True)
def reload_storm(order):
    """SIGHUP fifty times a second under load, with other pools, other limits and wrong files"""
    with Stage(Config()) as stage:
        stage.start_broker()
        for _ in range(2):
            stage.add_worker()
        stage.await_workers(2)
        stage.add_client(seed=order.seed, tasks=order.tasks, patience=PATIENCE, rate=1000)
        outcome = finish(stage, [Reloader(stage, order.seed, 0.02)], bound(order))
        reloads = (stage.folder / "broker.log").read_text().count("event=config.reloaded")
        outcome.facts += f"; {reloads} reloads"
        outcome.demand(reloads > 10, "hardly any reload was done")
        outcome.demand(outcome.verdict.reexecutions == 0, "a reload lost a lease")
        return outcome


class Watch(Injector):
    """Stops one client in the middle of its work, and kills it when another one has ended."""

    def __init__(self, stage, seed, every, gone, quick):
        super().__init__(stage, seed, every)
        self.gone, self.quick = gone, quick
        self.began = time.monotonic()
        self.is_stopped = False
        self.seconds = 0

    def strike(self):
        log = self.stage.folder / f"client-{self.gone}.log"
        if not self.is_stopped and log.exists() and log.stat().st_size > 0:
            self.is_stopped = True
            self.stage.clients[self.gone].send_signal(signal.SIGSTOP)
        if not self.seconds and self.stage.clients[self.quick].poll() is not None:
            self.seconds = time.monotonic() - self.began
            self.stage.kill_client(self.gone)


@scenario(tasks=6000)
def slow_clients(order):
    """clients that read slowly, stand still or vanish: they get all when they read, and nobody waits for them"""
    limits = 'send_bytes_max = "1MiB"; frame_max = "1MiB"; control_max = "1MiB"; client_results_max = 100000;'
    with Stage(Config(limits=limits, timers=QUICK_TIMERS)) as stage:
        stage.start_broker()
        for _ in range(3):
            stage.add_worker()
        stage.await_workers(3)
        common = {"seed": order.seed, "patience": PATIENCE}
        stage.add_client(tasks=order.tasks // 12, stall_ms=30, mix="plain", **common)
        gone = stage.add_client(tasks=order.tasks // 3, **common)
        quick = stage.add_client(tasks=order.tasks // 2, **common)
        watch = Watch(stage, order.seed, 0.05, gone, quick)
        outcome = finish(stage, [watch], bound(order))
        outcome.facts = f"the quick one took {watch.seconds:.1f} s"
        outcome.demand(watch.seconds > 0, "the quick one did not end before the slow one")
        return outcome


class RssWatch(Injector):
    def __init__(self, stage):
        super().__init__(stage, 0, 0.1)
        self.most = 0

    def strike(self):
        self.most = max(self.most, self.stage.broker_rss())


@scenario(seconds=15)
def overload(order):
    """producers at ten times the workers' rate: memory stays under the cap, each refusal is typed, accepted = final"""
    limits = 'tasks_max = 20000; bytes_max = "32MiB"; client_tasks_max = 20000; client_bytes_max = "32MiB";'
    cap = 32 * MIB + 48 * MIB  # bytes_max, and what tasks, connections and libzmq take beside
    with Stage(Config(pools='{ name = "p"; queued_max = 2000; queued_bytes_max = "16MiB"; }', limits=limits)) as stage:
        stage.start_broker()
        for _ in range(2):
            stage.add_worker()
        stage.await_workers(2)
        for _ in range(2):  # two workers at 5 ms make 400 tasks a second
            stage.add_client(
                seed=order.seed, tasks=10**7, mix="plain", ms=5, window=10**7, rate=2000, seconds=order.seconds,
                has_retry=False, patience=PATIENCE,
            )  # fmt: skip
        watch = RssWatch(stage)
        outcome = finish(stage, [watch], order.seconds + 90, Rules())
        verdict = outcome.verdict
        refused, final = sum(verdict.refusals.values()), sum(verdict.finals.values())
        accepted = verdict.tasks - refused
        outcome.facts = f"{verdict.tasks} offered, {accepted} accepted, RSS at most {watch.most / MIB:.0f} MiB"
        outcome.demand(accepted == final, f"{accepted} accepted, {final} final")
        outcome.demand(watch.most <= cap, f"RSS {watch.most / MIB:.0f} MiB, cap {cap / MIB:.0f} MiB")
        outcome.demand(refused > 0, "nothing was refused")
        return outcome


@scenario(seconds=8)
def held_gil(order):
    """a task that holds the GIL for so long is neither killed nor fenced, and ends ok"""
    is_long = order.seconds >= 30
    timers = "" if is_long else QUICK_TIMERS
    outcome = Outcome()
    with Stage(Config(transport="tcp", timers=timers)) as stage:
        stage.start_broker()
        stage.add_python_worker()
        stage.await_workers(1)
        with snakepit.Client(stage.endpoints[0]) as client:
            session = stage.ask("workers")[0]["id"]
            uid, ms = 99 * 10**8, int(order.seconds * 1000)
            attempt, *_ = client.call("p", "hold_gil", uid, "", ms, b"", timeout=order.seconds + 30)
            client.call("p", "work", uid + 1, "", 0, b"", timeout=20)
        begins = [words for words in read(stage.folder / "executions.log") if words[0] == "B"]
        outcome.demand(attempt == 1 and len(begins) == 2, f"{len(begins)} attempts")
        outcome.demand(stage.ask("workers")[0]["id"] == session, "its session ended")
        outcome.demand("worker.lost" not in (stage.folder / "broker.log").read_text(), "it was called lost")
        outcome.facts = f"held for {order.seconds:.0f} s{' at default settings' if is_long else ''}"
    return outcome


@scenario(tasks=400)
def client_malloc(order):
    """each of the client library's allocations fails once, with a real broker: no crash, but an error or success"""
    tests = build_folder() / "tests/fault"
    outcome = Outcome()
    ends = {}
    with Stage() as stage:
        stage.start_broker()
        for _ in range(2):
            stage.add_worker()
        stage.await_workers(2)
        environment = {
            **os.environ,
            "LD_PRELOAD": str(tests / "libfail_malloc.so"),
            "SNAKEPIT_ENDPOINT": stage.endpoints[0],
        }
        for n in range(order.tasks):
            done = subprocess.run(
                [str(tests / "malloc_client")], env={**environment, "FAIL_MALLOC_AT": str(n)}, capture_output=True,
                text=True, timeout=60,
            )  # fmt: skip
            words = done.stdout.split() or ["silent"]
            ends[words[0]] = ends.get(words[0], 0) + 1
            outcome.demand(
                done.returncode in (0, 3), f"allocation {n}: status {done.returncode} {done.stdout}{done.stderr}"
            )
            if words[-1] == "unreached":
                break
        outcome.demand(n > 20, "the library's allocations were hardly seen")
    outcome.facts = f"{n} allocations: " + ", ".join(f"{count} {word}" for word, count in ends.items())
    return outcome
