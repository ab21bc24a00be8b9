"""snakepit call: values, options, failures, signals."""

import base64
import json
import signal
import subprocess
import unittest

from harness import CliTest


class Values(CliTest):
    def assert_echo(self, text, want=None):
        self.assertEqual((want or text) + "\n", self.ok("call", "work", "echo", text))

    def test_json_values_come_back_as_they_went(self):
        for text in ("null", "true", "false", "0", "-1", "-0.5", "1.0", "1e+300", '""', '"text"', "[]", "{}",
                     '[1, [2, {"a": [null]}]]', '{"b": 1, "a": [true, 2.5]}'):
            self.assert_echo(text)

    def test_unicode_comes_back(self):
        self.assert_echo('"Grüße 日本 🐍"')
        self.assert_echo('"\\u00e9\\ud83d\\udc0d"', '"é🐍"')
        self.assert_echo('"a\\u0000b"')

    def test_integers_of_64_bits_are_exact(self):
        for number in (2**63 - 1, 2**63, 2**64 - 1, -(2**63)):
            self.assert_echo(str(number))
        self.assert_echo(f'["a", {2**64 - 1}, {{"k": {2**63}}}]')

    def test_integers_beyond_them_travel_as_python_ints(self):
        self.assert_echo(str(2**200))
        self.assert_echo(f"[{-(2**63) - 1}, {2**64}]")

    def test_what_json_cannot_say_has_typed_objects(self):
        for text in ('{"$bytes": "AP8="}', '{"$float": "nan"}', '{"$float": "-inf"}', '{"$ext": [5, "AQI="]}',
                     '{"$map": [[1, 2], [null, []]]}', '{"$str": "/w=="}', '{"$map": [["$bytes", 1]]}'):
            self.assert_echo(text)

    def test_deep_nesting_is_carried(self):
        self.assert_echo("[" * 100 + "]" * 100)

    def test_positional_and_named_arguments_arrive(self):
        out = self.ok("call", "work", "all", "1", '"a"', "--kw", "x=[2]", "--kw=y=null", "-3")
        self.assertEqual('[[1, "a", -3], {"x": [2], "y": null}]\n', out)

    def test_no_arguments_are_fine(self):
        self.assertEqual("[[], {}]\n", self.ok("call", "work", "all"))

    def test_after_two_dashes_everything_is_an_argument(self):
        self.assertEqual("[[-1, 2], {}]\n", self.ok("call", "work", "all", "--", "-1", "2"))

    def test_large_arguments_and_results_go_as_attachments(self):
        text = json.dumps("y" * 100_000)
        self.assert_echo(text)
        self.assertEqual('"' + "x" * 3_000_000 + '"\n', self.ok("call", "work", "big", "3000000"))

    def test_content_types_are_read_or_kept(self):
        self.assertEqual('{"a": [1, 18446744073709551615, 2.5]}\n', self.ok("call", "work", "typed", '"json"'))
        raw = self.ok_json("call", "work", "typed", '"raw"')
        self.assertEqual(b'{"a":', base64.b64decode(raw["$bytes"])[:5])
        other = self.ok_json("call", "work", "typed", '"arrow"')
        self.assertEqual("arrow", other["$payload"]["content_type"])
        self.assertEqual(b'{"a":', base64.b64decode(other["$payload"]["parts"][0])[:5])

    def test_a_result_that_is_not_messagepack_is_shown_whole(self):
        garbage = base64.b64encode(b"\xc1\xff").decode()
        out = self.ok_json("call", "work", "encoded", json.dumps({"$bytes": garbage}))
        self.assertEqual({"$payload": {"content_type": "msgpack", "parts": [garbage]}}, out)

    def test_a_stream_that_is_longer_than_its_credit_is_printed_to_its_end(self):
        done = self.run_cli("call", "--stream", "work", "stream", "1000")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual([str(10 * number) for number in range(1, 1001)], done.stdout.split())

    def test_a_stream_is_printed_line_by_line(self):
        self.assertEqual("10\n20\n30\n", self.ok("call", "--stream", "work", "stream", "3"))

    def test_a_result_that_is_no_stream_is_printed_with_stream_too(self):
        self.assertEqual("null\n", self.ok("call", "--stream", "work", "echo", "null"))

    def test_a_record_tells_worker_and_times(self):
        record = self.ok_json("call", "-o", "json", "work", "echo", "7")
        self.assertEqual({"state", "result", "attempt", "worker", "queue_us", "run_us"}, record.keys())
        self.assertEqual(("ok", 7, 1), (record["state"], record["result"], record["attempt"]))


