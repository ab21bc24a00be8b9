"""SIGHUP: all of the new configuration comes into force, or nothing of it."""

import os
import signal

import pytest

from broker_process import BrokerProcess, config_text
from raw_peer import ACCEPTED, BYE, ERROR, HEARTBEAT, HELLO, REHELLO, RESULT, STOP, TASK, WELCOME, RawClient, RawWorker


@pytest.fixture
def broker(folder):
    """Without the agent: these workers are the tests' own."""
    with BrokerProcess(folder, arguments=["--no-agent"], log_level="info") as process:
        yield process


def rewrite(broker, **settings):
    settings.setdefault("log_level", "info")
    broker.config.write_text(config_text(broker.addresses, **settings))


def reload(broker, event="config.reloaded", **settings):
    """Write the file anew, send SIGHUP, and give the line of the log that answers."""
    if settings:
        rewrite(broker, **settings)
    broker.signal(signal.SIGHUP)
    return broker.wait_for_log(event)


def pool_names(client):
    return [pool["name"] for pool in client.admin("pools")]


# --- all -------------------------------------------------------------------------------------------------------------


def test_a_file_that_did_not_change_is_reloaded_without_effect(broker):
    assert "changes=nothing" in reload(broker)


def test_a_pool_is_added_changed_and_removed(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.hello()
        line = reload(broker, pools=("p", '{ name = "new"; queued_max = 1; }'))
        assert 'pool \\"new\\" added' in line, line
        worker.hello(pool="new")
        client.submit(1, "new", "f")
        worker.serve_echo(1)
        client.expect(RESULT)
        line = reload(broker, pools=("p", '{ name = "new"; queued_max = 2; }'))
        assert "pools.new.queued_max = 2 (was 1)" in line, line
        assert [pool["queued_max"] for pool in client.admin("pools")] == [100000, 2]
        broker.signal(signal.SIGHUP)
        line = reload(broker, pools=("p",))
        assert worker.expect(STOP)[1]["reason"] == "the pool was removed"
        worker.send([BYE, "done"])
        broker.wait_for_log("pool.removed")
        assert pool_names(client) == ["p"]
        client.submit(2, "new", "f")
        error = client.expect(ERROR)
        assert error[2:4] == ["no_such_pool", 'no pool is named "new"; the pools are "p"'], error


def test_a_removed_pool_loses_neither_queued_nor_running_tasks(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.hello()
        worker.hello(pool="p")
        for number in range(50):
            client.submit(number, "p", "f", ack=True)
            client.expect(ACCEPTED)
        reload(broker, pools=("q",))
        client.submit(99, "p", "f")
        error = client.expect(ERROR)
        assert error[2] == "draining" and "removed from the configuration" in error[3], error
        assert client.admin("pools", pool="p")[0]["state"] == "removing"
        worker.serve_echo(50)
        assert sorted(client.expect(RESULT)[1] for _ in range(50)) == list(range(50))
        worker.expect(STOP)
        worker.send([BYE, "done"])
        broker.wait_for_log("pool.removed")
        assert pool_names(client) == ["q"]


def test_a_pool_added_again_while_it_drains_goes_on(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.hello()
        worker.hello(pool="p")
        client.submit(1, "p", "f")
        task = worker.expect(TASK)
        reload(broker, pools=("q",))
        reload(broker, pools=("q", "p"))
        client.submit(2, "p", "f")
        worker.send([RESULT, task[1], task[4]])
        client.expect(RESULT)
        worker.serve_echo(1)
        client.expect(RESULT)
        assert pool_names(client) == ["p", "q"]


def test_the_default_pool_appears_and_goes(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.hello()
        worker.hello(pool="p")
        client.submit(1, "", "f")
        error = client.expect(ERROR)
        assert error[2] == "no_such_pool" and "no default_pool" in error[3], error
        text = broker.config.read_text()
        broker.config.write_text('default_pool = "p";\n' + text)
        assert 'default_pool = \\"p\\" (was nothing)' in reload(broker)
        client.submit(2, "", "f")
        worker.serve_echo(1)
        client.expect(RESULT)


def test_the_log_level_changes(broker):
    reload(broker, log_level="debug")
    with RawClient(broker.clients) as client:
        client.hello()
        broker.wait_for_log("client.connected")


def test_limits_change(broker):
    with RawClient(broker.clients) as client:
        client.hello()
        reload(broker, limits="tasks_max = 1;")
        client.submit(1, "p", "f", ack=True)
        client.expect(ACCEPTED)
        client.submit(2, "p", "f")
        assert client.expect(ERROR)[2] == "busy"
        reload(broker, limits="tasks_max = 2;")
        client.submit(3, "p", "f", ack=True)
        client.expect(ACCEPTED)


def test_workers_learn_another_heartbeat(broker):
    with RawWorker(broker.workers) as worker:
        assert worker.hello()[2]["heartbeat_ms"] == 5000
        reload(broker, timers='heartbeat = "100ms"; heartbeats_missed_max = 2;')
        worker.expect(REHELLO)
        worker.send([HELLO, "SPIT/1", "worker", {"pool": "p", "slots": 1, "pid": os.getpid(),
                                                 "session": worker.session}])
        welcome = worker.expect(WELCOME)
        assert welcome[1] == worker.session and welcome[2]["heartbeat_ms"] == 100
        broker.wait_for_log("worker.stalled")
        worker.send([HEARTBEAT, {}])
        broker.wait_for_log("worker.recovered")


# --- or nothing ------------------------------------------------------------------------------------------------------


def refused(broker, settings, *expected):
    """The reload is rejected with these words, and the broker is as it was."""
    line = reload(broker, "config.rejected", **settings)
    for words in (str(broker.config), *expected):
        assert words in line, line
    with RawClient(broker.clients) as client:
        client.hello()
        assert pool_names(client) == ["p"]


def test_one_wrong_option_keeps_everything_as_it_was(broker):
    refused(broker, {"pools": ("p", "q", '{ name = "r"; queued_max = 0; }')},
            ":6: pools.r.queued_max: given 0; allowed: a whole number from 1")
    assert "changes=nothing" in reload(broker, pools=("p",))


def test_every_problem_is_told(broker):
    broker.config.write_text("limits: { tasks_max = 0; };\ncolour = 1;\n" + broker.config.read_text())
    line = reload(broker, "config.rejected")
    assert ":2: colour: unknown option" in line or "duplicate setting" in line, line


def test_what_needs_a_restart_is_refused_with_its_line(broker):
    text = broker.config.read_text()
    broker.config.write_text(text + "io_threads = 2;\n")
    line = reload(broker, "config.rejected")
    assert ":7: io_threads: 2 instead of 1 needs a restart of the broker" in line, line
    broker.config.write_text(text.replace("/clients", "/other") + 'default_pool = "p";\n')
    refused(broker, {}, ":1: endpoints.clients:", "needs a restart")
    broker.config.write_text(text)
    assert "changes=nothing" in reload(broker)


@pytest.mark.parametrize("kind", ["missing", "directory", "unreadable", "empty", "binary", "dangling"])
def test_a_file_that_cannot_be_read_changes_nothing(broker, kind):
    text = broker.config.read_bytes()
    broker.config.unlink()
    if kind == "directory":
        broker.config.mkdir()
    elif kind == "unreadable":  # even root cannot read what this links to
        broker.config.symlink_to("/proc/self/mem")
    elif kind == "empty":
        broker.config.write_bytes(b"")
    elif kind == "binary":
        broker.config.write_bytes(bytes(range(256)) * 64)
    elif kind == "dangling":
        broker.config.symlink_to("nowhere.conf")
    line = reload(broker, "config.rejected")
    assert str(broker.config) in line, line
    with RawClient(broker.clients) as client:
        client.hello()
        assert pool_names(client) == ["p"]
    if kind == "directory":
        broker.config.rmdir()
    else:
        broker.config.unlink(missing_ok=True)
    broker.config.write_bytes(text)
    assert "changes=nothing" in reload(broker)


def test_a_file_named_by_a_relative_path_is_found_again(folder):
    addresses = {name: f"ipc://{folder}/{name}" for name in ("clients", "workers", "events")}
    where = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    try:
        with BrokerProcess(".", addresses=addresses, log_level="info") as broker:
            assert 'pool \\"q\\" added' in reload(broker, pools=("p", "q"))
    finally:
        os.fchdir(where)
        os.close(where)


def test_a_storm_of_reloads_harms_nothing(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.hello()
        worker.hello(pool="p", slots=4)
        for number in range(100):
            pools = ("p", "q") if number % 2 else ("p",)
            rewrite(broker, pools=pools)
            broker.signal(signal.SIGHUP)
            client.submit(number, "p", "f")
        worker.serve_echo(100)
        assert sorted(client.expect(RESULT)[1] for _ in range(100)) == list(range(100))
        reload(broker, pools=("p",))
        while pool_names(client) != ["p"]:
            reload(broker, pools=("p",))


def test_a_reload_while_the_broker_ends_is_ignored(broker):
    with RawClient(broker.clients) as client, RawWorker(broker.workers) as worker:
        client.hello()
        worker.hello()
        client.submit(1, "p", "f")
        task = worker.expect(TASK)
        broker.signal(signal.SIGTERM)
        broker.wait_for_log("broker.draining")
        assert "the broker is ending" in reload(broker, "signal.ignored", pools=("q",))
        worker.send([RESULT, task[1], task[4]])
        client.expect(RESULT)
        assert broker.wait() == 0
