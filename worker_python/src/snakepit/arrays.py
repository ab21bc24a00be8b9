"""numpy arrays and attachments inside MessagePack values (docs/protocol.md, section 6.1). Pure; numpy is optional.

An array travels as `{"$type": "array", "dtype": "<f8", "shape": [2, 3], "data": D}`: its elements in C order, where D
is the bytes themselves, or from 8 KiB on the number of the attachment frame that holds them. No pickle is involved.
"""

from __future__ import annotations

import functools
import importlib
import math
import pickle
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .message import Buffer

__all__ = ["ArrayData", "Attachment", "pack_array", "unpack_array", "unpack_bytes"]

ARRAY, BYTES = "array", "bytes"
# Booleans, integers, floats, complex numbers, durations, dates, bytes and texts of a fixed size; no objects or records.
_KINDS = "biufcmMSU"
_DTYPE = re.compile(r"[<>|][biufcmMSU][0-9]{1,9}(\[[0-9]{0,9}[A-Za-zμ]{1,8}\])?\Z")
# For ArrayData.tolist: what memoryview calls the little-endian kinds that it knows.
_FORMATS: dict[str, Any] = {
    "|b1": "?", "|i1": "b", "<i2": "h", "<i4": "i", "<i8": "q", "|u1": "B", "<u2": "H", "<u4": "I", "<u8": "Q",
    "<f4": "f", "<f8": "d",
}  # fmt: skip


class Attachment:
    """Bytes that travel beside a value instead of in it, without a copy on this side, in the broker, or over there.

    Args:
        data: bytes, bytearray, memoryview or anything else with a contiguous buffer. It must not change until the task
            is final, since it may be sent again.

    It arrives as a writable memoryview. At most 63 of a value go out this way; further ones are copied into it.
    """

    __slots__ = ("data",)

    def __init__(self, data: Any) -> None:
        self.data = memoryview(data).cast("B")

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return memoryview, (pickle.PickleBuffer(self.data),)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayData:
    """An array that arrived where numpy is not installed: `dtype` in numpy's words, `shape`, and the bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: memoryview

    def tolist(self) -> Any:
        """Give nested lists of its elements. ValueError: its dtype has no plain Python form."""
        form = _FORMATS.get(self.dtype)
        if form is None or sys.byteorder != "little":
            raise ValueError(f"elements of dtype {self.dtype} are not read here; use data")
        if not math.prod(self.shape) or not self.shape:
            flat = self.data.cast(form).tolist()
            return flat if self.shape else flat[0]
        return self.data.cast(form, list(self.shape)).tolist()


def is_plain_array(value: Any) -> bool:
    """Whether it is a numpy array that travels as one: of numbers, dates or texts, without a mask."""
    numpy = sys.modules.get("numpy")  # where nobody has imported it, nobody has an array
    return (
        numpy is not None
        and isinstance(value, numpy.ndarray)
        and value.dtype.kind in _KINDS
        and not isinstance(value, numpy.ma.MaskedArray)
    )


def pack_array(value: Any) -> tuple[dict[str, Any], bytes]:
    """Give the marker of a plain array, without its data, and a copy of its elements as they are now."""
    return {"$type": ARRAY, "dtype": value.dtype.str, "shape": list(value.shape)}, value.tobytes()


def unpack_array(marker: Mapping[Any, Any], frames: Sequence[Buffer]) -> Any:
    """Give the numpy array, writable, or an ArrayData where there is no numpy. ValueError: the marker is wrong."""
    dtype, shape = marker["dtype"], marker["shape"]
    if not isinstance(dtype, str) or not _DTYPE.match(dtype):
        raise ValueError(f"an array of dtype {dtype!r}")
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"an array of shape {shape!r}")
    data = unpack_bytes(marker["data"], frames)
    numpy = _numpy()
    if numpy is None:
        return ArrayData(dtype, tuple(shape), data)
    array = numpy.frombuffer(data, numpy.dtype(dtype)) if data.nbytes else numpy.empty(0, numpy.dtype(dtype))
    array = array.reshape(shape)
    return array if array.flags.aligned else array.copy()


@functools.cache
def _numpy() -> Any:
    try:
        return importlib.import_module("numpy")
    except ImportError:
        return None


def unpack_bytes(data: Any, frames: Sequence[Buffer]) -> memoryview:
    """Give the bytes that `data` is, or the frame that it numbers from 1, as a writable memoryview of bytes."""
    if type(data) is int:
        if not 1 <= data <= len(frames):
            raise ValueError(f"it names frame {data} of {len(frames)}")
        data = frames[data - 1]
    view = memoryview(data).cast("B")
    return memoryview(bytearray(view)) if view.readonly else view
