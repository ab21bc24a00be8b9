"""Latencies at a fixed rate. The client submits by a schedule, whatever has come back, and takes each latency from the
moment in which the task was due, so that a standstill counts for every task that it delays: no coordinated omission."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable

from cells import Cell, Effort, Numbers, size_text, start_snakepit
from processes import Stage

DEFAULT_CELL = Cell(payload=64, transport="tcp", window=1000, workers=2)
OPEN_SECONDS = 5.0


def highest_rate(stage: Stage, effort: Effort, client: list[str]) -> float:
    """Of the closed loop: the median of three, after a warm-up."""

    def run(tasks: int) -> float:
        return json.loads(stage.run(*client, "-n", str(tasks)))["per_second"]

    rate = run(effort.warm_up)
    rate = run(effort.tasks_at(rate))
    return statistics.median(run(effort.tasks_at(rate)) for _ in range(3))


def measure_open(effort: Effort, cell: Cell, shares: list[float], tell: Callable[[Numbers], None]) -> list[Numbers]:
    """Offer each share of the highest rate in turn to one broker."""
    found = []
    with Stage(effort.build) as stage:
        client = start_snakepit(stage, effort, cell)
        top = highest_rate(stage, effort, client)
        for share in shares:
            rate = top * share
            tasks = effort.tasks or max(100, int(rate * OPEN_SECONDS * effort.seconds))
            numbers = json.loads(stage.run(*client, "-n", str(tasks), "-r", f"{rate:.0f}"))
            one = {"share": share, "highest_per_second": top, "offered_per_second": rate, **numbers}
            tell(one)
            found.append(one)
    return found


def open_head(cell: Cell) -> str:
    return (
        f"open loop, {size_text(cell.payload)}, {cell.transport}, {cell.workers} workers\n"
        f"{'share':>6} {'offered/s':>11} {'done/s':>11} {'p50 us':>9} {'p99 us':>9} {'p99.9 us':>9} {'p99.99 us':>9} "
        f"{'max us':>9}"
    )


def open_line(one: Numbers) -> str:
    times = "".join(f" {one[key]:>9,.0f}" for key in ("p50_us", "p99_us", "p999_us", "p9999_us", "max_us"))
    return f"{one['share']:>6.2f} {one['offered_per_second']:>11,.0f} {one['per_second']:>11,.0f}{times}"
