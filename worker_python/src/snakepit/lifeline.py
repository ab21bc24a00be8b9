"""A pipe whose other end the parent holds: when it ends, the parent has ended in whatever way, and so must we."""

from __future__ import annotations

import fcntl
import os
import select


class Lifeline:
    """The read end of a parent's pipe.

    Besides being watched by the I/O thread, it is armed in the kernel: at its end the process gets SIGIO, whose default
    is to end it. That also ends a worker whose task holds the GIL in C code and never comes back, where no Python
    thread can run any more. The signal is set on a descriptor of our own: workers of one agent share the inherited one.

    Args:
        fd: the inherited descriptor. Nothing is ever written to the pipe.

    Raises:
        OSError: it is not open.
    """

    def __init__(self, fd: int) -> None:
        os.fstat(fd)
        self.fd = fd
        self._armed_fd = _arm(fd)

    def has_ended(self) -> bool:
        """Tell whether the parent has ended. Does not block."""
        readable, _, _ = select.select([self.fd], [], [], 0)
        return bool(readable) and os.read(self.fd, 1) == b""


def _arm(fd: int) -> int:
    """Open the pipe once more, and let the kernel signal its end. -1 where that cannot be, as with sockets."""
    try:
        own_fd = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(own_fd, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(own_fd, fcntl.F_SETFL, fcntl.fcntl(own_fd, fcntl.F_GETFL) | os.O_ASYNC)
    except OSError:
        return -1
    return own_fd
