"""What becomes of values that no format knows: conversion by well-known methods, else a typed marker. Pure.

Dataclasses, attrs classes, `model_dump`, `_asdict` and mappings become maps, and so do data frames, by column; sets,
`tolist`, `to_list` and sequences become arrays; dates become str through `isoformat`, `Decimal`, `UUID`, `Fraction`,
paths and IP addresses through `str`; durations seconds; enums their values. Anything else becomes a marker
`{"$type": "module.Class", "$repr": "..."}`. Whole numbers beyond 64 bits and complex numbers are markers on the way and
arrive in Python as what they were.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from .arrays import ARRAY, BYTES, unpack_array, unpack_bytes
from .errors import BadPayload
from .message import Buffer

__all__ = ["convert_key", "convert_value", "marker", "revive"]

# What is no list but would become one may have so many items; a larger one is surely a mistake, and costs gigabytes.
ITEMS_MAX = 10_000_000
_REPR_CHARACTERS_MAX = 1000
# Python refuses to read or write decimal numbers of more than 4300 digits; from here on they are hexadecimal.
LONG_INT_BITS = 12_000
_INT, _COMPLEX = "builtins.int", "builtins.complex"


def convert_value(value: Any) -> Any:
    """Convert one value that the format does not know, one level deep. A strange value never raises, it is marked.

    Raises:
        BadPayload: it would become a list of more than ITEMS_MAX items.
    """
    for kind, convert in _BY_CLASS:
        if isinstance(value, kind):
            return convert(value)
    if isinstance(value, type):
        return marker(value)
    if f"{type(value).__module__}.{type(value).__qualname__}" in _AS_TEXT:
        return str(value)
    try:
        return _convert_object(value)
    except BadPayload:
        raise
    except Exception:  # a method of that name may do anything
        return marker(value)


def _convert_object(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(type(value), "__attrs_attrs__"):
        return {field.name: getattr(value, field.name) for field in type(value).__attrs_attrs__}
    if type(value).__name__ == "DataFrame" and hasattr(value, "columns"):  # pandas, polars
        return {name: value[name] for name in _counted(value).columns}
    if type(value).__name__ in ("datetime64", "timedelta64"):
        return _convert_numpy_time(value)
    for method in ("model_dump", "tolist", "to_list", "to_pylist", "isoformat"):
        convert_self = getattr(value, method, None)
        if callable(convert_self):
            converted = convert_self() if method in ("model_dump", "isoformat") else _listed(value, convert_self)
            return marker(value) if converted is value else converted
    return marker(value)


def _convert_numpy_time(value: Any) -> Any:
    """Give a date as text with all its digits, a duration in seconds: `tolist` would give a bare count."""
    if type(value).__name__ == "datetime64":
        return str(value)
    unit = type(value)(1, "s")
    return float(value / unit)


def _listed(value: Any, convert_self: Callable[[], Any]) -> Any:
    _counted(value)
    return convert_self()


def _counted(value: Any) -> Any:
    count = getattr(value, "size", None)
    if type(count) is not int:
        count = len(value) if hasattr(type(value), "__len__") else 0
    if count > ITEMS_MAX:
        raise BadPayload(
            f"{type(value).__name__} of {count:,} items is over the {ITEMS_MAX:,} that are sent as a list: "
            "send a numpy array in content type msgpack, or send it in parts"
        )
    return value


def marker(value: Any) -> dict[str, str]:
    """Say what a value was that cannot travel: its class, and its repr up to 1000 characters."""
    kind = type(value)
    try:
        shown = repr(value)
    except Exception as error:  # a broken __repr__ must not cost the whole result
        shown = f"<repr raised {type(error).__name__}>"
    if len(shown) > _REPR_CHARACTERS_MAX:
        shown = f"{shown[: _REPR_CHARACTERS_MAX - 1]}…"
    return {"$type": f"{kind.__module__}.{kind.__qualname__}", "$repr": shown}


def revive(value: dict[Any, Any], frames: Sequence[Buffer] = ()) -> Any:
    """Give what a map stands for, if it is a marker that arrives as a value, else the map itself.

    Raises:
        ValueError, TypeError: it is such a marker, but a wrong one.
    """
    kind = value.get("$type")
    if kind is None:
        return value
    if len(value) == 2 and kind in (_INT, _COMPLEX) and isinstance(value.get("$repr"), str):
        text = value["$repr"]
        if kind == _COMPLEX:
            return complex(text)
        return int(text, 16 if "x" in text else 10)
    if kind == ARRAY and value.keys() == _ARRAY_KEYS:
        return unpack_array(value, frames)
    if kind == BYTES and value.keys() == _BYTES_KEYS:
        return unpack_bytes(value["data"], frames)
    return value


_ARRAY_KEYS = {"$type", "dtype", "shape", "data"}
_BYTES_KEYS = {"$type", "data"}


def convert_key(key: Any) -> str:
    """Give a JSON object's name for a dict key: the word of JSON for None and bool, else its str."""
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, enum.Enum):
        return convert_key(key.value)
    return str(key.isoformat() if isinstance(key, datetime.date | datetime.time) else key)


def _convert_int(value: int) -> Any:
    if type(value) is not int and -(2**63) <= value < 2**64:
        return int(value)
    number = int(value)
    digits = str(number) if number.bit_length() < LONG_INT_BITS else hex(number)
    return {"$type": _INT, "$repr": digits}


def _convert_tuple(value: tuple[Any, ...]) -> Any:
    as_dict = getattr(value, "_asdict", None)
    return as_dict() if callable(as_dict) else list(value)


def _convert_range(value: Any) -> list[Any]:
    return list(_counted(value))


# In this order: an IntEnum is an enum before it is an int.
_BY_CLASS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (tuple, _convert_tuple),
    (enum.Enum, lambda value: value.value),
    (int, _convert_int),
    (str, str.__str__),  # the text itself, whatever a derived class makes of str()
    (float, float),
    (complex, lambda value: {"$type": _COMPLEX, "$repr": repr(complex(value))}),
    ((decimal.Decimal, uuid.UUID, pathlib.PurePath), str),
    (datetime.timedelta, datetime.timedelta.total_seconds),
    ((bytes, bytearray, memoryview), bytes),
    (Mapping, dict),
    ((list, collections.deque, AbstractSet), list),
    (range, _convert_range),
)
# By name, so that their modules need not be imported for those who have none of them.
_AS_TEXT = frozenset((
    "fractions.Fraction", "ipaddress.IPv4Address", "ipaddress.IPv4Network", "ipaddress.IPv4Interface",
    "ipaddress.IPv6Address", "ipaddress.IPv6Network", "ipaddress.IPv6Interface",
))  # fmt: skip
