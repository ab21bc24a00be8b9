"""Calls to the pool `$snakepit`."""

import time

import msgpack
import pytest
import zmq

from broker_process import BrokerProcess
from raw_peer import ACCEPTED, CANCEL, ERROR, RESULT, SUBMIT, TASK, RawClient, RawWorker, call_payload, decode, encode

POOLS = ("p", '{ name = "q"; queued_max = 7; }')


@pytest.fixture
def two_pools(folder):
    with BrokerProcess(folder, pools=POOLS) as broker:
        yield broker


def test_ping_says_who_answers(broker):
    with RawClient(broker.clients) as client:
        answer = client.admin("ping")
        assert answer["pid"] == broker.pid and answer["protocol"] == "SPIT/1"
        assert abs(answer["epoch"] - time.time()) < 60
        assert isinstance(answer["uptime_seconds"], float)


def test_status_and_pools_count(two_pools):
    with RawClient(two_pools.clients) as client, RawWorker(two_pools.workers) as worker:
        worker.hello(pool="p", slots=2)
        client.hello()
        for n in range(3):
            client.submit(n, "p", "echo", ack=True)
            client.expect(ACCEPTED)
        status = client.admin("status")
        assert (status["state"], status["clients"], status["workers"], status["tasks"]) == ("running", 1, 1, 3)
        p, q = status["pools"]
        keys = ("name", "queued", "running", "workers", "slots", "slots_busy")
        assert [p[key] for key in keys] == ["p", 1, 2, 1, 2, 2]
        assert (q["name"], q["queued_max"], q["state"]) == ("q", 7, "open")
        assert client.admin("pools", pool="q") == [q]
        worker.serve_echo(3)
        for _ in range(3):
            client.expect(RESULT)
        assert client.admin("pools", pool="p")[0]["succeeded"] == 3


def test_workers_and_tasks_are_listed(two_pools):
    with RawClient(two_pools.clients) as client, RawWorker(two_pools.workers) as worker:
        worker.hello(pool="p", name="w1", host="h1", python="3.11.2", profile="thread")
        for n, pool in enumerate(("p", "p", "q")):
            client.submit(n, pool, f"f{n}", ack=True)
            client.expect(ACCEPTED)
        [listed] = client.admin("workers")
        assert [listed[key] for key in ("name", "pool", "host", "python", "profile", "slots", "busy", "state")] == \
            ["w1", "p", "h1", "3.11.2", "thread", 1, 1, "ready"]
        assert client.admin("workers", pool="q") == []
        tasks = client.admin("tasks")
        assert [(task["function"], task["pool"], task["state"]) for task in tasks] == \
            [("f0", "p", "running"), ("f1", "p", "queued"), ("f2", "q", "queued")]
        assert tasks[0]["worker"] == listed["id"]
        assert [task["function"] for task in client.admin("tasks", pool="p", limit=1)] == ["f0"]


def test_a_long_list_comes_as_an_attachment(broker):
    with RawClient(broker.clients) as client:
        client.hello()
        client.send(*([SUBMIT, n, "p", "f" * 250, b"\x90"] for n in range(1000)))
        client.submit(b"list", "$snakepit", "tasks", call_payload(limit=1000))
        command, frames = client.expect_with_frames(RESULT)
        assert command[2] == 1 and len(msgpack.unpackb(frames[0])) == 1000


