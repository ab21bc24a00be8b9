"""Checks of single fields of SPIT/1 commands (docs/protocol.md, section 2.1). Pure; never trusts a type or a length.

Each check takes the value and the field's name, and gives the value back or raises `FieldError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import msgpack  # type: ignore[import-untyped]

from .message import (
    AGENT_POOLS_MAX,
    CONTENT_TYPE_BYTES_MAX,
    ERROR_TYPE_BYTES_MAX,
    FUNCTION_BYTES_MAX,
    ID_BYTES_MAX,
    INLINE_BYTES_MAX,
    LABEL_BYTES_MAX,
    LEASES_MAX,
    NESTING_MAX,
    ORIGIN_BYTES_MAX,
    PROCESSES_MAX,
    RETRY_TYPES_MAX,
    TASK_FRAMES_MAX,
)

UINT_MAX = 2**64 - 1
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")

Check: TypeAlias = Callable[[Any, str], Any]


class FieldError(Exception):
    """A field is wrong: `code` is bad_field, bad_message, unsupported or too_large; `name` is the field's."""

    def __init__(self, name: str, text: str, code: str = "bad_field") -> None:
        super().__init__(text)
        self.name = name
        self.text = text
        self.code = code


class Map(tuple[Any, ...]):
    """A map as it was read: pairs in order, so that a key that stands twice is still seen."""

    __slots__ = ()


def depth(value: object) -> int:
    """Count the levels of arrays and maps in value; 0 for a scalar. Stops counting just above the protocol's limit."""
    level = 0
    layer = [value] if isinstance(value, tuple) else []
    while layer and level <= NESTING_MAX:
        level += 1
        layer = [inner for item in layer for inner in _children(item) if isinstance(inner, tuple)]
    return level


def _children(item: tuple[Any, ...]) -> list[Any]:
    return [part for pair in item for part in pair] if isinstance(item, Map) else list(item)