class Usage(CliTest):
    def test_a_word_that_is_not_json_is_named_with_place_and_hint(self):
        error = self.fails(2, "call", "work", "echo", "1", "hello")
        self.assertIn("argument 2 is not JSON", error)
        self.assertIn("column 1", error)
        self.assertIn("\n  hello\n  ^\n", error)
        self.assertIn("""a string needs quotes of its own: '"hello"'""", error)

    def test_the_caret_stands_at_the_place(self):
        error = self.fails(2, "call", "work", "echo", '{"a": [1, nope]}')
        self.assertIn('\n  {"a": [1, nope]}\n            ^\n', error)

    def test_wrong_values_are_usage_errors(self):
        for words in (["nan"], ["[1,]"], [""], ["1 2"], ["'a'"], ["1e999"], ['{"a": 1, "a": 2}'], ['{"$nope": 1}'],
                      ['{"$bytes": "?"}'], ["--kw", "x"], ["--kw", "=1"], ["--kw", "x=y"],
                      ["--kw", "x=1", "--kw", "x=2"], ["--priority", "10"], ["--deadline", "soon"],
                      ["--deadline", "0"], ["--max-attempts", "0"], ["--frobnicate"], ["[" * 5000]):
            with self.subTest(words=words):
                self.assertTrue(self.fails(2, "call", "work", "echo", *words).startswith("snakepit"))

    def test_missing_words_are_usage_errors(self):
        self.assertIn("the pool is missing", self.fails(2, "call"))
        self.assertIn("the function is missing", self.fails(2, "call", "work"))

    def test_a_name_that_cannot_be_a_pool_is_a_usage_error(self):
        self.fails(2, "call", "no such pool!", "f")

    def test_nothing_wrong_reaches_the_broker(self):
        before = self.pool()["succeeded"]
        self.fails(2, "call", "work", "echo", "nope")
        self.assertEqual(before, self.pool()["succeeded"])


