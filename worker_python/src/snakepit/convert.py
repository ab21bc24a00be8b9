"""Arguments and results to payloads and back, for each content type (docs/protocol.md, section 6). Pure.

What MessagePack and JSON cannot carry is converted by well-known methods: dataclasses, `model_dump`, `_asdict` and
mappings become maps; sets, `tolist` and sequences become arrays; `isoformat`, `Decimal`, `UUID` and paths become str;
enums their values. Anything else becomes a marker `{"$type": "module.Class", "$repr": "..."}`, and so does an integer
beyond 64 bits, which is an int again when it arrives in Python.
"""

from __future__ import annotations

import collections
import dataclasses
import decimal
import enum
import json
import pathlib
import pickle
import uuid
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgpack  # type: ignore[import-untyped]

from .errors import BadPayload
from .message import ATTACH_BYTES_MIN, TASK_FRAMES_MAX, Buffer, Payload

__all__ = ["CONTENT_TYPES", "decode_arguments", "decode_value", "encode_arguments", "encode_value"]

MSGPACK, JSON, RAW, PICKLE5 = "msgpack", "json", "raw", "pickle5"
CONTENT_TYPES = (MSGPACK, JSON, RAW, PICKLE5)
_REPR_CHARACTERS_MAX = 1000
_EXACT_JSON = (str, int, float, bool, type(None))

_NO_KWARGS: Mapping[str, Any] = {}

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


def encode_arguments(args: Sequence[Any], kwargs: Mapping[str, Any], content_type: str = MSGPACK) -> Payload:
    """Encode the arguments of a call.

    Returns:
        Inline bytes, or from 8 KiB on attachment frames: the body and, for pickle5, its out-of-band buffers.

    Raises:
        BadPayload: the content type is unknown or cannot carry these arguments.
    """
    if content_type == MSGPACK:
        return _framed(_pack([list(args), kwargs] if kwargs else [list(args)]))
    if content_type == RAW:
        if len(args) != 1 or kwargs:
            raise BadPayload("content type raw takes one positional argument: bytes, or a list of them")
        return _encode_raw(args[0])
    return _encode((tuple(args), dict(kwargs)), content_type)


def encode_value(value: Any, content_type: str = MSGPACK) -> Payload:
    """Encode a result: inline bytes, or from 8 KiB on attachment frames.

    Raises:
        BadPayload: the content type is unknown or cannot carry the value.
    """
    if content_type == MSGPACK:
        body = _pack(value)
        return body if len(body) < ATTACH_BYTES_MIN else (body,)
    if content_type == RAW:
        return _encode_raw(value)
    return _encode(value, content_type)


def decode_arguments(payload: Payload, content_type: str = MSGPACK, *, allow_pickle: bool = False) -> Arguments:
    """Decode the arguments of a call into (positional, named).

    Raises:
        BadPayload: they are malformed, or of a content type that is unknown or not allowed.
    """
    if content_type == RAW:
        return (_decode_raw(payload),), _NO_KWARGS
    value = decode_value(payload, content_type, allow_pickle=allow_pickle)
    if type(value) is list and len(value) == 1 and type(value[0]) is list:  # the usual case
        return value[0], _NO_KWARGS
    if not isinstance(value, (list, tuple)) or len(value) > 2:
        raise BadPayload("arguments must be [args, kwargs]")
    args = value[0] if value else ()
    kwargs = value[1] if len(value) > 1 else _NO_KWARGS
    if not isinstance(args, (list, tuple)) or not isinstance(kwargs, dict):
        raise BadPayload("arguments must be [args, kwargs]: an array and a map")
    if kwargs and not all(isinstance(key, str) for key in kwargs):
        raise BadPayload("named arguments must have str names")
    return args, kwargs


def decode_value(payload: Payload, content_type: str = MSGPACK, *, allow_pickle: bool = False) -> Any:
    """Decode a result, or arguments as one value.

    Raises:
        BadPayload: it is malformed, or of a content type that is unknown or not allowed.
    """
    if content_type == MSGPACK and type(payload) is bytes:
        try:
            return _unpack(payload)
        except Exception as error:
            raise _undecodable(content_type, error) from error
    if content_type == RAW:
        return _decode_raw(payload)
    body, *buffers = payload if isinstance(payload, tuple) else (payload,)
    try:
        if content_type == MSGPACK:
            return _unpack(body)
        if content_type == JSON:
            return json.loads(bytes(body).decode(), object_hook=_revive)
        if content_type == PICKLE5:
            if not allow_pickle:
                raise BadPayload("pickle5 is not allowed here; see allow_pickle")
            return pickle.loads(body, buffers=buffers)
    except BadPayload:
        raise
    except Exception as error:  # a foreign payload can make a decoder raise almost anything
        raise _undecodable(content_type, error) from error
    raise BadPayload(f"unknown content type {content_type!r}; known are {', '.join(CONTENT_TYPES)}")


def _undecodable(content_type: str, error: Exception) -> BadPayload:
    return BadPayload(f"not {content_type}: {type(error).__name__}: {error}")


# --- encoders ---------------------------------------------------------------------------------------------------------


# Packers to be used again: making one costs more than packing a small value. Taking from and adding to a list is
# atomic, so threads share them without a lock, and a conversion that packs something by itself gets another one.
_packers: list[Any] = []
_PACKER_BYTES_MAX = 64 * 1024


