"""The DEALER socket with its monitor and wake-up pipe: the one module that touches ZeroMQ. Knows frames, no commands.

A Dealer belongs to one thread, the I/O thread; only `wake` is for others.
"""

from __future__ import annotations

import os
import struct
from collections import deque

import zmq

from .message import MESSAGE_FRAMES_MAX, Buffer
from .session import Outgoing

# Commands are joined into one message up to this size: big enough that its cost is shared by a thousand small tasks,
# small enough that the other side works on the first while the next is made.
BATCH_BYTES = 128 * 1024
# One turn of the loop reads at most so many messages, so that what they cause goes out in time.
TURN_MESSAGES_MAX = 64
# Frames from here on are handed to libzmq without a copy; below, the copy is cheaper than the bookkeeping.
ZERO_COPY_BYTES_MIN = 64 * 1024
# The longest pause is well below the broker's adopt_window: a worker has to be back in it.
RECONNECT_MS, RECONNECT_MS_MAX = 50, 500
LINGER_MS = 2000

_EVENT = struct.Struct("=HI")
_UP = zmq.EVENT_HANDSHAKE_SUCCEEDED
_DOWN = zmq.EVENT_DISCONNECTED


class Dealer:
    """A connection to one endpoint of the broker that comes back by itself.

    Args:
        endpoint: a ZeroMQ endpoint, for instance `tcp://127.0.0.1:5570`.

    Raises:
        ValueError: the endpoint is not one.
    """

    def __init__(self, endpoint: str) -> None:
        self._wake_read, self._wake_write = os.pipe()
        self._endpoint = endpoint
        self._context = zmq.Context()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._is_woken = False
        # What `wait` saw. Each call into libzmq lets go of the GIL, and costs up to a switch interval to get it back.
        self._has_events = self._has_messages = False
        self._unsent: tuple[bytes, list[Buffer]] | None = None
        self._awaits_room = False
        self._others: list[int] = []
        try:
            self._open()
        except zmq.ZMQError as error:
            self.close(linger_ms=0)
            hint = "" if "://" in endpoint else "; an endpoint is tcp://HOST:PORT or ipc:///PATH"
            raise ValueError(f"cannot connect to {endpoint!r}: {error}{hint}") from error

    def _open(self) -> None:
        self._socket = self._context.socket(zmq.DEALER)
        # No pipe without a connection: what a dead connection had not sent must not go out before the next HELLO.
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MS_MAX)
        self._socket.setsockopt(zmq.LINGER, LINGER_MS)
        # libzmq answers the broker's ZMTP heartbeats only while it reads, and it stops reading at this mark: with one,
        # a process whose GIL is held for seconds would look dead. What can arrive is bounded by what was asked for.
        self._socket.setsockopt(zmq.RCVHWM, 0)
        self._monitor = self._socket.get_monitor_socket(_UP | _DOWN)
        self._awaits_room = False
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._poller.register(self._wake_read, zmq.POLLIN)
        for fd in self._others:
            self._poller.register(fd, zmq.POLLIN)
        self._socket.connect(self._endpoint)

    def watch(self, fd: int) -> None:
        """Let `wait` end when this descriptor is readable or at its end."""
        self._others.append(fd)
        self._poller.register(fd, zmq.POLLIN)

    def wake(self) -> None:
        """Let `wait` end now. For any thread, and cheap when it was woken already."""
        if not self._is_woken:
            self._is_woken = True
            os.write(self._wake_write, b"\0")

    def wait(self, seconds: float | None) -> set[int]:
        """Sleep until something happens or the time is up (None: no limit); give the ready descriptors."""
        timeout_ms = None if seconds is None else max(0, int(seconds * 1000) + 1)
        ready = dict(self._poller.poll(timeout_ms))
        self._has_events = self._monitor in ready
        self._has_messages = self._socket in ready
        if self._wake_read in ready:
            os.read(self._wake_read, 512)
            # Before the caller looks at its queues: who adds to them from now on writes again.
            self._is_woken = False
        return {fd for fd in self._others if fd in ready}

    def link_events(self) -> list[bool]:
        """Give what happened to the connection since the last call, in order: True it stands, False it ended."""
        events = []
        while self._has_events and self._monitor.poll(0):
            event, _ = _EVENT.unpack(self._monitor.recv_multipart()[0])
            events.append(event == _UP)
        return events

    def receive(self) -> list[tuple[bytes, list[Buffer]]]:
        """Read what is there, at most TURN_MESSAGES_MAX messages: (control frame, attachment frames) each."""
        receive, option, more = self._socket.recv, self._socket.getsockopt, zmq.RCVMORE
        messages: list[tuple[bytes, list[Buffer]]] = []
        if not self._has_messages:
            return messages
        try:
            while len(messages) < TURN_MESSAGES_MAX:
                control = receive(zmq.NOBLOCK)
                frames: list[Buffer] = []
                while option(more):
                    frames.append(receive(copy=False).buffer)
                messages.append((control, frames))
        except zmq.Again:
            pass
        return messages

    def send(self, outbox: deque[Outgoing], control_bytes_max: int) -> None:
        """Send what stands in the outbox, as few messages as its size allows; what cannot go out now stays.

        No control frame is larger than control_bytes_max, unless a single command is.

        `wait` ends when more can go out.
        """
        try:
            while outbox or self._unsent:
                if self._unsent is None:
                    self._unsent = _join(outbox, min(BATCH_BYTES, control_bytes_max))
                control, frames = self._unsent
                if frames:
                    self._send_frames(control, frames)
                else:
                    self._socket.send(control, zmq.NOBLOCK)
                self._unsent = None
        except zmq.Again:
            self._await_room(True)
        else:
            if self._awaits_room:
                self._await_room(False)

    def _await_room(self, awaits_room: bool) -> None:
        self._awaits_room = awaits_room
        self._poller.register(self._socket, zmq.POLLIN | zmq.POLLOUT if awaits_room else zmq.POLLIN)

    def _send_frames(self, control: bytes, frames: list[Buffer]) -> None:
        # Only the first frame of a message can be refused: libzmq takes a message whole or not at all.
        self._socket.send(control, zmq.NOBLOCK | zmq.SNDMORE)
        last = len(frames) - 1
        for at, frame in enumerate(frames):
            is_copied = memoryview(frame).nbytes < ZERO_COPY_BYTES_MIN
            self._socket.send(frame, 0 if at == last else zmq.SNDMORE, copy=is_copied)

    @property
    def has_unsent(self) -> bool:
        """Whether a message waits for room."""
        return self._unsent is not None

    def forget_unsent(self) -> None:
        """Drop the message that waits for room: its connection is gone."""
        self._unsent = None

    def reconnect(self) -> None:
        """Throw the connection away and make a new one."""
        self._close_sockets(0)
        self._unsent = None
        self._open()

    def close(self, *, linger_ms: int = LINGER_MS) -> None:
        """End it; waits at most linger_ms for what was sent to go out."""
        self._is_woken = True
        self._close_sockets(linger_ms)
        self._context.term()

    def __del__(self) -> None:
        # Not in close: a wake that comes late must not write to a descriptor that is another's by then.
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _close_sockets(self, linger_ms: int) -> None:
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(linger_ms)


def _join(outbox: deque[Outgoing], bytes_max: int) -> tuple[bytes, list[Buffer]]:
    """Take commands from the outbox until a message is full; give its control frame and attachments."""
    commands: list[bytes] = []
    frames: list[Buffer] = []
    size = 0
    while outbox:
        command, attached = outbox[0]
        if commands and (size + len(command) > bytes_max or len(frames) + len(attached) > MESSAGE_FRAMES_MAX):
            break
        outbox.popleft()
        commands.append(command)
        size += len(command)
        if attached:
            frames.extend(attached)
            size += sum(memoryview(frame).nbytes for frame in attached)
    return b"".join(commands), frames
