"""snakepit status, pools, workers, tasks, ping, cancel, drain, resume, ready; help; an absent broker."""

import fcntl
import json
import os
import pty
import re
import select
import socket
import struct
import subprocess
import termios
import time
import unittest
from pathlib import Path

from harness import SNAKEPIT, CliTest, wait_until

STATUS_FIELDS = set(
    "version uptime_seconds state clients workers tasks bytes stale undeliverable link events pools".split()
)
POOL_FIELDS = set(
    "name state queued delayed running workers workers_wanted slots slots_busy succeeded failed cancelled expired dead "
    "lost requeued refused queued_bytes queued_max queued_bytes_max workers_ready agents recycling recycle_due "
    "recycled circuit deduplicated dedup_kept dedup_bytes keys retried quarantined dead_listed dead_dropped".split()
)
WORKER_FIELDS = set(
    "id name pool host pid profile slots busy state rss_bytes cpu_us python gil_enabled uptime_seconds "
    "tasks_done free_threaded gil_module agent reason alone".split()
)
TASK_FIELDS = set("task pool function state priority attempt worker age_seconds".split())
PING_FIELDS = set("endpoint version protocol count min_ms mean_ms max_ms times_ms".split())
COMMANDS = (
    "call submit status pools workers worker agents tasks stats inspect top explain events ping cancel recycle drain "
    "resume dead schedule await ready doctor compat".split()
)


def read_terminal(words, environment, width=100):
    """What a terminal of that width would be sent."""
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        slave = -1
        text = b""
        while select.select([master], [], [], 30)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:  # EIO: the other side is closed
                break
            text += piece
        process.wait(30)
        return text.decode().replace("\r\n", "\n")
    finally:
        os.close(master)
        if slave >= 0:
            os.close(slave)


class Tables(CliTest):
    def test_status_has_the_documented_fields(self):
        status = self.ok_json("status", "-o", "json")
        self.assertEqual(STATUS_FIELDS, status.keys())
        self.assertEqual(["work", "small", "empty", "other"], [pool["name"] for pool in status["pools"]])
        for pool in status["pools"]:
            self.assertEqual(POOL_FIELDS, pool.keys())
        self.assertEqual(1, status["workers"])

    def test_pools_and_workers_have_the_documented_fields(self):
        self.assertEqual(4, len(self.ok_json("pools", "-o", "json")))
        worker, = self.ok_json("workers", "-o", "json")
        self.assertEqual(WORKER_FIELDS, worker.keys())
        shown = [worker[key] for key in "pool host profile slots state python gil_enabled".split()]
        self.assertEqual(["work", "testhost", "process", 4, "ready", "3.11.2", True], shown)
        self.assertEqual([], self.ok_json("workers", "empty", "-o", "json"))

    def test_counters_count(self):
        before = self.pool()
        self.ok("call", "work", "echo", "1")
        self.run_cli("call", "work", "fail")
        after = self.pool()
        self.assertEqual((before["succeeded"] + 1, before["failed"] + 1), (after["succeeded"], after["failed"]))

    def test_an_unknown_pool_exits_3(self):
        for command in ("pools", "workers", "tasks"):
            with self.subTest(command=command):
                self.fails(3, command, "nowhere")

    def test_tables_name_everything_and_are_straight(self):
        out = self.ok("status")
        self.assertRegex(out, r"^Broker 0\.1\.0 at ipc://\S+, running, up \S+ \S+, \d+ clients?, 1 worker\n\nPOOL ")
        lines = out.splitlines()[2:]
        self.assertEqual(5, len(lines))
        self.assertEqual(["work", "open"], lines[1].split()[:2])
        end = lines[0].index("QUEUED") + len("QUEUED")
        for line in lines[1:]:
            self.assertRegex(line[:end], r"\d$")

    def test_a_workers_name_cannot_send_escapes_to_the_terminal(self):
        out = self.ok("workers")
        self.assertNotIn("\033", out)
        self.assertIn("test-\\x1b[31mworker", out)
        wait_until(lambda: "12 MiB" in self.ok("workers"), "a heartbeat with the worker's memory")

    def test_a_pipe_gets_no_colours_and_a_terminal_does(self):
        self.assertNotIn("\033", self.ok("status"))
        environment = self.environment(TERM="xterm")
        self.assertIn("\033[32mopen", read_terminal(self.command("status"), environment))
        self.assertNotIn("\033", read_terminal(self.command("status"), environment | {"NO_COLOR": "1"}))
        self.assertIn("\033[32mopen", read_terminal(self.command("status"), environment | {"NO_COLOR": ""}))
        self.assertNotIn("\033", read_terminal(self.command("status", "-o", "json"), environment))

    def test_a_table_fits_the_terminal(self):
        for width in (120, 100, 80):
            for command in ("status", "pools", "workers", "tasks"):
                text = read_terminal(self.command(command), self.environment(NO_COLOR="1", TERM="xterm"), width)
                lines = [line for line in text.splitlines() if not line.startswith("Broker")]
                self.assertLessEqual(max(map(len, lines)), width, f"{command}:\n{text}")

    def test_words_that_are_too_much_are_refused(self):
        self.assertIn("snakepit pools work", self.fails(2, "status", "work"))
        for command in ("pools", "workers", "tasks", "ready"):
            self.fails(2, command, "work", "other")
        self.fails(2, "tasks", "--limit", "0")
        self.fails(2, "tasks", "--limit", "1001")
        self.fails(2, "status", "-o", "xml")


