"""Parameters on their way into a page: half precision, as text."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any


def pack(array: Any) -> dict[str, Any]:
    """``{"shape": […], "float16": base64}``, little endian, rows one after another.

    ``array`` is a torch tensor, a NumPy array, or nested lists of numbers. Raises
    ``ValueError`` for a number that float16 can't hold (above 65,504, or NaN).
    """
    nested = array.tolist() if hasattr(array, "tolist") else array
    shape: list[int] = []
    level = nested
    while isinstance(level, (list, tuple)):
        shape.append(len(level))
        level = level[0] if level else None
    flat = _flat(nested, shape)
    if not all(abs(value) <= 65504 for value in flat):  # NaN fails too
        raise ValueError("array: float16 holds finite numbers up to 65504")
    packed = struct.pack(f"<{len(flat)}e", *flat)
    return {"shape": shape, "float16": base64.b64encode(packed).decode("ascii")}


def unpack(packed: Mapping[str, Any]) -> Any:
    """Nested lists of the shape that :func:`pack` was given.

    Raises ``ValueError`` if the bytes do not fill the shape.
    """
    data = base64.b64decode(packed["float16"], validate=True)
    count = 1
    for size in packed["shape"]:
        count *= size
    if len(data) != 2 * count:
        raise ValueError(
            f"float16: got {len(data)} bytes, expected {2 * count} "
            f"for shape {packed['shape']}"
        )
    values: list[Any] = list(struct.unpack(f"<{count}e", data))
    for size in reversed(packed["shape"][1:]):
        values = [values[i : i + size] for i in range(0, len(values), size)]
    return values if packed["shape"] else values[0]


def _flat(nested: Any, shape: list[int]) -> list[float]:
    if not shape:
        if isinstance(nested, (list, tuple)):
            raise ValueError("array: its rows differ in length or depth")
        return [float(nested)]
    if not isinstance(nested, (list, tuple)) or len(nested) != shape[0]:
        raise ValueError("array: its rows differ in length or depth")
    return [value for row in nested for value in _flat(row, shape[1:])]
