"""snakepit submit: input forms, order, window, failures, signals, pipes, memory, the progress line."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest
from pathlib import Path

from harness import SNAKEPIT, WAIT_SECONDS, CliTest, wait_until


def records(text):
    return [json.loads(line) for line in text.splitlines()]


class Submit(CliTest):
    def submit(self, lines, *words, code=0, function="all"):
        """Run and give (records, stderr)."""
        done = self.run_cli("submit", *words, "work", function, input=lines)
        self.assert_exit(done, code)
        return records(done.stdout), done.stderr

    def tearDown(self):
        self.wait_for_pool("work", running=0, queued=0, delayed=0)
        super().tearDown()


class Input(Submit):
    def test_each_form_of_a_line_becomes_its_arguments(self):
        forms = {
            "[]": [[], {}],
            "[1, [2]]": [[1, [2]], {}],
            "{}": [[], {}],
            '{"x": 1, "y": [2]}': [[], {"x": 1, "y": [2]}],
            '{"args": [1]}': [[1], {}],
            '{"args": [1], "kwargs": {"x": 2}}': [[1], {"x": 2}],
            '{"args": [1], "x": 2}': [[], {"args": [1], "x": 2}],
            "17": [[17], {}],
            '"text"': [["text"], {}],
            "null": [[None], {}],
            '{"$bytes": "AQ=="}': [[{"$bytes": "AQ=="}], {}],
            str(2**64 - 1): [[2**64 - 1], {}],
        }
        found, _ = self.submit("\n".join(forms), "--ordered")
        self.assertEqual(list(enumerate(forms.values(), 1)), [(record["line"], record["result"]) for record in found])

    def test_empty_lines_are_passed_over_and_counted(self):
        found, _ = self.submit("1\n\n  \n2\r\n3", "--ordered")
        self.assertEqual([1, 4, 5], [record["line"] for record in found])

    def test_an_empty_input_is_fine(self):
        found, error = self.submit("")
        self.assertEqual([], found)
        self.assertIn("0 tasks", error)

    def test_a_closed_stdin_is_an_error(self):
        done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *self.command("submit", "work", "echo")],
                              capture_output=True, text=True, timeout=WAIT_SECONDS, env=self.environment())
        self.assert_exit(done, 2)
        self.assertIn("cannot read the input", done.stderr)

    def test_a_folder_as_input_is_an_error(self):
        descriptor = os.open("/", os.O_RDONLY)
        try:
            done = self.run_cli("submit", "work", "echo", stdin=descriptor, input=None)
        finally:
            os.close(descriptor)
        self.assert_exit(done, 2)
        self.assertIn("cannot read the input: Is a directory", done.stderr)

    def test_a_bad_line_ends_the_input_and_what_went_before_is_finished(self):
        done = self.run_cli("submit", "work", "echo", input="1\n2\n[3,, 4]\n5\n")
        self.assert_exit(done, 2)
        self.assertEqual({1: 1, 2: 2}, {record["line"]: record["result"] for record in records(done.stdout)})
        self.assertIn("line 3, column 4: not JSON", done.stderr)
        self.assertIn("\n  [3,, 4]\n     ^\n", done.stderr)
        self.assertIn("nothing from this line on is submitted", done.stderr)

    def test_a_bare_word_gets_a_hint(self):
        self.assertIn("""'"hello"'""", self.fails(2, "submit", "work", "echo", input="hello\n"))

    def test_a_wrong_typed_object_names_its_line(self):
        error = self.fails(2, "submit", "work", "echo", input='1\n{"$nope": 1}\n')
        self.assertIn('line 2: "$nope" is no typed object', error)

    def test_words_that_are_too_much_are_refused(self):
        self.assertIn("read from standard input", self.fails(2, "submit", "work", "echo", "1"))
        for words in (["submit"], ["submit", "work"], ["submit", "--window", "0", "work", "echo"],
                      ["submit", "--window", "x", "work", "echo"], ["submit", "--stream", "work", "echo"]):
            self.fails(2, *words)


class Order(Submit):
    def test_results_come_as_they_are_ready(self):
        found, _ = self.submit("[300]\n[0]\n[0]\n", function="sleep")
        self.assertEqual(1, found[-1]["line"])

    def test_ordered_keeps_the_order_of_the_input(self):
        found, _ = self.submit("[300]\n[0]\n[100]\n[0]\n", "--ordered", function="sleep")
        self.assertEqual([1, 2, 3, 4], [record["line"] for record in found])

    def test_results_come_while_the_input_is_open(self):
        process = self.start_cli("submit", "work", "echo")
        for number in range(3):
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            self.assertEqual(number, json.loads(process.stdout.readline())["result"])
        process.stdin.close()
        self.assertEqual(0, process.wait(WAIT_SECONDS))

    def test_the_window_bounds_what_is_under_way(self):
        process = self.start_cli("submit", "--window", "3", "empty", "echo")
        process.stdin.write("1\n" * 50)
        process.stdin.flush()
        self.wait_for_pool("empty", queued=3)
        self.interrupt(process)
        self.wait_for_pool("empty", queued=0)
        self.assertEqual(130, process.returncode)

    def test_an_ordered_window_waits_for_its_first_task(self):
        process = self.start_cli("submit", "--ordered", "--window", "3", "work", "sleep")
        process.stdin.write("[500]\n" + "[0]\n" * 9)
        process.stdin.close()
        process.stdin = None
        stdout, _ = process.communicate(timeout=WAIT_SECONDS)
        self.assertEqual(list(range(1, 11)), [record["line"] for record in records(stdout)])

    def test_a_small_queue_is_no_failure(self):
        self.pit.start_worker("small", 1)
        done = self.run_cli("submit", "small", "echo", input="1\n" * 200)
        self.assert_exit(done, 0)
        self.assertEqual(200, len(records(done.stdout)))


class Failures(Submit):
    def test_failed_tasks_are_records_and_exit_1(self):
        done = self.run_cli("submit", "--ordered", "work", "fail", input="[]\n[]\n")
        self.assert_exit(done, 1)
        first, second = records(done.stdout)
        self.assertEqual((1, "failed", "failed", "ValueError"),
                         (first["line"], first["state"], first["error"]["code"], first["error"]["type"]))
        self.assertIn("traceback", second["error"])
        self.assertIn("2 tasks", done.stderr)
        self.assertIn("0 ok, 2 failed", done.stderr)
        self.assertNotIn("\033", done.stdout)

    def test_an_unknown_pool_or_function_ends_the_input_with_3(self):
        for words in (["nowhere", "echo"], ["work", "nothing"]):
            with self.subTest(words=words):
                done = self.run_cli("submit", "--window", "10", *words, input="1\n" * 100_000)
                self.assert_exit(done, 3)
                self.assertLess(len(records(done.stdout)), 1000)
        done = self.run_cli("submit", "nowhere", "echo", input="1\n")
        self.assert_exit(done, 3)
        self.assertIn("no_such_pool", done.stderr)

    def test_a_drained_pool_ends_the_input_with_5(self):
        self.ok("drain", "other")
        self.addCleanup(self.ok, "resume", "other")
        self.assertIn("draining", self.fails(5, "submit", "other", "echo", input="1\n" * 1000))

    def test_a_deadline_is_a_failure(self):
        done = self.run_cli("submit", "empty", "echo", "--deadline", "50ms", input="1\n2\n")
        self.assert_exit(done, 1)
        self.assertEqual(["expired"] * 2, [record["state"] for record in records(done.stdout)])


class Signals(Submit):
    def test_ctrl_c_cancels_what_is_outstanding_and_exits_130(self):
        process = self.start_cli("submit", "work", "hold")
        process.stdin.write("[]\n" * 10)
        process.stdin.flush()
        self.wait_for_pool("work", running=4, queued=6)
        stdout, stderr = self.interrupt(process)
        self.assertEqual(130, process.returncode)
        self.assertEqual([(line, "cancelled") for line in range(1, 11)],
                         sorted((record["line"], record["state"]) for record in records(stdout)))
        self.assertIn("cancelling 10 tasks", stderr)
        self.wait_for_pool("work", running=0, queued=0)

    def test_sigterm_does_too_and_exits_143(self):
        process = self.start_cli("submit", "work", "hold")
        process.stdin.write("[]\n")
        process.stdin.flush()
        self.wait_for_pool("work", running=1)
        self.interrupt(process, signal.SIGTERM)
        self.assertEqual(143, process.returncode)

    def test_a_terminal_that_closes_does_too_and_exits_129(self):
        process = self.start_cli("submit", "work", "hold")
        process.stdin.write("[]\n")
        process.stdin.flush()
        self.wait_for_pool("work", running=1)
        self.interrupt(process, signal.SIGHUP)
        self.assertEqual(129, process.returncode)

    def test_a_signal_that_was_ignored_stays_ignored(self):
        words = self.command("submit", "work", "hold")
        process = subprocess.Popen(["sh", "-c", 'trap "" HUP INT; exec "$@"', "sh", *words], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment())
        self.addCleanup(self.end, process)
        process.stdin.write("[]\n")
        process.stdin.flush()
        self.wait_for_pool("work", running=1)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        task = json.loads(self.run_cli("tasks", "work", "-o", "json").stdout)[0]["task"]
        self.run_cli("cancel", str(task)).check_returncode()
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
        self.assertEqual((1, "cancelled"), (process.returncode, records(stdout)[0]["state"]))
        self.assertNotIn("cancelling", stderr)

    def test_a_second_ctrl_c_leaves_at_once(self):
        process = self.start_cli("submit", "work", "sleep")
        process.stdin.write("[3000]\n")
        process.stdin.flush()
        self.wait_for_pool("work", running=1)
        process.send_signal(signal.SIGINT)
        self.assertIn("cancelling 1 tasks", process.stderr.readline())
        start = time.monotonic()
        stdout, _ = self.interrupt(process)
        self.assertLess(time.monotonic() - start, 2)
        self.assertEqual(130, process.returncode)
        self.assertEqual("abandoned", records(stdout)[0]["state"])


class Pipes(Submit):
    def test_head_ends_it_quietly(self):
        done = subprocess.run(["bash", "-c", 'yes 1 | "$@" | head -1; echo "${PIPESTATUS[1]}"', "bash",
                               *self.command("submit", "work", "echo")],
                              capture_output=True, text=True, timeout=WAIT_SECONDS, env=self.environment())
        first, status = done.stdout.splitlines()
        self.assertEqual("ok", json.loads(first)["state"])
        self.assertEqual("141", status)
        self.assertEqual("", done.stderr)

    def test_a_reader_that_goes_is_noticed_while_nothing_is_written(self):
        process = self.start_cli("submit", "work", "hold")
        process.stdin.write("[]\n")
        process.stdin.flush()
        self.wait_for_pool("work", running=1)
        process.stdout.close()
        self.assertEqual(-signal.SIGPIPE, process.wait(WAIT_SECONDS))
        self.wait_for_pool("work", running=0)

    def test_a_full_disk_is_an_error_and_cancels(self):
        with open("/dev/full", "w") as full:
            streams = {"capture_output": False, "stdout": full, "stderr": subprocess.PIPE}
            done = self.run_cli("submit", "work", "echo", input="1\n", **streams)
        self.assert_exit(done, 1)
        self.assertIn("cannot write the output: No space left", done.stderr)

    def test_a_reader_that_waits_long_loses_nothing(self):
        process = self.start_cli("submit", "--ordered", "-q", "work", "big")
        writer = self.write_behind(process, "[10000]\n" * 2000)
        # Nobody reads: results pile up to a bound, and the input stops.
        wait_until(lambda: self.pool()["succeeded"] >= 100, "some results")
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
        writer.wait(WAIT_SECONDS)
        self.assertEqual((0, ""), (process.returncode, stderr))
        self.assertEqual(2000, len(stdout.splitlines()))

    def write_behind(self, process, text):
        """Feed stdin from another process, so that ours does not block."""
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(text)
        self.addCleanup(os.unlink, file.name)
        writer = subprocess.Popen(["cat", file.name], stdout=process.stdin)
        process.stdin.close()
        process.stdin = None
        return writer


class Large(Submit):
    def test_200000_lines_need_no_more_memory_than_40000(self):
        process = self.start_cli("submit", "--ordered", "-q", "work", "echo")

        def run(first, count):
            """Write and read in step, so that neither side blocks."""
            lines = b"".join(b"[%d]\n" % number for number in range(first, first + count))
            read_fd, write_fd = process.stdout.fileno(), process.stdin.fileno()
            os.set_blocking(write_fd, False)
            got = 0
            while got < count:
                readable, writable, _ = select.select([read_fd], [write_fd] if lines else [], [], WAIT_SECONDS)
                self.assertTrue(readable or writable, f"stuck at {got}")
                if writable:
                    lines = lines[os.write(write_fd, lines[:65536]):]
                if readable:
                    got += os.read(read_fd, 1 << 20).count(b"\n")

        def peak_kib():
            status = Path(f"/proc/{process.pid}/status").read_text()
            return int(status.split("VmHWM:")[1].split()[0])

        run(0, 40_000)
        before = peak_kib()
        run(40_000, 160_000)
        # Buffers come and go within some MiB; an item of each task that stayed would make 20.
        if "__asan_" not in Path(SNAKEPIT).read_bytes().decode("latin-1"):  # it keeps what was freed
            self.assertLess(peak_kib() - before, 8192)
        process.stdin.close()
        self.assertEqual(0, process.wait(WAIT_SECONDS))

    def test_every_line_of_many_is_answered_exactly_once(self):
        count = 30_000
        found, error = self.submit("".join(f"{number}\n" for number in range(1, count + 1)), function="echo")
        self.assertEqual({(number, number) for number in range(1, count + 1)},
                         {(record["line"], record["result"]) for record in found})
        self.assertEqual(count, len(found))
        self.assertIn("30,000 tasks", error)
        self.assertIn("30,000 ok, 0 failed", error)

    def test_quiet_is_quiet(self):
        done = self.run_cli("submit", "-q", "work", "echo", input="1\n")
        self.assertEqual("", done.stderr)


class Terminal(Submit):
    def run_with_terminal(self, lines, *words, width=80, function="sleep", **environment):
        """stderr is a terminal; gives what it was sent, and stdout."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        with tempfile.TemporaryFile("w+") as file:
            file.write(lines)
            file.seek(0)
            process = self.start_cli("submit", *words, "work", function, stdin=file, stderr=slave,
                                     env=self.environment(TERM="xterm", **environment))
            os.close(slave)
            drawn = b""
            while select.select([master], [], [], WAIT_SECONDS)[0]:
                try:
                    drawn += os.read(master, 65536)
                except OSError:
                    break
            os.close(master)
            return drawn.decode(), process.communicate(timeout=WAIT_SECONDS)[0]

    def test_a_terminal_gets_a_progress_line_that_is_taken_away_at_the_end(self):
        drawn, stdout = self.run_with_terminal("[300]\n" * 8)
        self.assertEqual(8, len(records(stdout)))
        self.assertIn("/8 ", drawn)
        self.assertIn("█", drawn)
        self.assertIn("/s", drawn)
        self.assertIn("ETA", drawn)
        *_, last = drawn.split("\r\033[K")
        self.assertRegex(last, r"^snakepit: 8 tasks in .* 8 ok, 0 failed\r\n$")

    def test_no_line_is_wider_than_the_terminal(self):
        drawn, _ = self.run_with_terminal("[200]\n" * 8, width=30)
        for line in drawn.split("\r")[:-2]:
            self.assertLess(len(line.replace("\033[K", "")), 30)

    def test_a_terminal_without_utf8_gets_ascii(self):
        drawn, _ = self.run_with_terminal("[200]\n" * 8, LC_ALL="C")
        self.assertNotIn("█", drawn)
        self.assertIn("#", drawn)

    def test_quiet_draws_nothing(self):
        drawn, _ = self.run_with_terminal("[200]\n" * 8, "-q")
        self.assertEqual("", drawn)

    def test_failures_are_counted_in_the_line(self):
        drawn, _ = self.run_with_terminal("[]\n" * 3 + "", function="fail")
        self.assertIn("0 ok, 3 failed", drawn)

    def test_a_pipe_gets_no_progress_line(self):
        done = self.run_cli("submit", "work", "sleep", input="[200]\n" * 8)
        self.assertEqual(1, len(done.stderr.splitlines()))


