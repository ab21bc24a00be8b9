"""snakepit dead: tasks that cost their workers are shown, run again and forgotten."""

import json

from harness import CliTest, wait_until


class Dead(CliTest):
    """Each test has its own dead tasks in pool "other", whose only worker ended with each of them."""

    def setUp(self):
        self.ok("dead", "rm", "other")

        self.cancel_all()

    def cancel_all(self, pool="other"):
        waiting = [task["task"] for task in self.ok_json("tasks", pool, "-o", "json")]
        if waiting:
            self.ok("cancel", *map(str, waiting))
        return len(waiting)

    def die(self, *arguments, pool="other"):
        """Let one task cost one worker, and give its number. The pool then has no worker."""
        worker = self.pit.start_worker(pool, 1)
        self.assertIn("dead", self.fails(1, "call", pool, "die", *arguments, "--kills-max", "1"))
        worker.wait(30)
        return self.ok_json("dead", "ls", pool, "-o", "json")[0]["task"]

    def test_they_are_listed_the_latest_first(self):
        self.assertEqual(1, len(self.ok("dead", "ls", "other").splitlines()))
        tasks = [self.die(), self.die()]
        out = self.ok("dead").splitlines()
        self.assertEqual(["TASK", "POOL", "FUNCTION", "ATTEMPTS", "KILLS"], out[0].split()[:5])
        self.assertEqual([[str(task), "other", "die", "1", "1"] for task in reversed(tasks)],
                         [line.split()[:5] for line in out[1:]])
        latest = self.ok_json("dead", "ls", "--limit", "1", "-o", "json")
        self.assertEqual([tasks[1]], [dead["task"] for dead in latest])
        self.assertEqual([], self.ok_json("dead", "ls", "work", "-o", "json"))

    def test_one_is_shown_with_its_arguments_and_its_attempts(self):
        task = self.die('"\\u001b[31m"', "7")
        out = self.ok("dead", "show", str(task))
        self.assertRegex(out, rf"^Task {task}, dead for \S+ \S+, \S+ \S+ after it was submitted\n")
        self.assertRegex(out, r"\n  pool +other\n  function +die\n")
        self.assertIn("1 of 5, with 1 of 1 workers lost\n", out)
        self.assertRegex(out, r'payload +\S+ B, \[\["\\u001b\[31m", 7\], \{\}\]\n')
        self.assertRegex(out.splitlines()[-1], r"^ +1 +\d+  test-\\x1b\[31mworker .* yes +\w")
        shown = self.ok_json("dead", "show", str(task), "-o", "json")
        self.assertEqual((task, "die", 1), (shown["task"], shown["function"], shown["kills"]))
        self.assertEqual(["$bytes"], list(shown["payload"]))
        self.assertEqual([True], [attempt["kill"] for attempt in shown["record"]])

    def test_a_long_payload_is_cut_for_people_only(self):
        task = self.die(json.dumps("x" * 5000))
        self.assertLess(len(self.ok("dead", "show", str(task))), 2000)
        self.assertGreater(len(self.ok("dead", "show", str(task), "-o", "json")), 5000)

    def test_one_is_run_again_and_is_another_task(self):
        task = self.die()
        self.assertRegex(self.ok("dead", "requeue", str(task)), rf"^task {task}: 1 requeued as task \d+\n$")
        self.assertEqual([], self.ok_json("dead", "ls", "other", "-o", "json"))
        worker = self.pit.start_worker("other", 1)
        again = wait_until(lambda: self.ok_json("dead", "ls", "other", "-o", "json"), "it is dead again")
        worker.wait(30)
        self.assertEqual(("die", 1), (again[0]["function"], again[0]["kills"]))
        self.assertNotEqual(task, again[0]["task"])

    def test_all_of_a_pool_are_run_again_or_forgotten(self):
        self.die()
        last = self.die()
        self.assertEqual("pool work: 0 requeued\n", self.ok("dead", "requeue", "work"))
        answer = self.ok_json("dead", "requeue", "other", "-o", "json")
        self.assertEqual((2, 0, ""), (answer["requeued"], answer["left"], answer["refused"]))
        self.assertGreater(answer["task"], last)
        self.assertEqual(2, self.cancel_all())
        self.die()
        self.die()
        self.assertEqual("pool other: 2 removed\n", self.ok("dead", "rm", "other"))
        self.assertEqual({"removed": 0}, self.ok_json("dead", "rm", "other", "-o", "json"))
        task = self.die()
        self.assertEqual(f"task {task}: 1 removed\n", self.ok("dead", "rm", str(task)))

    def test_what_a_pool_refuses_stays_listed_and_the_exit_code_is_5(self):
        task = self.die()
        self.ok("drain", "other")
        self.addCleanup(self.ok, "resume", "other")
        self.assertIn("draining", self.fails(5, "dead", "requeue", str(task)))
        self.assertEqual(task, self.ok_json("dead", "ls", "other", "-o", "json")[0]["task"])

    def test_what_a_pool_takes_in_part_is_said_and_the_exit_code_is_5(self):
        for _ in range(3):
            self.die(pool="small")
        holders = [self.start_cli("call", "small", "hold") for _ in range(4)]
        self.wait_for_pool("small", queued=4)
        done = self.run_cli("dead", "requeue", "small")
        self.assert_exit(done, 5)
        self.assertRegex(done.stdout, r"^pool small: 1 requeued as task \d+\n$")
        self.assertIn("2 stay listed, since the pool refused them: busy", done.stderr)
        self.assertEqual(2, len(self.ok_json("dead", "ls", "small", "-o", "json")))
        self.assertEqual(5, self.cancel_all("small"))
        for holder in holders:
            holder.communicate(timeout=30)
        self.ok("dead", "rm", "small")

    def test_what_is_not_there_exits_3_and_nonsense_2(self):
        for words in (["ls", "nowhere"], ["show", "999999999"], ["requeue", "999999999"], ["rm", "999999999"],
                      ["requeue", "nowhere"], ["rm", "nowhere"]):  # fmt: skip
            with self.subTest(words=words):
                self.fails(3, "dead", *words)
        self.assertIn("pool", self.fails(3, "dead", "rm", "7", "--pool"))
        for words in (["show"], ["show", "other"], ["requeue"], ["rm"], ["bury"], ["rm", "1", "2"],
                      ["ls", "--limit", "0"]):  # fmt: skip
            with self.subTest(words=words):
                self.fails(2, "dead", *words)


if __name__ == "__main__":
    import unittest

    unittest.main()