class Tasks(CliTest):
    def hold(self, count):
        for _ in range(count):
            self.start_cli("call", "work", "hold")
        self.wait_for_pool("work", running=min(count, 4), queued=max(0, count - 4))
        return self.ok_json("tasks", "work", "-o", "json")

    def tearDown(self):
        tasks = self.ok_json("tasks", "-o", "json")
        if tasks:
            self.run_cli("cancel", *(str(task["task"]) for task in tasks))
        self.wait_for_pool("work", running=0, queued=0)
        super().tearDown()

    def test_tasks_show_running_ones_first(self):
        tasks = self.hold(6)
        self.assertEqual(TASK_FIELDS, tasks[0].keys())
        self.assertEqual(["hold"] * 6, [task["function"] for task in tasks])
        states = [task["state"] for task in tasks]
        self.assertEqual(states[4:], ["queued"] * 2)
        self.assertNotIn("queued", states[:4])
        self.assertEqual(2, len(self.ok_json("tasks", "--limit", "2", "-o", "json")))
        self.assertEqual(1 + 6, len(self.ok("tasks").splitlines()))

    def test_cancel_ends_queued_and_running_tasks(self):
        tasks = self.hold(5)
        queued, running = tasks[4]["task"], tasks[0]["task"]
        self.assertEqual(f"task {queued}: cancelled\n", self.ok("cancel", str(queued)))
        out = self.ok("cancel", "-o", "json", str(running))
        self.assertEqual({"task": running, "state": "asked"}, json.loads(out))
        self.wait_for_pool("work", running=3)

    def test_a_task_that_is_unknown_exits_3_and_the_others_are_cancelled(self):
        queued = self.hold(5)[4]["task"]
        done = self.run_cli("cancel", "999999999", str(queued))
        self.assert_exit(done, 3)
        self.assertIn(f"task {queued}: cancelled", done.stdout)
        self.assertIn("not_found", done.stderr)

    def test_cancel_reads_all_words_first(self):
        queued = self.hold(5)[4]["task"]
        self.fails(2, "cancel", str(queued), "x")
        self.fails(2, "cancel")
        self.assertEqual(1, self.pool()["queued"])