def text(limit_bytes: int, least_bytes: int = 0) -> Check:
    """Make a check for a UTF-8 str of so many bytes."""

    def check(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise FieldError(name, "must be a str")
        try:
            size = len(value) if value.isascii() else len(value.encode())
        except UnicodeEncodeError:
            raise FieldError(name, "must be UTF-8") from None
        if not least_bytes <= size <= limit_bytes:
            raise FieldError(name, f"must be {least_bytes} to {limit_bytes} bytes long")
        return value

    return check


def opaque(limit_bytes: int) -> Check:
    """Make a check for a str of 1 byte or more that is passed on unread, so it need not be UTF-8."""

    def check(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise FieldError(name, "must be a str")
        if not 1 <= len(value) <= limit_bytes or len(value.encode("utf-8", "surrogateescape")) > limit_bytes:
            raise FieldError(name, f"must be 1 to {limit_bytes} bytes long")
        return value

    return check


def uint(limit: int = UINT_MAX, least: int = 0) -> Check:
    """Make a check for an unsigned integer within bounds."""

    def check(value: Any, name: str) -> int:
        if type(value) is not int or value < 0:
            raise FieldError(name, "must be an unsigned integer")
        if not least <= value <= limit:
            raise FieldError(name, f"must be {least} to {limit}")
        return value

    return check


def choice(*allowed: str) -> Check:
    """Make a check for one of some words."""

    def check(value: Any, name: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise FieldError(name, "must be one of " + ", ".join(allowed))
        return value

    return check


def boolean(value: Any, name: str) -> bool:
    """Check a bool."""
    if not isinstance(value, bool):
        raise FieldError(name, "must be a bool")
    return value


def binary(size: int) -> Check:
    """Make a check for a bin of exactly so many bytes."""

    def check(value: Any, name: str) -> bytes:
        if not isinstance(value, bytes) or len(value) != size:
            raise FieldError(name, f"must be a bin of {size} bytes")
        return value

    return check


def blob(limit_bytes: int) -> Check:
    """Make a check for a bin of 1 byte or more."""

    def check(value: Any, name: str) -> bytes:
        if not isinstance(value, bytes) or not 1 <= len(value) <= limit_bytes:
            raise FieldError(name, f"must be a bin of 1 to {limit_bytes} bytes")
        return value

    return check


def pool(value: Any, name: str) -> str:
    """Check a name (docs/protocol.md, section 2.1)."""
    if not isinstance(value, str) or not _NAME.match(value):
        raise FieldError(name, "must be 1 to 64 bytes of A-Z a-z 0-9 _ . -")
    return value


def task_id(value: Any, name: str) -> int | bytes:
    """Check an id; a str is the same id as the bin of its bytes, so it is given back as bytes."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes) and 1 <= len(value) <= ID_BYTES_MAX:
        return value
    if type(value) is int and value >= 0:
        return value
    raise FieldError(name, "must be an unsigned integer, or 1 to 16 bytes")


def fences(value: Any, name: str) -> tuple[int, ...]:
    """Check an array of fences."""
    if not isinstance(value, tuple) or isinstance(value, Map) or len(value) > LEASES_MAX:
        raise FieldError(name, f"must be an array of at most {LEASES_MAX}")
    for fence in value:
        if type(fence) is not int or fence < 0:
            raise FieldError(name, "must hold unsigned integers")
    return value


def _records(value: Any, name: str, limit: int, least_fields: int) -> tuple[Any, ...]:
    """Check an array of at most so many arrays of at least so many fields each."""
    if not isinstance(value, tuple) or isinstance(value, Map) or len(value) > limit:
        raise FieldError(name, f"must be an array of at most {limit}")
    for record in value:
        if not isinstance(record, tuple) or isinstance(record, Map) or len(record) < least_fields:
            raise FieldError(name, f"must hold arrays of {least_fields} fields")
    return value


def agent_pools(value: Any, name: str) -> tuple[tuple[str, int], ...]:
    """Check an array of [name, wanted]."""
    wanted = uint(2**32 - 1)
    return tuple((pool(item[0], name), wanted(item[1], name)) for item in _records(value, name, AGENT_POOLS_MAX, 2))


def processes(value: Any, name: str) -> tuple[tuple[int, int, int], ...]:
    """Check an array of [pid, rss_bytes, cpu_us]."""
    number = uint()
    return tuple(
        (number(item[0], name), number(item[1], name), number(item[2], name))
        for item in _records(value, name, PROCESSES_MAX, 3)
    )


def holds(value: Any, name: str) -> tuple[tuple[int, int, bytes], ...]:
    """Check an array of [fence, attempt, origin]."""
    number, attempt, origin = uint(), uint(2**32 - 1, 1), blob(ORIGIN_BYTES_MAX)
    return tuple(
        (number(item[0], name), attempt(item[1], name), origin(item[2], name))
        for item in _records(value, name, LEASES_MAX, 3)
    )


def retry_types(value: Any, name: str) -> tuple[str, ...]:
    """Check an array of names of exceptions."""
    if not isinstance(value, tuple) or isinstance(value, Map) or len(value) > RETRY_TYPES_MAX:
        raise FieldError(name, f"must be an array of at most {RETRY_TYPES_MAX}")
    kind = opaque(ERROR_TYPE_BYTES_MAX)
    return tuple(kind(item, name) for item in value)


def event_name(value: Any, name: str) -> str:
    """Check the name of an application's event."""
    if not isinstance(value, str) or not _NAME.match(value) or not value.startswith("app.") or value == "app.":
        raise FieldError(name, "must begin with app. and have 64 bytes of A-Z a-z 0-9 _ . - at most")
    return value


def payload_claim(value: Any, name: str) -> bytes | int:
    """Check a payload as it stands in the command: inline bytes, or the number of its attachment frames."""
    if isinstance(value, bytes):
        if len(value) > INLINE_BYTES_MAX:
            raise FieldError(name, "must be attachments above the inline limit", "too_large")
        return value
    if type(value) is not int or value < 1:
        raise FieldError(name, f"must be a bin, or 1 to {TASK_FRAMES_MAX} frames")
    if value > TASK_FRAMES_MAX:
        raise FieldError(name, f"must be at most {TASK_FRAMES_MAX} frames", "bad_message")
    return value


def mapping(
    value: Any, name: str, checks: dict[str, Check], other: Callable[[str], Any] | None = None
) -> dict[str, Any]:
    """Check a map against its table of known keys, none of which may stand twice; give it as a dict.

    Args:
        value: what was read.
        name: the map's own name.
        checks: the known keys and the check of each value.
        other: called with each unknown key; what it raises is the verdict. None: unknown keys are passed over.
    """
    if not isinstance(value, Map):
        raise FieldError(name, "must be a map")
    result: dict[str, Any] = {}
    for key, item in value:
        if not isinstance(key, str):
            raise FieldError(name, "must have str keys")
        check = checks.get(key)
        if check is None:
            if other is not None:
                other(key)
            continue
        if key in result:
            raise FieldError(key, "stands twice")
        result[key] = check(item, key)
    return result


def str_mapping(limit_bytes: int) -> Check:
    """Make a check for a map of str to str of at most so many bytes encoded."""

    def check(value: Any, name: str) -> dict[str, str]:
        if not isinstance(value, Map):
            raise FieldError(name, "must be a map")
        size = 1 if len(value) < 16 else 3
        for key, item in value:
            if not isinstance(key, str) or not isinstance(item, str):
                raise FieldError(name, "must be a map of str to str")
            size += encoded_bytes(key) + encoded_bytes(item)
        if size > limit_bytes:
            raise FieldError(name, f"must be at most {limit_bytes} bytes encoded")
        return dict(value)

    return check


def encoded_bytes(value: str) -> int:
    """How many bytes a str takes in MessagePack."""
    size = len(value.encode("utf-8", "surrogateescape"))
    return size + (1 if size < 32 else 2 if size < 256 else 3 if size < 65536 else 5)


def any_mapping(limit_bytes: int) -> Check:
    """Make a check for a map of str to anything of at most so many bytes encoded; gives it as a plain dict."""

    def check(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, Map):
            raise FieldError(name, "must be a map")
        if not all(isinstance(key, str) for key, _ in value):
            raise FieldError(name, "must be a map with str keys")
        plain: dict[str, Any] = plain_value(value)
        if len(msgpack.packb(plain, unicode_errors="surrogateescape")) > limit_bytes:
            raise FieldError(name, f"must be at most {limit_bytes} bytes encoded")
        return plain

    return check


def plain_value(value: Any) -> Any:
    """Turn what was read into plain dicts and tuples. As deep as the protocol's nesting limit."""
    if isinstance(value, Map):
        return {_plain_key(key): plain_value(item) for key, item in value}
    return tuple(plain_value(item) for item in value) if isinstance(value, tuple) else value


def _plain_key(key: Any) -> Any:
    return plain_value(key) if not isinstance(key, Map) else str(key)


def str_array(value: Any, name: str) -> list[str]:
    """Check an array of str."""
    if not isinstance(value, tuple) or isinstance(value, Map) or not all(isinstance(item, str) for item in value):
        raise FieldError(name, "must be an array of str")
    return list(value)


def refused_option(key: str) -> None:
    """Refuse an unknown option: the sender asked for something that it would not get."""
    raise FieldError("options", f"have {key[:64]!r}, which is not known here", "unsupported")


label = text(LABEL_BYTES_MAX)
function = opaque(FUNCTION_BYTES_MAX)
content_type = text(CONTENT_TYPE_BYTES_MAX, 1)
