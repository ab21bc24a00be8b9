"""Listens to the broker's events. Uses no Snakepit code."""

import json
import time

import zmq

from raw_peer import RawClient


class Subscriber:
    """A SUB socket that the broker has seen before anything is done."""

    def __init__(self, broker, *prefixes):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.linger = 0
        for prefix in prefixes:
            self.socket.subscribe(prefix)
        self.socket.connect(broker.events)
        with RawClient(broker.clients) as client:
            until = time.monotonic() + 10
            while client.admin("status")["events"]["subscriptions"] < len(prefixes):
                assert time.monotonic() < until, "the broker does not see the subscription"

    def next(self, bound_ms=10000):
        assert self.socket.poll(bound_ms), "no event"
        topic, text = self.socket.recv_multipart()
        event = json.loads(text)
        assert event["event"] == topic.decode() and event["time"].endswith("Z")
        return event

    def expect(self, name, **fields):
        event = self.next()
        assert event["event"] == name, event
        assert fields.items() <= event.items(), event
        return event

    def expect_nothing(self, bound_ms=300):
        assert not self.socket.poll(bound_ms), self.next()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.context.destroy()
