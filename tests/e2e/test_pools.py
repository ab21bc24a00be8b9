"""Several pools at once in one snakepitd, with its own agent and real Python workers."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgpack
import pytest

from broker_process import BUILD, BrokerProcess, config_text
from raw_peer import ERROR, RESULT, RawClient, call_payload

SOURCE = Path(__file__).parents[2] / "worker_python" / "src"
BOUND_SECONDS = 30.0

APP = """
import ctypes, os, threading, time
import snakepit

app = snakepit.App()

@app.task
def who():
    return [os.getpid(), threading.get_ident(), os.environ.get("PLACE", "")]

@app.task
def nap(seconds):
    time.sleep(seconds)
    return os.getpid()

@app.task
def mark_and_nap(path, seconds):
    open(path, "w").close()
    time.sleep(seconds)
    return os.getpid()

@app.task
def die():
    os._exit(9)

@app.task
def crash_once(path):
    try:
        open(path, "x").close()
    except FileExistsError:
        return os.getpid()
    ctypes.string_at(0)
"""


@pytest.fixture(scope="module")
def app_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    (folder / "pools_app.py").write_text(APP)
    return folder


class Pit:
    """A running system: configure pools, call functions, see workers."""

    def __init__(self, folder, app_folder, *pools, **settings):
        self.app_folder = app_folder
        self.broker = BrokerProcess(folder, pools=[self.pool(**pool) for pool in pools], log_level="info", **settings)
        self.client = RawClient(self.broker.clients)
        self.next_id = 0

    def pool(self, name, more="", place="", **options):
        members = {"name": name, "workers": 1, "app": "pools_app:app", "python": sys.executable,
                   "directory": str(self.app_folder), **options}
        text = "".join(f'{key} = "{value}"; ' if isinstance(value, str) else f"{key} = {value}; "
                       for key, value in members.items())
        return (f'{{ {text} environment = ( "PYTHONPATH={SOURCE}", "PYTHONDONTWRITEBYTECODE=1", "PLACE={place}" ); '
                f"{more} }}")

    def __enter__(self):
        self.broker.__enter__()
        self.client.hello()
        return self

    def __exit__(self, *exception):
        self.client.close()
        self.broker.__exit__(*exception)

    def reload(self, *pools, event="config.reloaded", timers=""):
        text = config_text(self.broker.addresses, pools=[self.pool(**pool) for pool in pools], timers=timers,
                           log_level="info")
        self.broker.config.write_text(text)
        self.broker.signal(signal.SIGHUP)
        return self.broker.wait_for_log(event)

    def submit(self, pool, function, *args):
        self.next_id += 1
        self.client.submit(self.next_id, pool, function, call_payload(*args))
        return self.next_id

    def results(self, count):
        """So many answers: {id: value}."""
        answers = {}
        for _ in range(count):
            answer = self.client.expect(RESULT, bound=BOUND_SECONDS)
            answers[answer[1]] = msgpack.unpackb(answer[2])
        return answers

    def call(self, pool, function, *args):
        task_id = self.submit(pool, function, *args)
        return self.results(1)[task_id]

    def ready(self, pool, workers=1):
        answer = self.client.admin("await_ready", pool=pool, workers=workers, timeout_ms=30000, bound=BOUND_SECONDS)
        assert answer == {"ready": True}, answer

    def workers(self, pool):
        return {worker["pid"]: worker for worker in self.client.admin("workers", pool=pool)}

    def stats(self, pool):
        return self.client.admin("pools", pool=pool)[0]

    def until(self, is_so, what):
        deadline = time.monotonic() + BOUND_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, f"not within {BOUND_SECONDS} s: {what}"
            time.sleep(0.01)


@pytest.fixture
def two(folder, app_folder):
    with Pit(folder, app_folder, {"name": "red", "workers": 2, "place": "red"}, {"name": "blue", "place": "blue"},
             more='default_pool = "blue";') as pit:
        pit.ready("red", 2)
        pit.ready("blue")
        yield pit


# --- several pools at once -------------------------------------------------------------------------------------------


def test_several_pools_serve_at_once(two):
    ids = [two.submit(pool, "who") for _ in range(20) for pool in ("red", "blue")]
    answers = two.results(len(ids))
    assert sorted(answers) == sorted(ids)


def test_tasks_are_routed_by_the_pools_name(two):
    for _ in range(5):
        assert two.call("red", "who")[2] == "red"
        assert two.call("blue", "who")[2] == "blue"


def test_a_task_without_a_name_goes_to_the_default_pool(two):
    assert two.call("", "who")[2] == "blue"


def test_an_unknown_pool_is_an_error_that_lists_the_pools(two):
    two.submit("green", "who")
    error = two.client.expect(ERROR)
    assert error[2] == "no_such_pool", error
    assert error[3] == 'no pool is named "green"; the pools are "red", "blue"', error


def test_the_command_line_says_the_same(two):
    def snakepit(*arguments):
        return subprocess.run([BUILD / "client" / "cli" / "snakepit", "--connect", two.broker.clients, *arguments],
                              capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)  # fmt: skip

    assert '"blue"' in snakepit("call", "", "who").stdout
    ended = snakepit("call", "reed", "who")
    assert ended.returncode != 0
    assert 'no pool is named "reed"; did you mean "red"? The pools are "red", "blue"' in ended.stderr
    assert snakepit("drain", "red").returncode == 0
    ended = snakepit("call", "red", "who")
    assert 'the pool "red" is drained and takes no new tasks until: snakepit resume red' in ended.stderr
    assert snakepit("resume", "red").returncode == 0
    assert '"red"' in snakepit("call", "red", "who").stdout


def test_pools_have_workers_of_their_own(two):
    red, blue = two.workers("red"), two.workers("blue")
    assert len(red) == 2 and len(blue) == 1 and not red.keys() & blue.keys()
    used = Counter(two.call("red", "who")[0] for _ in range(20))
    assert used.keys() <= red.keys()


def test_a_busy_pool_does_not_hold_up_another(two):
    for _ in range(4):
        two.submit("red", "nap", 0.5)
    begun = time.monotonic()
    first = two.submit("blue", "who")
    answers = {}
    while first not in answers:
        answers |= two.results(1)
    assert time.monotonic() - begun < 0.5
    two.results(5 - len(answers))


def test_statistics_are_kept_per_pool(two):
    for _ in range(3):
        two.call("red", "who")
    two.submit("red", "no_such_function")
    assert two.client.expect(ERROR)[2] == "no_such_function"
    two.call("blue", "who")
    red, blue = two.stats("red"), two.stats("blue")
    assert (red["succeeded"], red["failed"], blue["succeeded"], blue["failed"]) == (3, 1, 1, 0)
    assert (red["workers"], red["slots"], blue["workers"], blue["slots"]) == (2, 2, 1, 1)


def test_a_worker_that_dies_is_its_pools_own_matter(two):
    blue = two.workers("blue").keys()
    red = two.workers("red").keys()
    two.client.submit(b"dies", "red", "die", call_payload(), max_attempts=1)
    error = two.client.expect(ERROR, bound=BOUND_SECONDS)
    assert error[2] == "dead", error
    two.until(lambda: len(two.workers("red")) == 2 and two.workers("red").keys() != red, "a new worker of red")
    assert two.workers("blue").keys() == blue
    assert two.call("red", "who")[2] == "red"


def test_each_pool_has_its_own_limits(folder, app_folder):
    small = {"name": "small", "more": "queued_max = 1;"}
    with Pit(folder, app_folder, small, {"name": "large"}) as pit:
        pit.ready("small")
        pit.ready("large")
        ids = [pit.submit("small", "nap", 1.0)]
        pit.until(lambda: pit.stats("small")["running"] == 1, "the first one runs")
        ids += [pit.submit("small", "nap", 0.0)]
        pit.submit("small", "nap", 0.0)
        error = pit.client.expect(ERROR)
        assert error[2] == "busy", error
        ids += [pit.submit("large", "nap", 0.0) for _ in range(10)]
        assert sorted(pit.results(len(ids))) == sorted(ids)


# --- different profiles at once --------------------------------------------------------------------------------------


def test_process_and_thread_profiles_serve_side_by_side(folder, app_folder):
    threads = {"name": "threads", "profile": "thread", "threads_per_worker": 4}
    with Pit(folder, app_folder, {"name": "processes", "workers": 2}, threads) as pit:
        pit.ready("processes", 2)
        pit.ready("threads")
        assert (pit.stats("processes")["slots"], pit.stats("threads")["slots"]) == (2, 4)
        begun = time.monotonic()
        naps = [pit.submit("threads", "nap", 0.4) for _ in range(4)]
        naps += [pit.submit("processes", "nap", 0.4) for _ in range(2)]
        pids = pit.results(len(naps))
        assert time.monotonic() - begun < 1.2, "they ran one after the other"
        assert len({pids[nap] for nap in naps[:4]}) == 1 and len({pids[nap] for nap in naps[4:]}) == 2
        profiles = {worker["profile"] for worker in pit.workers("threads").values()}
        assert profiles == {"thread"}


def test_a_segfault_in_a_thread_costs_no_task_that_ran_beside_it(folder, app_folder, tmp_path):
    with Pit(folder, app_folder, {"name": "threads", "profile": "thread", "threads_per_worker": 4}) as pit:
        pit.ready("threads")
        [crashed] = pit.workers("threads")
        ids = [pit.submit("threads", "nap", 1.0) for _ in range(3)]
        pit.until(lambda: pit.stats("threads")["running"] == 3, "they run")
        ids.append(pit.submit("threads", "crash_once", str(tmp_path / "crashed")))
        pids = pit.results(len(ids))
        assert sorted(pids) == sorted(ids) and crashed not in pids.values()
        stats = pit.stats("threads")
        assert (stats["requeued"], stats["failed"], stats["dead"]) == (4, 0, 0)
        assert stats["recycled"]["died"] == 1
        assert "SIGSEGV" in pit.broker.wait_for_log("worker.lost")


# --- each pool's life ------------------------------------------------------------------------------------------------


def test_pools_are_recycled_each_by_its_own_rule(folder, app_folder):
    short = {"name": "short", "more": "worker_max_tasks = 5; recycle_jitter = 0;"}
    with Pit(folder, app_folder, short, {"name": "long"}) as pit:
        pit.ready("short")
        pit.ready("long")
        long_pids = pit.workers("long").keys()
        seen = set()
        deadline = time.monotonic() + BOUND_SECONDS
        while len(seen) < 3:  # replaced twice
            assert time.monotonic() < deadline, "no replacements"
            seen.add(pit.call("short", "who")[0])
            pit.call("long", "who")
        assert pit.workers("long").keys() == long_pids
        short_stats, long_stats = pit.stats("short"), pit.stats("long")
        assert short_stats["failed"] == short_stats["dead"] == short_stats["lost"] == 0
        assert short_stats["succeeded"] == long_stats["succeeded"]


@pytest.mark.parametrize("more", ["", "recycle_first = true; ", "recycle_parallel = 2; "])
def test_workers_are_replaced_when_they_are_too_old_and_no_task_notices(folder, app_folder, more):
    pool = {"name": "old", "workers": 2, "more": f'{more}worker_ttl = "1s"; recycle_jitter = 0;'}
    with Pit(folder, app_folder, pool) as pit:
        pit.ready("old", 2)
        deadline = time.monotonic() + BOUND_SECONDS
        while pit.stats("old")["recycled"]["ttl"] < 2:
            assert time.monotonic() < deadline, "no replacements"
            pit.call("old", "who")
        stats = pit.stats("old")
        assert (stats["failed"], stats["dead"], stats["lost"]) == (0, 0, 0)


def test_a_failed_pool_that_refuses_answers_its_tasks(folder, app_folder):
    pool = {"name": "broken", "app": "no_such_module:app", "more": 'when_failed = "refuse"; start_failures_max = 1;'}
    with Pit(folder, app_folder, pool, {"name": "sound"}) as pit:
        pit.client.submit(b"early or late", "broken", "who", call_payload())
        assert pit.client.expect(ERROR, bound=BOUND_SECONDS)[2] == "pool_failed"
        pit.client.submit(b"surely late", "broken", "who", call_payload())
        assert pit.client.expect(ERROR, bound=BOUND_SECONDS)[2] == "pool_failed"
        pit.ready("sound")
        assert pit.call("sound", "who")


# --- reloads with an agent -------------------------------------------------------------------------------------------


def process_ends(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_pool_is_resized_while_it_works(two):
    blue = two.workers("blue").keys()
    two.reload({"name": "red", "workers": 2, "place": "red"}, {"name": "blue", "workers": 3, "place": "blue"})
    two.ready("blue", 3)
    assert blue <= two.workers("blue").keys()
    two.reload({"name": "red", "workers": 2, "place": "red"}, {"name": "blue", "place": "blue"})
    two.until(lambda: len(two.workers("blue")) == 1, "blue has one worker again")
    assert two.call("blue", "who")[2] == "blue"


def test_a_worker_too_many_ends_its_task_first(folder, app_folder, tmp_path):
    more = {"name": "p", "workers": 2}
    with Pit(folder, app_folder, more, more='agent = { stop_timeout = "100ms"; };') as pit:
        pit.ready("p", 2)
        naps = [pit.submit("p", "mark_and_nap", str(tmp_path / name), 1.0) for name in "ab"]
        pit.until(lambda: len(list(tmp_path.iterdir())) == 2, "both have begun")
        text = pit.broker.config.read_text().replace("workers = 2", "workers = 1")
        pit.broker.config.write_text(text)
        pit.broker.signal(signal.SIGHUP)
        pit.broker.wait_for_log("config.reloaded")
        assert sorted(pit.results(2)) == naps
        pit.until(lambda: len(pit.workers("p")) == 1, "one has gone")
        assert pit.stats("p")["requeued"] == 0


def test_a_removed_pool_ends_all_its_tasks_before_its_workers_go(two):
    blue = set(two.workers("blue"))
    ids = [two.submit("blue", "nap", 0.1) for _ in range(8)]
    two.until(lambda: two.stats("blue")["running"] == 1, "it runs")
    two.reload({"name": "red", "workers": 2, "place": "red"})
    pids = two.results(len(ids))
    assert sorted(pids) == ids and set(pids.values()) == blue, "the same worker ran all of them"
    two.broker.wait_for_log("pool.removed")
    two.until(lambda: all(process_ends(pid) for pid in blue), "its worker ended")
    assert two.call("red", "who")[2] == "red"


def test_workers_are_replaced_when_their_pool_s_environment_changes(two):
    red = two.workers("red").keys()
    two.reload({"name": "red", "workers": 2, "place": "red"}, {"name": "blue", "place": "azure"})
    two.until(lambda: two.call("blue", "who")[2] == "azure", "a worker with the new environment")
    assert "reason=reload" in two.broker.wait_for_log("worker.recycled")
    assert two.workers("red").keys() == red
    assert two.stats("blue")["failed"] == two.stats("blue")["requeued"] == 0


def test_workers_and_agent_follow_another_heartbeat(two):
    pools = {"name": "red", "workers": 2, "place": "red"}, {"name": "blue", "place": "blue"}
    red = two.workers("red").keys()
    two.reload(*pools, timers='heartbeat = "100ms";')
    lines = len(two.broker.log)
    two.call("blue", "nap", 1.0)  # ten heartbeats, in which nothing may happen
    two.call("red", "who")
    assert two.workers("red").keys() == red
    told = [line for line in two.broker.log[lines:] if "stalled" in line or "agent.lost" in line]
    assert told == []


def test_the_agent_comes_with_the_first_local_pool_and_goes_with_the_last(folder, app_folder):
    remote = {"name": "remote", "workers": 1}
    with Pit(folder, app_folder, remote) as pit:
        pit.ready("remote")
        [pid] = pit.workers("remote")
        pit.broker.config.write_text(config_text(pit.broker.addresses, pools=("other",), log_level="info"))
        pit.broker.signal(signal.SIGHUP)
        pit.broker.wait_for_log("config.reloaded")
        pit.broker.wait_for_log("agent.exited")
        assert process_ends(pid)
        pit.reload({"name": "again", "place": "again"})
        pit.ready("again")
        assert pit.call("again", "who")[2] == "again"


def test_a_broken_file_does_not_reach_a_restarted_agent(two):
    two.broker.config.write_text("this is no configuration")
    two.broker.signal(signal.SIGHUP)
    two.broker.wait_for_log("config.rejected")
    [agent] = {int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]) for pid in two.workers("blue")}
    blue = two.workers("blue").keys()
    os.kill(agent, signal.SIGKILL)
    two.broker.wait_for_log("agent.died")
    two.until(lambda: len(two.workers("blue")) == 1 and two.workers("blue").keys() != blue, "a new worker")
    assert two.call("blue", "who")[2] == "blue"


def test_a_storm_of_reloads_with_an_agent_harms_nothing(two):
    ids = []
    for number in range(100):
        blue = {"name": "blue", "workers": 1 + number % 2, "place": "blue"}
        text = config_text(two.broker.addresses, log_level="info", pools=[
            two.pool(name="red", workers=2, place="red"), two.pool(**blue)])
        two.broker.config.write_text(text)
        two.broker.signal(signal.SIGHUP)
        ids.append(two.submit("red" if number % 2 else "blue", "who"))
    assert sorted(two.results(len(ids))) == ids
    two.ready("red", 2)
    two.ready("blue", 2)
