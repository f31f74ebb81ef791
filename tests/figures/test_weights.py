from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.figures.weights import pack, unpack


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
@pytest.mark.parametrize("values", [[1.5, -2.0], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
def test_round_trip(kind, values) -> None:
    assert unpack(pack(kind(values))) == values


def test_it_is_float16_little_endian() -> None:
    assert pack([1.0, -2.0]) == {"shape": [2], "float16": "ADwAwA=="}
    assert unpack(pack(torch.tensor([1 / 3])))[0] == torch.tensor(1 / 3).half().item()


@pytest.mark.parametrize("bad", [[1e6], [float("nan")], [float("inf")]])
def test_a_number_that_float16_can_not_hold(bad) -> None:
    with pytest.raises(ValueError, match="array: float16 holds"):
        pack(bad)


def test_ragged_rows() -> None:
    with pytest.raises(ValueError, match="array: its rows differ"):
        pack([[1.0, 2.0], [3.0]])


def test_bytes_that_do_not_fill_the_shape() -> None:
    with pytest.raises(ValueError, match="float16: got 4 bytes, expected 6"):
        unpack({"shape": [3], "float16": "ADwAwA=="})
