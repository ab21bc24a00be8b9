"""How snakepitd ends."""

import signal
import time

from broker_process import BrokerProcess, WorkerProcess
from raw_peer import ERROR, RESULT, SUBMIT, TASK, RawClient, RawWorker


def test_sigterm_lets_the_running_task_end_and_refuses_new_ones(any_broker):
    with RawClient(any_broker.clients) as client, RawWorker(any_broker.workers) as worker:
        worker.hello()
        client.hello()
        client.send([SUBMIT, 1, "p", "echo", b"one"], [SUBMIT, 2, "p", "echo", b"two"])
        task = worker.expect(TASK)
        any_broker.signal(signal.SIGTERM)
        any_broker.wait_for_log("broker.draining")
        client.submit(3, "p", "echo")
        assert client.expect(ERROR)[1:3] == [3, "draining"]
        assert any_broker.process.poll() is None
        worker.send([RESULT, task[1], task[4]])
        assert client.expect(RESULT)[1:3] == [1, b"one"]
        assert client.expect(ERROR)[1:3] == [2, "shutdown"]
        assert any_broker.wait(5) == 0


def test_sigterm_waits_no_longer_than_the_drain_timeout(folder):
    with BrokerProcess(folder, timers='drain_timeout = "300ms";') as broker:
        with RawClient(broker.clients) as client, WorkerProcess(broker.workers) as worker:
            client.hello()
            client.submit(1, "p", "hang")
            worker.expect("hang")
            asked = time.monotonic()
            broker.signal(signal.SIGTERM)
            assert client.expect(ERROR)[1:3] == [1, "shutdown"]
            assert broker.wait(5) == 0
            assert 0.3 <= time.monotonic() - asked < 2.3


def test_sigint_does_not_wait_for_the_running_task(broker):
    with RawClient(broker.clients) as client, WorkerProcess(broker.workers) as worker:
        client.hello()
        client.submit(1, "p", "hang")
        worker.expect("hang")
        broker.signal(signal.SIGINT)
        assert client.expect(ERROR)[1:3] == [1, "shutdown"]
        assert broker.wait(2.5) == 0


def test_a_second_signal_ends_at_once_with_status_1(folder):
    broker = BrokerProcess(folder)
    try:
        with RawClient(broker.clients) as client, WorkerProcess(broker.workers) as worker:
            client.submit(1, "p", "hang")
            worker.expect("hang")
            broker.signal(signal.SIGTERM)
            broker.wait_for_log("broker.draining")
            broker.signal(signal.SIGTERM)
            assert broker.wait(2.5) == 1
        assert [path.name for path in folder.iterdir()] == ["snakepit.conf"]
    finally:
        broker.kill()
        broker.process.stderr.close()


def test_an_idle_broker_ends_at_once(broker):
    asked = time.monotonic()
    broker.signal(signal.SIGTERM)
    assert broker.wait(2) == 0
    assert time.monotonic() - asked < 0.5


def test_a_client_that_does_not_read_cannot_hold_up_the_end(folder):
    with BrokerProcess(folder) as broker, RawWorker(broker.workers) as worker:
        with RawClient(broker.clients, rcvhwm=1) as client:
            worker.hello(slots=64)
            for n in range(64):
                client.submit(n, "p", "echo", bytes(200 * 1024))
            worker.serve_echo(64)
            broker.signal(signal.SIGTERM)
            assert broker.wait(4) == 0
