"""What a process measures of itself for a heartbeat, from /proc. Costs a dozen small reads."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["measure_vitals"]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def measure_vitals() -> dict[str, Any]:
    """Measure resident bytes, with those of all descendants, and CPU microseconds, with those of ended children.

    Memory that a child shares with its parent counts for both, as in the agent's measure.
    """
    times = os.times()
    facts: dict[str, Any] = {"cpu_us": int(sum(times[:4]) * 1e6)}
    own = _resident_bytes("self")
    if own is not None:  # else there is no /proc here
        facts["rss_bytes"] = own + sum(_resident_bytes(pid) or 0 for pid in _descendants("self"))
    return facts


def _resident_bytes(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):  # it has ended meanwhile
        return None


def _descendants(pid: str) -> list[str]:
    """List the processes that this one started, and theirs. Children belong to the thread that made them."""
    found: list[str] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as children:
                pids = children.read().split()
        except OSError:  # the thread has ended, or the kernel does not tell
            continue
        for child in pids:
            found += [child, *_descendants(child)]
    return found
