"""The demo: real work through two pools, a worker killed half-way, and a check that nothing was lost or done twice."""

import argparse
import concurrent.futures
import math
import os
import signal
import sys
import threading
import time
from collections import Counter
from typing import Any

from snakepit import Client, Options
from snakepit.future import TaskFuture

from inputs import make_integers, read_documents
from number_tasks import is_prime
from pit import Pit, is_alive
from report import Progress, percentile, print_table

Futures = dict[str, list[TaskFuture]]


class Finals:
    """Counts how often each task ended; written by the client's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[int]] = {}

    def watch(self, pool: str, futures: list[TaskFuture]) -> None:
        """Count the ends of these tasks, which belong to the pool."""
        self._counts[pool] = Counter()
        for number, future in enumerate(futures):
            future.add_done_callback(lambda _, number=number: self._count(pool, number))

    def _count(self, pool: str, number: int) -> None:
        with self._lock:
            self._counts[pool][number] += 1

    def done(self) -> dict[str, int]:
        """Give how many tasks of each pool have ended."""
        with self._lock:
            return {pool: len(counts) for pool, counts in self._counts.items()}

    def ended_once(self, pool: str) -> int:
        """Give how many tasks of the pool ended exactly once."""
        return sum(1 for count in self._counts[pool].values() if count == 1)


class Crew:
    """All workers that were ever seen, by session number."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.workers: dict[int, dict[str, Any]] = {}
        self.killed: int | None = None

    def look(self) -> list[dict[str, Any]]:
        """Ask the broker for its workers and remember them."""
        workers: list[dict[str, Any]] = self._client.admin("workers")
        self.workers.update((worker["id"], worker) for worker in workers)
        return workers

    def kill_one(self) -> dict[str, Any] | None:
        """Kill -9 a worker that runs a task, or tell that none does."""
        for worker in self.look():
            if worker["busy"] and worker["state"] == "ready":
                os.kill(worker["pid"], signal.SIGKILL)
                self.killed = worker["id"]
                return worker
        return None


def await_all(progress: Progress, finals: Finals, crew: Crew, futures: Futures) -> None:
    """Show progress until all tasks have ended; kill a worker when half of them have."""
    while progress.share() < 1.0:
        progress.update(finals.done())
        if crew.killed is None and progress.share() >= 0.5 and (worker := crew.kill_one()):
            progress.say(f"  ☠ kill -9 of worker {worker['name']} (pid {worker['pid']}) with a task in its hands")
        # Wait for whichever unfinished task is next, so that the loop turns as results come and never spins.
        waiting = next((f for group in futures.values() for f in group if not f.done()), None)
        if waiting is not None:
            try:
                waiting.exception(timeout=0.05)
            except concurrent.futures.TimeoutError:  # TimeoutError itself from Python 3.11 on
                continue


def check_text(documents: list[str], results: list[Any]) -> tuple[bool, str]:
    """Compare the counts with a count made here."""
    words = sum(len(document.split()) for document in documents)
    counted = sum(result["words"] for result in results)
    sizes_match = all(len(d) == r["characters"] for d, r in zip(documents, results, strict=True))
    return words == counted and sizes_match, f"{counted:,} words counted, {words:,} expected"


def check_numbers(integers: list[int], results: list[list[int]]) -> tuple[bool, str]:
    """Multiply the factors again, and test that each is prime."""
    right = sum(
        1
        for integer, factors in zip(integers, results, strict=True)
        if math.prod(factors) == integer and all(is_prime(factor) for factor in factors)
    )
    total = sum(math.prod(factors) for factors in results)
    expected = sum(integers)
    return right == len(integers) and total == expected, f"sum of products {total:,}, {expected:,} expected"


def print_pools(futures: Futures, seconds: float) -> None:
    """Print what each pool did."""
    rows = []
    for pool, group in futures.items():
        runs = [future.info["run_us"] / 1000 for future in group]
        repeated = sum(1 for future in group if future.info["attempt"] > 1)
        rate = round(len(group) / seconds)
        rows.append([pool, len(group), repeated, f"{percentile(runs, 50):.2f}", f"{percentile(runs, 99):.2f}", rate])
    print_table(["pool", "tasks", "run again", "p50 ms", "p99 ms", "tasks/s"], rows)


