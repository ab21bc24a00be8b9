"""Conversion of arguments and results."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import pathlib
import pickle
import traceback
import uuid
from typing import Any, NamedTuple

import msgpack
import pytest

from snakepit.convert import CONTENT_TYPES, decode_arguments, decode_value, encode_arguments, encode_value
from snakepit.errors import BadPayload


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Order:
    number: int
    lines: list[Point]


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Array:
    def tolist(self) -> list[Any]:
        return [1, [2.5]]


class Model:
    def model_dump(self) -> dict[str, Any]:
        return {"name": "x", "when": datetime.date(2024, 1, 2)}


class Strange:
    def __repr__(self) -> str:
        return "<strange>"


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


class Shouting(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


CONVERTED: list[tuple[Any, Any]] = [
    ((1, 2), [1, 2]),
    (Point(1, 2), {"x": 1, "y": 2}),
    (Order(7, [Point(1, 2)]), {"number": 7, "lines": [{"x": 1, "y": 2}]}),
    (Colour.RED, "red"),
    (Level.HIGH, 3),
    (frozenset([5]), [5]),
    ({5}, [5]),
    (collections.deque([1]), [1]),
    (range(3), [0, 1, 2]),
    (collections.OrderedDict(a=1), {"a": 1}),
    (collections.Counter("a"), {"a": 1}),
    (decimal.Decimal("1.10"), "1.10"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (pathlib.PurePosixPath("/a"), "/a"),
    (datetime.datetime(2024, 1, 2, 3), "2024-01-02T03:00:00"),
    (datetime.date(2024, 1, 2), "2024-01-02"),
    (Array(), [1, [2.5]]),
    (Model(), {"name": "x", "when": "2024-01-02"}),
    (Shouting("quiet"), "quiet"),
    (2**70, 2**70),
    (-(2**64), -(2**64)),
    ([{"deep": [2**64]}], [{"deep": [2**64]}]),
    (Strange(), {"$type": "test_convert.Strange", "$repr": "<strange>"}),
    (Broken(), {"$type": "test_convert.Broken", "$repr": "<repr raised RuntimeError>"}),
    (Point, {"$type": "builtins.type", "$repr": "<class 'test_convert.Point'>"}),
    (1j, 1j),
    ({"$type": "mine", "$repr": "kept"}, {"$type": "mine", "$repr": "kept"}),
]


@pytest.mark.parametrize(("value", "arrives"), CONVERTED, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("content_type", ["msgpack", "json"])
def test_a_value_that_the_format_does_not_know_is_converted(value: Any, arrives: Any, content_type: str) -> None:
    assert decode_value(encode_value(value, content_type), content_type) == arrives
    assert decode_arguments(encode_arguments([value], {"k": value}, content_type), content_type) == (
        [arrives],
        {"k": arrives},
    )


@pytest.mark.parametrize("value", [None, True, 0, -1, 2**64 - 1, 1.5, "ü", [], {"a": [None]}, {1: 2}, b"\0", [b""] * 3])
def test_a_value_that_msgpack_knows_comes_back_equal(value: Any) -> None:
    assert decode_value(encode_value(value)) == value


def test_bytes_of_every_kind_arrive_as_bytes() -> None:
    assert [decode_value(encode_value(kind(b"ab"))) for kind in (bytes, bytearray, memoryview)] == [b"ab"] * 3


def test_arguments_in_the_documented_form_are_understood() -> None:
    for form in ([], [[]], [[], {}]):
        assert decode_arguments(msgpack.packb(form)) == ([], {}) or not any(decode_arguments(msgpack.packb(form)))
    assert decode_arguments(msgpack.packb([[1], {"a": 2}])) == ([1], {"a": 2})
    assert decode_arguments(b'[[1],{"a":2}]', "json") == ([1], {"a": 2})


@pytest.mark.parametrize("form", [1, None, {}, [1], [[], []], [[], {}, 1], [[], {1: 2}], "x"])
def test_arguments_in_another_form_are_bad_payload(form: Any) -> None:
    with pytest.raises(BadPayload, match=r"arguments|named"):
        decode_arguments(msgpack.packb(form))


@pytest.mark.parametrize("content_type", ["msgpack", "json", "pickle5"])
@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x92\x01", b'{"a"', b"\x80\x05", b"\xff" * 40])
def test_bytes_that_cannot_be_decoded_are_bad_payload(content_type: str, data: bytes) -> None:
    with pytest.raises(BadPayload):
        decode_value(data, content_type, allow_pickle=True)


def test_an_unknown_content_type_is_bad_payload() -> None:
    for call in (
        lambda: decode_value(b"", "arrow"),
        lambda: encode_value(1, "arrow"),
        lambda: encode_arguments([], {}, "arrow"),
    ):
        with pytest.raises(BadPayload, match="unknown content type"):
            call()


def test_from_8_kib_on_a_payload_is_an_attachment() -> None:
    assert isinstance(encode_value(b"x" * 8000), bytes)
    assert isinstance(encode_value(b"x" * 8192), tuple)
    for content_type in CONTENT_TYPES:
        value: Any = b"x" * 9000 if content_type in ("raw", "pickle5") else "x" * 9000
        payload = encode_value(value, content_type)
        assert isinstance(payload, tuple)
        assert decode_value(payload, content_type, allow_pickle=True) == value


def test_raw_carries_bytes_and_nothing_else() -> None:
    assert decode_arguments(encode_arguments([b"ab"], {}, "raw"), "raw") == ((b"ab",), {})
    assert decode_value(encode_value([b"a", memoryview(b"b")], "raw"), "raw") == [b"a", b"b"]
    for args, kwargs in (([1], {}), ([], {}), ([b"a", b"b"], {}), ([b"a"], {"k": 1}), ([[]], {})):
        with pytest.raises(BadPayload):
            encode_arguments(args, kwargs, "raw")


def test_pickle_needs_to_be_allowed_and_keeps_buffers_out_of_band() -> None:
    buffer = bytearray(b"x" * 100)
    payload = encode_arguments([pickle.PickleBuffer(buffer)], {"a": {1}}, "pickle5")
    assert isinstance(payload, tuple)
    assert memoryview(payload[1]).obj is buffer
    args, kwargs = decode_arguments(payload, "pickle5", allow_pickle=True)
    assert (bytes(args[0]), kwargs) == (bytes(buffer), {"a": {1}})
    with pytest.raises(BadPayload, match="not allowed"):
        decode_arguments(payload, "pickle5")


def test_more_buffers_than_a_task_may_have_frames_stay_inside_the_pickle() -> None:
    value = [pickle.PickleBuffer(bytearray(b"x")) for _ in range(100)]
    assert [bytes(item) for item in decode_value(encode_value(value, "pickle5"), "pickle5", allow_pickle=True)] == [
        b"x"
    ] * 100


def test_what_cannot_be_encoded_is_bad_payload() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for content_type in ("msgpack", "json"):
        with pytest.raises(BadPayload, match="cannot be sent") as raised:
            encode_value(endless, content_type)
        assert len("".join(traceback.format_exception(raised.value))) < 5000, "not a line for each level"
    with pytest.raises(BadPayload, match="cannot be pickled"):
        encode_value(lambda: 1, "pickle5")
