#!/usr/bin/env python3
"""The check of links finds what it is there to find, and nothing else."""

import tempfile
import unittest
from pathlib import Path

import links


class Links(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="links-")
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name).resolve()
        (self.root / "docs").mkdir()
        self.write("docs/guide.md", "# The `guide`, 1.2: a start\n\n## Twice\n\n## Twice\n\n```\n# no heading\n```\n")

    def write(self, path, text):
        (self.root / path).write_text(text, encoding="utf-8")

    def find(self, text):
        self.write("README.md", text)
        return list(links.check_links(self.root))

    def test_links_to_files_folders_headings_and_the_internet_are_right(self):
        self.assertEqual([], self.find("[a](docs/guide.md), [b](docs), [c](docs/guide.md#the-guide-12-a-start),\n"
                                       "[d](https://example.org/none), [`e`](docs/guide.md#twice-1)\n"))

    def test_a_file_that_is_not_there_is_found_with_its_place(self):
        self.assertEqual(["README.md:3: (docs/none.md) no such file"], self.find("x\n\nsee [a](docs/none.md).\n"))

    def test_the_second_dead_link_of_a_line_is_found(self):
        self.assertEqual(1, len(self.find("[a](docs/guide.md), [b](docs/none.md)\n")))

    def test_a_heading_that_is_not_there_is_found(self):
        for anchor in ("none", "twice-2", "no-heading"):
            self.assertEqual([f"README.md:1: (docs/guide.md#{anchor}) no such heading"],
                             self.find(f"[a](docs/guide.md#{anchor})\n"))

    def test_a_heading_of_the_same_file_is_looked_for_there(self):
        self.assertEqual(["README.md:3: (#none) no such heading"], self.find("# Here\n\n[a](#none), [b](#here)\n"))

    def test_a_link_out_of_the_repository_is_found(self):
        self.assertEqual(["README.md:1: (../other) leads out of the repository"], self.find("[a](../other)\n"))

    def test_code_is_passed_over(self):
        self.assertEqual([], self.find("`[a](none)`\n\n```c\nf[0](none);\n```\n"))


if __name__ == "__main__":
    unittest.main()
