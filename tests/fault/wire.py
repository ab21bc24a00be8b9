"""SPIT/1 as the suite's own peers speak it. Uses no Snakepit code: a bug of the product's cannot hide in its mirror
image."""

import msgpack
import zmq

HELLO, WELCOME, REFUSE, HEARTBEAT, BYE, REHELLO = 1, 2, 3, 4, 5, 6
SUBMIT, ACCEPTED, CANCEL, RESULT, ERROR, CHUNK, SEEN = 8, 9, 10, 11, 12, 13, 14
TASK, STARTED, RECALL, NACK, DRAINING, STOP = 16, 17, 18, 19, 20, 21

EVENTS_OF_LOSS = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
INLINE_BYTES = 8192  # from here on a payload is an attachment


def encode(*commands):
    return b"".join(msgpack.packb(command) for command in commands)


def split(data):
    """A payload and its frames, as they stand in a command and behind it."""
    return (1, [data]) if len(data) >= INLINE_BYTES else (data, [])


class Link:
    """One DEALER connection that knows when it ended. `recv` gives commands; a payload that is frames becomes bytes."""

    PAYLOAD_AT = {RESULT: 2, TASK: 4, CHUNK: 3}

    def __init__(self, context, endpoint):
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.sndhwm = 0
        # libzmq must not reconnect by itself: what waits for the old connection would go out before the next HELLO.
        self.socket.reconnect_ivl = -1
        self.monitor = self.socket.get_monitor_socket(EVENTS_OF_LOSS)
        self.poller = zmq.Poller()
        self.poller.register(self.socket, zmq.POLLIN)
        self.poller.register(self.monitor, zmq.POLLIN)
        self.socket.connect(endpoint)

    def close(self, linger_ms=0):
        self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close(linger_ms)

    def send(self, *commands, frames=()):
        """ConnectionResetError: the connection has ended."""
        try:
            self.socket.send_multipart([encode(*commands), *frames], zmq.NOBLOCK)
        except zmq.Again:
            raise ConnectionResetError from None

    def wait(self, seconds):
        """True when something can be received; ConnectionResetError when the connection ended and nothing is left."""
        ready = dict(self.poller.poll(max(0, int(seconds * 1000))))
        if self.socket in ready:
            return True
        if self.monitor in ready:
            raise ConnectionResetError
        return False

    def receive(self):
        """The commands of the next message."""
        control, *frames = self.socket.recv_multipart()
        unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=0)
        unpacker.feed(control)
        for command in unpacker:
            at = self.PAYLOAD_AT.get(command[0])
            if at is not None and at < len(command) and isinstance(command[at], int):
                count = command[at]
                command[at] = frames[0] if frames else b""
                del frames[:count]
            yield command
