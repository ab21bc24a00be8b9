"""The program: its arguments, its endpoints, and that it rests when there is nothing to do."""

import os
import resource
import select
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from broker_process import BUILD, SNAKEPITD, BrokerProcess, config_text, endpoints
from raw_peer import RESULT, RawClient, RawWorker


def run(*arguments):
    return subprocess.run([SNAKEPITD, *arguments], capture_output=True, text=True, timeout=20)


@pytest.fixture
def config(folder):
    path = folder / "snakepit.conf"
    path.write_text(config_text(endpoints("ipc", folder), pools=("a", "b")))
    return path


def test_version_and_help_are_printed():
    assert run("--version").stdout.startswith("snakepitd 0.")
    answer = run("--help")
    assert answer.returncode == 0 and "--check-config" in answer.stdout and "Exit status" in answer.stdout


def test_every_program_knows_h_and_help():
    for program in (SNAKEPITD, BUILD / "agent" / "snakepit-agent", BUILD / "client" / "cli" / "snakepit"):
        short, long = (subprocess.run([program, option], capture_output=True, text=True, timeout=30, check=True)
                       for option in ("-h", "--help"))  # fmt: skip
        assert short.stdout == long.stdout != "" and short.stderr == ""


@pytest.mark.parametrize("arguments", [("--nonsense",), ("-c",), ("stray",)])
def test_wrong_usage_is_status_2(arguments):
    answer = run(*arguments)
    assert answer.returncode == 2 and "--help" in answer.stderr


def test_check_config_says_ok_with_a_summary(config):
    for arguments in (("-c", str(config), "--check-config"), ("--check-config", str(config))):
        answer = run(*arguments)
        assert answer.returncode == 0
        assert answer.stdout.startswith("OK") and "2 pools" in answer.stdout and "ipc://" in answer.stdout


def test_check_config_says_every_problem_with_its_line(config):
    config.write_text(config.read_text() + "\nio_thread = 1;\ninsecure = 7;\n")
    answer = run("-c", str(config), "--check-config")
    assert answer.returncode == 3 and answer.stdout == ""
    assert "io_thread" in answer.stderr and "insecure" in answer.stderr and str(config) in answer.stderr


def test_a_missing_file_is_status_3(folder):
    answer = run("-c", str(folder / "none.conf"))
    assert answer.returncode == 3 and "none.conf" in answer.stderr
    assert "-c FILE" in answer.stderr


def test_a_second_broker_on_one_path_is_refused_and_harms_nobody(broker):
    answer = run("-c", str(broker.config))
    assert answer.returncode == 1
    assert "another broker serves this path" in answer.stderr and "ipc://" in answer.stderr
    with RawClient(broker.clients) as client:
        assert client.admin("ping")["pid"] == broker.pid


def test_a_tcp_port_in_use_is_named(folder):
    with BrokerProcess(folder, transport="tcp") as broker:
        answer = run("-c", str(broker.config))
        assert answer.returncode == 1
        assert "Address already in use" in answer.stderr and "tcp://127.0.0.1:" in answer.stderr


def test_the_sockets_of_a_killed_broker_are_taken_over(folder):
    first = BrokerProcess(folder)
    first.kill()
    first.process.stderr.close()
    assert stat.S_ISSOCK(os.stat(folder / "clients").st_mode)
    with BrokerProcess(folder, addresses=first.addresses) as second, RawClient(second.clients) as client:
        assert client.admin("ping")["pid"] == second.pid


def test_a_file_in_the_way_is_not_removed(config, folder):
    (folder / "clients").write_text("precious")
    answer = run("-c", str(config))
    assert answer.returncode == 1 and "in the way" in answer.stderr
    assert (folder / "clients").read_text() == "precious"


def test_sighup_does_not_end_it(broker):
    broker.signal(signal.SIGHUP)
    broker.wait_for_log("config.reloaded")
    with RawClient(broker.clients) as client:
        assert client.admin("ping")


