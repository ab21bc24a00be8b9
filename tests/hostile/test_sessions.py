"""Attacks in SPIT/1: peers that lie about what they hold, come and go without end, or ask and never listen."""

import contextlib
import os
import time

import zmtp
from raw_peer import (
    BYE,
    CANCEL,
    CHUNK,
    DRAINING,
    ERROR,
    HEARTBEAT,
    HELLO,
    NACK,
    REFUSE,
    REHELLO,
    RESULT,
    SEEN,
    STARTED,
    SUBMIT,
    TASK,
    WELCOME,
    RawClient,
    RawPeer,
    RawWorker,
    decode,
    encode,
)
from witness import MIB, besieged, link, link_quietly, status, wait_until

SMALL = 'send_bytes_max = "4MiB"; frame_max = "1MiB"; control_max = "1MiB"; send_queue_max = 16;'
EXITED, POOL, PROCESSES, EVENT = 27, 28, 26, 29


def submit_and_take(client, worker, number):
    client.submit(number, "p", "echo", b"%d" % number)
    return worker.expect(TASK)


def test_results_for_leases_of_others_are_stale_and_change_nothing(folder):
    """Another worker's fence, one of the past, of the future, none that ever was; each of the verbs that name one."""
    with (
        besieged(folder) as broker,
        RawClient(broker.clients) as client,
        RawWorker(broker.workers) as honest,
        RawWorker(broker.workers) as forger,
    ):
        honest.hello(name="twin")
        task = submit_and_take(client, honest, 1)
        forger.hello(name="twin")  # names are labels: it is another session
        honest.send([RESULT, task[1], b"first"])
        assert client.expect(RESULT)[1:3] == [1, b"first"]
        client.submit(2, "p", "echo", b"2")
        holder = honest if honest.socket.poll(200) else forger
        task = holder.expect(TASK)
        stale = status(broker)["stale"]
        fences = [task[1] + 1, task[1] + 1000, 1, 0, (1 << 64) - 1, task[1] - 1]
        for liar in (honest, forger):
            for fence in fences:
                liar.send(
                    [RESULT, fence, b"forged"],
                    [ERROR, fence, "failed"],
                    [CHUNK, fence, 1, b"x"],
                    [NACK, fence],
                    [STARTED, fence],
                )
                for _ in range(5):
                    answer = liar.expect(ERROR)
                    assert answer[1:3] == [fence, "stale"]
        assert status(broker)["stale"] == stale + 2 * 5 * len(fences)
        client.expect_nothing(0.1)
        holder.send([RESULT, task[1], b"true"])
        assert client.expect(RESULT)[1:3] == [2, b"true"]


def test_a_lease_of_another_worker_cannot_be_ended(folder):
    with besieged(folder) as broker, RawClient(broker.clients) as client, RawWorker(broker.workers) as holder:
        holder.hello()
        task = submit_and_take(client, holder, 1)
        with RawWorker(broker.workers) as thief, RawWorker(broker.workers) as resumer:
            thief.hello()
            thief.send([RESULT, task[1], b"stolen"])
            assert thief.expect(ERROR)[2] == "stale"
            # The session of the holder, with everything about it guessed right but its process.
            resumer.send(
                [HELLO, "SPIT/1", "worker", {"pool": "p", "session": holder.session, "leases": [task[1]], "pid": 1}]
            )
            assert resumer.expect(WELCOME)[2].get("resumed", False) is False
            resumer.send([RESULT, task[1], b"stolen"])
            assert resumer.expect(ERROR)[2] == "stale"
        holder.send([RESULT, task[1], b"mine"])
        assert client.expect(RESULT)[1:3] == [1, b"mine"]


def test_tasks_of_other_clients_cannot_be_touched(folder):
    with (
        besieged(folder) as broker,
        RawClient(broker.clients) as owner,
        RawClient(broker.clients) as other,
        RawWorker(broker.workers) as worker,
    ):
        owner.hello()
        other.hello()
        owner.submit(7, "p", "echo", b"7")
        other.send([CANCEL, 7], [SEEN, 1 << 60], [CANCEL, b"7"])
        assert [other.expect(ERROR)[2] for _ in range(2)] == ["not_found"] * 2
        worker.hello()
        worker.serve_echo(1)
        assert owner.expect(RESULT)[1:3] == [7, b"7"]
        other.submit(7, "p", "echo", b"own")
        worker.serve_echo(1)
        assert other.expect(RESULT)[1:3] == [7, b"own"]


def test_workers_of_one_name_both_work(folder):
    with (
        besieged(folder) as broker,
        RawClient(broker.clients) as client,
        RawWorker(broker.workers) as first,
        RawWorker(broker.workers) as second,
    ):
        assert first.hello(name="twin", host="here")[1] != second.hello(name="twin", host="here")[1]
        client.send(*([SUBMIT, n, "p", "echo", b"%d" % n] for n in range(2)))
        first.serve_echo(1)
        second.serve_echo(1)
        assert {client.expect(RESULT)[1] for _ in range(2)} == {0, 1}


