"""The examples of docs/python.md, run in order against a real broker with the page's own worker."""

from __future__ import annotations

import os
import pathlib
import re
import sys
from typing import Any

import pytest

import snakepit
from conftest import REPOSITORY
from pit import Broker, Worker

PAGE = REPOSITORY / "docs" / "python.md"


def examples() -> list[tuple[int, str]]:
    """Give (line, code) of each Python block of the page."""
    text = PAGE.read_text()
    blocks = re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(text[: block.start()].count("\n") + 2, block.group(1)) for block in blocks]


def test_every_example_of_the_guide_runs(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = examples()
    assert len(found) > 10
    (line, tasks), rest = found[0], found[1:]
    assert tasks.startswith("# tasks.py")
    (folder / "tasks.py").write_text(tasks)
    monkeypatch.syspath_prepend(str(folder))
    names: dict[str, Any] = {"snakepit": snakepit}
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with (
        Broker(folder, more_pools=', { name = "numbers"; }') as broker,
        Worker(broker.workers, app="tasks:app", pool="text", environment=environment),
        Worker(broker.workers, app="tasks:app", pool="numbers", environment=environment),
    ):
        monkeypatch.setenv("SNAKEPIT_ENDPOINT", broker.clients)
        for line, code in rest:
            exec(compile("\n" * (line - 1) + code, str(PAGE), "exec"), names)
    sys.modules.pop("tasks", None)
