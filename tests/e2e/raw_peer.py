"""Peers that speak SPIT/1 frame by frame, so that a test sees exactly what the broker sends. Uses no Snakepit code."""

import os
import time
from collections import deque

import msgpack
import zmq

HELLO, WELCOME, REFUSE, HEARTBEAT, BYE, REHELLO = 1, 2, 3, 4, 5, 6
SUBMIT, ACCEPTED, CANCEL, RESULT, ERROR, CHUNK, SEEN = 8, 9, 10, 11, 12, 13, 14
TASK, STARTED, RECALL, NACK, DRAINING, STOP = 16, 17, 18, 19, 20, 21
EVENT = 29

BOUND_SECONDS = 10.0


def encode(*commands):
    """One control frame."""
    return b"".join(msgpack.packb(command) for command in commands)


def decode(control):
    """The commands of one control frame."""
    unpacker = msgpack.Unpacker(strict_map_key=False)
    unpacker.feed(control)
    return list(unpacker)


def call_payload(*args, **kwargs):
    return msgpack.packb([list(args), kwargs])


class RawPeer:
    """One DEALER. `inbox` holds (command, frames of its message) that were received and not yet asked for."""

    def __init__(self, endpoint, **options):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        for name, value in options.items():
            setattr(self.socket, name, value)
        self.socket.connect(endpoint)
        self.inbox = deque()
        self.messages = 0

    def close(self):
        self.socket.close()
        self.context.destroy()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *commands, frames=()):
        self.send_frames(encode(*commands), *frames)

    def send_frames(self, *frames):
        self.socket.send_multipart(frames, copy=True)

    def _take_message(self, until):
        left_ms = max(0, int((until - time.monotonic()) * 1000))
        if not self.socket.poll(left_ms):
            return False
        control, *frames = self.socket.recv_multipart()
        self.messages += 1
        self.inbox.extend((command, frames) for command in decode(control))
        return True

    def expect_with_frames(self, verb, bound=BOUND_SECONDS):
        """The next command, which must have this verb; heartbeats are passed over."""
        until = time.monotonic() + bound
        while True:
            while self.inbox:
                command, frames = self.inbox.popleft()
                if command[0] == HEARTBEAT and verb != HEARTBEAT:
                    continue
                assert command[0] == verb, f"expected verb {verb}, got {command}"
                return command, frames
            assert self._take_message(until), f"no command {verb} within {bound} s"

    def expect(self, verb, bound=BOUND_SECONDS):
        return self.expect_with_frames(verb, bound)[0]

    def expect_nothing(self, bound):
        """Nothing but heartbeats comes for so long: only for what must not happen."""
        until = time.monotonic() + bound
        while self._take_message(until):
            pass
        rest = [command for command, _ in self.inbox if command[0] != HEARTBEAT]
        assert not rest, f"unexpected {rest}"


class RawClient(RawPeer):
    def hello(self, instance=None, **facts):
        self.instance = instance or os.urandom(16)
        self.send([HELLO, "SPIT/1", "client", {"instance": self.instance, **facts}])
        return self.expect(WELCOME)

    def submit(self, task_id, pool, function, payload=b"\x90", **options):
        self.send([SUBMIT, task_id, pool, function, payload, options])

    def admin(self, function, bound=BOUND_SECONDS, **arguments):
        """The value that an admin call answers; an ERROR is given as the whole command."""
        self.submit(b"admin", "$snakepit", function, call_payload(**arguments))
        until = time.monotonic() + bound
        while True:
            for index, (command, _) in enumerate(self.inbox):
                if command[0] in (RESULT, ERROR) and command[1] == b"admin":
                    del self.inbox[index]
                    return msgpack.unpackb(command[2]) if command[0] == RESULT else command
            assert self._take_message(until), f"no answer to {function}"


class RawWorker(RawPeer):
    def hello(self, pool="p", slots=1, **facts):
        self.send([HELLO, "SPIT/1", "worker", {"pool": pool, "slots": slots, "pid": os.getpid(), **facts}])
        welcome = self.expect(WELCOME)
        self.session = welcome[1]
        return welcome

    def serve_echo(self, count):
        """Answer so many tasks with their own payload."""
        for _ in range(count):
            task, frames = self.expect_with_frames(TASK)
            self.send([RESULT, task[1], task[4]], frames=frames)