def test_cancel_of_a_queued_and_of_a_running_task(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello()
        client.hello()
        client.submit(1, "p", "echo")
        task = worker.expect(TASK)
        client.submit(2, "p", "echo", ack=True)
        queued = client.expect(ACCEPTED)[2]
        assert client.admin("cancel", task=queued) == {"state": "cancelled"}
        assert client.expect(ERROR)[1:3] == [2, "cancelled"]
        running = client.admin("tasks")[0]["task"]
        assert client.admin("cancel", task=running) == {"state": "asked"}
        assert worker.expect(CANCEL)[1] == task[1]
        assert client.admin("cancel", task=queued)[2] == "not_found"


def test_a_drained_pool_refuses_until_it_is_resumed(two_pools):
    with RawClient(two_pools.clients) as client:
        client.hello()
        assert client.admin("drain", pool="p") == {"state": "draining"}
        client.submit(1, "p", "echo")
        assert client.expect(ERROR)[1:3] == [1, "draining"]
        client.submit(2, "q", "echo", ack=True)
        client.expect(ACCEPTED)
        assert client.admin("resume", pool="p") == {"state": "open"}
        client.submit(1, "p", "echo", ack=True)
        client.expect(ACCEPTED)
        assert client.admin("drain") == {"state": "draining"}
        assert [pool["state"] for pool in client.admin("pools")] == ["draining", "draining"]


def test_await_ready_answers_when_the_workers_are_there(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as first, RawWorker(broker.workers) as second:
        client.submit(1, "$snakepit", "await_ready", call_payload(pool="p", workers=2))
        first.hello()
        client.expect_nothing(0.05)
        second.hello()
        assert msgpack.unpackb(client.expect(RESULT)[2]) == {"ready": True}
        assert client.admin("await_ready", pool="p") == {"ready": True}


def test_await_ready_expires_to_the_millisecond(broker):
    with RawClient(broker.clients) as client:
        asked = time.monotonic()
        answer = client.admin("await_ready", pool="p", workers=1, timeout_ms=200)
        assert answer[2] == "expired"
        assert 0.2 <= time.monotonic() - asked < 0.5


def test_so_many_may_await_workers_and_one_more_is_refused(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        waits_max = 1000
        payload = call_payload(pool="p")
        client.send(*([SUBMIT, n, "$snakepit", "await_ready", payload, {}] for n in range(waits_max + 1)))
        refused = client.expect(ERROR)
        assert (refused[1], refused[2]) == (waits_max, "busy")
        worker.hello()
        assert {client.expect(RESULT)[1] for _ in range(waits_max)} == set(range(waits_max))
        assert client.admin("await_ready", pool="p") == {"ready": True}


def test_await_ready_of_a_client_that_left_is_forgotten(broker):
    with RawWorker(broker.workers) as worker, RawClient(broker.clients) as client:
        with RawClient(broker.clients) as leaver:
            leaver.submit(1, "$snakepit", "await_ready", call_payload(pool="p"))
            assert leaver.admin("ping")
        until = time.monotonic() + 10
        while client.admin("status")["link"]["peers"] > 1:
            assert time.monotonic() < until
        worker.hello()
        assert client.admin("status")["link"]["undeliverable"] == 0


@pytest.mark.parametrize("function, payload, code, words", [
    ("reboot", b"\x90", "no_such_function", "await_ready"),
    ("tasks", call_payload(pol="p"), "bad_field", "pool, limit"),
    ("tasks", call_payload(limit="many"), "bad_field", "limit must be an integer"),
    ("tasks", call_payload(limit=1001), "bad_field", "from 0 to 1000"),
    ("tasks", call_payload("p"), "bad_payload", "named"),
    ("tasks", b"\xc1", "bad_payload", "[args, kwargs]"),
    ("pools", call_payload(pool="nope"), "no_such_pool", 'no pool is named "nope"; the pools are "p"'),
    ("drain", call_payload(pool="nope"), "no_such_pool", "p"),
    ("cancel", b"\x90", "bad_field", "required"),
    ("cancel", call_payload(task=1), "not_found", "1"),
    ("ping", call_payload(pool="p"), "bad_field", "allowed: none"),
])
def test_a_wrong_call_says_what_is_allowed(broker, function, payload, code, words):
    with RawClient(broker.clients) as client:
        client.submit(7, "$snakepit", function, payload)
        error = client.expect(ERROR)
        assert error[1:3] == [7, code] and words in error[3]


def test_a_req_socket_can_call_too(broker):
    with RawClient(broker.clients) as client:
        req = client.context.socket(zmq.REQ)
        req.connect(broker.clients)
        req.send(encode([SUBMIT, 1, "$snakepit", "ping", b""]))
        assert req.poll(10000)
        assert decode(req.recv())[0][:2] == [RESULT, 1]