class Control(CliTest):
    def test_ping_measures(self):
        out = self.ok("ping", "-c", "2")
        self.assertEqual(3, len(out.splitlines()))
        self.assertRegex(out, r"SPIT/1")
        report = self.ok_json("ping", "-c", "5", "-o", "json")
        self.assertEqual(PING_FIELDS, report.keys())
        self.assertEqual((5, 5), (report["count"], len(report["times_ms"])))
        self.assertLessEqual(report["min_ms"], report["max_ms"])

    def test_drain_and_resume(self):
        self.assertEqual("other: draining\n", self.ok("drain", "other"))
        self.assertEqual("draining", self.pool("other")["state"])
        self.assertEqual("open", self.pool("work")["state"])
        self.assertEqual("other: open\n", self.ok("resume", "other"))
        self.assertEqual({"pool": None, "state": "draining"}, self.ok_json("drain", "--all", "-o", "json"))
        self.assertEqual({"pool": None, "state": "open"}, self.ok_json("resume", "--all", "-o", "json"))
        self.assertEqual("open", self.pool("work")["state"])

    def test_drain_waits_for_the_last_task(self):
        self.addCleanup(self.ok, "resume", "work")
        process = self.start_cli("call", "work", "hold")
        self.wait_for_pool("work", running=1)
        drain = self.start_cli("drain", "work", "--wait")
        self.wait_for_pool("work", state="draining", running=1)
        self.ok("cancel", str(self.ok_json("tasks", "work", "-o", "json")[0]["task"]))
        self.assertEqual("work: drained\n", drain.communicate(timeout=30)[0])
        self.assertEqual(0, self.pool()["running"])
        process.communicate(timeout=30)
        self.assertEqual(1, process.returncode)

    def test_drain_stops_waiting_when_time_is_up(self):
        self.addCleanup(self.ok, "resume", "empty")
        process = self.start_cli("call", "empty", "echo")
        self.wait_for_pool("empty", queued=1)
        self.assertIn("1 tasks have not ended yet", self.fails(4, "drain", "empty", "--wait", "-t", "0.3"))
        self.interrupt(process)

    def test_drain_wants_a_pool_or_all(self):
        for words in (["drain"], ["resume"], ["drain", "work", "--all"], ["drain", "work", "other"]):
            self.fails(2, *words)
        self.fails(3, "drain", "nowhere")
        self.fails(3, "resume", "nowhere")
        self.assertEqual("open", self.pool()["state"])

    def test_ready_answers_when_the_workers_are_there(self):
        self.assertEqual("ready\n", self.ok("ready", "work", "--workers", "1"))
        self.assertEqual({"ready": True}, self.ok_json("ready", "-o", "json"))
        start = time.monotonic()
        self.fails(4, "ready", "empty", "--workers", "1", "-t", "0.3")
        self.assertLess(time.monotonic() - start, 2)
        self.fails(3, "ready", "nowhere")
        self.fails(2, "ready", "--workers", "0")
        process = self.start_cli("ready", "empty", "--workers", "1")
        self.pit.start_worker("empty", 1)
        self.assertEqual("ready\n", process.communicate(timeout=30)[0])

    def test_the_endpoint_for_workers_is_named_as_such(self):
        self.assertEqual(f"snakepit: {self.pit.workers_endpoint}: the broker refuses this client: bad_field: "
                         "this endpoint is for workers; clients connect to another one\n",
                         self.fails(5, "--connect", self.pit.workers_endpoint, "status", "-t", "20"))


class Completion(CliTest):
    SCRIPT = Path(__file__).resolve().parents[2] / "client/cli/completion.bash"

    def complete(self, line):
        """What bash is offered at the end of the line."""
        script = 'source "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _snakepit; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", str(self.SCRIPT), line], capture_output=True, text=True,
                              timeout=30, env=self.environment(PATH=f"{Path(SNAKEPIT).parent}:{os.environ['PATH']}",
                                                               SNAKEPIT_ENDPOINT="ipc:///nonexistent"))
        self.assertEqual("", done.stderr)
        return done.stdout.split()

    def test_commands_options_and_pools_are_completed(self):
        self.assertEqual(["status", "stats"], self.complete("snakepit st"))
        self.assertEqual(["json"], self.complete("snakepit status -o j"))
        self.assertEqual(["--ordered"], self.complete("snakepit submit --or"))
        self.assertEqual(["--wait"], self.complete("snakepit drain work --w"))
        connect = f"snakepit --connect {self.pit.endpoint}"
        self.assertEqual(["work"], self.complete(f"{connect} call w"))
        self.assertEqual(["work", "small", "empty", "other"], self.complete(f"{connect} workers "))
        self.assertEqual([], self.complete(f"{connect} call work "))
        self.assertEqual([], self.complete("snakepit call "))

    def test_every_option_of_the_help_is_completed(self):
        for command in ("call", "submit", "tasks", "ping", "drain", "resume", "dead", "ready", "status"):
            options = set(re.findall(r"^ +(?:-., )?(--[a-z-]+)", self.ok(command, "--help"), re.MULTILINE))
            self.assertEqual(options, set(self.complete(f"snakepit {command} --")), command)


