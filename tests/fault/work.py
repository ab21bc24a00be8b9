"""What the tasks of the suite do, whoever runs them: write that an attempt begins, do something, write that it ends.

The arguments are (uid, what, ms, filler); the result is [attempt, fence, filler]: it tells the client which attempt
made it."""

import os
import time

from journal import Journal, digest, now


class PlannedFailure(Exception):
    """What a task raises that is to fail."""


class Performer:
    def __init__(self, path, pool):
        self.journal = Journal(path)
        self.pool = pool
        self.pid = os.getpid()

    def begin(self, uid, attempt, fence, function, filler):
        self.journal.write("B", uid, attempt, fence, self.pid, now(), digest(filler), function, self.pool)

    def end(self, fence):
        self.journal.write("E", fence, self.pid, now())

    def perform(self, arguments, attempt, fence, function):
        uid, what, ms, filler = arguments
        self.begin(uid, attempt, fence, function, filler)
        if ms:
            (burn if what == "burn" else time.sleep)(ms / 1000)
        self.end(fence)
        if what == "fail":
            raise PlannedFailure(uid)
        return [attempt, fence, filler]


def burn(seconds):
    """Compute without pause."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
