"""The event stream: the same names as in the log, and what is produced only while somebody listens."""

import time

import pytest
import zmq

from broker_process import BrokerProcess
from raw_peer import BYE, DRAINING, ERROR, EVENT, HEARTBEAT, RESULT, TASK, RawClient, RawWorker
from subscriber import Subscriber

QUICK = 'heartbeat = "200ms"; worker_grace = "200ms";'


@pytest.fixture
def quick_broker(folder):
    with BrokerProcess(folder, timers=QUICK, pools=("p", '{ name = "small"; queued_max = 2; }')) as process:
        yield process


def test_every_note_is_logged_and_published(any_broker):
    with Subscriber(any_broker, "worker.") as events, RawWorker(any_broker.workers) as worker:
        worker.hello(pool="p", name="w", slots=3)
        worker.send([DRAINING])
        worker.send([BYE, "enough"])
        who = {"pool": "p", "worker": worker.session, "worker_name": "w"}
        events.expect("worker.started", slots=3, seq=1, **who)
        events.expect("worker.draining", leases=0, **who)
        events.expect("worker.stopped", reason="enough", leases=0, **who)
        any_broker.wait_for_log("event=worker.started pool=p")
        any_broker.wait_for_log("reason=enough")


def test_an_applications_events_pass_through(broker):
    with Subscriber(broker, "app.") as events, RawWorker(broker.workers) as worker:
        worker.hello(name="w")
        worker.send([EVENT, "app.loaded", {"model": "small", "seconds": 0.5, "sizes": [1, 2]}], [EVENT, "app.plain"])
        event = events.expect("app.loaded", pool="p", worker=worker.session, worker_name="w")
        assert event["fields"] == {"model": "small", "seconds": 0.5, "sizes": [1, 2]}
        assert "fields" not in events.expect("app.plain")
        worker.send([EVENT, "worker.lost", {}])
        assert worker.expect(ERROR)[2] == "bad_field"
        events.expect_nothing()


def test_a_prefix_gives_only_its_events(broker):
    with (Subscriber(broker, "pool.") as events, RawWorker(broker.workers) as worker,
          RawClient(broker.clients) as client):
        worker.hello()
        client.admin("drain", pool="p")
        client.admin("resume", pool="p")
        events.expect("pool.draining", pool="p", seq=1)
        events.expect("pool.open", pool="p", seq=1)


def test_executed_requests_are_told_while_somebody_listens(any_broker):
    with RawWorker(any_broker.workers) as worker, RawClient(any_broker.clients) as client:
        worker.hello(name="w")
        client.submit(1, "p", "unheard")
        worker.serve_echo(1)
        client.expect(RESULT)
        with Subscriber(any_broker, "request.") as events:
            client.submit(2, "p", "heard")
            worker.serve_echo(1)
            event = events.expect("request.executed", pool="p", worker=worker.session, worker_name="w",
                                  function="heard", state="ok", attempt=1, seq=1)
            assert 0 <= event["wait_seconds"] < 5 and 0 <= event["run_seconds"] < 5
            client.submit(3, "p", "failing")
            fence = worker.expect(TASK)[1]
            worker.send([ERROR, fence, "failed", "no"])
            events.expect("request.executed", function="failing", state="failed", task=event["task"] + 1, seq=2)
        until = time.monotonic() + 10
        while client.admin("status")["events"]["subscriptions"] > 0:
            assert time.monotonic() < until, "the broker does not see the end of the subscription"
        published = client.admin("status")["events"]["published"]
        client.submit(4, "p", "unheard")
        worker.serve_echo(1)
        assert client.admin("status")["events"]["published"] == published


