#!/usr/bin/env python3
"""The floor check finds what it is there to find: each test plants one violation in a copy of the house."""

import contextlib
import io
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import floors
import rules

HOUSE = Path(__file__).resolve().parents[2]


def long_function(lines):
    return "int f(void);\nint\nf(void)\n{\n" + "    f();\n" * (lines - 4) + "    return 0;\n}\n"


class PlantedViolation(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="floors-")
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name)
        for top in ("wire", "broker/core", "broker/io"):
            shutil.copytree(HOUSE / top, self.root / top)

    def plant(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        old = target.read_text() if target.exists() else ""
        target.write_text(old + text)

    def assert_found(self, check, *words):
        with contextlib.redirect_stdout(io.StringIO()):
            found = list(check(self.root))
        self.assertTrue(any(all(word in one for word in words) for one in found), f"{words} not in {found}")

    def test_an_include_that_goes_up_is_found(self):
        self.plant("broker/core/event.h", '#include "broker/core/broker.h"\n')
        self.assert_found(floors.check_includes, "event.h", "floor 2 includes broker/core/broker.h of floor 4")

    def test_a_circle_on_one_floor_is_found(self):
        self.plant("broker/core/left.h", '#include "broker/core/right.h"\n')
        self.plant("broker/core/right.h", '#include "left.h"\n')
        self.assert_found(floors.check_includes, "includes itself", "left.h", "right.h")

    def test_the_core_may_not_include_the_shell(self):
        self.plant("broker/core/broker.c", '#include "broker/io/clock.h"\n')
        self.assert_found(floors.check_includes, "includes broker/io/clock.h, which its folder may not")

    def test_the_core_may_not_include_the_codec(self):
        self.plant("broker/core/broker.c", '#include "wire/wire.h"\n')
        self.assert_found(floors.check_includes, "includes wire/wire.h, which its folder may not")

    def test_the_core_may_not_include_input_and_output(self):
        for header in ("stdio.h", "time.h", "zmq.h", "sys/socket.h", "msgpack.h"):
            self.plant("broker/core/broker.c", f"#include <{header}>\n")
            self.assert_found(floors.check_includes, "broker.c", f"includes <{header}>, which its folder may not")

    def test_msgpack_outside_of_wire_is_found(self):
        self.plant("broker/io/router.c", "  #  include <msgpack.h>\n")
        self.assert_found(floors.check_includes, "broker/io/router.c:", "<msgpack.h>")

    def test_libconfig_outside_of_config_is_found(self):
        self.plant("broker/io/config_more.c", "#include <libconfig.h>\n")
        self.plant("broker/io/router.c", "#include <libconfig.h>\n")
        self.assert_found(floors.check_includes, "broker/io/router.c:", "<libconfig.h>")

    def test_a_client_that_includes_the_broker_is_found(self):
        self.plant("client/lib/client.c", '#include "broker/core/event.h"\n')
        self.assert_found(floors.check_includes, "client/lib/client.c:1", "which its folder may not")

    def test_a_test_header_in_the_product_is_found(self):
        self.plant("tests/core/kit.h", "int x;\n")
        self.plant("broker/io/router.c", '#include "tests/core/kit.h"\n')
        self.assert_found(floors.check_includes, "includes a test's header")

    def test_a_library_in_quotes_is_found(self):
        self.plant("broker/io/router.c", '#include "zmq.h"\n')
        self.assert_found(floors.check_includes, '"zmq.h"', "not in the house")

    def test_a_file_of_more_than_500_lines_is_found(self):
        self.plant("wire/big.c", "\n" * (rules.FILE_LINES_MAX + 1))
        self.assert_found(floors.check_file_lengths, "wire/big.c", "501 lines")

    def test_a_function_over_40_lines_is_found(self):
        self.plant("wire/longish.c", long_function(41))
        self.assert_found(floors.check_function_lengths, "wire/longish.c:3", "f has", "split it")

    def test_a_function_over_80_lines_is_found_although_it_has_a_reason(self):
        self.plant("wire/longest.c", long_function(90))
        rules.LONG_FUNCTIONS["wire/longest.c:f"] = "planted"
        self.addCleanup(rules.LONG_FUNCTIONS.pop, "wire/longest.c:f")
        self.assert_found(floors.check_function_lengths, "wire/longest.c", "none may have more")

    def test_a_reason_for_a_function_that_is_not_long_is_found(self):
        rules.LONG_FUNCTIONS["wire/body.c:body_ref"] = "planted"
        self.addCleanup(rules.LONG_FUNCTIONS.pop, "wire/body.c:body_ref")
        self.assert_found(floors.check_function_lengths, "body_ref", "not long")

    def test_a_share_of_long_functions_over_6_percent_is_found(self):
        shutil.rmtree(self.root / "broker")
        shutil.rmtree(self.root / "wire")
        self.plant("wire/longish.c", long_function(50))
        self.assert_found(floors.check_function_lengths, "100.0% of all functions are long")

    def test_a_second_python_module_with_zmq_is_found(self):
        self.plant(rules.PYTHON_PACKAGE + "/worker.py", "def f():\n    from zmq import green\n")
        self.assert_found(floors.check_python, "worker.py:2", "imports zmq")

    def test_a_thread_in_a_pure_python_module_is_found(self):
        self.plant(rules.PYTHON_PACKAGE + "/session.py", "import threading\n")
        self.assert_found(floors.check_python, "session.py:1", "imports threading; this module is pure")

    def test_a_symbol_that_does_input_or_output_is_found(self):
        self.plant("core.c", "#include <stdio.h>\nvoid core(void);\nvoid core(void) { puts(\"x\"); }\n")
        self.plant("body.c", "#include <time.h>\nlong body(void);\nlong body(void) { return time(0); }\n")
        for name, source in (("core", "core.c"), ("wire", "body.c")):
            subprocess.run(["cc", "-c", source, "-o", source + ".o"], cwd=self.root, check=True)
            subprocess.run(["ar", "rc", f"lib{name}.a", source + ".o"], cwd=self.root, check=True)
        found = list(floors.check_symbols(self.root / "libcore.a", self.root / "libwire.a"))
        self.assertTrue(any("core.c.o:1: uses puts" in one for one in found), found)
        self.assertTrue(any("body.c.o:1: uses time" in one for one in found), found)

    def test_the_house_as_copied_has_no_includes_that_are_wrong(self):
        self.assertEqual([], list(floors.check_includes(self.root)))


if __name__ == "__main__":
    unittest.main()
