"""Where tasks run: the main thread (process profile), or several task threads (thread profile). No sockets.

The I/O thread puts leases into one inbox; whoever is free takes the next. Answers go back through `Answers`.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from .app import App
from .encode import encode, encode_result, frames_of
from .message import Buffer, Chunk, Error, Result
from .perform import perform, perform_async
from .task import RunningTask, TaskFunction

# So many parts of streams may wait to be sent; a generator that is faster than the network waits here.
CHUNKS_WAITING_MAX = 64

# Fence, encoded command, frames, whether it is final.
Waiting: TypeAlias = "tuple[int, bytes, tuple[Buffer, ...], bool]"

_log = logging.getLogger("snakepit.worker")


class Answers:
    """What the task threads have for the I/O thread: encoded commands. Any thread adds, the I/O thread takes.

    Waking the I/O thread costs more than a small task: a system call, and the GIL goes to and fro. So while it promises
    to look by itself soon (`is_watched`), a task thread that has more tasks waiting does not wake it.

    Args:
        wake: wakes the I/O thread.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: deque[Waiting] = deque()
        self._chunk_room = threading.Semaphore(CHUNKS_WAITING_MAX)
        # Set and cleared by the I/O thread, which looks once more after it has cleared it.
        self.is_watched = False

    def answer(self, answer: Result | Error, *, is_last: bool = True) -> None:
        """Add the final answer of a task. `is_last`: the thread has no other task to go on with."""
        if type(answer) is Result:
            payload = answer.payload
            command = encode_result(answer.ref, payload, answer.info)
            frames = payload if isinstance(payload, tuple) else ()
        else:
            command, frames = encode(answer), ()
        fence = answer.ref
        assert isinstance(fence, int)
        self._waiting.append((fence, command, frames, True))
        if is_last or not self.is_watched:
            self._wake()

    def chunk(self, chunk: Chunk) -> None:
        """Add a part of a stream. Blocks while too many wait."""
        self._chunk_room.acquire()
        assert isinstance(chunk.ref, int)
        self._waiting.append((chunk.ref, encode(chunk), frames_of(chunk), False))
        self._wake()

    def take_all(self) -> list[Waiting]:
        """Take what is there, the oldest first. For the I/O thread."""
        taken: list[Waiting] = []
        take, add = self._waiting.popleft, taken.append
        try:
            while True:
                add(take())
        except IndexError:
            return taken

    def chunks_sent(self, count: int) -> None:
        """Make room: so many chunks have left."""
        if count:
            self._chunk_room.release(count)


class Runner:
    """Runs what the inbox brings.

    Args:
        app: the tasks.
        begin: claims a task by its fence; False when it was taken back meanwhile.
        answers: takes the answers.
        slots: how many tasks the broker may send at one time.
    """

    def __init__(self, app: App, begin: Callable[[int], bool], answers: Answers, slots: int) -> None:
        self._app = app
        self._begin = begin
        self._answers = answers
        self._slots = slots
        self._inbox: queue.SimpleQueue[RunningTask | None] = queue.SimpleQueue()
        self._notify: Callable[[], Any] | None = None
        self._threads: list[threading.Thread] = []

    # --- for the I/O thread ---

    def put(self, tasks: list[RunningTask]) -> None:
        """Hand over tasks in order. For the I/O thread; never blocks."""
        for task in tasks:
            self._inbox.put(task)
        if self._notify is not None:
            self._notify()

    def stop(self) -> None:
        """Let everyone end who waits for tasks."""
        for _ in range(max(1, len(self._threads))):
            self._inbox.put(None)
        if self._notify is not None:
            self._notify()

    @property
    def has_waiting(self) -> bool:
        """Whether tasks wait for a thread."""
        return not self._inbox.empty()

    # --- for the main thread ---

    def run_process(self) -> None:
        """Run tasks in the calling thread until stop: one after the other, coroutines side by side up to `slots`."""
        has_async = any(task.is_async for task in self._app.tasks.values())
        if has_async and self._slots > 1:
            asyncio.run(self._serve())
        else:
            self._run_thread()

    def run_threads(self) -> None:
        """Run tasks in `slots` threads until stop."""
        for number in range(self._slots):
            # Daemons: a forced end must not wait for a task that never does.
            thread = threading.Thread(target=self._run_thread_guarded, name=f"snakepit-task-{number}", daemon=True)
            self._threads.append(thread)
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    def _run_thread_guarded(self) -> None:
        try:
            self._run_thread()
        except BaseException:
            _log.critical("a task thread ended by a fault", exc_info=True)
            raise

    def _run_thread(self) -> None:
        for hook in self._app.thread_start_hooks:
            hook()
        app, inbox, begin, answers = self._app, self._inbox, self._begin, self._answers
        tasks = app.tasks
        loop: asyncio.AbstractEventLoop | None = None
        try:
            while (running := inbox.get()) is not None:
                command = running.command
                if not begin(command.fence):
                    continue
                definition = tasks.get(command.function)
                if definition is not None and definition.is_async:
                    loop = loop or asyncio.new_event_loop()
                    answer = loop.run_until_complete(perform_async(app, definition, running, answers.chunk))
                else:
                    answer = perform(app, definition, running, answers.chunk)
                answers.answer(answer, is_last=inbox.empty())
        finally:
            if loop is not None:
                loop.close()

    # --- coroutines side by side ---

    async def _serve(self) -> None:
        for hook in self._app.thread_start_hooks:
            hook()
        loop, wake = asyncio.get_running_loop(), asyncio.Event()
        self._notify = lambda: None if loop.is_closed() else loop.call_soon_threadsafe(wake.set)
        wake.set()  # what came before there was a notify
        active: set[asyncio.Task[None]] = set()
        is_open = True
        while is_open:
            await wake.wait()
            wake.clear()
            while is_open and not self._inbox.empty():
                running = self._inbox.get_nowait()
                is_open = running is not None
                if running is not None and self._begin(running.fence):
                    self._start(running, active)
                    if active:
                        await asyncio.sleep(0)  # coroutines go on between two tasks that are none
        if active:
            await asyncio.wait(active)

    def _start(self, running: RunningTask, active: set[asyncio.Task[None]]) -> None:
        definition = self._app.tasks.get(running.function)
        if definition is None or not definition.is_async:
            answer = perform(self._app, definition, running, self._answers.chunk)
            self._answers.answer(answer, is_last=self._inbox.empty())
            return
        task = asyncio.get_running_loop().create_task(self._run_async(definition, running))
        active.add(task)
        task.add_done_callback(active.discard)

    async def _run_async(self, definition: TaskFunction, running: RunningTask) -> None:
        answer = await perform_async(self._app, definition, running, self._answers.chunk)
        self._answers.answer(answer)
