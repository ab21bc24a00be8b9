"""The app for the product's own workers: the suite's tasks, logged to $FAULT_EXECUTIONS."""

import ctypes
import os

import snakepit

from work import Performer

app = snakepit.App()
performers = {}


def performer():
    """One for each process: a nursery forks after the import."""
    pid = os.getpid()
    if pid not in performers:
        performers[pid] = Performer(os.environ["FAULT_EXECUTIONS"], snakepit.current_task().pool)
    return performers[pid]


@app.task
def work(uid, what, ms, filler):
    task = snakepit.current_task()
    return performer().perform((uid, what, ms, bytes(filler)), task.attempt, task.fence, "work")


@app.task
def hold_gil(uid, what, ms, filler):
    """A C call that keeps the GIL: no other thread of this process runs meanwhile."""
    task = snakepit.current_task()
    mine = performer()
    mine.begin(uid, task.attempt, task.fence, "hold_gil", bytes(filler))
    ctypes.PyDLL(None).usleep(int(ms * 1000) % 1_000_000)
    ctypes.PyDLL(None).sleep(int(ms // 1000))
    mine.end(task.fence)
    return [task.attempt, task.fence, bytes(filler)]


@app.task
def eat(uid, what, ms, filler):
    """Take more memory than the process may have."""
    task = snakepit.current_task()
    mine = performer()
    mine.begin(uid, task.attempt, task.fence, "eat", bytes(filler))
    try:
        hoard = bytearray(ms * 1024 * 1024)
        del hoard
    finally:
        mine.end(task.fence)
    return [task.attempt, task.fence, bytes(filler)]
