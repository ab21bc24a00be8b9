"""`snakepit-worker module:app --pool P`: import an app, connect to the broker, run tasks until told to stop.

Exit status: 0 ended in good order, 2 wrong arguments, 3 the app could not be imported or set up, 4 the broker refused
this worker, 143 ended by a second signal with a task unfinished, 70 a fault of the worker itself.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import logging
import math
import os
import platform
import signal
import socket
import struct
import sys
import time
import traceback
from typing import Any

from .app import App
from .encode import cut_text
from .io_loop import IoLoop
from .lifeline import Lifeline
from .message import LABEL_BYTES_MAX, SLOTS_MAX, WorkerHello
from .runner import Answers, Runner
from .signals import SignalPipe
from .version import VERSION
from .worker_session import WorkerSession

EXIT_OK, EXIT_USAGE, EXIT_IMPORT, EXIT_REFUSED, EXIT_FAULT = 0, 2, 3, 4, 70
EXIT_SIGNALLED = 128 + signal.SIGTERM
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5571"
# How often the I/O thread looks for answers by itself, while many small tasks are answered.
WATCH_SECONDS = 0.001
# A worker that no broker has welcomed by then says so, once, and tries on.
LONELY_SECONDS = 3.0

_log = logging.getLogger("snakepit.worker")


class NoApp(Exception):
    """MODULE:APP names nothing, or no App; the text says what is wrong, and where it was looked for."""


class WorkerLoop(IoLoop):
    """The worker's I/O thread: answers of task threads to the session, its leases to the runner, signals to a drain.

    Args:
        endpoint: the broker's endpoint for workers.
        session: the worker session.
        signals: what tells the worker to end.
        lifeline: ends the process with whoever started it; None: it has no such parent.
    """

    def __init__(self, endpoint: str, session: WorkerSession, signals: SignalPipe, lifeline: Lifeline | None) -> None:
        super().__init__(endpoint, session, "worker", _log)
        self.session = session
        self.answers = Answers(self.dealer.wake)
        self.runner: Runner | None = None
        self.exit_status = EXIT_OK
        self._chunks_out = 0
        self._signals_seen = 0
        self._done_before = 0
        self._look_at = math.inf
        self._lonely_at = time.monotonic() + LONELY_SECONDS
        self._signals = signals
        self._lifeline = lifeline
        self.dealer.watch(signals.fd)
        if lifeline is not None:
            self.dealer.watch(lifeline.fd)

    def bring(self, now: float, ready_fds: set[int]) -> None:
        """Bring answers, chunks and signals to the session; end at once with the lifeline."""
        if self._lifeline is not None and self._lifeline.fd in ready_fds and self._lifeline.has_ended():
            self._end_with_parent()
        if self._signals.fd in ready_fds:
            self._take_signals(now)
        self._take_answers(now)
        self._watch_answers(now)
        self._tell_loneliness(now)

    def _take_answers(self, now: float) -> None:
        session = self.session
        for fence, command, frames, is_final in self.answers.take_all():
            if is_final:
                session.answer(fence, command, frames, now)
            else:
                session.chunk(fence, command, frames)
                self._chunks_out += 1

    def _watch_answers(self, now: float) -> None:
        """Promise to look again soon while small tasks are answered in a row, and end the promise in time."""
        answers, runner = self.answers, self.runner
        is_burst = self.session.tasks_done != self._done_before and runner is not None and runner.has_waiting
        self._done_before = self.session.tasks_done
        if answers.is_watched and not is_burst:
            answers.is_watched = False
            self._take_answers(now)  # one that was added before the promise ended woke nobody
        answers.is_watched = is_burst
        self._look_at = now + WATCH_SECONDS if is_burst else math.inf

    def next_wake(self) -> float:
        """When to look for answers unasked, or to say that there is no broker; infinity: when something happens."""
        return min(self._look_at, self._lonely_at)

    def _tell_loneliness(self, now: float) -> None:
        if self.session.session or self.session.is_over:
            self._lonely_at = math.inf
        elif now >= self._lonely_at:
            self._lonely_at = math.inf
            _log.warning("no broker answers at %s; trying on", self._endpoint)

    def deliver(self, now: float) -> None:
        """Give leases to the task threads, and pass cancels on."""
        session = self.session
        if session.to_run and self.runner is not None:
            self.runner.put(session.to_run)
            session.to_run.clear()
        for running in session.to_cancel:
            running.cancel()
        session.to_cancel.clear()

    def sent(self) -> None:
        """Make room for more chunks when those that waited have left, or were dropped with the connection."""
        if self._chunks_out and not self.session.outbox:
            self.answers.chunks_sent(self._chunks_out)
            self._chunks_out = 0

    def ended(self, fault: BaseException | None) -> None:
        """Let the runner end; where a task still runs, end the process, since nothing else can end the task."""
        if fault is not None:
            self.exit_status = EXIT_FAULT
        elif self.session.refusal is not None:
            refusal = self.session.refusal
            self.exit_status = EXIT_REFUSED
            _log.error("the broker refused this worker: %s: %s", refusal.code, refusal.text)
        if fault is not None or self.session.leases:
            os._exit(self.exit_status or EXIT_SIGNALLED)
        if self.runner is not None:
            self.runner.stop()

    def _take_signals(self, now: float) -> None:
        for number in self._signals.take():
            self._signals_seen += 1
            if self._signals_seen == 1:
                _log.info("%s: draining", number.name)
                self.session.drain(now)
            else:
                _log.warning("%s again: ending with %d tasks unfinished", number.name, len(self.session.leases))
                self.session.leave("told to end twice")

    def _end_with_parent(self) -> None:
        # At once: a task may never end, and nobody is left who could replace this worker. The broker hears the BYE,
        # or sees the connection end, and requeues.
        self.session.leave("its parent has ended")
        self.dealer.send(self.session.outbox, self.session.control_bytes_max)
        self.dealer.close(linger_ms=100)
        os._exit(EXIT_OK)


def vitals() -> dict[str, Any]:
    """Measure this process for a heartbeat: resident bytes, CPU microseconds, whether the GIL is on."""
    facts: dict[str, Any] = {"cpu_us": int(time.process_time() * 1e6), "gil_enabled": gil_is_enabled()}
    try:
        with open("/proc/self/statm", "rb") as statm:
            facts["rss_bytes"] = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):  # not Linux
        pass
    return facts


def gil_is_enabled() -> bool:
    """Tell whether the GIL is on now; an import can turn it on in a free-threaded build."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def load_app(path: str) -> App:
    """Import `module:attribute` (attribute default `app`), looking in the working directory first.

    Raises:
        NoApp: the module or the attribute is not there, or is no App.
        Exception: whatever the import raises.
    """
    module_name, _, attribute = path.partition(":")
    attribute = attribute or "app"
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    module = import_module(module_name)
    found: Any = module
    for name in attribute.split("."):
        if not hasattr(found, name):
            apps = ", ".join(key for key, value in vars(module).items() if isinstance(value, App))
            raise NoApp(f"{module_name} has no {attribute}" + (f"; it has the App {apps}" if apps else ""))
        found = getattr(found, name)
    if not isinstance(found, App):
        raise NoApp(f"{attribute} is a {type(found).__name__}, not a snakepit.App")
    return found


