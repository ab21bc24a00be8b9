"""A client that uses the Python package, with the arguments and the log of client.py. Of what the broker says it sees
what its futures tell: one end for each task."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import snakepit

from client import Settings
from journal import Journal, digest, now
from plan import plan_tasks


def options_of(plan):
    given = plan.options
    return snakepit.Options(
        priority=given.get("priority", 5),
        max_attempts=given["max_attempts"],
        delay_seconds=given.get("delay_ms", 0) / 1000,
        deadline_seconds=given["deadline_ms"] / 1000 if "deadline_ms" in given else None,
        on_loss=given.get("on_loss", "requeue"),
    )


def main(settings):
    journal = Journal(Path(settings.folder) / f"client-{settings.client}.log")
    room = threading.Semaphore(settings.window)
    futures = []

    def take(future, plan):
        try:
            error = future.exception()
        except snakepit.TaskCancelled as cancelled:
            error = cancelled
        if error is None:
            attempt, fence, filler = future.result()
            journal.write("F", plan.uid, now(), 0, "ok", attempt, fence, digest(filler))
        else:
            journal.write("F", plan.uid, now(), 0, error.code, 1, "-", "-")
        room.release()

    with snakepit.Client(settings.endpoint, name=f"product-{settings.client}") as client:
        for plan in plan_tasks(
            settings.seed, settings.client, settings.tasks, settings.mix, settings.pools, settings.ms
        ):
            if not room.acquire(timeout=settings.patience):
                return 3
            options = plan.options
            journal.write(
                "S",
                plan.uid,
                now(),
                digest(plan.filler),
                "work",
                plan.pool,
                options.get("priority", 5),
                options.get("delay_ms", 0),
                options.get("deadline_ms", 0),
                int(options.get("on_loss") == "lost"),
                plan.expected,
            )
            future = client.submit(
                plan.pool, "work", plan.uid, plan.what, plan.ms, plan.filler, options=options_of(plan)
            )
            future.add_done_callback(lambda done, plan=plan: take(done, plan))
            futures.append(future)
            if plan.is_cancelled:
                future.cancel()
        for _ in range(settings.window):
            if not room.acquire(timeout=settings.patience):
                return 3
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    sys.exit(main(Settings(**json.loads(sys.argv[1]))))
