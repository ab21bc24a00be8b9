"""A peer that does not read costs a bounded amount of memory, and only itself."""

import time

from broker_process import BrokerProcess
from raw_peer import RESULT, TASK, RawClient, RawWorker

MIB = 1024 * 1024


def flood(sloth, client, worker, broker, count):
    """Make `count` results of 1 MiB for a client that reads none, until it is dropped. Gives the peak memory."""
    peak = 0
    for n in range(count):
        sloth.submit(n, "p", "big")
        task = worker.expect(TASK)
        worker.send([RESULT, task[1], 1], frames=[bytes(MIB)])
        client.submit(n, "p", "small")
        task = worker.expect(TASK)
        worker.send([RESULT, task[1], b"small"])
        assert client.expect(RESULT)[1:3] == [n, b"small"]
        peak = max(peak, broker.rss_bytes())
        if client.admin("status")["link"]["peers_overflowed"]:
            return peak
    raise AssertionError("it was never dropped")


def test_a_client_that_does_not_read_is_dropped_and_others_are_served(folder):
    """It asks for more and more results of 1 MiB and reads none; 8 MiB may wait for it."""
    with BrokerProcess(folder, limits='send_bytes_max = "8MiB"; frame_max = "2MiB"; control_max = "2MiB";') as broker:
        with RawClient(broker.clients, rcvhwm=1) as sloth, RawClient(broker.clients) as client, \
                RawWorker(broker.workers) as worker:
            worker.hello(slots=16)
            before = broker.rss_bytes()
            peak = flood(sloth, client, worker, broker, 100)
            # libzmq's buffers and the allocator's come on top of the 8 MiB.
            assert peak - before < 32 * MIB
            client.submit(b"after", "p", "small")
            worker.serve_echo(1)
            assert client.expect(RESULT)[1] == b"after"


def test_what_a_dropped_client_goes_on_to_ask_is_not_heard(folder):
    with BrokerProcess(folder, limits='send_bytes_max = "2MiB"; frame_max = "2MiB"; control_max = "2MiB";') as broker:
        with RawClient(broker.clients, rcvhwm=1) as sloth, RawClient(broker.clients) as client, \
                RawWorker(broker.workers) as worker:
            worker.hello(slots=16)
            flood(sloth, client, worker, broker, 100)
            before = client.admin("status")["link"]["messages_in"]
            for n in range(1000):
                sloth.submit(1000 + n, "p", "more")
            until = time.monotonic() + 10
            asked = 1
            while client.admin("status")["link"]["messages_in"] < before + 1000 + asked:
                asked += 1
                assert time.monotonic() < until
            assert client.admin("status")["tasks"] == 0


def test_a_dropped_client_that_reads_again_is_heard_again(folder):
    limits = 'send_bytes_max = "2MiB"; frame_max = "2MiB"; control_max = "2MiB"; send_queue_max = 4;'
    with BrokerProcess(folder, limits=limits) as broker:
        with RawClient(broker.clients, rcvhwm=1) as sloth, RawClient(broker.clients) as client, \
                RawWorker(broker.workers) as worker:
            worker.hello(slots=16)
            flood(sloth, client, worker, broker, 100)
            while sloth.socket.poll(500): # reads all that ZeroMQ still has
                sloth.socket.recv_multipart()
            assert sloth.admin("ping")["pid"] == broker.pid


def test_waiting_for_a_slow_client_takes_no_cpu_to_speak_of(folder):
    with BrokerProcess(folder, limits="send_queue_max = 4;") as broker:
        with RawClient(broker.clients, rcvhwm=1) as sloth, RawClient(broker.clients) as client, \
                RawWorker(broker.workers) as worker:
            worker.hello(slots=16)
            for n in range(100):
                sloth.submit(n, "p", "echo", bytes(100 * 1024))
                worker.serve_echo(1)
            assert client.admin("status")["link"]["peers_slow"] == 1
            before = broker.cpu_seconds()
            client.expect_nothing(1.0)
            assert broker.cpu_seconds() - before < 0.1
            assert {sloth.expect(RESULT)[1] for _ in range(100)} == set(range(100))
