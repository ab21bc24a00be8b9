"""What is known of libraries and threads: the matrix of `snakepit compat`, from compat.json beside this file.

The matrix says what the libraries' authors say. What is true of one worker, it reports itself, by the names of modules:

    for name in report["libraries"]:
        library = snakepit.compat.find(name)
"""

from __future__ import annotations

import json
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


def find(name: str) -> Library | None:
    """The library of this name, or that a module of this name is imported from; None: the matrix does not have it."""
    wanted = name.lower().replace("_", "-")
    for library in load():
        if wanted == library.name or name in library.modules:
            return library
    return None
