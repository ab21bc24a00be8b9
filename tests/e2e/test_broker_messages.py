"""Batches, attachments and what is wrong with messages."""

import hashlib
import os
import socket

import pytest
import zmq

from broker_process import BrokerProcess
from raw_peer import ERROR, HELLO, REFUSE, REHELLO, RESULT, SUBMIT, TASK, RawClient, RawPeer, RawWorker, decode, encode

MIB = 1024 * 1024


def submit(task_id, payload=b"\x90", **options):
    return [SUBMIT, task_id, "p", "echo", payload, options]


def test_a_thousand_tasks_in_one_message_come_back_in_few(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello(slots=1000)
        client.hello()
        client.messages = worker.messages = 0
        client.send(*(submit(n, b"%d" % n) for n in range(1000)))
        tasks = [worker.expect(TASK) for _ in range(1000)]
        worker.send(*([RESULT, task[1], task[4]] for task in tasks))
        results = [client.expect(RESULT) for _ in range(1000)]
        assert [(result[1], result[2]) for result in results] == [(n, b"%d" % n) for n in range(1000)]
        assert worker.messages < 20 and client.messages < 20


def test_attachments_arrive_unchanged_both_ways(any_broker):
    frames = [os.urandom(MIB), os.urandom(3 * MIB), b"", os.urandom(100)]
    with RawClient(any_broker.clients) as client, RawWorker(any_broker.workers) as worker:
        worker.hello(slots=4)
        client.send(submit(1, 3), submit(2, b"inline"), submit(3, 1), frames=frames)
        worker.serve_echo(3)
        answers = {}
        for _ in range(3):
            command, attached = client.expect_with_frames(RESULT)
            answers[command[1]] = (command[2], [hashlib.sha256(frame).digest() for frame in attached])
        digests = [hashlib.sha256(frame).digest() for frame in frames]
        # Each echo is sent as one message of its own, so results may share one: take what belongs together.
        assert answers[2][0] == b"inline"
        assert answers[1][0] == 3 and answers[1][1][:3] == digests[:3]
        assert answers[3][0] == 1 and answers[3][1][-1] == digests[3]


def test_a_worker_gets_the_attachments_again_after_a_loss(broker):
    frame = os.urandom(MIB)
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as second:
        with RawWorker(broker.workers) as first:
            first.hello()
            client.send(submit(1, 1), frames=[frame])
            assert first.expect_with_frames(TASK)[1] == [frame]
        second.hello()
        task, frames = second.expect_with_frames(TASK)
        assert task[2] == 2 and frames == [frame]


def test_an_empty_frame_in_front_is_mirrored(broker):
    with RawClient(broker.clients) as client:
        client.send_frames(b"", encode([SUBMIT, 1, "$snakepit", "ping", b""]))
        assert client.socket.poll(10000)
        delimiter, control = client.socket.recv_multipart()
        assert delimiter == b"" and decode(control)[0][:2] == [RESULT, 1]
        client.send_frames(encode([SUBMIT, 2, "$snakepit", "ping", b""]))
        assert client.socket.poll(10000)
        assert len(client.socket.recv_multipart()) == 1


def test_a_wrong_command_does_not_harm_the_others(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello(slots=4)
        client.send(submit(1), [SUBMIT, 2, "p"], [99, "what"], submit(3, unheard_of=1), submit(4))
        worker.serve_echo(2)
        errors = [client.expect(ERROR) for _ in range(3)]
        assert [(error[1], error[2]) for error in errors] == [(2, "bad_field"), (None, "unknown_verb"),
                                                             (3, "unsupported")]
        assert {client.expect(RESULT)[1], client.expect(RESULT)[1]} == {1, 4}


def test_missing_frames_make_the_command_and_all_after_it_bad(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello(slots=4)
        client.send(submit(1, 1), submit(2, 2), submit(3), frames=[b"a", b"b"])
        task, frames = worker.expect_with_frames(TASK)
        assert frames == [b"a"]
        assert [client.expect(ERROR)[1:3] for _ in range(2)] == [[2, "bad_message"], [3, "bad_message"]]
        assert client.admin("status")["link"]["faults"] == 2


def test_left_over_frames_are_answered_once_and_the_commands_stand(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello(slots=4)
        client.send(submit(1), frames=[b"a", b"b", b"c"])
        assert client.expect(ERROR)[1:3] == [None, "bad_message"]
        worker.serve_echo(1)
        assert client.expect(RESULT)[1] == 1


def test_frames_of_a_wrong_command_are_passed_over(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello(slots=4)
        client.send(submit(1, 1, unheard_of=1), submit(2, 1), frames=[b"wrong", b"right"])
        assert client.expect(ERROR)[1:3] == [1, "unsupported"]
        assert worker.expect_with_frames(TASK)[1] == [b"right"]


def test_an_answer_that_is_refused_ends_the_attempt_and_frees_the_slot(broker):
    with RawWorker(broker.workers) as worker, RawClient(broker.clients) as client:
        worker.hello()
        client.send([SUBMIT, 1, "p", "f", b""], [SUBMIT, 2, "p", "f", b""])
        fence = worker.expect(TASK)[1]
        worker.send([RESULT, fence, b"x" * (256 * 1024 + 1)])
        assert worker.expect(ERROR)[1:3] == [fence, "too_large"]
        error = client.expect(ERROR)
        assert error[1:3] == [1, "failed"] and "refused" in error[3]
        worker.send([RESULT, worker.expect(TASK)[1], b"ok"])
        assert client.expect(RESULT)[1:3] == [2, b"ok"]


def test_a_hello_that_is_wrong_is_refused_by_name(broker):
    with RawPeer(broker.workers) as peer:
        peer.send([HELLO, "SPIT/1", "worker", {"slots": 1}])
        assert peer.expect(REFUSE)[1] == "bad_field"
    with RawPeer(broker.clients) as peer:
        peer.send([HELLO, "SPIT/9", "client", {"instance": bytes(16)}])
        refused = peer.expect(REFUSE)
        assert refused[1] == "unsupported" and refused[3]["protocols"] == ["SPIT/1"]


@pytest.mark.parametrize("garbage", [b"\xc1", b"", b"GET / HTTP/1.1\r\n\r\n", b"\xdd\xff\xff\xff\xff", b"\x91" * 100,
                                     b"\xc6\x40\x00\x00\x00"], ids=["c1", "empty", "http", "array32", "deep", "1GiB"])
def test_garbage_is_answered_and_after_sixteen_offences_ignored(broker, garbage):
    with RawPeer(broker.clients) as peer, RawClient(broker.clients) as client:
        for _ in range(16):
            peer.send_frames(garbage)
        for _ in range(16):
            assert peer.expect(ERROR)[2] == "bad_message"
        peer.send([SUBMIT, 1, "$snakepit", "ping", b""])
        link = client.admin("status")["link"]
        assert (link["faults"], link["peers_ignored"]) == (16, 1)
        peer.expect_nothing(0.1)


def test_a_message_of_too_many_frames_is_one_offence(broker):
    with RawClient(broker.clients) as client:
        client.send_frames(encode(submit(1)), *([b"x"] * 5000))
        assert client.expect(ERROR)[1:3] == [None, "bad_message"]
        assert client.admin("ping")["protocol"] == "SPIT/1"
        assert client.admin("status")["link"]["faults"] == 1


def test_a_control_frame_over_its_limit_is_bad_and_one_over_frame_max_ends_the_connection(folder):
    with BrokerProcess(folder, limits='control_max = "64KiB"; inline_max = "32KiB"; frame_max = "1MiB";') as broker:
        with RawClient(broker.clients) as client:
            client.send(submit(1, bytes(100 * 1024)))
            assert client.expect(ERROR)[2] == "bad_message"
            client.send(submit(2, bytes(40 * 1024)))
            error = client.expect(ERROR)
            assert error[1:3] == [2, "too_large"] and error[4]["limit_bytes"] == 32 * 1024
            client.hello()
        with RawClient(broker.clients) as client, RawClient(broker.clients) as other:
            monitor = client.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            client.hello()
            client.send(submit(1, 1), frames=[bytes(2 * MIB)])
            assert monitor.poll(10000)
            client.socket.disable_monitor()
            assert other.admin("status")["tasks"] == 0


def test_a_welcome_names_program_and_limits(broker):
    with RawClient(broker.clients) as client:
        facts = client.hello()[2]
        assert facts["broker"].startswith("snakepitd 0.")
        assert (facts["heartbeat_ms"], facts["inline_max"], facts["control_max"]) == (5000, 256 * 1024, 8 * MIB)


def test_a_worker_without_hello_is_asked_for_it(broker):
    with RawPeer(broker.workers) as peer:
        peer.send([RESULT, 1, b""])
        peer.expect(REHELLO)


def test_a_verb_of_the_other_side_is_unknown(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.send([TASK, 1, 1, "f", b""])
        assert client.expect(ERROR)[2] == "unknown_verb"
        worker.hello()
        worker.send([SUBMIT, 1, "p", "f", b""])
        assert worker.expect(ERROR)[2] == "unknown_verb"


def test_strangers_on_the_port_disturb_nobody(folder):
    with BrokerProcess(folder, transport="tcp") as broker, RawClient(broker.clients) as client:
        client.hello()
        port = int(broker.clients.rsplit(":", 1)[1])
        for text in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(100), os.urandom(1000), b"\xff" * 64, b""):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
                try:  # until the broker hangs up, in whichever way
                    stranger.sendall(text)
                    stranger.shutdown(socket.SHUT_WR)
                    while stranger.recv(1000):
                        pass
                except OSError:
                    pass
        assert client.admin("ping")["protocol"] == "SPIT/1"
        assert client.admin("status")["link"]["handshakes_failed"] >= 3


def test_a_result_without_its_frames_fails_the_task_instead_of_leaving_it_open(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        worker.hello()
        client.send(submit(1))
        task = worker.expect(TASK)
        worker.send([RESULT, task[1], 2], frames=[b"only one"])
        assert worker.expect(ERROR)[1:3] == [task[1], "bad_message"]
        assert client.expect(ERROR)[1:3] == [1, "failed"]