def _pack(value: Any) -> bytes:
    try:
        packer = _packers.pop()
    except IndexError:
        # strict_types: named tuples, enums and other derived classes come to convert_value instead of losing their kind
        packer = msgpack.Packer(default=convert_value, strict_types=True)
    try:
        body: bytes = packer.pack(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadPayload(f"cannot be sent as msgpack: {error}") from error
    if len(body) < _PACKER_BYTES_MAX:  # one that has grown would keep its memory
        _packers.append(packer)
    return body


def _encode(value: Any, content_type: str) -> Payload:
    if content_type == JSON:
        try:
            return _framed(json.dumps(_json_ready(value), ensure_ascii=False, separators=(",", ":")).encode())
        except (TypeError, ValueError, RecursionError) as error:
            raise BadPayload(f"cannot be sent as json: {error}") from error
    if content_type == PICKLE5:
        return _encode_pickle(value)
    raise BadPayload(f"unknown content type {content_type!r}; known are {', '.join(CONTENT_TYPES)}")


def _encode_pickle(value: Any) -> Payload:
    buffers: list[pickle.PickleBuffer] = []
    try:
        body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        if len(buffers) >= TASK_FRAMES_MAX:  # more buffers than a task may have frames: keep them inside
            buffers, body = [], pickle.dumps(value, protocol=5)
        frames = tuple(buffer.raw() for buffer in buffers)
    except Exception as error:  # __reduce__ of any class may raise anything
        raise BadPayload(f"cannot be pickled: {type(error).__name__}: {error}") from error
    return (body, *frames) if frames else _framed(body)


def _encode_raw(value: Any) -> Payload:
    if isinstance(value, (list, tuple)):
        if not 1 <= len(value) <= TASK_FRAMES_MAX or not all(
            isinstance(v, (bytes, bytearray, memoryview)) for v in value
        ):
            raise BadPayload(f"content type raw carries 1 to {TASK_FRAMES_MAX} bytes objects")
        return tuple(value)
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise BadPayload(f"content type raw carries bytes, not {type(value).__name__}")
    return (value,) if memoryview(value).nbytes >= ATTACH_BYTES_MIN else bytes(value)


def _framed(body: bytes) -> Payload:
    return body if len(body) < ATTACH_BYTES_MIN else (body,)


def _json_ready(value: Any) -> Any:
    """Convert what json cannot carry, all the way down; json's own hook would miss named tuples and odd keys."""
    if type(value) in _EXACT_JSON:
        return value
    if type(value) in (list, tuple):
        return [_json_ready(item) for item in value]
    if type(value) is dict:
        return {key if isinstance(key, str) else str(convert_key(key)): _json_ready(v) for key, v in value.items()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _marker(value)
    return _json_ready(convert_value(value))


def convert_key(key: Any) -> Any:
    """Give a JSON object's name for a dict key: the word of JSON for None and bool, else its str."""
    return {None: "null", True: "true", False: "false"}[key] if key is None or isinstance(key, bool) else key


# --- decoders ---------------------------------------------------------------------------------------------------------


def _unpack(body: Buffer) -> Any:
    # Markers are rare, and a hook costs a Python call for each map: look for one before asking for it.
    if b"$type" in (body if type(body) is bytes else bytes(body)):
        return msgpack.unpackb(body, strict_map_key=False, object_hook=_revive)
    return msgpack.unpackb(body, strict_map_key=False)


def _revive(value: dict[Any, Any]) -> Any:
    if len(value) == 2 and value.get("$type") == "builtins.int" and isinstance(value.get("$repr"), str):
        return int(value["$repr"])
    return value


def _decode_raw(payload: Payload) -> Any:
    if isinstance(payload, bytes):
        return payload
    frames = [bytes(frame) for frame in payload]
    return frames[0] if len(frames) == 1 else frames


# --- values that no format knows --------------------------------------------------------------------------------------


def convert_value(value: Any) -> Any:
    """Convert one value that the format does not know, one level deep; never raises for a strange value."""
    for kind, convert in _BY_CLASS:
        if isinstance(value, kind):
            return convert(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for method in ("model_dump", "tolist", "isoformat"):
        convert_self = getattr(value, method, None)
        if callable(convert_self) and not isinstance(value, type):
            converted = convert_self()
            return _marker(value) if converted is value else converted
    return _marker(value)


def _marker(value: Any) -> dict[str, str]:
    kind = type(value)
    try:
        shown = repr(value)
    except Exception as error:  # a broken __repr__ must not cost the whole result
        shown = f"<repr raised {type(error).__name__}>"
    return {"$type": f"{kind.__module__}.{kind.__qualname__}", "$repr": shown[:_REPR_CHARACTERS_MAX]}


def _convert_int(value: int) -> Any:
    if type(value) is not int and -(2**63) <= value < 2**64:
        return int(value)
    return {"$type": "builtins.int", "$repr": str(int(value))}


def _convert_tuple(value: tuple[Any, ...]) -> Any:
    as_dict = getattr(value, "_asdict", None)
    return as_dict() if callable(as_dict) else list(value)


# In this order: an IntEnum is an enum before it is an int.
_BY_CLASS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (tuple, _convert_tuple),
    (enum.Enum, lambda value: value.value),
    (int, _convert_int),
    (str, str.__str__),  # the text itself, whatever a derived class makes of str()
    (float, float),
    ((decimal.Decimal, uuid.UUID, pathlib.PurePath), str),
    ((bytes, bytearray, memoryview), bytes),
    (Mapping, dict),
    ((list, collections.deque, AbstractSet, range), list),
)