def print_workers(futures: Futures, crew: Crew) -> None:
    """Print what each worker did, the killed one too."""
    done = Counter(future.info["worker"] for group in futures.values() for future in group)
    rows = []
    for session, worker in sorted(crew.workers.items(), key=lambda item: (item[1]["pool"], item[0])):
        runs = [f.info["run_us"] / 1000 for f in futures[worker["pool"]] if f.info["worker"] == session]
        fate = "killed" if session == crew.killed else worker["state"]
        rows.append(
            [worker["name"], worker["pid"], done[session], f"{percentile(runs, 50):.2f}",
             f"{percentile(runs, 99):.2f}", fate]
        )  # fmt: skip
    print_table(["worker", "pid", "tasks", "p50 ms", "p99 ms", "state"], rows)


def judge(client: Client, finals: Finals, futures: Futures, checks: dict[str, tuple[bool, str]]) -> bool:
    """Print every check and tell whether all hold."""
    statistics = {pool["name"]: pool for pool in client.admin("pools")}
    all_hold = True
    for pool, (is_right, text) in checks.items():
        tasks = len(futures[pool])
        once = finals.ended_once(pool)
        succeeded = statistics[pool]["succeeded"]
        for holds, line in [
            (once == tasks, f"{pool}: {once} of {tasks} tasks ended exactly once"),
            (succeeded == tasks, f"{pool}: the broker counts {succeeded} ok, {statistics[pool]['requeued']} requeued"),
            (is_right, f"{pool}: {text}"),
        ]:
            print(f"  {'✓' if holds else '✗ WRONG'} {line}")
            all_hold = all_hold and holds
    return all_hold


def work(pit: Pit, documents: list[str], integers: list[int]) -> tuple[bool, list[int]]:
    """Run everything through the broker. Gives whether all checks hold, and the workers' process ids."""
    with Client(pit.endpoint, name="demo") as client:
        began = time.monotonic()
        pit.await_ready(client)
        print(f"  {2 * pit.workers} Python workers ready after {time.monotonic() - began:.1f} s")
        crew, finals = Crew(client), Finals()
        crew.look()
        totals = {"text": len(documents), "numbers": len(integers)}
        print(f"\nRunning {sum(totals.values())} tasks")
        progress, began = Progress(totals), time.monotonic()
        options = Options(info=True)
        futures: Futures = {
            "text": client.submit_many("text", "count_words", [(text,) for text in documents], options=options),
            "numbers": client.submit_many("numbers", "factorise", [(n,) for n in integers], options=options),
        }
        for pool, group in futures.items():
            finals.watch(pool, group)
        await_all(progress, finals, crew, futures)
        seconds = time.monotonic() - began
        pit.await_ready(client)
        crew.look()

        print(f"\nAll done in {seconds:.1f} s: {round(sum(totals.values()) / seconds):,} tasks/s\n")
        print_pools(futures, seconds)
        print()
        print_workers(futures, crew)
        print("\nChecks")
        results = {pool: [future.result() for future in group] for pool, group in futures.items()}
        checks = {
            "text": check_text(documents, results["text"]),
            "numbers": check_numbers(integers, results["numbers"]),
        }
        all_hold = judge(client, finals, futures, checks)
        killed = crew.workers.get(crew.killed or 0)
        print(f"  {'✓' if killed else '✗ WRONG'} a worker was killed half-way, and another took its place")
        return all_hold and killed is not None, [worker["pid"] for worker in crew.workers.values()]


def main() -> int:
    """Run the demo; 0 when every check holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snakepitd", required=True, help="the broker's program")
    parser.add_argument("--workers", type=int, default=2, help="workers for each pool (default 2)")
    parser.add_argument("--documents", type=int, default=1500, help="at most so many documents (default 1500)")
    parser.add_argument("--integers", type=int, default=3000, help="so many integers (default 3000)")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8 gets question marks, not a traceback

    documents, integers = read_documents(arguments.documents), make_integers(arguments.integers)
    megabytes = sum(map(len, documents)) / 1e6
    print(f"Input: {len(documents)} documents of this system ({megabytes:.1f} MB), {len(integers)} integers")
    print("Starting snakepitd with the pools text and numbers")
    with Pit(arguments.snakepitd, arguments.workers) as pit:
        all_hold, pids = work(pit, documents, integers)
    left = [pid for pid in pids if is_alive(pid)]
    print(f"  {'✗ WRONG' if left or pit.exit_status else '✓'} the broker drained and ended, nothing is left running")
    all_hold = all_hold and not left and pit.exit_status == 0
    print("\nEvery check holds." if all_hold else "\nSOMETHING IS WRONG, see above.")
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
