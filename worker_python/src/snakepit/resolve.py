"""Why is nobody there? Whether the host of an endpoint can be found; asks the system's resolver, with a bound."""

from __future__ import annotations

import functools
import socket
import threading

__all__ = ["unknown_host"]

# A resolver without an answer takes longer than anybody waits for a hint.
RESOLVE_SECONDS = 1.0


def unknown_host(endpoint: str) -> str:
    """Say that the endpoint's host cannot be found, and why; empty when it can be, or nothing is known in time."""
    if not endpoint.startswith("tcp://"):
        return ""
    host = endpoint.removeprefix("tcp://").rpartition(":")[0].rpartition(";")[2].strip("[]")
    said: list[str] = []
    thread = threading.Thread(target=functools.partial(_resolve, host, said), name="snakepit-resolve", daemon=True)
    thread.start()
    thread.join(RESOLVE_SECONDS)
    return said[0] if said else ""


def _resolve(host: str, said: list[str]) -> None:
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        said.append(f"the host {host!r} cannot be found: {error.strerror}")
    except UnicodeError as error:
        said.append(f"the host {host[:80]!r} is no name: {error}")
