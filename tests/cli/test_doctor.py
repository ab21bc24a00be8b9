"""snakepit doctor and compat: what they find, their exit codes, and that both say the same to people and programs."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import SNAKEPIT, WAIT_SECONDS, CliTest

PYTHON = os.environ.get("PYTHON_WITH_ZMQ")
ROOT = Path(__file__).resolve().parents[2]

# An interpreter that has all that workers need, and is free-threaded or not, as the files beside it say.
FAKE_PYTHON = """#!/bin/sh
cat "$(dirname "$0")/record.json"
"""


class Doctor(unittest.TestCase):
    """No broker runs here."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="snakepit-doctor-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_command(self, *words, path="", **environment):
        kept = {"HOME": str(self.folder), "LC_ALL": "C.UTF-8", "PATH": path or str(self.folder / "bin")}
        return subprocess.run([SNAKEPIT, "--connect", f"ipc://{self.folder}/c", *words], env=kept | environment,
                              capture_output=True, text=True, timeout=WAIT_SECONDS, cwd=self.folder)

    def examine(self, *words, **options):
        """Run doctor for both readers; they must agree. Gives the exit code and the report."""
        people = self.run_command("doctor", *words, **options)
        done = self.run_command("doctor", "-o", "json", *words, **options)
        report = json.loads(done.stdout)
        self.assertEqual(people.returncode, done.returncode)
        self.assertEqual(report["healthy"], done.returncode == 0)
        shown = [line.split()[:2] for line in people.stdout.splitlines() if line.startswith(("ok ", "warn ", "fail "))]
        self.assertEqual([[one["verdict"], one["topic"]] for one in report["findings"]], shown)
        counts = report["counts"]
        self.assertRegex(people.stdout.splitlines()[-1], rf"^{counts['ok']} ok, {counts['warn']} warnings?, "
                         rf"{counts['fail']} failures?$")
        return done.returncode, report

    def texts(self, report, topic, verdict):
        return [one["text"] for one in report["findings"] if (one["topic"], one["verdict"]) == (topic, verdict)]

    def configure(self, pools='( { name = "remote"; } )', clients=None, more=""):
        path = self.folder / "snakepit.conf"
        clients = clients or f"ipc://{self.folder}/clients"
        path.write_text(f'endpoints: {{ clients = "{clients}"; workers = "ipc://{self.folder}/w"; events = ""; }};\n'
                        f"{more}\npools = {pools};\n")
        return str(path)

    def fake_python(self, name, **facts):
        """A program that answers as an interpreter with these facts would."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        record = {"executable": str(folder / "python"), "prefix": str(folder), "version": "3.14.2",
                  "version_info": [3, 14, 2], "implementation": "CPython", "free_threaded": True, "gil_enabled": False,
                  "gil_module": None, "installed": {},
                  "libraries": {"zmq": {"version": "27.1.0", "libzmq": "4.3.5"}, "snakepit": {"version": "0.1.0"},
                                "msgpack": {"version": "1.2.4", "extension": True}}}
        (folder / "record.json").write_text(json.dumps(record | facts))
        (folder / "python").write_text(FAKE_PYTHON)
        (folder / "python").chmod(0o755)
        return str(folder / "python")

    def examine_pool(self, python, more="", *words):
        config = self.configure(f'( {{ name = "one"; workers = 1; app = "tasks:app"; python = "{python}"; {more} }} )')
        return self.examine("-c", config, *words, path=os.environ["PATH"])

    def test_without_broker_configuration_or_interpreter_it_still_answers(self):
        code, report = self.examine()
        self.assertEqual(0, code)
        self.assertEqual([], report["interpreters"])
        self.assertTrue(self.texts(report, "python", "warn"))
        self.assertIn("there is no such socket file", self.texts(report, "broker", "warn")[0])

    def test_a_wrong_configuration_is_told_line_by_line(self):
        config = self.configure(more="limits: { peers_max = 0; };")
        code, report = self.examine("-c", config)
        self.assertEqual(1, code)
        self.assertIn("limits.peers_max", self.texts(report, "config", "fail")[0])
        code, report = self.examine("-c", str(self.folder / "nothing.conf"))
        self.assertEqual(1, code)
        self.assertIn("nothing.conf", self.texts(report, "config", "fail")[0])

    def test_a_real_interpreter_is_found_and_described(self):
        code, report = self.examine(path=str(Path(sys.executable).parent), VIRTUAL_ENV=sys.prefix)
        self.assertEqual(0, code)
        found = [one for one in report["interpreters"] if one["prefix"] == sys.prefix]
        self.assertEqual(1, len(found), "one interpreter, however many names it has")
        version = ".".join(map(str, sys.version_info[:3]))
        self.assertEqual(version, found[0]["version"])
        self.assertIn(found[0]["recommended_profile"], ("process", "thread"))

    def test_the_virtual_environment_that_is_active_comes_first(self):
        python = Path(self.fake_python("env/bin"))
        _, report = self.examine(VIRTUAL_ENV=str(python.parents[1]), path=os.environ["PATH"])
        self.assertEqual(str(python), report["interpreters"][0]["path"])
        self.assertTrue(report["interpreters"][0]["usable"])

    def test_a_free_threaded_interpreter_is_told_to_use_threads(self):
        code, report = self.examine_pool(self.fake_python("free"), "require_free_threading = true;")
        self.assertEqual(0, code, report)
        self.assertEqual("thread", report["pools"][0]["recommended_profile"])
        self.assertEqual("process", report["pools"][0]["profile"])
        self.assertIn('for tasks that compute, "thread"', self.texts(report, "pool", "ok")[0])

    def test_a_pool_that_requires_free_threading_fails_where_the_gil_is_on(self):
        python = self.fake_python("locked", gil_enabled=True, gil_module="orjson")
        code, report = self.examine_pool(python, "require_free_threading = true;")
        self.assertEqual(1, code)
        self.assertIn("importing orjson switches the GIL on", self.texts(report, "pool", "fail")[0])
        code, report = self.examine_pool(python)
        self.assertEqual(0, code)

    def test_a_pool_whose_interpreter_lacks_a_library_fails_and_the_remedy_names_it(self):
        python = self.fake_python("bare", libraries={"zmq": {"version": None}, "msgpack": {"version": None},
                                                     "snakepit": {"version": None}})
        code, report = self.examine_pool(python)
        self.assertEqual(1, code)
        failure, = (one for one in report["findings"] if one["verdict"] == "fail")
        self.assertIn("no pyzmq, no msgpack, no snakepit", failure["text"])
        self.assertIn(f"{python} -m pip install pyzmq msgpack", failure["remedy"])

    def test_msgpack_without_its_extension_is_a_warning(self):
        libraries = {"zmq": {"version": "27.1.0"}, "msgpack": {"version": "1.2.4", "extension": False},
                     "snakepit": {"version": "0.1.0"}}
        code, report = self.examine_pool(self.fake_python("slow", libraries=libraries))
        self.assertEqual(0, code)
        self.assertTrue(any("has no C extension" in text for text in self.texts(report, "python", "warn")))

    def test_a_python_that_is_none_or_ends_at_once_fails_with_what_it_said(self):
        code, report = self.examine_pool(str(self.folder / "missing"))
        self.assertEqual(1, code)
        self.assertIn("No such file", self.texts(report, "pool", "fail")[0])
        code, report = self.examine_pool("false")
        self.assertIn("ended with status 1", self.texts(report, "pool", "fail")[0])

    @unittest.skipUnless(PYTHON, "no Python with pyzmq and msgpack was found when the build was configured")
    def test_apps_are_imported_when_that_is_asked_for(self):
        package = ROOT / "worker_python/src"
        environment = f'environment = ( "PYTHONPATH={package}" ); directory = "{self.folder}";'
        (self.folder / "tasks.py").write_text("print('noise')\nimport threading\napp = 1\n"
                                              "threading.Thread(target=threading.Event().wait, daemon=True).start()\n")
        _, report = self.examine_pool(PYTHON, environment + " nursery = true;", "--import")
        self.assertEqual([], self.texts(report, "pool", "fail"))
        self.assertTrue(any("the nursery refuses it" in text for text in self.texts(report, "pool", "warn")))
        (self.folder / "tasks.py").write_text("import nothing_of_that_name\n")
        code, report = self.examine_pool(PYTHON, environment, "--import")
        self.assertEqual(1, code)
        self.assertIn("No module named 'nothing_of_that_name'", self.texts(report, "pool", "fail")[0])
        code, _ = self.examine_pool(PYTHON, environment)
        self.assertEqual(0, code, "without --import nothing is imported")

    def test_an_address_that_is_taken_is_told_with_its_owner(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            code, report = self.examine("-c", self.configure(clients=address))
        self.assertEqual(1, code)
        self.assertIn(f"(process {os.getpid()})", self.texts(report, "endpoint", "fail")[0])

    def test_an_ipc_path_that_cannot_be_bound_is_told(self):
        code, report = self.examine("-c", self.configure(clients=f"ipc://{self.folder}/none/c"))
        self.assertEqual(1, code)
        self.assertIn("No such file", self.texts(report, "endpoint", "fail")[0])
        (self.folder / "file").write_text("")
        code, report = self.examine("-c", self.configure(clients=f"ipc://{self.folder}/file"))
        self.assertEqual(1, code)
        self.assertIn("not a socket", self.texts(report, "endpoint", "fail")[0])

    def test_more_memory_than_there_is_is_a_warning(self):
        config = self.configure('( { name = "big"; workers = 4096; app = "a:b"; python = "false"; '
                                'worker_memory_max = "1TiB"; } )')
        _, report = self.examine("-c", config)
        self.assertTrue(self.texts(report, "memory", "warn"))


class DoctorWithBroker(CliTest):
    def test_a_broker_that_answers_is_named_and_its_addresses_are_its_own(self):
        report = json.loads(self.run_cli("doctor", "-o", "json", "-c", str(self.pit.config)).stdout)
        findings = {(one["topic"], one["verdict"]): one["text"] for one in report["findings"]}
        self.assertIn("answers at", findings["broker", "ok"])
        self.assertIn(f"is served by snakepitd (process {self.pit.broker.pid})", findings["endpoint", "ok"])
        self.assertNotIn(("endpoint", "fail"), findings)


class Compat(unittest.TestCase):
    def run_command(self, *words):
        return subprocess.run([SNAKEPIT, "compat", *words], capture_output=True, text=True, timeout=WAIT_SECONDS)

    def test_the_matrix_is_the_file_of_the_package(self):
        data = json.loads((ROOT / "worker_python/src/snakepit/compat.json").read_text(encoding="utf-8"))
        self.assertEqual(data["libraries"], json.loads(self.run_command("-o", "json").stdout))

    def test_a_library_is_shown_with_its_sources(self):
        done = self.run_command("PIL")
        self.assertEqual(0, done.returncode)
        self.assertIn("pillow\n", done.stdout)
        self.assertIn("https://", done.stdout)

    def test_a_near_name_is_suggested(self):
        done = self.run_command("numpi", "scipy")
        self.assertEqual(3, done.returncode)
        self.assertIn('did you mean "numpy"?', done.stderr)
        self.assertIn("scipy\n", done.stdout)

    def test_the_thread_profile_leaves_out_what_needs_no_care(self):
        every = json.loads(self.run_command("-o", "json").stdout)
        careful = json.loads(self.run_command("--profile", "thread", "-o", "json").stdout)
        self.assertLess(len(careful), len(every))
        self.assertIn("matplotlib", {one["name"] for one in careful})
        self.assertEqual(2, self.run_command("--profile", "fibre").returncode)


if __name__ == "__main__":
    unittest.main()
