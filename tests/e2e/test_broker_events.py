"""The event stream: the same names as in the log."""

import json

import zmq

from raw_peer import BYE, RawClient, RawWorker


def subscribe(broker, context, topic):
    socket = context.socket(zmq.SUB)
    socket.linger = 0
    socket.subscribe(topic)
    socket.connect(broker.events)
    return socket


def test_every_note_is_logged_and_published(any_broker):
    with RawClient(any_broker.clients) as client, RawWorker(any_broker.workers) as worker:
        sub = subscribe(any_broker, client.context, "worker.")
        # A subscription has no answer: make noise on its topic until it is heard.
        while not sub.poll(50):
            worker.hello(name="w")
            worker.send([BYE, "noise"])
        while sub.poll(100):
            sub.recv_multipart()
        worker.hello(pool="p", name="w")
        worker.send([BYE, "enough"])
        assert sub.poll(10000)
        topic, text = sub.recv_multipart()
        event = json.loads(text)
        assert topic == b"worker.started"
        assert (event["pool"], event["worker"], event["worker_name"]) == ("p", worker.session, "w")
        assert event["time"].endswith("Z")
        assert sub.poll(10000)
        topic, text = sub.recv_multipart()
        assert topic == b"worker.stopped" and json.loads(text)["reason"] == "enough"
        any_broker.wait_for_log("reason=enough")


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
