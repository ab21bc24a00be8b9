"""Arguments and results to payloads and back, for each content type (docs/protocol.md, section 6). Pure.

What MessagePack and JSON cannot carry is converted (see `values`); numpy arrays and attachments travel beside a
MessagePack body as frames of their own (see `arrays`).
"""

from __future__ import annotations

import base64
import functools
import json
import math
import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgpack  # type: ignore[import-untyped]

from .arrays import BYTES, Attachment, is_plain_array, pack_array
from .errors import BadPayload
from .message import ATTACH_BYTES_MIN, TASK_FRAMES_MAX, Buffer, Payload
from .values import LONG_INT_BITS, convert_key, convert_value, revive

__all__ = ["CONTENT_TYPES", "ValueEncoder", "decode_arguments", "decode_value", "encode_arguments", "encode_value"]

MSGPACK, JSON, RAW, PICKLE5 = "msgpack", "json", "raw", "pickle5"
CONTENT_TYPES = (MSGPACK, JSON, RAW, PICKLE5)
_EXACT_JSON = (str, int, bool, type(None))

_NO_KWARGS: Mapping[str, Any] = {}
_MARKER = b"$type"  # where it is not among the bytes, there is nothing to revive
_unpackb = msgpack.unpackb

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


def encode_arguments(args: Sequence[Any], kwargs: Mapping[str, Any], content_type: str = MSGPACK) -> Payload:
    """Encode the arguments of a call.

    Returns:
        Inline bytes, or from 8 KiB on attachment frames: the body and, for pickle5, its out-of-band buffers.

    Raises:
        BadPayload: the content type is unknown or cannot carry these arguments.
    """
    if content_type == MSGPACK:
        return _pack([list(args), kwargs] if kwargs else [list(args)])
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
        return _pack(value)
    if content_type == RAW:
        return _encode_raw(value)
    return _encode(value, content_type)


def decode_arguments(payload: Payload, content_type: str = MSGPACK, *, allow_pickle: bool = False) -> Arguments:
    """Decode the arguments of a call into (positional, named).

    Raises:
        BadPayload: they are malformed, or of a content type that is unknown or not allowed.
    """
    if content_type == MSGPACK and type(payload) is bytes and _MARKER not in payload:  # the usual case
        try:
            value = _unpackb(payload, strict_map_key=False)
        except Exception:  # the long way says what is wrong, or knows how to do it
            value = decode_value(payload)
    elif content_type == RAW:
        return (_decode_raw(payload),), _NO_KWARGS
    else:
        value = decode_value(payload, content_type, allow_pickle=allow_pickle)
    if type(value) is list and len(value) == 1 and type(value[0]) is list:  # no named ones
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
    if content_type == RAW:
        return _decode_raw(payload)
    body: Buffer
    frames: tuple[Buffer, ...]
    if isinstance(payload, tuple):
        body, frames = payload[0], payload[1:]
    else:
        body, frames = payload, ()
    try:
        if content_type == MSGPACK:
            return _unpack(body, frames)
        if content_type == JSON:
            return json.loads(bytes(body).decode(), object_hook=_revive_json)
        if content_type == PICKLE5:
            if not allow_pickle:
                raise BadPayload("pickle5 is not allowed here; see allow_pickle")
            return pickle.loads(body, buffers=frames)
    except BadPayload:
        raise
    except Exception as error:  # a foreign payload can make a decoder raise almost anything
        raise BadPayload(f"not {content_type}: {type(error).__name__}: {error}") from error
    raise BadPayload(f"unknown content type {content_type!r}; known are {', '.join(CONTENT_TYPES)}")


# --- encoders ---------------------------------------------------------------------------------------------------------


class ValueEncoder:
    """Does what `encode_value` does, for msgpack, with a packer of its own. For one thread, and for no conversion."""

    __slots__ = ("_frames", "_pack")

    def __init__(self) -> None:
        self._frames: list[Buffer] = []
        self._renew()

    def _renew(self) -> None:
        # strict_types: named tuples, enums and other derived classes come to `_convert` and do not lose their kind
        self._pack: Callable[[Any], bytes] = msgpack.Packer(default=self._convert, strict_types=True).pack

    def encode(self, value: Any) -> Payload:
        """Encode a value.

        Raises:
            BadPayload: it cannot be sent.
        """
        try:
            body = self._pack(value)
        except BaseException as error:
            self._frames = []
            self._renew()
            if not isinstance(error, (TypeError, ValueError, OverflowError, RecursionError)):
                raise
            hint = " (too deep, or it contains itself)" if "recursion" in str(error) else ""
            raise BadPayload(
                f"cannot be sent as msgpack: {error}{hint}"
            ) from None  # its traceback is the packer's depth
        if len(body) < ATTACH_BYTES_MIN and not self._frames:
            return body
        frames, self._frames = self._frames, []
        if len(body) > _PACKER_BYTES_MAX:  # one that has grown would keep its memory
            self._renew()
        return (body, *frames)

    def _convert(self, value: Any) -> Any:
        if type(value) is Attachment:
            return {"$type": BYTES, "data": self._attach(value.data)}
        if is_plain_array(value):
            marker, data = pack_array(value)
            marker["data"] = data if len(data) < ATTACH_BYTES_MIN else self._attach(data)
            return marker
        return convert_value(value)

    def _attach(self, data: Buffer) -> Any:
        """Give what stands for these bytes: the number of their frame, or a copy when there are too many frames."""
        if len(self._frames) >= TASK_FRAMES_MAX - 1:  # the body is one, too
            return bytes(data)
        self._frames.append(data)
        return len(self._frames)