class Restart(Submit):
    def test_a_restart_of_the_broker_loses_nothing(self):
        process = self.start_cli("submit", "empty", "echo")
        process.stdin.write("".join(f"{number}\n" for number in range(100)))
        process.stdin.flush()
        self.wait_for_pool("empty", queued=100)
        self.pit.kill(self.pit.broker)
        self.assertIn("waiting for the broker, all tasks are kept", process.stderr.readline())
        self.pit.start_broker()
        self.pit.start_worker("empty", 4)
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
        self.assertEqual(0, process.returncode, stderr)
        self.assertEqual(list(range(100)), sorted(record["result"] for record in records(stdout)))
        self.assertIn("connected again", stderr)

    def test_a_broker_that_stays_away_ends_it_when_time_is_up(self):
        process = self.start_cli("submit", "-t", "0.5", "small", "echo")
        process.stdin.write("1\n")
        process.stdin.flush()
        self.wait_for_pool("small", queued=1)
        self.pit.kill(self.pit.broker)
        self.addCleanup(self.run_cli, "ready", "work", "--workers", "1")
        self.addCleanup(self.pit.start_broker)
        stdout, _ = process.communicate(timeout=WAIT_SECONDS)
        self.assertEqual(4, process.returncode)
        self.assertEqual("abandoned", records(stdout)[0]["state"])

    def tearDown(self):
        pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
