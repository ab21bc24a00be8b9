"""Where tasks run: the main thread (process profile), or several task threads (thread profile). No sockets.

The I/O thread puts leases into one inbox; whoever is free takes the next. Answers go back through `Answers`.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .answers import Answers
from .app import App
from .home import Home
from .message import Error, Result
from .perform import perform, thread_unsafe
from .plain import PlainTasks
from .task import RunningTask, TaskFunction
from .thread_local import close_thread_values

if TYPE_CHECKING:
    import asyncio

__all__ = ["Runner"]

_log = logging.getLogger("snakepit.worker")


@dataclass
class _Own:
    """What one task thread has for itself."""

    plain: PlainTasks
    loop: asyncio.AbstractEventLoop | None = None  # once a coroutine was run


class Runner:
    """Runs what the inbox brings. `start`, then `connect`, then `run`.

    Args:
        app: the tasks.
        slots: how many tasks the broker may send at one time.
        threads: how many threads run them; 0: the main thread, one after the other, coroutines side by side.
        home: what tasks get beside their arguments.
        refuses_unsafe: whether a task that is not thread-safe is answered with an error where several threads run
            tasks; else such tasks run there one at a time.
    """

    def __init__(
        self, app: App, slots: int, threads: int = 0, *, home: Home | None = None, refuses_unsafe: bool = False
    ) -> None:
        self.answers = Answers()
        self._app = app
        self._home = home
        self._slots = slots
        self._threads_wanted = threads
        self._begin: Callable[[int], bool] = lambda _: False
        self._inbox: queue.SimpleQueue[list[RunningTask] | None] = queue.SimpleQueue()
        self._notify: Callable[[], Any] | None = None
        self._threads: list[threading.Thread] = []
        unsafe = app.unsafe_tasks if threads > 1 else frozenset()
        self._refused = unsafe if refuses_unsafe else frozenset()
        self._locked = frozenset() if refuses_unsafe else unsafe
        self._one_at_a_time = threading.Lock()

    def connect(self, begin: Callable[[int], bool], wake: Callable[[], None]) -> None:
        """Say how a task is claimed by its fence (False: it was taken back), and how the I/O thread is woken."""
        self._begin = begin
        self.answers.wake = wake

    # --- for the I/O thread ---

    def put(self, tasks: list[RunningTask]) -> None:
        """Hand over tasks in order, and the list, too. For the I/O thread; never blocks."""
        home = self._home
        for task in tasks:
            task.home = home
        if self._threads_wanted > 1:  # each takes one, so that none waits behind another while a thread is free
            for task in tasks:
                self._inbox.put([task])
        elif tasks:
            self._inbox.put(tasks)
        if self._notify is not None:
            self._notify()

    def stop(self) -> None:
        """Let everyone end who waits for tasks."""
        for _ in range(max(1, len(self._threads))):
            self._inbox.put(None)
        if self._notify is not None:
            self._notify()

    # --- for the main thread ---

    def start(self) -> None:
        """Set up the threads: returns when each has run its hooks, so that a worker says HELLO when it can work.

        Raises:
            BaseException: what a hook raised.
        """
        if not self._threads_wanted:
            self._run_hooks()
            return
        outcomes: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        for number in range(self._threads_wanted):
            # Daemons: a forced end must not wait for a task that never does.
            thread = threading.Thread(target=self._run_thread, args=(outcomes,), name=f"snakepit-task-{number}",
                                      daemon=True)  # fmt: skip
            self._threads.append(thread)
            thread.start()
        for _ in self._threads:
            fault = outcomes.get()
            if fault is not None:
                raise fault

    def run(self) -> None:
        """Run tasks until stop, and then the hooks for the threads' end."""
        if self._threads_wanted:
            for thread in self._threads:
                thread.join()
            return
        if self._slots > 1 and any(task.is_async for task in self._app.tasks.values()):
            import asyncio

            from .coroutines import serve

            asyncio.run(serve(self))
        else:
            self._run_tasks()
        self._run_stop_hooks()

    # --- a thread ---

    def _run_thread(self, outcomes: queue.SimpleQueue[BaseException | None]) -> None:
        try:
            self._run_hooks()
        except BaseException as error:  # the main thread ends the process with it
            outcomes.put(error)
            return
        outcomes.put(None)
        try:
            self._run_tasks()
            self._run_stop_hooks()
        except BaseException:
            _log.critical("a task thread ended by a fault", exc_info=True)
            raise

    def _run_hooks(self) -> None:
        for hook in self._app.thread_start_hooks:
            hook()

    def _run_stop_hooks(self) -> None:
        self._app.run_stop_hooks(self._app.thread_stop_hooks)
        close_thread_values()

    def _run_tasks(self) -> None:
        inbox, locked, own = self._inbox, self._locked, _Own(PlainTasks(self._app, self.answers))
        try:
            while (tasks := inbox.get()) is not None:
                tasks.reverse()
                while tasks:
                    running = tasks.pop()  # so that the list does not keep what is done
                    is_last = not tasks and inbox.empty()
                    if locked and running.command.function in locked:
                        # The lock comes before the claim: what waits for it can still be recalled for a free worker.
                        with self._one_at_a_time:
                            self._run_one(running, own, is_last)
                    else:
                        self._run_one(running, own, is_last)
        finally:
            if own.loop is not None:
                own.loop.close()

    def _run_one(self, running: RunningTask, own: _Own, is_last: bool) -> None:
        """Run a task, if it still is ours."""
        if not self._begin(running.command[0]):  # its fence
            return
        if not self._refused and own.plain.run(running, is_last):
            return
        definition = self._app.tasks.get(running.command.function)
        if definition is not None and definition.is_async and definition.name not in self._refused:
            import asyncio

            from .perform_async import perform_async

            own.loop = own.loop or asyncio.new_event_loop()
            answer = own.loop.run_until_complete(perform_async(self._app, definition, running, self.answers.chunk))
        else:
            answer = self.perform(definition, running)
        self.answers.answer(answer, is_last=is_last)

    def perform(self, definition: TaskFunction | None, running: RunningTask) -> Result | Error:
        """Run a task that is no coroutine in the calling thread, or refuse it."""
        if self._refused and running.function in self._refused:
            return thread_unsafe(running)
        return perform(self._app, definition, running, self.answers.chunk)

    # --- for coroutines ---

    def begin(self, fence: int) -> bool:
        """Claim a task by its fence; False: it was taken back."""
        return self._begin(fence)

    @property
    def app(self) -> App:
        """Whose tasks it runs."""
        return self._app

    @property
    def inbox(self) -> queue.SimpleQueue[list[RunningTask] | None]:
        """What waits, in lists that are not empty; None is the end."""
        return self._inbox

    def on_put(self, notify: Callable[[], Any]) -> None:
        """Call this, in the I/O thread, when something was put into the inbox."""
        self._notify = notify