# Encoders to be used again: making one costs more than packing a small value. Taking from and adding to a list is
# atomic, so threads share them without a lock, and a conversion that packs something by itself gets another one.
_encoders: list[ValueEncoder] = []
_PACKER_BYTES_MAX = 64 * 1024


def _pack(value: Any) -> Payload:
    try:
        encoder = _encoders.pop()
    except IndexError:
        encoder = ValueEncoder()
    try:
        return encoder.encode(value)
    finally:
        _encoders.append(encoder)


def _encode(value: Any, content_type: str) -> Payload:
    if content_type == JSON:
        try:
            return _framed(json.dumps(json_ready(value), ensure_ascii=False, separators=(",", ":")).encode())
        except (TypeError, ValueError, RecursionError) as error:
            raise BadPayload(f"cannot be sent as json: {error}") from None
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
        frames = tuple(_raw_bytes(item) for item in value)
        if not 1 <= len(frames) <= TASK_FRAMES_MAX:
            raise BadPayload(f"content type raw carries 1 to {TASK_FRAMES_MAX} bytes objects, not {len(frames)}")
        return frames
    data = _raw_bytes(value)
    return (data,) if memoryview(data).nbytes >= ATTACH_BYTES_MIN else bytes(data)


def _raw_bytes(value: Any) -> Buffer:
    if isinstance(value, Attachment):
        return value.data
    if isinstance(value, (bytes, bytearray, memoryview)):
        return value
    raise BadPayload(f"content type raw carries bytes, not {type(value).__name__}")


def _framed(body: bytes) -> Payload:
    return body if len(body) < ATTACH_BYTES_MIN else (body,)


def json_ready(value: Any) -> Any:
    """Convert what json cannot carry, all the way down; json's own hook would miss named tuples and odd keys."""
    kind = type(value)
    if kind in _EXACT_JSON:
        return value if kind is not int or value.bit_length() < LONG_INT_BITS else convert_value(value)
    if kind is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if kind in (list, tuple):
        return [json_ready(item) for item in value]
    if kind is dict:
        ready = {convert_key(key): json_ready(item) for key, item in value.items()}
        if len(ready) != len(value):
            raise ValueError("two keys of a dict become the same text")
        return ready
    if isinstance(value, (bytes, bytearray, memoryview, Attachment)):
        data = value.data if isinstance(value, Attachment) else value
        return {"$bytes": base64.b64encode(data).decode()}
    return json_ready(convert_value(value))


# --- decoders ---------------------------------------------------------------------------------------------------------


def _unpack(body: Buffer, frames: Sequence[Buffer]) -> Any:
    # Markers are rare, and a hook costs a Python call for each map: look for one before asking for it.
    hook = None
    if _MARKER in (body if type(body) is bytes else bytes(body)):
        hook = functools.partial(revive, frames=frames)
    try:
        return msgpack.unpackb(body, strict_map_key=False, object_hook=hook)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return msgpack.unpackb(body, strict_map_key=False, object_pairs_hook=functools.partial(_pairs, frames=frames))


def _pairs(pairs: list[tuple[Any, Any]], frames: Sequence[Buffer]) -> Any:
    """Make a dict of a map with keys that are arrays or maps: tuples, and what a map's repr is."""
    return revive({_hashable(key): item for key, item in pairs}, frames)


def _hashable(key: Any) -> Any:
    if isinstance(key, list):
        return tuple(_hashable(item) for item in key)
    return repr(key) if isinstance(key, dict) else key


def _revive_json(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        if isinstance(value.get("$bytes"), str):
            return base64.b64decode(value["$bytes"], validate=True)
        if value.get("$float") in ("nan", "inf", "-inf"):
            return float(value["$float"])
    return revive(value)


def _decode_raw(payload: Payload) -> Any:
    if isinstance(payload, bytes):
        return payload
    frames = [bytes(frame) for frame in payload]
    return frames[0] if len(frames) == 1 else frames
