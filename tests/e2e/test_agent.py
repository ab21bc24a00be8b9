"""snakepitd, snakepit-agent and Python workers together: rolling reloads, agents elsewhere, and who dies with whom."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from broker_process import BOUND_SECONDS, BUILD, BrokerProcess, config_text

SOURCE = Path(__file__).parents[2] / "worker_python" / "src"
sys.path.insert(0, str(SOURCE))

from snakepit import Client  # noqa: E402

AGENT = str(BUILD / "agent" / "snakepit-agent")
APP = """
import os, subprocess, time
import snakepit

app = snakepit.App()


@app.on_process_start
def start():
    global child
    child = subprocess.Popen(["sleep", "1000"]).pid


@app.task
def whoami():
    time.sleep(0.005)
    return os.environ.get("EDITION", "")


@app.task
def family():
    return os.getpid(), os.getppid(), child
"""


@pytest.fixture
def app(tmp_path):
    (tmp_path / "e2e_agent.py").write_text(APP)
    return tmp_path


def pool_text(app, workers=2, edition="1", more="nursery = true;"):
    environment = f'"PYTHONPATH={SOURCE}", "PYTHONDONTWRITEBYTECODE=1", "EDITION={edition}"'
    return (f'{{ name = "p"; workers = {workers}; app = "e2e_agent:app"; python = "{sys.executable}";'
            f' directory = "{app}"; environment = ( {environment} ); {more} }}')


def descendants(pid):
    """All processes below this one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found[1:]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def await_gone(pids, seconds=5.0):
    until = time.monotonic() + seconds
    while any(map(is_alive, pids)):
        assert time.monotonic() < until, [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids if is_alive(pid)]
        time.sleep(0.01)


def agent_of(broker):
    return next(pid for pid in descendants(broker.pid) if Path(f"/proc/{pid}/comm").read_text() == "snakepit-agent\n")


def await_ready(broker, workers):
    with Client(broker.clients) as client:
        timeout_ms = int(BOUND_SECONDS * 1000)
        client.admin("await_ready", pool="p", workers=workers, timeout_ms=timeout_ms, timeout=BOUND_SECONDS)


@pytest.mark.parametrize("more", ["nursery = true;", ""], ids=["nursery", "spawned"])
def test_a_reload_with_other_settings_replaces_the_workers_one_by_one_and_fails_no_task(folder, app, more):
    with BrokerProcess(folder, pools=[pool_text(app, more=more)], log_level="info") as broker:
        await_ready(broker, 2)
        broker.config.write_text(config_text(broker.addresses, pools=[pool_text(app, edition="2", more=more)]))
        with Client(broker.clients) as client:
            before = client.submit_many("p", "whoami", [()] * 20)
            assert {future.result(BOUND_SECONDS) for future in before} == {"1"}
            broker.signal(signal.SIGHUP)
            editions, until = {"1"}, time.monotonic() + BOUND_SECONDS
            while editions != {"2"}:
                editions = {future.result(BOUND_SECONDS) for future in client.submit_many("p", "whoami", [()] * 20)}
                assert editions <= {"1", "2"}
                assert time.monotonic() < until
            pool = client.admin("pools", pool="p", timeout=BOUND_SECONDS)[0]
        assert pool["failed"] == pool["dead"] == pool["lost"] == 0
        for _ in range(2):
            assert "reason=reload" in broker.wait_for_log("event=worker.recycled")


ORDERS = {
    "the broker": ["broker"],
    "the agent, then the broker": ["agent", "broker"],
    "the broker, then the agent": ["broker", "agent"],
    "the nursery, the broker, the agent": ["nursery", "broker", "agent"],
    "the agent, the nursery, the broker": ["agent", "nursery", "broker"],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_nothing_is_left_when_these_are_killed(folder, app, order):
    broker = BrokerProcess(folder, pools=[pool_text(app)], log_level="info")
    try:
        await_ready(broker, 2)
        agent = agent_of(broker)
        with Client(broker.clients) as client:
            worker, parent, _ = client.call("p", "family", timeout=BOUND_SECONDS)
        assert parent == agent
        everything = descendants(broker.pid)
        assert worker in everything
        nursery = next(pid for pid in everything if b"--socket" in Path(f"/proc/{pid}/cmdline").read_bytes()
                       and Path(f"/proc/{pid}/comm").read_text() != "snakepit-worker\n")
        pids = {"broker": broker.pid, "agent": agent, "nursery": nursery}
        for name in order:
            os.kill(pids[name], signal.SIGKILL)
        await_gone(everything)
    finally:
        broker.kill()
        broker.process.stderr.close()


def test_an_agent_that_is_killed_is_started_again_and_brings_new_workers(folder, app):
    with BrokerProcess(folder, pools=[pool_text(app)], log_level="info") as broker:
        await_ready(broker, 2)
        old = descendants(broker.pid)
        os.kill(agent_of(broker), signal.SIGKILL)
        await_gone(old)
        await_ready(broker, 2)
        with Client(broker.clients) as client:
            assert client.call("p", "family", timeout=BOUND_SECONDS)[1] == agent_of(broker)


def test_an_agent_elsewhere_serves_the_same_file_with_its_own_number_of_workers(folder, app):
    with BrokerProcess(folder, transport="tcp", pools=[pool_text(app, workers=0)], log_level="info") as broker:
        agent = subprocess.Popen([AGENT, "-c", str(broker.config), "--connect", "127.0.0.1", "--workers", "p=2"],
                                 stderr=subprocess.DEVNULL)
        try:
            broker.wait_for_log("event=agent.connected")
            await_ready(broker, 2)
            with Client(broker.clients) as client:
                assert client.call("p", "family", timeout=BOUND_SECONDS)[1] == agent.pid
            everything = descendants(agent.pid)
            agent.terminate()
            assert agent.wait(BOUND_SECONDS) == 0
            await_gone(everything)
            broker.wait_for_log("event=agent.lost")
        finally:
            agent.kill()
            agent.wait()


def test_the_benchmark_of_starts_prints_a_row_for_each_set_up():
    program = Path(__file__).parents[2] / "bench" / "startup"
    done = subprocess.run([sys.executable, str(program), "--build", str(BUILD), "--slots", "4", "--runs", "1"],
                          env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("  4 ")]
    assert [row.split("  ")[1] for row in rows] == ["4 processes", "4 processes, nursery", "4 x 1 threads"]
