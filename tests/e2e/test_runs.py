"""Runs that are shared, held back, or made by the broker itself, with real workers: dedup keys, circuits, schedules."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import msgpack
import pytest

from broker_process import BUILD, BrokerProcess
from raw_peer import CANCEL, ERROR, RESULT, RawClient, RawWorker, call_payload
from subscriber import Subscriber
from test_pools import SOURCE, Pit

BOUND_SECONDS = 30.0

APP = """
import os, time
import snakepit

app = snakepit.App()

def log(path, word):
    with open(path, "a") as file:
        file.write(word + "\\n")

@app.task
def note(path, word="x"):
    log(path, word)
    return word

@app.task
def slowly(path, seconds):
    log(path, "begun")
    time.sleep(seconds)
    return [os.getpid(), time.monotonic()]

@app.task
def query(path):
    if not os.path.exists(path):
        raise RuntimeError("no database")
    return "data"
"""


@pytest.fixture(scope="module")
def app_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    (folder / "pools_app.py").write_text(APP)
    return folder


def lines(path):
    return path.read_text().split() if path.exists() else []


# --- dedup keys ------------------------------------------------------------------------------------------------------


def ask(pit, path, number):
    with RawClient(pit.broker.clients) as client:
        client.hello()
        client.submit(number, "p", "slowly", call_payload(str(path), 0.5), dedup_key="report", dedup_ms=60000)
        return msgpack.unpackb(client.expect(RESULT, bound=BOUND_SECONDS)[2])


def test_clients_that_ask_at_one_time_share_one_execution(folder, app_folder, tmp_path):
    log = tmp_path / "log"
    with Pit(folder, app_folder, {"name": "p", "workers": 2}) as pit:
        pit.ready("p", 2)
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda number: ask(pit, log, number), range(8)))
        assert len(answers) == 8 and all(answer == answers[0] for answer in answers), answers
        assert lines(log) == ["begun"], "the workers' own log shows one execution"
        assert ask(pit, log, 1) == answers[0], "and the result is remembered"
        assert lines(log) == ["begun"]
        stats = pit.stats("p")
        assert (stats["succeeded"], stats["deduplicated"], stats["dedup_kept"]) == (1, 8, 1)


def test_the_command_line_and_the_python_client_share_a_key(folder, app_folder, tmp_path):
    log = tmp_path / "log"
    code = (f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import snakepit; "
            "options = snakepit.Options(dedup_key='k', dedup_seconds=60); "
            "print(snakepit.Client(sys.argv[1]).call('p', 'note', sys.argv[2], 'python', options=options))")
    with Pit(folder, app_folder, {"name": "p"}) as pit:
        pit.ready("p")
        call = [BUILD / "client" / "cli" / "snakepit", "--connect", pit.broker.clients, "call", "p", "note",
                json.dumps(str(log)), '"cli"', "--dedup-key", "k", "--dedup", "60s"]  # fmt: skip
        first = subprocess.run(call, capture_output=True, text=True, timeout=BOUND_SECONDS, check=True)
        call = [sys.executable, "-c", code, pit.broker.clients, str(log)]
        second = subprocess.run(call, capture_output=True, text=True, timeout=BOUND_SECONDS, check=True)
        assert (first.stdout, second.stdout) == ('"cli"\n', "cli\n"), second
        assert lines(log) == ["cli"]


def test_the_run_is_asked_to_end_when_the_last_client_has_cancelled(broker):
    with RawWorker(broker.workers) as worker, RawClient(broker.clients) as one, RawClient(broker.clients) as two:
        one.hello()
        two.hello()
        worker.hello(slots=2)
        one.submit(1, "p", "f", dedup_key="k")
        fence = worker.expect(16)[1]
        two.submit(2, "p", "f", dedup_key="k")
        one.send([CANCEL, 1])
        assert one.expect(ERROR)[2] == "cancelled"
        worker.expect_nothing(0.2)
        two.send([CANCEL, 2])
        assert two.expect(ERROR)[2] == "cancelled"
        assert worker.expect(CANCEL)[1] == fence


# --- circuits --------------------------------------------------------------------------------------------------------


CIRCUIT = 'circuit_failures = 3; circuit_window = "10s"; circuit_pause = "1s"; when_open = "refuse"; '


def test_a_pool_that_fails_is_left_alone_and_tried_until_it_is_mended(folder, app_folder, tmp_path):
    database = tmp_path / "database"
    with Pit(folder, app_folder, {"name": "p", "workers": 2, "more": CIRCUIT}) as pit:
        events = Subscriber(pit.broker, "pool.circuit")
        pit.ready("p", 2)
        for _ in range(3):
            pit.submit("p", "query", str(database))
            assert pit.client.expect(ERROR, bound=BOUND_SECONDS)[2] == "failed"
        opened = events.expect("pool.circuit_opened", pool="p", reason="too many attempts failed")
        assert opened["retry_seconds"] == 1.0
        assert pit.stats("p")["circuit"] == "open"
        pit.submit("p", "query", str(database))
        refusal = pit.client.expect(ERROR)
        assert refusal[2] == "circuit_open" and 0 < refusal[4]["retry_after_ms"] <= 1000
        pit.until(lambda: pit.stats("p")["circuit"] == "half_open", "the pause is over")
        pit.submit("p", "query", str(database))
        assert pit.client.expect(ERROR, bound=BOUND_SECONDS)[2] == "failed", "one is tried"
        assert events.expect("pool.circuit_opened", reason="a probe failed")["retry_seconds"] == 2.0
        database.touch()
        pit.until(lambda: pit.stats("p")["circuit"] == "half_open", "the second pause is over")
        assert pit.call("p", "query", str(database)) == "data"
        events.expect("pool.circuit_closed", pool="p", reason="a probe succeeded")
        assert pit.call("p", "query", str(database)) == "data"


def test_waiting_tasks_are_explained_and_resume_closes_the_circuit(folder):
    pool = '{ name = "p"; circuit_failures = 1; circuit_pause = "1h"; }'
    with BrokerProcess(folder, pools=[pool]) as broker, RawWorker(broker.workers) as worker, \
            RawClient(broker.clients) as client:  # fmt: skip
        client.hello()
        worker.hello()
        client.submit(1, "p", "f")
        worker.send([ERROR, worker.expect(16)[1], "failed", "no database", {}])
        assert client.expect(ERROR)[2] == "failed"
        client.submit(2, "p", "f")
        why = client.admin("explain", pool="p")
        assert why["cause"] == "circuit_open" and 3500 < why["due_seconds"] <= 3600, why
        assert "snakepit resume p" in why["text"]
        worker.expect_nothing(0.2)
        assert client.admin("resume", pool="p") == {"state": "open"}
        assert worker.expect(16)[3] == "f"


# --- schedules -------------------------------------------------------------------------------------------------------


def schedule_text(path, every="200ms", name="tick", more=""):
    args = json.dumps(json.dumps([str(path), name]))
    return (f'schedules = ( {{ name = "{name}"; pool = "p"; function = "note"; args = {args}; every = "{every}"; '
            f"{more} }} );")


def test_a_schedule_of_the_configuration_runs_and_a_reload_changes_and_removes_it(folder, app_folder, tmp_path):
    log = tmp_path / "log"
    with Pit(folder, app_folder, {"name": "p"}, more=schedule_text(log)) as pit:
        pit.ready("p")
        begun = time.monotonic()
        pit.until(lambda: len(lines(log)) >= 4, "four runs")
        runs = pit.client.admin("schedules")[0]
        assert runs["succeeded"] >= 3 and runs["last"] == "ok" and runs["every_seconds"] == 0.2, runs
        assert runs["runs"] <= (time.monotonic() - begun) / 0.2 + 20, "not more often than it should be"
        text = pit.broker.config.read_text()
        pit.broker.config.write_text(text.replace('"200ms"', '"1h"'))
        pit.broker.signal(1)
        assert 'schedule \\"tick\\" changed' in pit.broker.wait_for_log("config.reloaded")
        assert pit.client.admin("schedules")[0]["due_seconds"] > 3500
        pit.broker.config.write_text("\n".join(line for line in text.splitlines() if "schedules" not in line))
        pit.broker.signal(1)
        pit.broker.wait_for_log("config.reloaded")
        assert pit.client.admin("schedules") == []


def test_the_command_line_sets_shows_and_removes_schedules(folder, app_folder, tmp_path):
    def snakepit(*arguments):
        return subprocess.run([BUILD / "client" / "cli" / "snakepit", "--connect", pit.broker.clients, *arguments],
                              capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)  # fmt: skip

    log = tmp_path / "log"
    with Pit(folder, app_folder, {"name": "p"}) as pit:
        pit.ready("p")
        done = snakepit("schedule", "set", "sweep", "p", "note", json.dumps(str(log)), '"swept"', "--every", "1h",
                        "--delay", "50ms", "--overlap", "queue")  # fmt: skip
        assert (done.returncode, done.stdout) == (0, "schedule sweep: set\n"), done
        pit.until(lambda: lines(log) == ["swept"], "the first run")
        shown = snakepit("schedule", "ls").stdout.splitlines()
        assert shown[0].split()[:3] == ["NAME", "POOL", "FUNCTION"] and shown[1].split()[:3] == ["sweep", "p", "note"]
        assert json.loads(snakepit("schedule", "-o", "json").stdout)[0]["overlap"] == "queue"
        assert snakepit("schedule", "rm", "sweep").stdout == "schedule sweep: removed\n"
        assert snakepit("schedule", "rm", "sweep").returncode == 3
        refused = snakepit("schedule", "set", "sweep", "p", "note", "{nonsense", "--every", "1h")
        assert refused.returncode != 0 and "JSON array" in refused.stderr
        assert snakepit("schedule", "set", "sweep", "nowhere", "note", "--every", "1h").returncode != 0
        assert snakepit("schedule", "set", "sweep", "p", "note").returncode == 2