def test_two_connections_with_one_routing_id(folder):
    """ZeroMQ hears the first one only; the second takes nothing from it."""
    with besieged(folder) as broker, RawClient(broker.clients, routing_id=b"mine") as first:
        assert first.admin("ping")["pid"] == broker.pid
        with RawClient(broker.clients, routing_id=b"mine") as second:
            second.send([HEARTBEAT])
            second.expect_nothing(0.3)
            assert first.admin("ping")["pid"] == broker.pid


def test_flapping_workers_take_tasks_and_leave(folder, scale):
    """HELLO, a task, BYE, over and over; and HELLO upon HELLO. The task is not lost by it, and its attempts count."""
    with besieged(folder) as broker, RawClient(broker.clients) as client, RawWorker(broker.workers) as flapper:
        client.submit(1, "p", "echo", b"x", max_attempts=1000)
        for n in range(min(300 * scale, 900)):
            flapper.send([HELLO, "SPIT/1", "worker", {"pool": "p"}], *([] if n % 2 else [[BYE]]))
            flapper.expect(WELCOME)
            if n % 3 == 0 and n % 2:
                flapper.send([DRAINING], [BYE, "flap"])
            while flapper.socket.poll(0):  # tasks that went to a session which is over
                flapper.socket.recv_multipart()
            flapper.inbox.clear()
        flapper.send([BYE])
        with RawWorker(broker.workers) as worker:
            worker.hello()
            worker.serve_echo(1)
            assert client.expect(RESULT)[1:3] == [1, b"x"]
        wait_until(lambda: status(broker)["workers"] == 1, "only the witness' worker is left")


def test_a_flood_of_hellos_leaves_room_for_an_honest_one(folder, scale):
    """Of new instances, over one connection and over many; sessions that hold nothing make room."""
    with besieged(folder, limits="peers_max = 20;") as broker:
        with RawClient(broker.clients) as flood:
            for _ in range(20 * scale):
                flood.send(*([HELLO, "SPIT/1", "client", {"instance": os.urandom(16)}] for _ in range(100)))
                for _ in range(100):
                    flood.expect(WELCOME)
        for _ in range(50 * scale):
            with RawClient(broker.clients) as one:
                one.hello()
        with RawClient(broker.clients) as honest:
            honest.hello()
        assert status(broker)["clients"] <= 20


def test_too_many_workers_are_refused_and_present_ones_work(folder):
    with besieged(folder, limits="peers_max = 5;") as broker:
        workers = [RawWorker(broker.workers) for _ in range(30)]
        for worker in workers:
            worker.send([HELLO, "SPIT/1", "worker", {"pool": "p"}])
        verbs = [first_verb(worker) for worker in workers]
        assert verbs.count(WELCOME) == 4 and verbs.count(REFUSE) == 26  # one place is the witness'
        for worker in workers:
            worker.close()


def first_verb(peer):
    assert peer.socket.poll(10000)
    return decode(peer.socket.recv_multipart()[0])[0][0]


def test_heartbeats_alone_are_answered_and_make_no_session(folder, scale):
    with (
        besieged(folder, grows_bytes=24 * MIB) as broker,
        RawPeer(broker.clients) as client,
        RawPeer(broker.workers) as worker,
    ):
        for _ in range(200 * scale):
            for peer in (client, worker):
                peer.send(*[[HEARTBEAT]] * 10)
                for _ in range(10):
                    peer.expect(REHELLO)
        reports = status(broker)
        assert reports["workers"] == 1 and reports["clients"] <= 2


def test_cancels_of_unknown_tasks_without_end(folder, scale):
    """Nobody reads the answers: they are bounded, and the peer is dropped."""
    with (
        besieged(folder, limits=SMALL) as broker,
        RawPeer(broker.clients, rcvhwm=1, sndhwm=100, sndtimeo=2000) as flood,
    ):
        frame = encode(*([CANCEL, b"nobody's %d" % n] for n in range(1000)))
        flood_until(broker, flood, frame, 300 * scale)


def test_submits_without_reading_what_is_answered(folder, scale):
    """To a pool that nobody serves: first accepted, and then refused as busy, without end."""
    limits = SMALL + 'client_tasks_max = 1000; tasks_max = 2000; client_bytes_max = "1MiB";'
    with (
        besieged(folder, limits=limits) as broker,
        RawPeer(broker.clients, rcvhwm=1, sndhwm=100, sndtimeo=2000) as flood,
    ):
        frame = encode(*([SUBMIT, n, "p", "echo", bytes(100)] for n in range(1000)))
        more = encode(*([SUBMIT, n, "p", "echo", bytes(100)] for n in range(1000, 2000)))
        flood.send_frames(frame)
        flood_until(broker, flood, more, 300 * scale)
    # Its tasks ended with its session: a connection without HELLO has nothing to come back to.


