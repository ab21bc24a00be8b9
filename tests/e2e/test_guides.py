"""The guides of docs/ work as they stand there."""

import pytest

from guide import commands_of, matches, run_page

PAGES = [("getting-started.md", 20), ("lifecycle.md", 20), ("operations.md", 10)]


@pytest.mark.parametrize(("page", "commands"), PAGES)
def test_every_command_of_the_guide_does_what_it_says(folder, page, commands):
    assert run_page(page, folder) >= commands


def test_the_runner_sees_commands_documents_and_output():
    text = "$ cat > f <<'END'\n# kept\nEND\n$ cat f    # a remark\n# kept\n$ true\n"
    assert commands_of(text) == [
        (0, "cat > f <<'END'\n# kept\nEND", []), (3, "cat f", ["# kept"]), (5, "true", []),
    ]  # fmt: skip


def test_the_runner_tells_what_differs():
    assert matches(["a ... c", "..."], ["a b c", "d", "e"])
    assert not matches(["a ... c"], ["a b"])
    assert not matches(["a"], ["a", "b"])
