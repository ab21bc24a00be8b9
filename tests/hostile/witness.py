"""A well-behaved client and worker beside an attack: they must be served all the time, and nothing may be left."""

import contextlib
import os
import resource
import threading
import time

from broker_process import BrokerProcess
from raw_peer import RESULT, RawClient, RawWorker

MIB = 1024 * 1024
# Sanitizers keep freed memory and make everything several times as slow.
IS_SANITIZED = os.environ.get("SNAKEPIT_SANITIZED") == "1"
LATENCY_SECONDS = 10.0 if IS_SANITIZED else 4.0
SETTLE_SECONDS = 20.0


def raise_descriptors():
    """As many as are allowed, for this process and for what it starts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wait_until(condition, what, bound=SETTLE_SECONDS):
    until = time.monotonic() + bound
    while not condition():
        assert time.monotonic() < until, f"not within {bound} s: {what}"
        time.sleep(0.02)


class Witness(threading.Thread):
    """Calls an echo of its own pool again and again, in a thread; remembers how long each call took."""

    def __init__(self, broker):
        super().__init__(daemon=True)
        self.broker = broker
        self.is_over = threading.Event()
        self.latencies = []
        self.failure = None

    def run(self):
        try:
            with RawClient(self.broker.clients) as client, RawWorker(self.broker.workers) as worker:
                client.hello(name="witness")
                worker.hello(pool="calm")
                number = 0
                while not self.is_over.is_set():
                    number += 1
                    began = time.monotonic()
                    client.submit(number, "calm", "echo", b"%d" % number)
                    worker.serve_echo(1)
                    result = client.expect(RESULT)
                    assert result[1:3] == [number, b"%d" % number], f"a wrong answer: {result}"
                    client.send([14, number])
                    self.latencies.append(time.monotonic() - began)
                    self.is_over.wait(0.005)
        except BaseException as failure:  # of any kind: the test must end with it
            self.failure = failure

    def finish(self):
        self.is_over.set()
        self.join(30)
        if self.failure:
            raise self.failure
        assert len(self.latencies) > 3, "the witness was hardly served"
        assert max(self.latencies) < LATENCY_SECONDS, f"it waited {max(self.latencies):.2f} s"


def descriptors(broker):
    return len(os.listdir(f"/proc/{broker.pid}/fd"))


def status(broker):
    """What the broker says of itself, asked by a client of its own."""
    with RawClient(broker.clients) as client:
        return client.admin("status")


@contextlib.contextmanager
def besieged(folder, transport="tcp", grows_bytes=64 * MIB, limits="", **settings):
    """A broker with the pools `p` and `calm`, and a witness. At the end: it has served the witness all the time, its
    memory stayed bounded, and its descriptors are back."""
    with BrokerProcess(
        folder, transport=transport, pools=("p", "calm"), limits=limits, log_level="info", **settings
    ) as broker:
        witness = Witness(broker)
        witness.start()
        wait_until(lambda: len(witness.latencies) > 3 or witness.failure, "the witness is served")
        broker.peak_bytes = before_bytes = broker.rss_bytes()
        before = descriptors(broker)
        watcher = Watcher(broker)
        watcher.start()
        yield broker
        wait_until(lambda: descriptors(broker) <= before, "its descriptors are closed")
        watcher.finish()
        witness.finish()
        if not IS_SANITIZED:
            grown = broker.peak_bytes - before_bytes
            assert grown < grows_bytes, f"its memory grew by {grown // MIB} MiB"


class Watcher(threading.Thread):
    """Keeps the peak of the broker's resident memory."""

    def __init__(self, broker):
        super().__init__(daemon=True)
        self.broker = broker
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(0.02):
            with contextlib.suppress(OSError):
                self.broker.peak_bytes = max(self.broker.peak_bytes, self.broker.rss_bytes())

    def finish(self):
        self.is_over.set()
        self.join(10)


def link(broker):
    """The broker's own counters."""
    return status(broker)["link"]


def link_quietly(broker):
    """Without a connection: what the log says."""
    return sum("peer.endless" in line for line in broker.log)