def switches(pid):
    """How often the main thread has waited so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("voluntary_ctxt_switches:")[1].split()[0])


@pytest.mark.parametrize("peers", [0, 20])
def test_an_idle_broker_does_not_wake(broker, peers):
    workers = [RawWorker(broker.workers) for _ in range(peers)]
    for worker in workers:
        worker.hello()
    # All is quiet when the broker has waited once more after the last answer; then it must not wake at all.
    watch = select.poll()
    process = os.pidfd_open(broker.pid)
    watch.register(process, select.POLLIN)
    watch.poll(100)
    before = switches(broker.pid)
    watch.poll(1000)
    assert switches(broker.pid) - before <= 1
    os.close(process)
    for worker in workers:
        worker.close()


def test_it_speaks_on_ipv6(folder):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    addresses = {name: address.replace("127.0.0.1", "[::1]") for name, address in endpoints("tcp", folder).items()}
    with BrokerProcess(folder, addresses=addresses) as broker, RawClient(broker.clients, ipv6=1) as client:
        assert client.admin("ping")["pid"] == broker.pid


def test_a_closed_stderr_is_no_descriptor_of_zeromq(folder):
    """Or the log would be written into whatever ZeroMQ opens next."""
    with BrokerProcess(folder, wait=False, prepare=lambda: os.close(2)) as broker:
        with RawClient(broker.clients) as client:
            client.hello()
        assert os.readlink(f"/proc/{broker.pid}/fd/2") == "/dev/null"


def limit_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


@pytest.mark.parametrize("endpoint", ["clients", "workers", "events"])
def test_without_descriptors_new_peers_are_refused_and_present_ones_served(folder, endpoint):
    with BrokerProcess(folder, transport="tcp", prepare=limit_descriptors) as broker, \
            RawClient(broker.clients) as client:
        client.hello()
        port = int(broker.addresses[endpoint].rsplit(":", 1)[1])
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        if endpoint != "events":
            broker.wait_for_log("descriptors.exhausted")
            until = time.monotonic() + 10
            while client.admin("status")["link"]["connections_refused"] < 40:
                assert time.monotonic() < until
        spent, begun = broker.cpu_seconds(), time.monotonic()
        client.expect_nothing(1.0)
        assert broker.cpu_seconds() - spent < 0.2 * (time.monotonic() - begun)
        assert len(os.listdir(f"/proc/{broker.pid}/fd")) < 64
        for visitor in crowd:
            visitor.close()
        with RawClient(broker.clients) as late:
            late.hello()


def test_a_removed_ipc_socket_is_bound_again_and_nobody_who_is_connected_notices(broker):
    with RawClient(broker.clients) as old, RawWorker(broker.workers) as worker:
        worker.hello()
        assert old.admin("ping")
        for name in ("clients", "workers", "events"):
            (broker.folder / name).unlink()
            assert f"ipc://{broker.folder}/{name}" in broker.wait_for_log("endpoint.lost")
            assert f"ipc://{broker.folder}/{name}" in broker.wait_for_log("endpoint.bound_again")
        with RawClient(broker.clients) as new:
            new.submit(1, "p", "echo")
            worker.serve_echo(1)
            new.expect(RESULT)
        assert old.admin("status")["workers"] == 1
        (broker.folder / "clients.lock").unlink()
        (broker.folder / "clients").unlink()
        broker.wait_for_log("endpoint.bound_again")
        assert (broker.folder / "clients.lock").exists()


def test_a_socket_of_somebody_else_at_the_path_is_left_alone(broker):
    with RawClient(broker.clients) as client, socket.socket(socket.AF_UNIX) as other:
        assert client.admin("ping")
        (broker.folder / "other").unlink(missing_ok=True)
        other.bind(str(broker.folder / "other"))
        (broker.folder / "other").rename(broker.folder / "clients")
        inode = (broker.folder / "clients").stat().st_ino
        assert "something else has taken its path" in broker.wait_for_log("endpoint.lost")
        assert client.admin("ping")
        assert (broker.folder / "clients").stat().st_ino == inode
