"""What the task threads have for the I/O thread: answers and parts of streams, encoded. No sockets."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from .encode import encode, encode_result, frames_of
from .message import Buffer, Chunk, Error, Result

__all__ = ["Answers"]

# So many parts of streams may wait to be sent; a generator that is faster than the network waits here.
CHUNKS_WAITING_MAX = 64

# Fence, encoded command, frames, whether it is final.
Waiting: TypeAlias = "tuple[int, bytes, tuple[Buffer, ...], bool]"


class Answers:
    """What the task threads have for the I/O thread: encoded commands. Any thread adds, the I/O thread takes.

    Waking the I/O thread costs more than a small task: a system call, and the GIL goes to and fro. So while it promises
    to look by itself soon (`is_watched`), a task thread that has more tasks waiting does not wake it.

    `wake` wakes the I/O thread; set it before the first task runs.
    """

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
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
        self.add(fence, command, frames, is_last=is_last)

    def add(self, fence: int, command: bytes, frames: tuple[Buffer, ...] = (), *, is_last: bool) -> None:
        """Add a final answer that is encoded."""
        self._waiting.append((fence, command, frames, True))
        if is_last or not self.is_watched:
            self.wake()

    def chunk(self, chunk: Chunk, /, *, is_blocking: bool = True) -> bool:
        """Add a part of a stream. Blocks while too many wait, or gives False."""
        if not self._chunk_room.acquire(blocking=is_blocking):
            return False
        assert isinstance(chunk.ref, int)
        self._waiting.append((chunk.ref, encode(chunk), frames_of(chunk), False))
        self.wake()
        return True

    def take_all(self) -> list[Waiting]:
        """Take what is there, the oldest first. For the I/O thread."""
        take = self._waiting.popleft
        return [take() for _ in range(len(self._waiting))]  # nobody else takes, so as many are there

    def chunks_sent(self, count: int) -> None:
        """Make room: so many chunks have left."""
        if count:
            self._chunk_room.release(count)
