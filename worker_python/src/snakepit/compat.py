"""What is known of libraries and threads: the matrix of `snakepit compat`, from compat.json beside this file.

The matrix says what the libraries' authors say. What is true of one worker, it reports itself.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

ThreadSafety = Literal["safe", "conditional", "unsafe", "unknown"]
FreeThreading = Literal["yes", "source", "no", "pure", "unknown"]


@dataclass(frozen=True)
class Source:
    """Where a statement of the matrix comes from."""

    title: str
    url: str


@dataclass(frozen=True)
class Library:
    """One library of the matrix."""

    name: str
    """As it is installed."""
    modules: tuple[str, ...]
    """What is imported."""
    thread_safety: ThreadSafety
    """`conditional`: safe as long as `advice` is followed."""
    free_threading: FreeThreading
    """Does it leave the GIL off? `source`: only when it is built from source. `pure`: it is Python only."""
    since: str | None
    """The first version that does."""
    advice: str
    """What to do in the thread profile."""
    sources: tuple[Source, ...]
    checked: str
    """The day on which somebody looked, YYYY-MM-DD."""


def make_library(record: dict[str, Any]) -> Library:
    """Make one from its record in compat.json."""
    sources = tuple(Source(source["title"], source["url"]) for source in record["sources"])
    return Library(
        record["name"],
        tuple(record["modules"]),
        record["thread_safety"],
        record["free_threading"],
        record["since"],
        record["advice"],
        sources,
        record["checked"],
    )


@cache
def load() -> tuple[Library, ...]:
    """The whole matrix, in the order of the file."""
    data = json.loads(Path(__file__).with_name("compat.json").read_text(encoding="utf-8"))
    return tuple(make_library(record) for record in data["libraries"])


def find_loaded(modules: Iterable[str] | None = None) -> dict[str, str]:
    """The libraries of the matrix that this process has imported, with their versions ("" where none is told)."""
    present = set(sys.modules if modules is None else modules)
    return {library.name: find_version(library) for library in load() if not present.isdisjoint(library.modules)}


def find_version(library: Library) -> str:
    """Its installed version, as its metadata says, else the module itself."""
    try:
        return importlib.metadata.version(library.name)
    except importlib.metadata.PackageNotFoundError:
        version = getattr(sys.modules.get(library.modules[0]), "__version__", "")
        return version if isinstance(version, str) else ""
