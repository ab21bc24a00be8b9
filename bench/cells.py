"""One cell of the table of round trips: a payload, a transport, a window, a number of workers; and the systems measured
in it. Each is started afresh, warmed up, and then given as many tasks as it does in the time that was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from processes import Stage, await_listener, endpoints_for

IN_FLIGHT_BYTES_MAX = 100 * 2**20  # more would measure the memory, and the client's limit in Snakepit is 256 MiB

Numbers = dict[str, float]


@dataclass(frozen=True)
class Cell:
    payload: int
    transport: str
    window: int
    workers: int

    def __str__(self) -> str:
        return f"{size_text(self.payload):>7}  {self.transport:<4} {self.window:>6} {self.workers:>7}"

    @property
    def is_sensible(self) -> bool:
        return self.payload * self.window <= IN_FLIGHT_BYTES_MAX


@dataclass(frozen=True)
class Effort:
    """How much is measured: seconds, or a fixed number of tasks."""

    build: Path
    seconds: float
    tasks: int | None
    warm_up: int
    slots: int

    def tasks_at(self, per_second: float, window: int = 20) -> int:
        """At least five windows, or it would be the start that is measured."""
        return self.tasks or max(5 * window, int(per_second * self.seconds))


def size_text(size: int) -> str:
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"


def measure(effort: Effort, cell: Cell, run: Callable[[int], Numbers]) -> Numbers:
    """Warm up with a few tasks and then with more, the last rate of which says how many the measurement takes."""
    rate = run(min(effort.warm_up, max(20, cell.window)))["per_second"]
    rate = run(min(effort.warm_up, max(20, cell.window, int(rate / 4))))["per_second"]
    return run(effort.tasks_at(rate, cell.window))


def snakepit(effort: Effort, cell: Cell) -> Numbers:
    """snakepitd with C workers and the C client: queues, leases and accounts for each task."""
    with Stage(effort.build) as stage:
        client = start_snakepit(stage, effort, cell)
        return measure(effort, cell, lambda tasks: json.loads(stage.run(*client, "-n", str(tasks))))


def start_snakepit(stage: Stage, effort: Effort, cell: Cell) -> list[str]:
    """Start broker and workers; the command of the client, but for the number of tasks."""
    _, clients, workers = stage.start_broker(cell.transport)
    for _ in range(cell.workers):
        stage.start("bench/echo_worker", "-e", workers, "-s", str(effort.slots))
    return ["bench/echo_client", "-e", clients, "-w", str(cell.window), "-b", str(cell.payload)]


def zmq_proxy(effort: Effort, cell: Cell) -> Numbers:
    """zmq_proxy, ROUTER to DEALER: one raw message per task, no queue of its own."""
    return raw(effort, cell, "bench/proxy", [])


def lru_broker(effort: Effort, cell: Cell) -> Numbers:
    """The least-recently-used broker, ROUTER to ROUTER: one raw message per task, one task per worker at a time."""
    return raw(effort, cell, "bench/lru_broker", ["-r"])


def raw(effort: Effort, cell: Cell, broker: str, worker_arguments: list[str]) -> Numbers:
    with Stage(effort.build) as stage:
        clients, workers = endpoints_for(cell.transport, stage.folder)
        stage.start(broker, clients, workers)
        await_listener(clients)
        await_listener(workers)
        for _ in range(cell.workers):
            stage.start("bench/proxy_worker", *worker_arguments, workers)
        rest = [str(cell.window), str(cell.payload)]
        return measure(
            effort, cell, lambda tasks: json.loads(stage.run("bench/proxy_client", clients, str(tasks), *rest))
        )


def push_pull(effort: Effort, cell: Cell) -> Numbers:
    """One connection, one way: what libzmq itself can send and receive. Window and workers have no meaning."""
    with Stage(effort.build) as stage:

        def run(tasks: int) -> Numbers:
            endpoint, _ = endpoints_for(cell.transport, stage.folder)
            return json.loads(stage.run("bench/push_pull", endpoint, str(tasks), str(cell.payload)))

        return measure(effort, cell, run)


# The first is what the others are compared with.
SYSTEMS: dict[str, Callable[[Effort, Cell], Numbers]] = {
    "snakepit": snakepit,
    "zmq_proxy": zmq_proxy,
    "lru_broker": lru_broker,
    "push_pull": push_pull,
}