class Absent(unittest.TestCase):
    """No broker is needed for these."""

    def run_bare(self, *words, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SNAKEPIT_")}
        return subprocess.run([SNAKEPIT, *words], capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL, env=kept | environment)

    def test_an_absent_broker_exits_4_in_time_and_says_what_to_do(self):
        start = time.monotonic()
        done = self.run_bare("--connect", "tcp://127.0.0.1:1", "status", "-t", "0.5")
        self.assertLess(time.monotonic() - start, 2)
        self.assertEqual(4, done.returncode)
        self.assertIn("no broker answers at tcp://127.0.0.1:1 (waited 500 ms): nothing listens there", done.stderr)
        self.assertIn("snakepitd -c", done.stderr)
        self.assertIn("SNAKEPIT_ENDPOINT", done.stderr)

    def test_every_command_that_needs_a_broker_does_so(self):
        for words in (["call", "a", "b"], ["submit", "a", "b"], ["pools"], ["workers"], ["tasks"], ["ping"],
                      ["cancel", "1"], ["drain", "--all"], ["resume", "--all"], ["ready"]):
            with self.subTest(words=words):
                self.assertEqual(4, self.run_bare("-t", "50ms", "--connect", "tcp://127.0.0.1:1", *words).returncode)

    def test_a_socket_file_that_is_missing_is_named(self):
        done = self.run_bare("-t", "50ms", "status", SNAKEPIT_ENDPOINT="ipc:///nonexistent/socket")
        self.assertEqual(4, done.returncode)
        self.assertIn("ipc:///nonexistent/socket (waited 50 ms): there is no such socket file", done.stderr)

    def test_something_else_that_listens_is_told_apart(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            endpoint = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            done = self.run_bare("-t", "300ms", "--connect", endpoint, "status")
        self.assertEqual(4, done.returncode)
        self.assertIn("something listens there", done.stderr)

    def test_the_option_wins_over_the_environment(self):
        done = self.run_bare("-t", "50ms", "status", "--connect=tcp://127.0.0.1:1", SNAKEPIT_ENDPOINT="ipc:///a")
        self.assertIn("tcp://127.0.0.1:1", done.stderr)

    def test_what_is_no_endpoint_is_a_usage_error(self):
        for endpoint in ("foo", "http://a", "tcp://", "ipc://"):
            with self.subTest(endpoint=endpoint):
                self.assertEqual(2, self.run_bare("--connect", endpoint, "status").returncode)

    def test_help_goes_to_stdout(self):
        for words in (["--help"], ["-h"], ["help"], ["call", "--help"], ["help", "submit"], ["status", "-h"]):
            with self.subTest(words=words):
                done = self.run_bare(*words)
                self.assertEqual((0, ""), (done.returncode, done.stderr))
                self.assertTrue(done.stdout.startswith("Usage: snakepit "))
                self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)

    def test_version(self):
        for words in (["--version"], ["-V"], ["call", "--version"]):
            self.assertRegex(self.run_bare(*words).stdout, r"^snakepit \d+\.\d+\.\d+\n$")

    def test_every_command_is_in_the_help(self):
        text = self.run_bare("--help").stdout
        for command in COMMANDS:
            self.assertTrue(re.search(rf"^  {command} ", text, re.MULTILINE), command)
            self.assertIn(f"Usage: snakepit {command}", self.run_bare(command, "--help").stdout)

    def test_unknown_words_get_a_suggestion(self):
        done = self.run_bare("stauts")
        self.assertEqual(2, done.returncode)
        self.assertIn('did you mean "status"?', done.stderr)
        self.assertNotIn("did you mean", self.run_bare("frobnicate").stderr)
        self.assertIn("did you mean --ordered?", self.run_bare("submit", "--orderd", "a", "b").stderr)
        self.assertEqual(2, self.run_bare().returncode)

    def test_an_unknown_word_cannot_send_escapes(self):
        self.assertNotIn("\033", self.run_bare("\033[2J").stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
