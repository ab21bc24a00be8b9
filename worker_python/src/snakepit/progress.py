"""What a task says of its progress, on the way to its caller (docs/protocol.md, section 6.2). Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from .convert import decode_value, encode_value
from .errors import BadPayload
from .message import Chunk, Payload

__all__ = ["PROGRESS", "Progress"]

PROGRESS = "progress"  # the content type of a CHUNK that is one
NOTE_CHARACTERS_MAX = 200


class Progress(NamedTuple):
    """So much of `total` (None: unknown) is done, in whatever unit the task counts; `note` is for people."""

    done: float
    total: float | None = None
    note: str = ""


def encode_progress(progress: Progress) -> Payload:
    """Encode the payload of a CHUNK of content type `progress`."""
    return encode_value([progress.done, progress.total, progress.note[:NOTE_CHARACTERS_MAX]])


def progress_of(chunk: Chunk) -> Progress | None:
    """Give the progress that a chunk tells, or None when it is a part of a result, or is wrong."""
    if chunk.info.get("content_type") != PROGRESS:
        return None
    try:
        done, total, note = decode_value(chunk.payload)
    except (BadPayload, TypeError, ValueError):
        return None
    return Progress(done, total, note) if _is_number(done) and (total is None or _is_number(total)) else None


def is_progress(chunk: Chunk) -> bool:
    """Whether a chunk is no part of a result."""
    return bool(chunk.info.get("content_type") == PROGRESS)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
