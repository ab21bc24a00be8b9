"""Tasks that are sent before a slot is free for them, and what is asked back, however fast the machine is."""

import time

import pytest

from broker_process import BrokerProcess
from raw_peer import BOUND_SECONDS, NACK, RECALL, RESULT, TASK, RawClient, RawWorker

POOL = '{ name = "p"; prefetch = 4; }'


@pytest.fixture
def ahead_broker(folder):
    with BrokerProcess(folder, pools=(POOL,)) as process:
        yield process


def read(worker, held, wait_ms):
    """Take what has come: TASKs are held, RECALLs of begun tasks say nothing. Gives the fences of the RECALLs."""
    recalled = []
    if not worker.inbox and not worker.socket.poll(wait_ms):
        return recalled
    while worker.socket.poll(0):
        worker._take_message(time.monotonic())
    while worker.inbox:
        command, _ = worker.inbox.popleft()
        if command[0] == TASK:
            held.append(command)
        elif command[0] == RECALL:
            recalled.append(command[1])
    return recalled


def answer(worker, held):
    task = held.pop(0)
    worker.send([RESULT, task[1], task[4]])


def hold_two(client, worker):
    """Submit and answer short tasks until the worker of one slot holds two; gives those and the last id."""
    until = time.monotonic() + BOUND_SECONDS
    ids, answered, held = 0, 0, []
    while time.monotonic() < until:
        while ids - answered < 20:
            ids += 1
            client.submit(ids, "p", "short", b"%d" % ids)
        read(worker, held, 100)
        if len(held) > 1:
            return held, ids
        if held:
            answer(worker, held)
            answered += 1
    raise AssertionError("nothing was ever sent ahead")


def results(client, ids, *workers):
    """Let the workers answer all that they get; each result must come once."""
    seen = {}
    until = time.monotonic() + BOUND_SECONDS
    while len(seen) < ids:
        assert time.monotonic() < until, f"{len(seen)} of {ids} ended"
        for worker in workers:
            held = []
            read(worker, held, 1)
            while held:
                answer(worker, held)
        while client.socket.poll(0):
            client._take_message(until)
        while client.inbox:
            command, _ = client.inbox.popleft()
            if command[0] == RESULT:
                assert command[1] not in seen
                seen[command[1]] = command[2]
    assert all(value == b"%d" % number for number, value in seen.items())


def test_a_task_that_waits_is_recalled_for_a_worker_that_is_free(ahead_broker):
    with RawClient(ahead_broker.clients) as client, RawWorker(ahead_broker.workers) as busy:
        busy.hello()
        held, ids = hold_two(client, busy)
        with RawWorker(ahead_broker.workers) as free:
            free.hello()
            until = time.monotonic() + BOUND_SECONDS
            recalled, elsewhere, again = {}, [], None
            while not again:  # the first runs for ever; what waits behind it comes back and runs elsewhere
                assert time.monotonic() < until, f"recalled: {len(recalled)}"
                for fence in read(busy, held, 10):
                    task = next((task for task in held[1:] if task[1] == fence), None)
                    if task:
                        held.remove(task)
                        recalled[task[4]] = task
                        busy.send([NACK, fence, "recalled"])
                read(free, elsewhere, 10)
                while elsewhere:
                    again = elsewhere[0] if elsewhere[0][4] in recalled else again
                    answer(free, elsewhere)
            assert again[2] == recalled[again[4]][2] + 1
            while held:
                answer(busy, held)
            results(client, ids, busy, free)


def test_without_prefetch_a_worker_with_one_slot_gets_one_task(folder):
    with BrokerProcess(folder) as broker, RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello()
        for number in range(1, 101):
            client.submit(number, "p", "short")
        for _ in range(100):
            task = worker.expect(TASK)
            assert not worker.inbox
            worker.send([RESULT, task[1], task[4]])