def import_module(name: str) -> Any:
    """Import a module. NoApp: there is none; an import that fails within it is its own error."""
    if not name or name.endswith(".py"):
        raise NoApp("write the module's name without .py and the App's, for instance tasks:app")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise NoApp(f"{sys.executable} finds no module {error.name} in {os.getcwd()} or elsewhere") from None


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="snakepit-worker", description="Run the tasks of an app for a Snakepit pool.")
    parser.add_argument("app", metavar="MODULE:APP", help="where the App is, for instance tasks:app")
    parser.add_argument("--pool", required=True, help="the pool to serve")
    parser.add_argument("--connect", metavar="EP", default=DEFAULT_ENDPOINT, help="workers' endpoint [%(default)s]")
    parser.add_argument("--name", default="", help="a label for people; two workers may have the same")
    parser.add_argument("--profile", choices=("process", "thread"), default="process",
                        help="run tasks in the main thread, or in one thread for each slot [%(default)s]")  # fmt: skip
    parser.add_argument("--slots", type=int, default=1, metavar="K", help="tasks that it takes at one time [1]")
    parser.add_argument("--lifeline", type=int, metavar="FD", help="end when this inherited pipe ends; for agents")
    parser.add_argument("--ready", type=int, metavar="FD", help="write the pid here when set up; for agents")
    parser.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"),
                        help="what the worker itself says on stderr [%(default)s]")  # fmt: skip
    parser.add_argument("--version", action="version", version=f"snakepit-worker {VERSION}")
    options = parser.parse_args(arguments)
    if not 1 <= options.slots <= SLOTS_MAX:
        parser.error(f"--slots must be 1 to {SLOTS_MAX}")
    return options