class Failures(CliTest):
    def test_an_exception_is_shown_with_type_message_and_traceback(self):
        done = self.run_cli("call", "work", "fail")
        self.assert_exit(done, 1)
        self.assertEqual("", done.stdout)
        self.assertEqual("snakepit: ValueError: no such \\x1b[2Jluck\n"
                         'Traceback (most recent call last):\n  File "app.py", line 7, in fail\n', done.stderr)

    def test_as_json_it_is_a_record_on_stdout(self):
        done = self.run_cli("call", "-o", "json", "work", "fail")
        self.assert_exit(done, 1)
        self.assertEqual("", done.stderr)
        record = json.loads(done.stdout)
        self.assertEqual("failed", record["state"])
        self.assertEqual("ValueError", record["error"]["type"])
        self.assertEqual("no such \033[2Jluck", record["error"]["message"])
        self.assertIn("app.py", record["error"]["traceback"])

    def test_an_unknown_pool_or_function_exits_3(self):
        self.assertIn("no_such_pool", self.fails(3, "call", "nowhere", "echo"))
        self.assertIn("no_such_function", self.fails(3, "call", "work", "nothing"))

    def test_a_drained_pool_exits_5(self):
        self.ok("drain", "other")
        self.addCleanup(self.ok, "resume", "other")
        self.assertIn("draining", self.fails(5, "call", "other", "echo"))

    def test_a_full_pool_exits_5(self):
        for _ in range(5):
            self.start_cli("call", "small", "echo")
        self.wait_for_pool("small", queued=5)
        self.assertIn("busy", self.fails(5, "call", "small", "echo"))

    def test_a_deadline_that_passes_exits_1(self):
        self.assertIn("expired", self.fails(1, "call", "empty", "echo", "--deadline", "50ms"))

    def test_time_that_is_up_exits_4_and_leaves_no_task(self):
        self.assertIn("no result within", self.fails(4, "call", "-t", "0.2", "empty", "echo"))
        self.wait_for_pool("empty", queued=0)
        self.assertIn("no result within", self.fails(4, "call", "-t", "0.2", "work", "hold"))
        self.wait_for_pool("work", running=0)

    def test_a_delay_is_kept(self):
        process = self.start_cli("call", "work", "echo", "1", "--delay", "300ms")
        self.wait_for_pool("work", delayed=1)
        self.assertEqual("1\n", process.communicate(timeout=30)[0])

    def test_a_worker_that_is_lost_costs_an_attempt(self):
        self.pit.start_worker("other", 1)
        self.ok("ready", "other", "--workers", "1")
        self.assertIn("dead", self.fails(1, "call", "other", "die", "--max-attempts", "1"))

    def test_at_most_once_ends_with_its_worker(self):
        self.pit.start_worker("other", 1)
        self.ok("ready", "other", "--workers", "1")
        self.assertIn("lost", self.fails(1, "call", "other", "die", "--at-most-once"))


class Signals(CliTest):
    def start_held(self, *words):
        process = self.start_cli("call", *words, "work", "hold")
        self.wait_for_pool("work", running=1)
        return process

    def test_ctrl_c_cancels_the_task_and_exits_130(self):
        process = self.start_held()
        stdout, stderr = self.interrupt(process)
        self.assertEqual((130, "", ""), (process.returncode, stdout, stderr))
        self.wait_for_pool("work", running=0, cancelled=self.pool()["cancelled"])
        self.assertGreater(self.pool()["cancelled"], 0)

    def test_sigterm_does_too_and_exits_143(self):
        process = self.start_held()
        self.interrupt(process, signal.SIGTERM)
        self.assertEqual(143, process.returncode)
        self.wait_for_pool("work", running=0)


class Streams(CliTest):
    """What becomes of output that cannot be written."""

    def test_a_closed_stdout_is_an_error_and_not_a_crash(self):
        process = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *self.command("call", "work", "echo", "1")],
                                 capture_output=True, text=True, timeout=30, env=self.environment())
        self.assertEqual(1, process.returncode)
        self.assertIn("cannot write the output", process.stderr)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = self.run_cli("call", "work", "echo", "1", stdout=full, capture_output=False, stderr=subprocess.PIPE)
        self.assertEqual(1, done.returncode)
        self.assertIn("No space left", done.stderr)

    def test_a_reader_that_goes_ends_the_program_quietly(self):
        process = self.start_cli("call", "--stream", "work", "stream", "200000")
        self.assertEqual("10\n", process.stdout.readline())
        process.stdout.close()
        self.assertEqual(-signal.SIGPIPE, process.wait(30))
        self.assertEqual("", process.stderr.read())

    def test_all_three_may_be_closed(self):
        done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *self.command("call", "work", "echo", "1")],
                              timeout=30, env=self.environment())
        self.assertEqual(1, done.returncode)


class Restart(CliTest):
    def test_a_call_survives_a_restart_of_the_broker(self):
        process = self.start_cli("call", "empty", "echo", "5")
        self.wait_for_pool("empty", queued=1)
        self.pit.kill(self.pit.broker)
        self.pit.start_broker()
        self.pit.start_worker("empty", 1)
        stdout, stderr = process.communicate(timeout=30)
        self.assertEqual((0, "5\n"), (process.returncode, stdout))
        self.assertIn("waiting for the broker, the task is kept", stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
