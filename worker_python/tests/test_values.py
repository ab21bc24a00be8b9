"""Values that no format knows: conversions, markers, arrays and attachments; round trips of random values."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import math
import pickle
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

import snakepit
from snakepit import arrays
from snakepit.convert import decode_arguments, decode_value, encode_arguments, encode_value
from snakepit.errors import BadPayload
from snakepit.testing import LocalPit

numpy = pytest.importorskip("numpy", reason="NOT TESTED: arrays; tools/setup installs numpy")


def there_and_back(value: Any, content_type: str = "msgpack") -> Any:
    return decode_value(encode_value(value, content_type), content_type, allow_pickle=True)


# --- what becomes of single values ------------------------------------------------------------------------------------


class Frame:
    """A data frame as pandas and polars have it: columns, of a kind with `tolist`."""

    def __init__(self, **columns: Any) -> None:
        self._columns = {name: numpy.array(column) for name, column in columns.items()}
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return Column(self._columns[name])


Frame.__name__ = "DataFrame"


class Column:
    def __init__(self, items: Any) -> None:
        self._items = items

    def to_list(self) -> list[Any]:
        return list(self._items)


class Failing:
    def model_dump(self) -> Any:
        raise KeyError("no")

    def __repr__(self) -> str:
        return "<failing>"


class Key(enum.Enum):
    A = "a"


@dataclasses.dataclass(frozen=True)
class Place:
    x: int


CONVERTED: list[tuple[Any, Any]] = [
    (numpy.float64(1.5), 1.5),
    (numpy.float32(0.5), 0.5),
    (numpy.int64(-7), -7),
    (numpy.uint64(2**64 - 1), 2**64 - 1),
    (numpy.bool_(True), True),
    (numpy.str_("text"), "text"),
    (numpy.complex128(1 + 2j), 1 + 2j),
    (numpy.datetime64("2024-01-02T03:04:05.123456789"), "2024-01-02T03:04:05.123456789"),
    (numpy.timedelta64(1500, "ms"), 1.5),
    (numpy.array([None, "a"], dtype=object), [None, "a"]),
    (numpy.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]), [[1, 2.5]]),
    (numpy.ma.array([1, 2], mask=[True, False]), [None, 2]),
    (datetime.timedelta(minutes=1, milliseconds=500), 60.5),
    (datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc), "2024-01-02T00:00:00+00:00"),
    (datetime.time(3, 4), "03:04:00"),
    (decimal.Decimal("1E+400"), "1E+400"),
    (fractions.Fraction(1, 3), "1/3"),
    (ipaddress.ip_address("::1"), "::1"),
    (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
    (uuid.UUID(int=7), str(uuid.UUID(int=7))),
    (-3 + 0.5j, -3 + 0.5j),
    (10**5000, 10**5000),
    (-(10**5000), -(10**5000)),
    (Frame(a=[1, 2], b=["x", "y"]), {"a": [1, 2], "b": ["x", "y"]}),
    (Failing(), {"$type": "test_values.Failing", "$repr": "<failing>"}),
    (float("inf"), float("inf")),
]


@pytest.mark.parametrize(("value", "arrives"), CONVERTED, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("content_type", ["msgpack", "json"])
def test_well_known_kinds_become_what_every_language_has(value: Any, arrives: Any, content_type: str) -> None:
    assert there_and_back([value], content_type) == [arrives]


def test_nan_arrives_as_nan_and_json_stays_json() -> None:
    for content_type in ("msgpack", "json"):
        assert math.isnan(there_and_back(float("nan"), content_type))
    assert encode_value([float("nan")], "json") == b'[{"$float":"nan"}]'


def test_bytes_survive_json() -> None:
    data = bytes(range(256)) * 20
    assert there_and_back({"a": data}, "json") == {"a": data}


def test_keys_of_a_dict_arrive_as_keys() -> None:
    given = {1: "a", (1, ("b", 2)): "c", None: "d", 2.5: "e", b"f": "g"}
    assert there_and_back(given) == given
    assert there_and_back({Key.A: 1, uuid.UUID(int=1): 2}) == {"a": 1, str(uuid.UUID(int=1)): 2}
    assert there_and_back({Place(1): 2}) == {"{'x': 1}": 2}
    assert there_and_back({Key.A: 1, None: 2, datetime.date(2024, 1, 2): 3}, "json") == {
        "a": 1, "null": 2, "2024-01-02": 3,
    }  # fmt: skip


def test_two_keys_that_would_become_one_are_refused() -> None:
    with pytest.raises(BadPayload, match="the same text"):
        encode_value({1: "a", "1": "b"}, "json")


def test_a_long_repr_is_cut_where_it_can_be_seen() -> None:
    value = type("Long", (), {"__repr__": lambda self: "x" * 5000})()
    assert len(there_and_back(value)["$repr"]) == 1000
    assert there_and_back(value)["$repr"].endswith("…")


def test_a_structure_that_is_shared_arrives_twice_and_one_with_a_circle_is_refused() -> None:
    shared = [1]
    assert there_and_back([shared, shared]) == [[1], [1]]
    circle: dict[str, Any] = {}
    circle["self"] = circle
    for content_type in ("msgpack", "json"):
        with pytest.raises(BadPayload, match="recursion"):
            encode_value(circle, content_type)
    assert there_and_back([1]) == [1]  # what was begun is forgotten


def test_what_would_become_a_huge_list_is_refused_with_the_remedy() -> None:
    for value in (range(10**12), numpy.ma.zeros(10_000_001, dtype=numpy.int8)):
        with pytest.raises(BadPayload, match=r"10,000,000.*in parts"):
            encode_value(value)


# --- arrays -----------------------------------------------------------------------------------------------------------

ARRAYS = [
    numpy.arange(6).reshape(2, 3),
    numpy.arange(6.0).reshape(3, 2).T,
    numpy.arange(20)[::3],
    numpy.array(5),
    numpy.empty((0, 3), dtype=numpy.float32),
    numpy.array([True, False]),
    numpy.array([1 + 2j]),
    numpy.array(["2024-01-02", "NaT"], dtype="datetime64[ns]"),
    numpy.array([1, 2], dtype="timedelta64[us]"),
    numpy.array([b"ab", b"c"]),
    numpy.array(["ä", "bc"]),
    numpy.array([1, 2], dtype=">i4"),
    numpy.array([1.5], dtype=numpy.float16),
    numpy.arange(100_000, dtype=numpy.float64).reshape(100, 10, 100),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_an_array_arrives_as_the_same_array_that_can_be_written_to(array: Any) -> None:
    (there,), named = decode_arguments(encode_arguments([array], {"k": {"deep": [array]}}))
    for arrived in (there, named["k"]["deep"][0]):
        assert type(arrived) is numpy.ndarray
        assert (arrived.dtype, arrived.shape) == (array.dtype, array.shape)
        assert numpy.array_equal(arrived, array, equal_nan=array.dtype.kind in "fcmM")
        assert arrived.flags.writeable
        assert arrived.flags.aligned


def test_an_array_in_json_is_a_list() -> None:
    assert there_and_back({"a": numpy.arange(4).reshape(2, 2)}, "json") == {"a": [[0, 1], [2, 3]]}


def test_a_large_array_is_a_frame_of_its_own_and_a_small_one_is_not() -> None:
    payload = encode_value({"large": numpy.zeros(1024), "small": numpy.zeros(8)})
    assert isinstance(payload, tuple)
    assert [len(frame) for frame in payload[1:]] == [8192]
    assert isinstance(encode_value(numpy.zeros(1000)), bytes)
    assert len(payload[0]) < 300


def test_an_array_is_sent_as_it_was_when_it_was_given() -> None:
    array = numpy.zeros(5000)
    payload = encode_value(array)
    array[:] = 1
    assert decode_value(payload).sum() == 0


def test_more_arrays_than_a_task_may_have_frames_arrive_too() -> None:
    given = [numpy.full(2000, number) for number in range(100)]
    payload = encode_value(given)
    assert isinstance(payload, tuple)
    assert len(payload) == 64
    assert [array[0] for array in decode_value(payload)] == list(range(100))


def test_a_received_frame_is_not_copied() -> None:
    marker = msgpack.packb({"$type": "array", "dtype": "<f8", "shape": [2], "data": 1})
    frame = bytearray(16)
    array = decode_value((marker, memoryview(frame)))
    array[1] = 1.0
    assert frame[8:] == b"\0\0\0\0\0\0\xf0\x3f"


def test_a_frame_out_of_alignment_gives_an_aligned_array() -> None:
    marker = msgpack.packb({"$type": "array", "dtype": "<f8", "shape": [2], "data": 1})
    array = decode_value((marker, memoryview(bytearray(17))[1:]))
    assert array.flags.aligned


@pytest.mark.parametrize(
    "change",
    [{"dtype": "O"}, {"dtype": "|O8"}, {"dtype": 1}, {"dtype": "<f8,<f8"}, {"shape": [3]}, {"shape": [-1]},
     {"shape": 1}, {"shape": [2**62, 2**62]}, {"data": 0}, {"data": 2}, {"data": "text"}, {"data": b"123"},
     {"shape": [1] * 200}],
    ids=repr,
)  # fmt: skip
def test_a_wrong_array_is_bad_payload(change: dict[str, Any]) -> None:
    marker = {"$type": "array", "dtype": "<f8", "shape": [2], "data": 1, **change}
    with pytest.raises(BadPayload, match="not msgpack"):
        decode_value((msgpack.packb(marker), bytes(16)))


def test_a_map_that_only_looks_like_a_marker_stays_a_map() -> None:
    for value in ({"$type": "array"}, {"$type": "bytes", "other": 1}, {"$type": 5, "$repr": "x"}, {"$type": None}):
        assert there_and_back(value) == value


def test_without_numpy_an_array_arrives_as_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = encode_value(numpy.arange(6, dtype=numpy.int32).reshape(2, 3))
    monkeypatch.setattr(arrays, "_numpy", lambda: None)
    arrived = decode_value(payload)
    assert isinstance(arrived, snakepit.ArrayData)
    assert (arrived.dtype, arrived.shape, arrived.data.nbytes) == ("<i4", (2, 3), 24)
    assert arrived.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert decode_value(encode_value(numpy.array(7.0))).tolist() == 7.0
    assert decode_value(encode_value(numpy.empty((0, 2)))).tolist() == []
    with pytest.raises(ValueError, match="use data"):
        decode_value(encode_value(numpy.array(["text"]))).tolist()


def test_numpy_is_not_imported_for_those_who_have_no_arrays() -> None:
    code = (
        "import sys, snakepit.convert as c; c.decode_value(c.encode_value([1, {2}, 'x'])); "
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- attachments ------------------------------------------------------------------------------------------------------


def test_an_attachment_travels_beside_its_value_without_a_copy() -> None:
    data = bytearray(b"x" * 100_000)
    payload = encode_value({"name": "film", "data": snakepit.Attachment(data)})
    assert isinstance(payload, tuple)
    assert memoryview(payload[1]).obj is data
    arrived = decode_value(payload)
    assert isinstance(arrived["data"], memoryview)
    assert (arrived["name"], bytes(arrived["data"])) == ("film", bytes(data))


def test_an_attachment_is_bytes_in_the_other_forms() -> None:
    attachment = snakepit.Attachment(b"abc")
    assert there_and_back(attachment, "raw") == b"abc"
    assert there_and_back([attachment], "json") == [b"abc"]
    payload = encode_value([attachment], "pickle5")
    assert isinstance(payload, tuple)
    assert bytes(decode_value(payload, "pickle5", allow_pickle=True)[0]) == b"abc"
    assert bytes(pickle.loads(pickle.dumps(attachment, 5))) == b"abc"


# --- round trips of random values -------------------------------------------------------------------------------------


def random_value(rng: random.Random, depth: int = 0) -> Any:  # noqa: PLR0911
    """Make a value that msgpack and the markers carry whole."""
    kind = rng.randrange(9 if depth > 4 else 13)
    if kind < 2:
        return rng.choice([None, True, False])
    if kind < 4:
        return rng.randint(-(2 ** rng.randint(0, 200)), 2 ** rng.randint(0, 200))
    if kind == 4:
        return rng.choice([rng.gauss(0, 1e9), 0.0, -0.0, math.inf, 5e-324])
    if kind == 5:
        return "".join(
            chr(rng.choice([rng.randint(32, 126), rng.randint(0xA0, 0xD7FF)])) for _ in range(rng.randint(0, 40))
        )
    if kind == 6:
        return rng.randbytes(rng.choice([0, 3, 300, 20_000]))
    if kind == 7:
        return complex(rng.gauss(0, 1), rng.gauss(0, 1))
    if kind == 8:
        shape = tuple(rng.randint(0, 40) for _ in range(rng.randint(0, 3)))
        return numpy.frombuffer(rng.randbytes(math.prod(shape) * 4), numpy.int32).reshape(shape)
    if kind == 9:
        return {rng.choice(["$type", "a", 1, (2, "b"), None]): random_value(rng, depth + 1) for _ in range(3)}
    return [random_value(rng, depth + 1) for _ in range(rng.randint(0, 6))]


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, numpy.ndarray) or isinstance(b, numpy.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and numpy.array_equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("seed", range(300))
def test_a_random_value_arrives_as_it_was(seed: int) -> None:
    value = random_value(random.Random(seed))
    assert equal(there_and_back(value), value)
    args, kwargs = decode_arguments(encode_arguments([value], {"named": value}))
    assert equal(args[0], value)
    assert equal(kwargs["named"], value)


@pytest.mark.parametrize("seed", range(300))
def test_a_mangled_payload_is_a_value_or_bad_payload(seed: int) -> None:
    rng = random.Random(seed)
    payload = encode_value([numpy.zeros(rng.randint(0, 2000)), random_value(rng)])
    body, *frames = payload if isinstance(payload, tuple) else (payload,)
    mangled = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        mangled[rng.randrange(len(mangled))] = rng.randrange(256)
    with contextlib.suppress(BadPayload):
        decode_value((bytes(mangled), *frames[: rng.randint(0, len(frames))]))


# --- the whole way ----------------------------------------------------------------------------------------------------


@pytest.fixture
def local() -> Iterator[LocalPit]:
    app = snakepit.App()

    @app.task
    def double(array: Any) -> Any:
        array *= 2  # in place: what arrives can be written to
        return array

    @app.task
    def spoil(data: Any) -> int:
        data[0] = 1
        return len(data)

    with LocalPit(app) as pit:
        yield pit


def test_arrays_travel_in_a_local_pit_as_they_do_with_a_broker(local: LocalPit) -> None:
    array = numpy.arange(5000.0)
    assert local.call("any", "double", array).sum() == 2 * array.sum()
    assert array.sum() == sum(range(5000))
    data = bytearray(50_000)
    assert local.call("any", "spoil", snakepit.Attachment(data)) == 50_000
    assert data[0] == 0
    with snakepit.Executor("any", client=local) as executor:
        assert executor.submit("double", array).result()[1] == 2


def test_arrays_travel_through_a_broker(client: Any, worker: Any) -> None:
    for array in (numpy.arange(10), numpy.arange(300_000.0).reshape(100, 3000)):
        arrived = client.call("p", "echo", array, timeout=20)
        assert numpy.array_equal(arrived, array)
        arrived += 1  # it can be written to
    data = client.call("p", "echo", {"data": snakepit.Attachment(b"x" * 1_000_000)}, timeout=20)["data"]
    assert bytes(data) == b"x" * 1_000_000
    many = [numpy.full(3000, number) for number in range(80)]
    assert [a[0] for a in client.call("p", "echo", many, timeout=20)] == list(range(80))
