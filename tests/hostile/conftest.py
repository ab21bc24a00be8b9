"""Fixtures of the attacks: a broker of its own for each test, and a witness who goes on to be served. `--long`, or
SNAKEPIT_HOSTILE=long, makes the attacks larger and longer."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from witness import raise_descriptors  # noqa: E402

raise_descriptors()


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the long form of each attack")


@pytest.fixture
def scale(request):
    """How much larger an attack is than in ./check."""
    return 10 if request.config.getoption("--long") or os.environ.get("SNAKEPIT_HOSTILE") == "long" else 1


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pit")  # short: an ipc path may have 107 bytes only
