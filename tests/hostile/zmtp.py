"""ZMTP 3.0 over a plain socket, written out, so that a test can do what libzmq never would. Uses no ZeroMQ."""

import contextlib
import socket
import struct

SIGNATURE = b"\xff" + bytes(7) + b"\x01\x7f"
MORE, LONG, COMMAND = 1, 2, 4
BOUND_SECONDS = 20.0


def greeting(major=3, minor=0, mechanism=b"NULL", as_server=0):
    return SIGNATURE + bytes([major, minor]) + mechanism.ljust(20, b"\0") + bytes([as_server]) + bytes(31)


def frame(body, flags=0):
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return struct.pack(">BQ", flags | LONG, len(body)) + body


def long_head(size, flags=0):
    """The head of a frame that claims so many bytes."""
    return struct.pack(">BQ", flags | LONG, size)


def ready(socket_type=b"DEALER", identity=b""):
    body = b"\x05READY"
    for name, value in ((b"Socket-Type", socket_type), (b"Identity", identity)):
        body += bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
    return frame(body, COMMAND)


def connect(endpoint, bound=BOUND_SECONDS):
    """A plain connection to a tcp:// or ipc:// endpoint."""
    if endpoint.startswith("ipc://"):
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(bound)
        raw.connect(endpoint[len("ipc://") :])
        return raw
    host, port = endpoint[len("tcp://") :].rsplit(":", 1)
    raw = socket.create_connection((host, int(port)), timeout=bound)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return raw


def shake_hands(raw, socket_type=b"DEALER", identity=b""):
    """The whole handshake; what the other side sends is read and not looked at."""
    raw.sendall(greeting())
    receive_exactly(raw, 64)
    raw.sendall(ready(socket_type, identity))
    head = receive_exactly(raw, 2)
    receive_exactly(raw, head[1])
    return raw


def open_peer(endpoint, bound=BOUND_SECONDS, identity=b""):
    return shake_hands(connect(endpoint, bound), identity=identity)


def receive_exactly(raw, count):
    data = b""
    while len(data) < count:
        piece = raw.recv(count - len(data))
        if not piece:
            raise ConnectionResetError("the other side has ended the connection")
        data += piece
    return data


def is_ended(raw, bound=BOUND_SECONDS):
    """Does the other side end the connection in time? What it says until then is passed over."""
    raw.settimeout(bound)
    try:
        while raw.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def reset(raw):
    """Close it with a reset, and not in good order."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    raw.close()


def close_all(sockets):
    for raw in sockets:
        with contextlib.suppress(OSError):
            raw.close()
