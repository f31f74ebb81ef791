"""What crosses between the tests and a student's answer, as bytes.

One message is ``length of the JSON (4 bytes) | JSON | raw bytes of its tensors``.
Numbers, strings, lists, tuples, dicts with string keys and dense tensors cross;
nothing else does, and nothing is ever unpickled, so what a student sends can be a
wrong answer but never code.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import torch
from torch import Tensor

FRAME = struct.Struct("!QQ")  # in front of each message on a pipe: its turn, its length
MESSAGE_LIMIT = 64 * 2**20  # bytes
_HEADER = struct.Struct("!I")
_DEPTH_LIMIT = 20
_HEAD_LIMIT = 4 * 2**20  # bytes of JSON, which can grow thirtyfold as Python objects
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.float16, torch.bfloat16, torch.float32, torch.float64,
        torch.complex64, torch.complex128,
    )
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class WireError(ValueError):
    """Bytes that are no message, or a value that cannot cross."""


def encode(value: Any) -> bytes:
    """``value`` as one message.

    Raises ``WireError`` where ``value`` holds something that cannot cross, or more
    than ``MESSAGE_LIMIT`` bytes of tensors.
    """
    chunks: list[bytes] = []
    tree = _flatten(value, chunks, depth=0)
    head = json.dumps(tree).encode()
    message = b"".join([_HEADER.pack(len(head)), head, *chunks])
    if len(head) > _HEAD_LIMIT or len(message) > MESSAGE_LIMIT:
        raise WireError(f"more than {MESSAGE_LIMIT // 2**20} MB, or too many parts")
    return message


def decode(message: bytes) -> Any:
    """The value in ``message``, whoever wrote it. Raises ``WireError`` only."""
    try:
        (length,) = _HEADER.unpack_from(message)
        head = message[_HEADER.size : _HEADER.size + length]
        if len(head) != length or length > _HEAD_LIMIT:
            raise WireError("a head that is cut off or too long")
        body = _Body(memoryview(message)[_HEADER.size + length :])
        value = _build(json.loads(head), body, depth=0)
        body.must_be_used_up()
    except WireError:
        raise
    except (ValueError, TypeError, KeyError, RuntimeError, struct.error) as error:
        # RuntimeError: also RecursionError (nesting) and what torch says of a shape.
        raise WireError(f"not a message: {type(error).__name__}") from error
    return value


def _flatten(value: Any, chunks: list[bytes], depth: int) -> Any:
    if depth > _DEPTH_LIMIT:
        raise WireError(f"nested deeper than {_DEPTH_LIMIT}")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        return {"tensor": _describe(value, chunks)}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_flatten(item, chunks, depth + 1) for item in value]}
    if isinstance(value, dict):
        items = [[k, _flatten(v, chunks, depth + 1)] for k, v in value.items()]
        if not all(isinstance(key, str) for key, _ in items):
            raise WireError("a dict whose keys are not strings")
        return {"dict": items}
    raise WireError(f"a {type(value).__name__}")


def _describe(tensor: Tensor, chunks: list[bytes]) -> dict[str, Any]:
    if tensor.layout is not torch.strided or tensor.dtype not in _NAMES:
        raise WireError(f"a tensor of {tensor.layout}, {tensor.dtype}")
    if tensor.numel() * tensor.element_size() > MESSAGE_LIMIT:
        # Asked before copying: an expanded view is small here and huge there.
        raise WireError(f"a tensor of more than {MESSAGE_LIMIT // 2**20} MB")
    flat = tensor.detach().cpu().resolve_conj().resolve_neg().reshape(-1).contiguous()
    chunks.append(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape)}


class _Body:
    """The raw bytes behind the JSON, taken from the front."""

    def __init__(self, view: memoryview) -> None:
        self.view = view

    def take(self, count: int) -> bytearray:
        if count > len(self.view):
            raise WireError("a tensor larger than the message")
        taken, self.view = bytearray(self.view[:count]), self.view[count:]
        return taken

    def must_be_used_up(self) -> None:
        if len(self.view):
            raise WireError("bytes left over")


def _build(tree: Any, body: _Body, depth: int) -> Any:
    if depth > _DEPTH_LIMIT:
        raise WireError(f"nested deeper than {_DEPTH_LIMIT}")
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    if not isinstance(tree, dict) or len(tree) != 1:
        raise WireError("not a message")
    ((kind, content),) = tree.items()
    if kind == "tensor":
        return _tensor(content["dtype"], content["shape"], body)
    if kind == "dict":
        return {str(key): _build(item, body, depth + 1) for key, item in content}
    if kind in ("list", "tuple"):
        items = [_build(item, body, depth + 1) for item in content]
        return tuple(items) if kind == "tuple" else items
    raise WireError(f"unknown kind {kind[:20]!r}")


def _tensor(name: str, shape: list[int], body: _Body) -> Tensor:
    dtype = _DTYPES[name]
    if len(shape) > 16 or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise WireError("a shape that no tensor has")
    raw = body.take(math.prod(shape) * dtype.itemsize)
    if not raw:
        return torch.empty(shape, dtype=dtype)
    if dtype is torch.bool:  # a byte of 2 is no truth value
        return torch.frombuffer(raw, dtype=torch.uint8).ne(0).reshape(shape)
    return torch.frombuffer(raw, dtype=dtype).reshape(shape)
