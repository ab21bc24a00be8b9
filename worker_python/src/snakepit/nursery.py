"""A nursery: a process that imported an app once and forks workers on request: they start at once and share memory.

`snakepit-agent` starts one for each pool with `nursery = true`. The two talk over a unix socket that keeps messages
apart (SOCK_SEQPACKET); a message is strings with a NUL between them.

    agent:    fork ID NAME [VARIABLE=value ...]   with two descriptors: the worker's output, the guard's pipe
    nursery:  ready                    it may be asked
              refused REASON           it must not fork; it ends
              stale                    files of the app have changed; it ends, and what was asked must be asked anew
              born ID PID              sent by the worker itself, once it is a child of the agent
              failed ID REASON         that one could not be forked

A worker must be the agent's child, not the nursery's: only then the agent can wait for it, and the kernel kills it with
the agent. So the nursery forks a midwife that forks the workers and ends; the agent adopts them (it is a "child
subreaper", see prctl(2)).
"""

from __future__ import annotations

import argparse
import array
import ctypes
import dataclasses
import gc
import logging
import os
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from .app import App
from .exit_status import EXIT_FAULT, EXIT_IMPORT, EXIT_OK, EXIT_THREADS
from .worker import parse_arguments, run_app, try_load_app

MESSAGE_BYTES_MAX = 64 * 1024
# How long a worker waits to be adopted; the midwife ends at once, so this is only for a machine that stands still.
ADOPTION_SECONDS = 10.0
ADOPTION_POLL_SECONDS = 0.0002
# A midwife's children wait for its end, so it has only few; each needs a fork more, which is the price of adoption.
MIDWIFE_BIRTHS_MAX = 10
THREADS_SETTLE_SECONDS = 0.1
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
REMEDY = "start them in an on_process_start hook, or set nursery = false for this pool"

Files = dict[str, "tuple[int, int]"]


@dataclasses.dataclass(frozen=True)
class Request:
    """One worker to be forked. It owns its descriptors."""

    number: bytes
    name: str
    environment: tuple[str, ...]
    output_fd: int
    guard_fd: int

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.output_fd)
        os.close(self.guard_fd)


class Nursery:
    """The process that forks; it has one thread, and must keep to one.

    Args:
        channel: the socket to the agent.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._agent_pid = os.getppid()
        self._files = find_files()

    def serve(self) -> Request | None:
        """Fork what is asked for. Returns in each worker with its request, and in the nursery with None at the end."""
        self.say("ready")
        while True:
            requests = self._receive()
            if not requests:
                return None
            threads = find_lasting_threads()
            if threads:
                self.say("refused", refusal_of(threads))
                return None
            if find_files(self._files) != self._files:
                self.say("stale")
                return None
            while requests:
                some, requests = requests[:MIDWIFE_BIRTHS_MAX], requests[MIDWIFE_BIRTHS_MAX:]
                born = self._fork(some)
                if born is not None:
                    for other in requests:
                        other.close()
                    return born
                for request in some:
                    request.close()

    def say(self, *words: str | bytes) -> None:
        """Tell the agent."""
        self._channel.send(b"\0".join(word.encode() if isinstance(word, str) else word for word in words))

    def _receive(self) -> list[Request]:
        """Wait for requests and take all that are there; empty at the end of the agent."""
        requests: list[Request] = []
        while True:
            try:
                flags = socket.MSG_DONTWAIT if requests else 0
                data, fds = self._receive_one(flags)
            except BlockingIOError:
                return requests
            if not data:
                return requests
            verb, number, name, *environment = data.split(b"\0")
            assert verb == b"fork" and len(fds) == 2, data
            variables = tuple(os.fsdecode(one) for one in environment)
            requests.append(Request(number, name.decode(), variables, fds[0], fds[1]))

    def _receive_one(self, flags: int) -> tuple[bytes, list[int]]:
        # Not socket.recv_fds: up to Python 3.11 it forgets the flags.
        data, control, _, _ = self._channel.recvmsg(MESSAGE_BYTES_MAX, socket.CMSG_LEN(2 * 4), flags)
        fds = array.array("i")
        for level, kind, content in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content)
        return data, list(fds)

    def _fork(self, requests: list[Request]) -> Request | None:
        """Fork all of them by one midwife. Gives each worker its request, and the nursery None."""
        midwife = os.fork()
        if midwife:
            os.waitpid(midwife, 0)
            return None
        midwife = os.getpid()
        end_read, end_write = os.pipe()
        for request in requests:
            try:
                if os.fork() == 0:
                    for other in requests:
                        if other is not request:
                            other.close()
                    os.close(end_write)
                    return self._be_born(request, midwife, end_read)
            except OSError as error:
                self.say("failed", request.number, f"cannot fork: {error.strerror}")
        os._exit(EXIT_OK)

    def _be_born(self, request: Request, midwife: int, end_read: int) -> Request:
        """Become the agent's child, with all that a spawned worker has; then tell the agent."""
        os.read(end_read, 1)  # until the midwife ends; the adoption is then a matter of microseconds
        os.close(end_read)
        patient_until = time.monotonic() + ADOPTION_SECONDS
        while os.getppid() == midwife and time.monotonic() < patient_until:
            time.sleep(ADOPTION_POLL_SECONDS)
        # The kernel kills us when the agent ends. It asks for the parent of this moment, so not before the adoption;
        # and if the agent ended before this line, nothing would kill us.
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self._agent_pid:
            os._exit(EXIT_FAULT)
        os.setpgid(0, 0)
        # Before anything else runs here: what this worker starts must not outlive an agent that is killed.
        os.write(request.guard_fd, struct.pack("=i", os.getpid()))
        for standard_fd in (1, 2):
            os.dup2(request.output_fd, standard_fd)
        request.close()
        prctl_name("snakepit-worker")
        self.say("born", request.number, str(os.getpid()))
        self._channel.close()
        return request


