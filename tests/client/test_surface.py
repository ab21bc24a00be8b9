#!/usr/bin/env python3
"""What a user of libsnakepit sees from outside: header, exported names, pkg-config file, and the guide's code."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
HEADER = HOUSE / "client/include/snakepit.h"
VALUE_HEADER = HOUSE / "client/include/snakepit_value.h"
GUIDE = HOUSE / "docs/c-client.md"
FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-fsyntax-only", "-I", str(HEADER.parent)]
LIBRARY = PKG_CONFIG = None


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{command} failed:\n{done.stderr}")
    return done.stdout


def compile_text(text: str, compiler: list[str], suffix: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as source:
        source.write(text)
        source.flush()
        run(*compiler, *FLAGS, source.name)


def declared() -> set[str]:
    text = HEADER.read_text() + VALUE_HEADER.read_text()
    return set(re.findall(r"^(snakepit_\w+)\(", text, re.MULTILINE)) - set(
        re.findall(r"typedef [^;]*?\n(snakepit_\w+)\(", text)
    )


class Surface(unittest.TestCase):
    def test_the_header_alone_is_c99_c11_and_cplusplus(self) -> None:
        text = "#include <snakepit.h>\nint main(void) { return snakepit_version() == 0; }\n"
        compilers = ((["cc", "-std=c99"], ".c"), (["cc", "-std=c11"], ".c"), (["c++", "-std=c++11"], ".cpp"))
        for compiler, suffix in compilers:
            with self.subTest(compiler=compiler):
                compile_text(text, compiler, suffix)

    def test_the_header_shows_no_type_of_other_libraries(self) -> None:
        system = ["#include <stdbool.h>", "#include <stddef.h>", "#include <stdint.h>"]
        own = ['#include "snakepit_value.h"']
        self.assertEqual(re.findall(r"^#include .*", HEADER.read_text(), re.MULTILINE), own + system)
        self.assertEqual(re.findall(r"^#include .*", VALUE_HEADER.read_text(), re.MULTILINE), system)

    def test_exactly_the_declared_functions_are_exported(self) -> None:
        exported = {line.split()[2] for line in run("nm", "-D", "--defined-only", LIBRARY).splitlines()}
        self.assertEqual(exported, declared())
        self.assertGreater(len(exported), 40)

    def test_the_library_has_a_soname(self) -> None:
        self.assertIn("[libsnakepit.so.0]", run("readelf", "-d", LIBRARY))

    def test_pkg_config_asks_for_nothing_else(self) -> None:
        text = Path(PKG_CONFIG).read_text()
        self.assertNotIn("Requires", text)
        self.assertIn("-lsnakepit", text)

    def test_the_code_of_the_guide_compiles(self) -> None:
        blocks = re.findall(r"^```c\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
        self.assertGreaterEqual(len(blocks), 5)
        for number, block in enumerate(blocks, 1):
            with self.subTest(block=number):
                compile_text(block, ["cc", "-std=c11"], ".c")


if __name__ == "__main__":
    LIBRARY, PKG_CONFIG = sys.argv[1], sys.argv[2]
    unittest.main(argv=sys.argv[:1])
