"""A link that is cut without a word: the kernels find it, at default settings within 5 s, and nobody asks before that.

The worker lives in a network namespace of its own, so the tests need root."""

import os
import subprocess
import sys
import time
import uuid

import pytest

from broker_process import HERE, BrokerProcess, WorkerProcess, free_ports
from raw_peer import ACCEPTED, RESULT, TASK, RawClient, RawWorker

BOUND_SECONDS = 5.0  # semantics: P11


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


class CuttableLink:
    """A pair of virtual Ethernet devices: one end is here, the other in a new network namespace."""

    def __init__(self):
        unique = uuid.uuid4().hex[:6]
        self.namespace, self.here, self.there = f"spit{unique}", f"spa{unique}", f"spb{unique}"
        net = int(unique, 16) % (64 * 256)
        self.address = f"100.{64 + net // 256}.{net % 256}.1"
        self.peer = f"100.{64 + net // 256}.{net % 256}.2"

    def __enter__(self):
        run("ip", "netns", "add", self.namespace)
        run("ip", "link", "add", self.here, "type", "veth", "peer", "name", self.there, "netns", self.namespace)
        run("ip", "addr", "add", f"{self.address}/30", "dev", self.here)
        run("ip", "link", "set", self.here, "up")
        run("ip", "-n", self.namespace, "addr", "add", f"{self.peer}/30", "dev", self.there)
        run("ip", "-n", self.namespace, "link", "set", self.there, "up")
        return self

    def __exit__(self, *_):
        run("ip", "netns", "del", self.namespace)

    def cut(self):
        """From now on nobody there knows the address: packets to it vanish, and none come from it."""
        run("ip", "-n", self.namespace, "addr", "flush", "dev", self.there)


def can_make_links():
    try:
        with CuttableLink():
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not can_make_links(), reason="needs to make network namespaces")


class RemoteWorker(WorkerProcess):
    """raw_worker.py at the other end of a link."""

    def __init__(self, link, endpoint, slots=1):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", link.namespace, sys.executable, str(HERE / "raw_worker.py"), endpoint, "p",
             str(slots)],
            stdout=subprocess.PIPE, text=True)
        self.expect("ready")


def broker_on(link, folder):
    clients, workers = free_ports(2)
    addresses = {"clients": f"tcp://127.0.0.1:{clients}", "workers": f"tcp://{link.address}:{workers}", "events": ""}
    return BrokerProcess(folder, addresses=addresses, more="insecure = true;")


def test_a_task_behind_a_cut_link_runs_elsewhere_in_time(tmp_path):
    with CuttableLink() as link, broker_on(link, tmp_path) as broker:
        with (RawClient(broker.clients) as client, RawWorker(broker.workers) as heir,
              RemoteWorker(link, broker.workers) as far):
            client.submit(1, "p", "hang")
            far.expect("hang")
            heir.hello()
            cut = time.monotonic()
            link.cut()
            task = heir.expect(TASK)
            seconds = time.monotonic() - cut
            assert seconds < BOUND_SECONDS, f"{seconds:.2f} s"
            heir.send([RESULT, task[1], b"done"])
            assert client.expect(RESULT)[2] == b"done"


def test_a_task_that_was_sent_into_a_cut_link_runs_elsewhere_in_time(tmp_path):
    """The kernel does not ask a peer from whom it waits for an acknowledgement."""
    with CuttableLink() as link, broker_on(link, tmp_path) as broker:
        with RawClient(broker.clients) as client, RawWorker(broker.workers) as heir, RemoteWorker(link, broker.workers):
            link.cut()
            cut = time.monotonic()
            client.submit(1, "p", "echo")
            heir.hello()
            task = heir.expect(TASK)
            seconds = time.monotonic() - cut
            assert task[2] == 2, "the first attempt went into the cut link"
            assert seconds < BOUND_SECONDS, f"{seconds:.2f} s"


def test_what_is_sent_into_a_cut_link_later_does_not_begin_the_time_anew(tmp_path):
    """The kernel counts from when it was sent, and no longer asks: a heartbeat or another task at the wrong moment."""
    with CuttableLink() as link, broker_on(link, tmp_path) as broker:
        with (RawClient(broker.clients) as client, RawWorker(broker.workers) as heir,
              RemoteWorker(link, broker.workers, slots=2) as far):
            client.submit(1, "p", "hang")
            far.expect("hang")
            cut = time.monotonic()
            link.cut()
            time.sleep(1.7)  # no event can be waited for: nobody knows of the cut yet
            client.submit(2, "p", "echo", ack=True)
            client.expect(ACCEPTED)  # and so it is on its way
            heir.hello(slots=2)
            for _ in range(2):  # one after the other, as a lost worker may have died of either
                heir.serve_echo(1)
            seconds = time.monotonic() - cut
            assert seconds < BOUND_SECONDS, f"{seconds:.2f} s"
