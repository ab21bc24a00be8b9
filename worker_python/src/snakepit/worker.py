"""`snakepit-worker module:app --pool P`: import an app, connect to the broker, run tasks until told to stop.

Exit statuses are in exit_status.py.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import platform
import socket
import struct
import sys
import traceback

from . import telemetry
from .app import App
from .encode import cut_text
from .exit_status import EXIT_FAULT, EXIT_GIL, EXIT_IMPORT, EXIT_OK, EXIT_USAGE
from .gil import GilWatch, is_free_threaded_build
from .home import WorkerHome
from .lifeline import Lifeline
from .loading import NoApp, load_app
from .message import LABEL_BYTES_MAX, SLOTS_MAX, WorkerHello
from .report import make_report
from .runner import Runner
from .signals import SignalPipe
from .version import VERSION
from .vitals import measure_vitals
from .worker_loop import WorkerLoop
from .worker_session import WorkerSession

__all__ = ["EXIT_FAULT", "EXIT_IMPORT", "EXIT_OK", "main", "parse_arguments", "run_app", "try_load_app"]

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5571"

_log = logging.getLogger("snakepit.worker")


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
    parser.add_argument("--thread-unsafe", choices=("lock", "refuse"), default="lock",
                        help="tasks that are not thread-safe: one at a time, or refused [%(default)s]")  # fmt: skip
    parser.add_argument("--require-free-threading", action="store_true", help="end when the GIL is on")
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


def make_hello(options: argparse.Namespace, gil: GilWatch) -> WorkerHello:
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
        gil_enabled=gil.is_enabled,
        agent=number_from_environment("SNAKEPIT_AGENT"),
        replaces=number_from_environment("SNAKEPIT_REPLACES"),
        free_threaded=is_free_threaded_build(),
        gil_module=gil.module,
        report=make_report(),
    )


def number_from_environment(name: str) -> int:
    """Read a number that the agent gave this worker along; 0: it gave none."""
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and int(text) < 2**64 else 0


def run(options: argparse.Namespace) -> int:
    """Run a worker in this process until it ends; give the exit status."""
    try:
        lifeline = open_lifeline(options)  # before the import, which may never end
    except OSError as error:
        print(f"snakepit-worker: --lifeline: {error}", file=sys.stderr)
        return EXIT_USAGE
    app = try_load_app(options.app)
    return EXIT_IMPORT if app is None else run_app(app, options, lifeline)


def open_lifeline(options: argparse.Namespace) -> Lifeline | None:
    """Give the lifeline, armed; None: there is none. OSError: its descriptor is not open."""
    return None if options.lifeline is None else Lifeline(options.lifeline)


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


def run_app(app: App, options: argparse.Namespace, lifeline: Lifeline | None = None) -> int:
    """Run a worker for an imported app until it ends; give the exit status. Also what a nursery's child does."""
    threads = options.slots if options.profile == "thread" else 0
    if threads > 1 and options.thread_unsafe == "refuse" and not app.thread_safe:
        print(f"snakepit-worker: thread_unsafe: {options.app} is declared not thread-safe and would run in {threads} "
              'threads: use profile = "process", or let its tasks run one at a time, with thread_unsafe = "lock"',
              file=sys.stderr)  # fmt: skip
        return EXIT_IMPORT
    home = WorkerHome(options.pool, options.connect)
    telemetry.install(home)
    runner = Runner(app, options.slots, threads, home=home, refuses_unsafe=options.thread_unsafe == "refuse")
    try:
        for hook in app.process_start_hooks:
            hook()
        runner.start()
    except BaseException:
        traceback.print_exc()
        print(f"snakepit-worker: a start hook of {options.app} failed", file=sys.stderr)
        return EXIT_IMPORT
    gil = GilWatch()
    if gil.is_enabled and is_free_threaded_build():
        _log.warning("the GIL is on: %s", gil.reason)
    if gil.is_enabled and options.require_free_threading:
        print(f"snakepit-worker: gil_enabled: free threading is required, but {gil.reason}", file=sys.stderr)
        return EXIT_GIL
    if options.ready is not None:
        tell_ready(options.ready)
    return serve(app, options, home, runner, gil, lifeline)


def serve(
    app: App, options: argparse.Namespace, home: WorkerHome, runner: Runner, gil: GilWatch, lifeline: Lifeline | None
) -> int:
    """Serve the broker until the end of the session; give the exit status."""
    gc.freeze()  # what the import made stays: no collection needs to look at it again
    session = WorkerSession(make_hello(options, gil), measure_vitals)
    try:
        lifeline = lifeline or open_lifeline(options)
        signals = SignalPipe(ignore_interrupt=lifeline is not None)
        loop = WorkerLoop(options.connect, session, home, runner, gil, signals, lifeline,
                          needs_free_threading=options.require_free_threading)  # fmt: skip
    except (OSError, ValueError) as error:
        print(f"snakepit-worker: {error}", file=sys.stderr)
        return EXIT_USAGE
    _log.info("connecting to %s", options.connect)
    loop.start()
    try:
        runner.run()
    except BaseException:
        _log.critical("the worker ended by a fault", exc_info=True)
        os._exit(EXIT_FAULT)
    loop.join()
    home.close()
    app.run_stop_hooks(app.process_stop_hooks)
    return loop.exit_status


def main(arguments: list[str] | None = None) -> int:
    """Run the command; give the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse_arguments(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=options.log_level.upper(), format="snakepit-worker: %(levelname)s %(message)s"
    )
    if options.require_free_threading and not is_free_threaded_build():
        become_free_threaded(arguments)
    return run(options)


def become_free_threaded(arguments: list[str]) -> None:
    """Go on as a free-threaded interpreter, the same process, when there is one in PATH; else return."""
    from .interpreters import FREE_THREADED_NAMES, find_free_threaded

    python = find_free_threaded()
    if python is None:
        names = " or ".join(FREE_THREADED_NAMES)
        _log.error("PATH has no %s that has the package snakepit; `snakepit doctor` says which there are", names)
        return
    _log.info("free threading is required: going on as %s", python)
    os.execv(python, [python, "-m", "snakepit.worker", *arguments])


if __name__ == "__main__":
    sys.exit(main())