def test_a_worker_that_is_lost_stalled_or_comes_back_is_told(quick_broker):
    with Subscriber(quick_broker, "worker.", "task.") as events, RawClient(quick_broker.clients) as client:
        with RawWorker(quick_broker.workers) as worker:
            worker.hello()
            events.expect("worker.started")
            client.submit(1, "p", "f")
            fence = worker.expect(TASK)[1]
            events.expect("worker.stalled", leases=1)
            assert events.expect("worker.health_check_failed", leases=1)["silent_seconds"] >= 0.6
            worker.send([HEARTBEAT])
            events.expect("worker.recovered")
        events.expect("worker.detached", leases=1)
        events.expect("worker.lost", leases=1)
        events.expect("task.requeued", reason="worker lost", attempt=1)
        assert fence > 0


def test_capacity_is_told_when_tasks_wait_for_a_second(broker):
    with (Subscriber(broker, "pool.") as events, RawWorker(broker.workers) as worker,
          RawClient(broker.clients) as client):
        worker.hello(slots=2)
        for task in range(5):
            client.submit(task, "p", "f")
        events.expect("pool.capacity_reached", pool="p", slots=2, queued=3)
        events.expect_nothing()


def test_saturation_is_told_once(quick_broker):
    with Subscriber(quick_broker, "pool.saturated") as events, RawClient(quick_broker.clients) as client:
        for task in range(5):
            client.submit(task, "small", "f")
        events.expect("pool.saturated", pool="small", reason="pool.queued_max", queued=2)
        events.expect_nothing()


def test_clients_and_the_end_are_told(folder):
    with BrokerProcess(folder) as broker, Subscriber(broker, "client.", "broker.") as events:
        with RawClient(broker.clients) as client:
            client.hello(name="me")
            events.expect("client.connected", client_name="me")
            client.send([BYE, "done"])
            events.expect("client.gone", client_name="me", reason="said BYE")
        broker.signal(15)
        events.expect("broker.draining", running=0)


def test_a_slow_subscriber_loses_events_and_nobody_waits(folder):
    """It never reads. What waits for it is bounded, others get everything, and the loss is counted."""
    with BrokerProcess(folder, transport="tcp", log_level="info") as broker, RawWorker(broker.workers) as worker:
        worker.hello(slots=1000)
        with Subscriber(broker, "request.") as slow, RawClient(broker.clients) as client:
            slow.socket.close()
            slow.socket = slow.context.socket(zmq.SUB)
            slow.socket.setsockopt(zmq.RCVHWM, 1)
            slow.socket.setsockopt(zmq.RCVBUF, 4096)
            slow.socket.subscribe("request.")
            slow.socket.connect(broker.events)
            until = time.monotonic() + 60
            sent = 0
            while client.admin("status")["events"]["overruns"] == 0:
                assert time.monotonic() < until, "nothing was lost"
                for _ in range(1000):
                    client.submit(sent, "p", "f" * 255)
                    sent += 1
                worker.serve_echo(1000)
                for _ in range(1000):
                    client.expect(RESULT)
            with Subscriber(broker, "request.executed") as quick:
                client.submit(sent, "p", "last")
                worker.serve_echo(1)
                quick.expect("request.executed", function="last")


def test_a_subscription_that_is_too_long_ends_the_connection(any_broker):
    with zmq.Context() as context:
        sub = context.socket(zmq.SUB)
        sub.linger = 0
        monitor = sub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        sub.connect(any_broker.events)
        sub.subscribe(b"x" * 5_000)  # libzmq 4.3.5 recurses once per byte, and 100,000 overflow this stack
        assert monitor.poll(10000), "libzmq keeps what anybody sends"
        sub.disable_monitor()
        monitor.close(0)
        sub.close(0)


def test_subscribers_who_send_other_things_harm_nobody(any_broker):
    """An XSUB may send what it likes upstream; a subscription within a message of several parts is none."""
    with zmq.Context() as context, RawClient(any_broker.clients) as client:
        peer = context.socket(zmq.XSUB)
        peer.linger = 0
        peer.connect(any_broker.events)
        for _ in range(2000):
            peer.send_multipart([b"\x02hello", b"\x01request.", b"\x01worker."])
        peer.send(b"\x01request.executed")
        until = time.monotonic() + 10
        while client.admin("status")["events"]["subscriptions"] != 1:
            assert time.monotonic() < until
        peer.close(0)
