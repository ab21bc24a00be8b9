"""Workers replaced by hand, killed, stopped, or never started: what the command line and the events say of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from broker_process import BOUND_SECONDS, BUILD, BrokerProcess
from raw_peer import RawClient
from subscriber import Subscriber

SOURCE = Path(__file__).parents[2] / "worker_python" / "src"
SNAKEPIT = str(BUILD / "client" / "cli" / "snakepit")
APP = """
import time
import snakepit

app = snakepit.App()


@app.task
def nap(seconds):
    time.sleep(seconds)
    snakepit.telemetry.emit("app.rested", seconds=seconds)
"""


@pytest.fixture
def app(tmp_path):
    (tmp_path / "e2e_recycling.py").write_text(APP)
    return tmp_path


def pool(app, name="p", workers=2, module="e2e_recycling:app", more=""):
    return (f'{{ name = "{name}"; workers = {workers}; app = "{module}"; python = "{sys.executable}";'
            f' directory = "{app}"; environment = ( "PYTHONPATH={SOURCE}", "PYTHONDONTWRITEBYTECODE=1" ); {more} }}')


class Cli:
    def __init__(self, broker):
        self.words = [SNAKEPIT, "--connect", broker.clients, "-t", str(BOUND_SECONDS)]

    def run(self, *words):
        return subprocess.run([*self.words, *words], capture_output=True, text=True, timeout=2 * BOUND_SECONDS)

    def ok(self, *words):
        done = self.run(*words)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def json(self, *words):
        return json.loads(self.ok("-o", "json", *words))


def next_of(events, name):
    """The next event of this name, passing over the others."""
    until = time.monotonic() + 2 * BOUND_SECONDS
    while time.monotonic() < until:
        event = events.next(2000 * int(BOUND_SECONDS))
        if event["event"] == name:
            return event
    raise AssertionError(f"no {name}")


def test_a_pool_is_replaced_by_hand_and_no_task_notices(folder, app):
    with BrokerProcess(folder, pools=[pool(app)], log_level="info") as broker:
        cli = Cli(broker)
        assert cli.ok("await", "p", "--workers", "2") == "ready\n"
        old = {worker["id"] for worker in cli.json("workers")}
        with Subscriber(broker, "worker.recycled") as events:
            tasks = subprocess.Popen([*cli.words, "submit", "p", "nap", "-q"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
            tasks.stdin.write("[0.05]\n" * 60)
            tasks.stdin.close()
            assert cli.ok("recycle", "p", "--wait") == "pool p: 2 workers replaced\n"
            assert {json.loads(line)["state"] for line in tasks.stdout} == {"ok"}
            assert tasks.wait(BOUND_SECONDS) == 0
            for _ in range(2):
                event = events.expect("worker.recycled", pool="p", reason="manual")
                assert event["worker"] in old and event["uptime_seconds"] > 0
        assert cli.json("pools", "p")[0]["recycled"]["manual"] == 2
        new = {worker["id"] for worker in cli.json("workers", "p")}
        assert len(new) == 2 and not new & old


def test_waiting_for_the_old_workers_ends_in_a_pool_that_always_recycles(folder, app):
    more = 'worker_ttl = "1s"; recycle_jitter = 0;'
    with BrokerProcess(folder, pools=[pool(app, more=more)]) as broker:
        cli = Cli(broker)
        cli.ok("await", "p", "--workers", "2")
        assert cli.ok("recycle", "p", "--wait").startswith("pool p: ")


def test_one_worker_is_replaced_by_hand(folder, app):
    with BrokerProcess(folder, pools=[pool(app)], log_level="info") as broker:
        cli = Cli(broker)
        cli.ok("await", "p")
        one, other = (str(worker["id"]) for worker in cli.json("workers"))
        assert cli.json("recycle", one, "--wait") == {"pool": "p", "workers": 1, "done": True}
        ids = {str(worker["id"]) for worker in cli.json("workers")}
        assert other in ids and one not in ids
        assert "report" in cli.json("worker", other)
        agent, = cli.json("agents")
        assert (agent["pools"], agent["workers_wanted"]) == (1, 2)
        assert cli.run("recycle", one).returncode == 3
        assert cli.run("recycle", "nowhere").returncode == 3
        assert cli.run("recycle").returncode == 2


def test_a_killed_worker_and_a_stopped_one_are_told(folder, app):
    with BrokerProcess(folder, pools=[pool(app)], timers='heartbeat = "200ms";', log_level="info") as broker:
        cli = Cli(broker)
        cli.ok("await", "p")
        killed, stopped = cli.json("workers")
        with Subscriber(broker, "worker.") as events:
            os.kill(stopped["pid"], signal.SIGSTOP)
            event = next_of(events, "worker.health_check_failed")
            assert event["worker"] == stopped["id"] and event["silent_seconds"] >= 0.6
            os.kill(stopped["pid"], signal.SIGCONT)
            assert next_of(events, "worker.recovered")["worker"] == stopped["id"]
            os.kill(killed["pid"], signal.SIGKILL)
            event = next_of(events, "worker.lost")
            assert event["worker"] == killed["id"] and "signal" in event.get("reason", ""), event


def test_a_pool_whose_workers_cannot_start_is_failed_and_explained(folder, app):
    broken = pool(app, module="nothing_of_this_name:app", more="start_failures_max = 1;")
    with BrokerProcess(folder, pools=[broken], log_level="info") as broker:
        cli = Cli(broker)
        with Subscriber(broker, "pool.failed") as events, RawClient(broker.clients) as client:
            if cli.json("pools", "p")[0]["state"] != "failed":
                event = events.expect("pool.failed", pool="p")
                assert event["reason"]
            client.submit(1, "p", "nap")
            assert cli.json("explain", "p")["cause"] == "pool_failed"
            pool_now, = cli.json("inspect", "p")
            assert pool_now["state"] == "failed"
            assert pool_now["recommendations"][0]["code"] == "pool_failed"
            late = cli.run("-t", "0.2", "await", "p")
            assert "its workers fail to start" in late.stderr, late


def test_agents_and_their_ends_are_told(folder, app):
    with BrokerProcess(folder, pools=[pool(app, workers=1)], log_level="info") as broker:
        cli = Cli(broker)
        cli.ok("await", "p")
        agent, = cli.json("agents")
        with Subscriber(broker, "agent.", "worker.") as events:
            os.kill(agent["pid"], signal.SIGKILL)
            seen = {}
            while not {"agent.lost", "agent.connected", "worker.started"} <= seen.keys():  # the new one may come first
                event = events.next(1000 * int(BOUND_SECONDS))
                seen[event["event"]] = event
            assert (seen["agent.lost"]["agent"], seen["agent.lost"]["pid"]) == (agent["agent"], agent["pid"])
            assert seen["agent.connected"]["agent"] != agent["agent"] and seen["agent.connected"]["pools"] == 1


def test_a_memory_limit_below_an_idle_worker_is_told_and_not_used(folder, app):
    low = pool(app, workers=1, more='worker_memory_max = "16MiB";')
    with BrokerProcess(folder, pools=[low], timers='heartbeat = "200ms";', log_level="info") as broker:
        cli = Cli(broker)
        with Subscriber(broker, "pool.memory_limit_too_low") as events:
            if not any("memory_limit_too_low" in line for line in broker.log):
                event = events.expect("pool.memory_limit_too_low", pool="p")
                assert event["rss_bytes"] > 16 << 20 >= event["limit_bytes"]  # jitter shortens it
            codes = [advice["code"] for advice in cli.json("inspect", "p")[0]["recommendations"]]
            assert "memory_limit_low" in codes
        assert cli.json("pools", "p")[0]["recycled"]["memory"] == 0


def test_a_tasks_own_events_arrive(folder, app):
    with BrokerProcess(folder, pools=[pool(app, workers=1)], log_level="info") as broker:
        cli = Cli(broker)
        cli.ok("await", "p")
        with Subscriber(broker, "app.") as events:
            cli.ok("call", "p", "nap", "0.01")
            assert events.expect("app.rested", pool="p")["fields"]["seconds"] == 0.01