def tell_ready(fd: int) -> None:
    """Tell the agent that the app is imported and set up: four bytes, the pid, so that all workers share one pipe."""
    with contextlib.suppress(OSError):  # the agent is gone, and so the lifeline will say
        os.write(fd, struct.pack("=i", os.getpid()))
        os.close(fd)


def make_hello(options: argparse.Namespace) -> WorkerHello:
    """Say who this worker is."""
    version = f"{platform.python_implementation()} {platform.python_version()}"
    return WorkerHello(
        pool=options.pool,
        slots=options.slots,
        profile=options.profile,
        name=cut_text(options.name, LABEL_BYTES_MAX),
        host=cut_text(socket.gethostname(), LABEL_BYTES_MAX),
        pid=os.getpid(),
        python=cut_text(version, LABEL_BYTES_MAX),
        gil_enabled=gil_is_enabled(),
    )


def run(options: argparse.Namespace) -> int:
    """Run a worker in this process until it ends; give the exit status."""
    app = try_load_app(options.app)
    return EXIT_IMPORT if app is None else run_app(app, options)


def try_load_app(path: str) -> App | None:
    """Import an app; None: it cannot be imported, and stderr says why."""
    try:
        return load_app(path)
    except NoApp as error:
        print(f"snakepit-worker: cannot import {path}: {error}", file=sys.stderr)
    except BaseException:  # SystemExit too: a module that exits while it is imported has failed
        traceback.print_exc()
        print(f"snakepit-worker: cannot import {path}", file=sys.stderr)
    return None


def run_app(app: App, options: argparse.Namespace) -> int:
    """Run a worker for an imported app until it ends; give the exit status. Also what a nursery's child does."""
    try:
        for hook in app.process_start_hooks:
            hook()
    except BaseException:
        traceback.print_exc()
        print(f"snakepit-worker: a process start hook of {options.app} failed", file=sys.stderr)
        return EXIT_IMPORT
    if options.ready is not None:
        tell_ready(options.ready)
    gc.freeze()  # what the import made stays: no collection needs to look at it again
    session = WorkerSession(make_hello(options), vitals)
    try:
        lifeline = None if options.lifeline is None else Lifeline(options.lifeline)
        signals = SignalPipe(ignore_interrupt=lifeline is not None)
        loop = WorkerLoop(options.connect, session, signals, lifeline)
    except (OSError, ValueError) as error:
        print(f"snakepit-worker: {error}", file=sys.stderr)
        return EXIT_USAGE
    _log.info("connecting to %s", options.connect)
    loop.runner = Runner(app, session.begin, loop.answers, options.slots)
    loop.start()
    try:
        if options.profile == "thread":
            loop.runner.run_threads()
        else:
            loop.runner.run_process()
    except BaseException:
        _log.critical("the worker ended by a fault", exc_info=True)
        os._exit(EXIT_FAULT)
    loop.join()
    return loop.exit_status


def main(arguments: list[str] | None = None) -> int:
    """Run the command; give the exit status."""
    options = parse_arguments(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=options.log_level.upper(), format="snakepit-worker: %(levelname)s %(message)s"
    )
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
