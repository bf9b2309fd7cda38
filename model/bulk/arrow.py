"""Conversions between numpy and pyarrow that copy nothing, or only once.

pyarrow.array of an ndarray imports numpy.ma, 10 ms of each process, and pyarrow.compute.binary_join of a block's lines
takes four times as long as its buffer.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_TYPES: Final = {np.dtype(np.float64): pa.float64(), np.dtype(np.int64): pa.int64()}


def from_numpy(values: NDArray[Any]) -> Any:
    """Return booleans, or float64 or int64 numbers, as an array."""
    if values.dtype == bool:
        bits = np.packbits(values, bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(_TYPES[values.dtype], len(values), [None, pa.py_buffer(values)])


def offsets_of(texts: Any) -> NDArray[np.int32]:
    """Return where each string of an array starts in its data, and where the last one ends."""
    return np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]


def join_texts(texts: Any) -> bytes:
    """Return the strings of an array, none of them null, end to end."""
    data = texts.buffers()[2]
    if data is None or not len(texts):
        return b""
    offsets = offsets_of(texts)
    return bytes(memoryview(data)[offsets[0] : offsets[-1]])
