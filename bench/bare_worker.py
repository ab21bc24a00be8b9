"""A bare Python worker, the ceiling that bench/python_worker holds Snakepit's against: it echoes, and promises nothing.

As thin as two threads can be: one has the socket and unpacks each message, the other decodes the arguments, calls the
function and packs all answers of a message into one. No leases kept, no cancel, no recall, no hooks, no limits, and no
fault of a peer survived. Speaks so much of SPIT/1 as bench/python_worker needs: HELLO, TASK, RESULT.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import Any

import msgpack
import zmq

HELLO, RESULT, TASK = 1, 11, 16


def echo(value: Any) -> Any:
    """The task."""
    return value


def run_tasks(inbox: queue.SimpleQueue[list[Any]], answers: queue.SimpleQueue[bytes], wake_fd: int) -> None:
    """What the task thread does."""
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    while True:
        commands = inbox.get()
        results = [pack((RESULT, fence, pack(echo(*unpack(payload)[0])))) for _, fence, _, _, payload, *_ in commands]
        answers.put(b"".join(results))
        os.write(wake_fd, b"\0")


def main() -> None:
    """Connect to the endpoint that is the one argument, and run until killed."""
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.connect(sys.argv[1])
    dealer.send(msgpack.packb([HELLO, "SPIT/1", "worker", {"pool": "echo"}]))
    inbox: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    wake_read, wake_write = os.pipe()
    threading.Thread(target=run_tasks, args=(inbox, answers, wake_write), daemon=True).start()
    poller = zmq.Poller()
    poller.register(dealer, zmq.POLLIN)
    poller.register(wake_read, zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if wake_read in ready:
            os.read(wake_read, 512)
            while not answers.empty():
                dealer.send(answers.get())
        while dealer in ready:
            try:
                unpacker = msgpack.Unpacker(use_list=False)
                unpacker.feed(dealer.recv(zmq.NOBLOCK))
                inbox.put([command for command in unpacker if command[0] == TASK])
            except zmq.Again:
                break


if __name__ == "__main__":
    main()
