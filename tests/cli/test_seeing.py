"""snakepit events, inspect, stats, worker, explain: what the broker does, and why."""

import json
import signal
import unittest

from harness import CliTest, wait_until

ADVICE_FIELDS = {"code", "severity", "action", "reason"}


class Seeing(CliTest):
    def hold(self, count, pool="work"):
        for _ in range(count):
            self.start_cli("call", pool, "hold")
        slots = 4 if pool == "work" else 0
        self.wait_for_pool(pool, running=min(count, slots), queued=max(0, count - slots))

    def tearDown(self):
        tasks = self.ok_json("tasks", "-o", "json")
        if tasks:
            self.run_cli("cancel", *(str(task["task"]) for task in tasks))
        self.wait_for_pool("work", running=0, queued=0)
        self.wait_for_pool("empty", queued=0)
        super().tearDown()


class Inspect(Seeing):
    def test_inspect_shows_load_and_recommendations(self):
        self.hold(6)
        out = self.ok("inspect", "work")
        self.assertRegex(out, r"(?m)^Pool work, open$")
        self.assertRegex(out, r"(?m)^  workers    1, 1 ready$")
        self.assertRegex(out, r"(?m)^  slots      4 of 4 busy; utilisation \d+ % in the last .*, "
                              r"\d+ % since the start; saturation \d+ %$")
        self.assertRegex(out, r"(?m)^  queue      2 wait, \d+ at most lately, 100,000 allowed; 0 delayed$")
        self.assertRegex(out, r"(?m)^  info       spread the slots of pool work over two workers or more\n"
                              r" +why: all 4 slots")

    def test_inspect_shows_who_shares_a_pool_and_its_limits(self):
        self.assertRegex(self.ok("inspect", "work"), r"(?m)^  shares     no limit; each of 0 keys no limit$")
        shares = r"(?m)^  shares     64 run at most, 1000000/s; each of \d+ keys and clients 32 run at most$"
        self.assertRegex(self.ok("inspect", "other"), shares)

    def test_inspect_json_is_what_the_broker_says(self):
        pools = self.ok_json("inspect", "-o", "json")
        self.assertEqual(["work", "small", "empty", "other"], [pool["name"] for pool in pools])
        for pool in pools:
            for advice in pool["recommendations"]:
                self.assertEqual(ADVICE_FIELDS, advice.keys())
        self.assertEqual(1, len(self.ok_json("inspect", "work", "-o", "json")))

    def test_all_pools_are_inspected_one_after_the_other(self):
        self.assertEqual(4, self.ok("inspect").count("Pool "))
        self.fails(3, "inspect", "nowhere")

    def test_stats_has_two_tables(self):
        self.ok("call", "work", "echo", "1")
        out = self.ok("stats")
        self.assertRegex(out, r"^Lately\nPOOL .*\nwork ")
        self.assertRegex(out, r"\nSince the start\nPOOL .*\nwork ")
        stats, = self.ok_json("stats", "work", "-o", "json")
        self.assertGreaterEqual(stats["total"]["run"]["count"], 1)

    def test_one_worker(self):
        worker = self.ok_json("workers", "-o", "json")[0]["id"]
        self.hold(2)
        out = self.ok("worker", str(worker))
        self.assertRegex(out, rf"(?m)^id +{worker}$")
        self.assertRegex(out, r"(?m)^busy +2$")
        self.assertRegex(out, r"(?m)^ *TASK +FUNCTION +ATTEMPT +RUNS FOR +CANCEL$")
        self.assertNotIn("\033", out)
        shown = self.ok_json("worker", str(worker), "-o", "json")
        self.assertEqual(["hold", "hold"], [lease["function"] for lease in shown["leases"]])
        self.assertIn("not_found", self.fails(3, "worker", "1"))
        self.fails(2, "worker")
        self.fails(2, "worker", "x")
        self.fails(2, "worker", "1", "2")


class Explain(Seeing):
    def test_a_pool_and_a_task_that_wait_for_a_slot(self):
        self.hold(6)
        last = max(self.ok_json("tasks", "work", "-o", "json"), key=lambda task: task["task"])["task"]
        out = self.ok("explain", str(last))
        self.assertRegex(out, rf"^task {last}: all 4 slots of pool work are busy; longest, for \S+ s, with task "
                              r"\d+ \(hold\) on worker \d+; 1 task of higher or equal priority goes before it")
        self.assertEqual("all_busy", self.ok_json("explain", "work", "-o", "json")["cause"])

    def test_a_pool_without_workers_and_one_in_which_nothing_waits(self):
        self.assertEqual("pool empty: nothing waits in pool empty\n", self.ok("explain", "empty"))
        self.hold(1, "empty")
        self.assertEqual("pool empty: no worker of pool empty is connected (0 configured)\n",
                         self.ok("explain", "empty"))

    def test_words_that_are_wrong(self):
        self.fails(3, "explain", "999999")
        self.fails(3, "explain", "nowhere")
        self.assertIn("no_such_pool", self.fails(3, "explain", "--pool", "17"))
        self.fails(2, "explain")
        self.fails(2, "explain", "1", "2")


class Events(Seeing):
    def start_events(self, *words):
        before = self.ok_json("status", "-o", "json")["events"]["subscriptions"]
        process = self.start_cli("events", *words)
        wait_until(lambda: self.ok_json("status", "-o", "json")["events"]["subscriptions"] > before, "a subscription")
        return process

    def read(self, process):
        out, err = process.communicate(timeout=30)
        return [json.loads(line) for line in out.splitlines()], err

    def test_events_are_lines_of_json(self):
        process = self.start_events("pool.", "-n", "2")
        self.ok("drain", "other")
        self.ok("resume", "other")
        events, err = self.read(process)
        self.assertEqual(["pool.draining", "pool.open"], [event["event"] for event in events])
        self.assertEqual(("other", "", 0), (events[0]["pool"], err, process.returncode))

    def test_executed_requests_with_several_prefixes(self):
        process = self.start_events("request.executed", "nothing.", "-n", "3")
        for number in range(3):
            self.ok("call", "work", "echo", str(number))
        events, _ = self.read(process)
        self.assertEqual(["echo"] * 3, [event["function"] for event in events])
        self.assertEqual({"ok"}, {event["state"] for event in events})

    def test_a_signal_ends_it_and_so_does_time(self):
        process = self.start_events("pool.")
        process.send_signal(signal.SIGINT)
        self.read(process)
        self.assertEqual(130, process.returncode)
        self.assertEqual("", self.ok("events", "nothing.", "-t", "0.1"))
        self.fails(4, "events", "nothing.", "-t", "0.1", "-n", "1")

    def test_an_endpoint_can_be_named(self):
        self.assertEqual("", self.ok("events", "--events", self.pit.events_endpoint, "nothing.", "-t", "0.1"))
        self.assertIn("not an endpoint", self.fails(2, "events", "--events", "nonsense"))

    def test_a_reader_that_goes_away_ends_it(self):
        process = self.start_events("pool.")
        process.stdout.close()
        self.ok("drain", "other")
        self.ok("resume", "other")
        self.assertEqual(-signal.SIGPIPE, process.wait(30))


if __name__ == "__main__":
    unittest.main()
