"""What crosses arrives as it was; what does not is refused, whoever wrote it."""

from __future__ import annotations

import json
import math
import pickle
import struct
from collections import OrderedDict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.grading import wire

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def message(head: object, body: bytes = b"") -> bytes:
    text = json.dumps(head).encode()
    return struct.pack("!I", len(text)) + text + body


@settings(deadline=None)  # no test asserts a wall time
@given(VALUES)
def test_values_come_back(value):
    assert wire.decode(wire.encode(value)) == value


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(1.5),
        torch.empty(0, 3),
        torch.tensor([True, False]),
        torch.arange(6).reshape(2, 3).T,
        torch.tensor([math.nan, math.inf]).bfloat16(),
        torch.tensor([1 + 2j]).conj(),
        torch.zeros(1).expand(4),
        torch.ones(2, requires_grad=True),
    ],
    ids=str,
)
def test_tensors_come_back(tensor):
    got = wire.decode(wire.encode({"a": [tensor]}))["a"][0]
    assert (got.dtype, got.shape) == (tensor.dtype, tensor.shape)
    torch.testing.assert_close(got, tensor.detach(), rtol=0, atol=0, equal_nan=True)


def test_kinds_of_containers_stay():
    assert wire.decode(wire.encode((1, [2]))) == (1, [2])
    assert wire.decode(wire.encode(OrderedDict(a=1))) == {"a": 1}


class AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    "value",
    [
        AlwaysEqual(),
        {1: 2},
        b"bytes",
        print,
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(1).expand(10**9),  # small here, 4 GB over there
        ["x" * 5_000_000],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_cross_is_refused(value):
    with pytest.raises(wire.WireError):
        wire.encode(value)


def test_a_loop_of_lists_is_refused():
    loop: list = []
    loop.append(loop)
    with pytest.raises(wire.WireError, match="deeper"):
        wire.encode(loop)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        struct.pack("!I", 2**31) + b"{}",
        struct.pack("!I", 5) + b"[[[[[",
        struct.pack("!I", 400_000) + b"[" * 200_000 + b"]" * 200_000,
        message({"tensor": {"dtype": "float32", "shape": [2**40]}}),
        message({"tensor": {"dtype": "float32", "shape": [-1]}}, bytes(4)),
        message({"tensor": {"dtype": "float32", "shape": [True]}}, bytes(4)),
        message({"tensor": {"dtype": "float32", "shape": [2]}}, bytes(4)),
        message({"tensor": {"dtype": "float32", "shape": [1]}}, bytes(8)),
        message({"tensor": {"dtype": "float32", "shape": [0] + [2**31 - 1] * 15}}),
        message({"tensor": {"dtype": "object", "shape": []}}),
        message({"tensor": {"dtype": [], "shape": []}}),
        message({"tensor": 3}),
        message({"list": 3}),
        message({"dict": [1]}),
        message({"pickle": "gASV"}),
        message([1]),
        pickle.dumps({"status": "value"}),
    ],
    ids=range(19),
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(wire.WireError):
        wire.decode(data)


def test_a_byte_that_is_no_truth_value_becomes_one():
    sent = message({"tensor": {"dtype": "bool", "shape": [2]}}, b"\x02\x00")
    assert wire.decode(sent).tolist() == [True, False]
