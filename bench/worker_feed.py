"""A ROUTER in the broker's place that feeds one worker frames of many tasks, as one that sends ahead does.

It keeps no promise either and costs next to nothing: the frames are made before the clock starts, and the answers are
checked, each one, when it has stopped. What it measures is the worker.
"""

from __future__ import annotations

import time
from typing import Any

import msgpack
import zmq

HEARTBEAT, RESULT, TASK, WELCOME = 4, 11, 16, 2
# Fences from here on have nine bytes on the wire, so that all commands of one kind are of one size.
FENCE_FIRST = 1 << 32
ORIGIN = bytes(24)  # what the broker adds to a task of a client that said HELLO
RESULT_HEAD = msgpack.packb([RESULT, FENCE_FIRST, b""])[:3]
TIMEOUT_MS = HEARTBEAT_MS = 60_000


class Feed:
    """One worker's counterpart. Give `endpoint` to the worker, then `greet` it, then `run`.

    Args:
        frame_tasks: how many tasks a message has.
        argument: what each task gets, bytes; it must come back.
    """

    def __init__(self, frame_tasks: int, argument: bytes) -> None:
        self._frame_tasks = frame_tasks
        self._payload = msgpack.packb([[argument]])
        self._expected = msgpack.packb(argument)
        self._fence = FENCE_FIRST
        self._router = zmq.Context.instance().socket(zmq.ROUTER)
        self._router.setsockopt(zmq.RCVTIMEO, TIMEOUT_MS)
        port = self._router.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self._peer = b""

    def close(self) -> None:
        """Close the socket."""
        self._router.close(0)

    def greet(self) -> None:
        """Wait for the worker's HELLO and welcome it. Its heartbeats need no answer before a minute is over."""
        self._peer, _ = self._router.recv_multipart()
        self._router.send_multipart([self._peer, msgpack.packb([WELCOME, 1, {"heartbeat_ms": HEARTBEAT_MS}])])

    def run(self, tasks: int, window: int) -> float:
        """Run so many tasks, `window` under way at a time; give the seconds. RuntimeError: an answer is wrong."""
        first, size = self._fence, self._frame_tasks
        frames = [self._make_frame(size) for _ in range(tasks // size)]
        frames.reverse()
        messages: list[bytes] = []
        left, under_way = tasks // size * size, 0
        began_s = time.perf_counter()
        while left:
            while frames and (under_way == 0 or under_way + size <= window):
                self._router.send(self._peer, zmq.SNDMORE)
                self._router.send(frames.pop())
                under_way += size
            self._router.recv()
            messages.append(self._router.recv())
            done = messages[-1].count(RESULT_HEAD)
            under_way, left = under_way - done, left - done
        seconds = time.perf_counter() - began_s
        self._check(messages, set(range(first, self._fence)))
        return seconds

    def _check(self, messages: list[bytes], missing: set[int]) -> None:
        for message in messages:
            unpacker = msgpack.Unpacker()
            unpacker.feed(message)
            for command in unpacker:
                if command[0] == RESULT:
                    missing.remove(command[1])  # a KeyError: twice, or never asked for
                    if command[2:] != [self._expected]:
                        raise RuntimeError(f"a wrong answer: {command}")
                elif command[0] != HEARTBEAT:
                    raise RuntimeError(f"an odd answer: {command}")
        if missing:
            raise RuntimeError(f"{len(missing)} tasks have no answer")

    def _make_frame(self, count: int) -> bytes:
        fences = range(self._fence, self._fence + count)
        self._fence += count
        options: dict[str, Any] = {"origin": ORIGIN}
        return b"".join(msgpack.packb([TASK, fence, 1, "echo", self._payload, options]) for fence in fences)
