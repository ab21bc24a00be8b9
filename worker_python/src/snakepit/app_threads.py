"""Threads that run jobs, with an app's hooks at their beginning and end. As many as are needed, up to a number."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from .app import App
from .thread_local import close_thread_values

__all__ = ["AppThreads"]


class AppThreads:
    """Runs jobs in threads that stay for the next one. `put` and `close` belong to one thread, or to one lock.

    Args:
        app: whose thread hooks they call.
        threads_max: how many jobs run at one time.
        name: what the threads' names begin with.
    """

    def __init__(self, app: App, threads_max: int, name: str) -> None:
        self._app = app
        self._threads_max = threads_max
        self._name = name
        self._threads: list[threading.Thread] = []
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)

    def put(self, job: Callable[[], None]) -> None:
        """Let a thread run this; it must not raise. Raises what a start hook raises, and then runs nothing."""
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._threads_max:
            self._start()
        self._inbox.put(job)

    def close(self) -> None:
        """Wait until all jobs and the threads have ended."""
        for _ in self._threads:
            self._inbox.put(None)
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._run, args=(outcome,), name=name, daemon=True)
        thread.start()
        fault = outcome.get()
        if fault is not None:
            raise fault
        self._threads.append(thread)

    def _run(self, outcome: queue.SimpleQueue[BaseException | None]) -> None:
        try:
            for hook in self._app.thread_start_hooks:
                hook()
        except BaseException as error:
            outcome.put(error)
            return
        outcome.put(None)
        while (job := self._inbox.get()) is not None:
            job()
            self._idle.release()
        self._app.run_stop_hooks(self._app.thread_stop_hooks)
        close_thread_values()