def prctl(option: int, argument: int) -> None:
    """Set an attribute of this process, see prctl(2)."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def prctl_name(name: str) -> None:
    """Set the name that ps and top show for this process: at most 15 bytes."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()), 0, 0, 0)


def find_lasting_threads() -> list[str]:
    """Name the threads, after those that have just begun took their names, and those that are ending have ended."""
    if find_threads():
        time.sleep(THREADS_SETTLE_SECONDS)
    return find_threads()


def find_threads() -> list[str]:
    """Name the threads besides the main one, also those that Python knows nothing of, such as an OpenMP library's."""
    known = {thread.native_id: thread.name for thread in threading.enumerate()}
    names = []
    for task in sorted(os.listdir("/proc/self/task"), key=int):
        if int(task) != os.getpid():
            try:
                with open(f"/proc/self/task/{task}/comm") as comm:
                    names.append(known.get(int(task)) or comm.read().strip())
            except OSError:  # it has ended
                pass
    return names


def refusal_of(threads: list[str]) -> str:
    """Say why this app cannot be forked."""
    named = ", ".join(threads[:8]) + (", ..." if len(threads) > 8 else "")
    return f"the app started {len(threads)} thread(s) on import ({named}), and threads do not survive a fork: {REMEDY}"


def find_files(known: Files | None = None) -> Files:
    """Size and time of change of the files of all modules, or of the known ones."""
    found: Files = {}
    paths = known or [file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))]
    for path in paths:
        try:
            status = os.stat(path)
            found[path] = (status.st_size, status.st_mtime_ns)
        except (OSError, ValueError):  # in an archive, or removed
            found[path] = (0, 0)
    return found


def seed_generators() -> None:
    """Give numpy's and torch's global generators seeds of this process; `random` does it by itself after a fork."""
    for name in ("numpy.random", "torch"):
        module = sys.modules.get(name)
        if module is not None and hasattr(module, "seed"):
            module.seed()


def run_born(app: App, request: Request, options: argparse.Namespace) -> int:
    """Run the worker in the process that was forked; give the exit status."""
    for variable in request.environment:
        name, _, value = variable.partition("=")
        os.environ[name] = value
    options.name = request.name
    seed_generators()
    if not call_hooks(app.after_fork_hooks, f"an after_fork hook of {options.app}"):
        return EXIT_IMPORT
    return run_app(app, options)


def call_hooks(hooks: Sequence[Callable[[], Any]], what: str) -> bool:
    """Call them in order. False: one failed, and stderr says why."""
    try:
        for hook in hooks:
            hook()
    except BaseException:
        traceback.print_exc()
        print(f"snakepit-worker: {what} failed", file=sys.stderr)
        return False
    return True


def main(arguments: list[str] | None = None) -> int:
    """Run the command `python -m snakepit.nursery --socket FD` with a worker's arguments; give the exit status."""
    parser = argparse.ArgumentParser(prog="snakepit-nursery", add_help=False)
    parser.add_argument("--socket", type=int, required=True)
    own, rest = parser.parse_known_args(arguments)
    options = parse_arguments(rest)
    logging.basicConfig(
        stream=sys.stderr, level=options.log_level.upper(), format="snakepit-worker: %(levelname)s %(message)s"
    )
    channel = socket.socket(fileno=own.socket)
    channel.set_inheritable(False)
    app = try_load_app(options.app)
    if app is None:
        return EXIT_IMPORT
    if not call_hooks(app.before_fork_hooks, f"a before_fork hook of {options.app}"):
        return EXIT_IMPORT
    nursery = Nursery(channel)
    threads = find_lasting_threads()
    if threads:
        nursery.say("refused", refusal_of(threads))
        return EXIT_THREADS
    gc.collect()
    gc.freeze()  # no collection in a worker writes to these pages, so they stay shared
    request = nursery.serve()
    return EXIT_OK if request is None else run_born(app, request, options)


if __name__ == "__main__":
    sys.exit(main())