def test_batches_that_come_faster_than_they_are_handled(folder, scale):
    """Each offers one task again, forty thousand times, which nobody answers. They wait in ZeroMQ, but only so many."""
    again = encode([SUBMIT, 1, "p", "f", b"x"])
    batch = zmtp.frame(again * (MIB // len(again) // 2))
    limits = SMALL + 'bytes_max = "40MiB"; client_bytes_max = "10MiB";'
    with besieged(folder, limits=limits, grows_bytes=320 * MIB) as broker:
        for _ in range(scale):
            raw = zmtp.open_peer(broker.clients)
            raw.settimeout(0.2)
            sent, until = 0, time.monotonic() + 4
            with contextlib.suppress(OSError):
                while time.monotonic() < until and link_quietly(broker) == 0:
                    with contextlib.suppress(TimeoutError):
                        sent += raw.send(memoryview(batch)[sent % len(batch) :])
                    time.sleep(0.004)
            raw.close()
        wait_until(lambda: status(broker)["tasks"] <= 1, "what it had sent is handled", bound=120)


def test_unknown_verbs_without_end(folder, scale):
    """These are no offences, but the answers are not read."""
    with (
        besieged(folder, limits=SMALL) as broker,
        RawPeer(broker.workers, rcvhwm=1, sndhwm=100, sndtimeo=2000) as flood,
    ):
        flood_until(broker, flood, encode(*([99, n, "later"] for n in range(1000))), 300 * scale)


def flood_until(broker, flood, frame, count):
    """Send until the broker gives the peer up; so it must."""
    for _ in range(count):
        flood.send_frames(frame)
        if any("peer.overflowed" in line for line in broker.log):
            break
    broker.wait_for_log("peer.overflowed")
    assert link(broker)["peers_overflowed"] == 1


def test_lengths_of_a_gigabyte_within_a_frame(folder):
    """bin, str, array and map that claim more than there is: bad messages, and then nobody listens."""
    heads = [b"\xc6\x40\x00\x00\x00", b"\xdb\x40\x00\x00\x00", b"\xdd\x40\x00\x00\x00", b"\xdf\x40\x00\x00\x00"]
    with besieged(folder, grows_bytes=16 * MIB) as broker, RawPeer(broker.clients) as liar:
        for head in heads:
            for start in (b"", b"\x95\x08\x01\xa1p\xa1f", b"\x95\x08\x01", b"\x93\x0e\x01"):
                liar.send_frames(start + head + bytes(64))
        for _ in range(16):
            assert liar.expect(ERROR)[2] == "bad_message"
        broker.wait_for_log("peer.ignored")
        assert link(broker)["peers_ignored"] == 1


def test_a_worker_that_says_what_only_agents_say(folder):
    with besieged(folder) as broker, RawWorker(broker.workers) as worker:
        worker.hello()
        worker.send([PROCESSES, [[1, 1, 1]]], [EXITED, "p", 1], [POOL, "p", {"state": "failed"}])
        assert [worker.expect(ERROR)[2] for _ in range(3)] == ["unknown_verb"] * 3
        worker.send([HELLO, "SPIT/1", "agent", {"agent": 1, "pools": [["p", 1]]}])
        worker.expect(WELCOME)
        worker.send([RESULT, 1, b"x"], [EVENT, "app.lie"])
        assert [worker.expect(ERROR)[2] for _ in range(2)] == ["unknown_verb"] * 2


def test_agents_without_end_and_processes_that_they_do_not_have(folder, scale):
    with besieged(folder, limits="peers_max = 20;") as broker:
        with RawPeer(broker.workers) as flood:
            for number in range(1, 300 * scale):
                flood.send(
                    [HELLO, "SPIT/1", "agent", {"agent": number, "pools": [["p", 4096]]}],
                    [EXITED, "calm", os.getpid(), {"cause": "signal", "status": 9}],
                    [PROCESSES, [[n, 1 << 60, 1] for n in range(100)]],
                )
                flood.expect(WELCOME)
        with RawWorker(broker.workers) as honest:
            honest.hello()


def test_chunks_that_nobody_asked_for_and_answers_that_come_twice(folder, scale):
    with besieged(folder) as broker, RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.hello()
        worker.hello()
        for number in range(1, 50 * scale):
            task = submit_and_take(client, worker, number)
            worker.send(
                *([CHUNK, task[1], 1 + n % 3, bytes(100)] for n in range(20)),
                [RESULT, task[1], b"one"],
                [RESULT, task[1], b"two"],
                [ERROR, task[1], "failed", "three"],
            )
            assert client.expect(RESULT)[1:3] == [number, b"one"]
            codes = [worker.expect(ERROR)[2] for _ in range(19)]
            assert codes == ["bad_field"] * 17 + ["stale"] * 2
        client.expect_nothing(0.1)
        pool = next(pool for pool in status(broker)["pools"] if pool["name"] == "p")
        assert (pool["succeeded"], pool["failed"]) == (50 * scale - 1, 0)
