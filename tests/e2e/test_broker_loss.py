"""Connections that end: seen at once, and nothing that was sent before the end is lost."""

import os
import socket
import time

from broker_process import BrokerProcess, WorkerProcess
from raw_peer import HELLO, RESULT, SUBMIT, TASK, WELCOME, RawClient, RawWorker, encode


def test_a_killed_workers_task_runs_elsewhere_well_under_a_second(any_broker):
    with RawClient(any_broker.clients) as client, RawWorker(any_broker.workers) as heir:
        with WorkerProcess(any_broker.workers) as victim:
            client.submit(1, "p", "hang")
            victim.expect("hang")
            heir.hello()
            killed = time.monotonic()
            victim.kill()
            task = heir.expect(TASK)
            seconds = time.monotonic() - killed
        assert task[2] == 2
        assert 0.4 < seconds < 0.9, f"{seconds:.3f} s, of which worker_grace is 0.5"
        heir.send([RESULT, task[1], b"done"])
        assert client.expect(RESULT)[2:4] == [b"done", {"attempt": 2}]


def test_a_kill_is_seen_in_milliseconds(any_broker):
    with WorkerProcess(any_broker.workers) as victim:
        any_broker.wait_for_log("worker.started")
        killed = time.monotonic()
        victim.kill()
        any_broker.wait_for_log("worker.detached")
        assert time.monotonic() - killed < 0.2


def test_a_result_sent_right_before_the_end_counts(any_broker):
    with RawClient(any_broker.clients) as client:
        for n in range(1, 31):
            with WorkerProcess(any_broker.workers):
                client.submit(n, "p", "last_words", b"%d" % n)
                assert client.expect(RESULT)[1:3] == [n, b"%d" % n]
        pool = client.admin("pools", pool="p")[0]
        assert (pool["succeeded"], pool["requeued"]) == (30, 0)


def test_a_worker_that_comes_back_within_the_grace_keeps_its_lease(any_broker):
    with RawClient(any_broker.clients) as client, RawWorker(any_broker.workers) as second:
        with RawWorker(any_broker.workers) as first:
            first.hello()
            client.submit(1, "p", "echo", b"kept")
            task = first.expect(TASK)
            session = first.session
        any_broker.wait_for_log("worker.detached")
        second.send([HELLO, "SPIT/1", "worker", {"pool": "p", "slots": 1, "pid": os.getpid(), "session": session,
                                                  "leases": [task[1]]}])
        welcome = second.expect(WELCOME)
        assert welcome[1] == session and welcome[2]["resumed"] and welcome[2]["leases"] == [task[1]]
        second.send([RESULT, task[1], task[4]])
        assert client.expect(RESULT)[1:3] == [1, b"kept"]
        assert client.admin("pools", pool="p")[0]["requeued"] == 0


def test_many_connections_that_come_and_go_leave_nobody_behind(any_broker):
    """Descriptors are reused all the time here: each end must be told of the right peer."""
    with RawClient(any_broker.clients) as client, RawWorker(any_broker.workers) as worker:
        worker.hello(slots=64)
        client.hello()
        for n in range(1, 41):
            others = [RawClient(any_broker.clients) for _ in range(5)]
            for other in others:
                other.send([HELLO, "SPIT/1", "client", {"instance": bytes([n]) * 16}])
            for other in others[::2]:
                other.close()
            client.submit(n, "p", "echo", b"%d" % n)
            worker.serve_echo(1)
            assert client.expect(RESULT)[1:3] == [n, b"%d" % n]
            for other in others[1::2]:
                other.close()
        # The broker may still be reading of the last ends; its own count tells when it knows all.
        until = time.monotonic() + 10
        while client.admin("status")["link"]["peers"] > 2:
            assert time.monotonic() < until, client.admin("status")["link"]


def test_whoever_comes_after_a_port_probe_is_served(folder):
    """The probe's descriptor is given to the next connection, while the probe's end may still be unread."""
    with BrokerProcess(folder, transport="tcp") as broker:
        port = int(broker.workers.rsplit(":", 1)[1])
        for _ in range(300):
            socket.create_connection(("127.0.0.1", port)).close()
            with RawWorker(broker.workers) as worker:
                worker.hello()


def test_no_ghost_stays_of_workers_that_end_at_once(any_broker):
    """The end may be seen before the HELLO is read, when another worker has the descriptor already."""
    with RawClient(any_broker.clients) as client:
        for n in range(200):
            with RawWorker(any_broker.workers) as ghost:
                ghost.send([HELLO, "SPIT/1", "worker", {"pool": "p"}])
                ghost.socket.linger = 1000
            if n % 3 == 0 and any_broker.workers.startswith("tcp:"):
                socket.create_connection(("127.0.0.1", int(any_broker.workers.rsplit(":", 1)[1]))).close()
        until = time.monotonic() + 10
        while True:
            status = client.admin("status")
            if status["workers"] == 0 and status["link"]["peers"] == 1:
                break
            assert time.monotonic() < until, status


def zmtp_greeting():
    """Greeting and READY of a DEALER: what libzmq sends by itself before the first message."""
    ready = b"\5READY" + b"\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER" + b"\x08Identity" + bytes(4)
    return b"\xff" + bytes(8) + b"\x7f" + b"\3\0" + b"NULL".ljust(52, b"\0"), b"\4" + bytes([len(ready)]) + ready


def visit(port, count, frames):
    """Connect so many times, send the frames on all connections, and end all of them at once."""
    greeting, ready = zmtp_greeting()
    visitors = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    for visitor in visitors:
        visitor.sendall(greeting)
        while len(visitor.recv(64, socket.MSG_PEEK)) < 64:
            pass
        visitor.recv(64)
        visitor.sendall(ready)
        visitor.recv(1000)
    for visitor in visitors:
        visitor.sendall(frames)
    for visitor in visitors:
        visitor.close()


def test_visitors_that_end_with_their_first_message_do_not_pile_up(tcp_broker):
    """Their ends are seen before their messages are read, and as REQ sockets they may not be asked if they stand."""
    port = int(tcp_broker.clients.rsplit(":", 1)[1])
    submit = encode([SUBMIT, 1, "p", "f", b""])
    frames = b"\1\0" + b"\0" + bytes([len(submit)]) + submit
    with RawClient(tcp_broker.clients) as client:
        for _ in range(20):
            visit(port, 30, frames)
        until = time.monotonic() + 10
        while (status := client.admin("status"))["tasks"] < 600 or status["clients"] > 60:
            assert time.monotonic() < until, status


def test_a_peer_older_than_zmtp_3_is_not_heard(tcp_broker):
    """libzmq does not tell such a peer's descriptor, so its end would never be seen."""
    port = int(tcp_broker.clients.rsplit(":", 1)[1])
    submit = encode([SUBMIT, 1, "p", "f", b""])
    with RawClient(tcp_broker.clients) as client:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as visitor:
                visitor.sendall(b"\1\0" + bytes([len(submit) + 1]) + b"\0" + submit)
        until = time.monotonic() + 10
        while (status := client.admin("status"))["link"]["faults"] < 20:
            assert time.monotonic() < until, status
        assert (status["link"]["peers"], status["tasks"]) == (1, 0)
