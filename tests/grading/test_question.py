"""``expect`` accepts what is right, and says in a sentence what is not."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.grading import expect, question
from course_lib.grading.question import Wrong, show


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-6])),
        (torch.tensor([1.0], dtype=torch.float64), torch.tensor([1.0])),
        (torch.tensor(0.5), 0.5),
        (4.0, 4),
        (4, 4),
        (None, None),
        ((1, 2), [1, 2]),
        (True, True),
    ],
)
def test_right_answers_pass(got, expected):
    expect(got, expected)


@pytest.mark.parametrize(
    ("got", "expected", "says"),
    [
        (torch.zeros(2), torch.zeros(1, 2), "expected shape (1, 2), got (2,)"),
        (3.0, torch.zeros(2), "expected a tensor of shape (2,), got 3"),
        (torch.tensor([math.nan]), torch.tensor([0.0]), "expected [0], got [nan]"),
        (torch.tensor([1.0]), torch.tensor([1.1]), "expected [1.1], got [1]"),
        (torch.tensor([1j]), torch.tensor([1.0]), "expected numbers of"),
        (4.5, 4, "expected 4, got 4.5"),
        (0, None, "expected None, got 0"),
        (None, 4, "expected 4, got None"),
        (math.nan, 1.0, "expected 1, got nan"),
        (True, 1.0, "expected 1, got True"),
        (True, 1, "expected 1, got True"),
        ([1.0], [1.0, 2.0], "expected 2 values, got [1]"),
        ([1.0, 3.0], [1.0, 2.0], "value 2 of 2: expected 2, got 3"),
    ],
)
def test_wrong_answers_are_told(got, expected, says):
    with pytest.raises(Wrong) as caught:
        expect(got, expected)
    assert says in str(caught.value)


def test_the_inputs_are_named():
    with pytest.raises(Wrong, match=r"^For B = 2, x = \[0.5\]: expected 1, got 2"):
        expect(2, 1, B=2, x=torch.tensor([0.5]))


def test_of_a_large_tensor_the_worst_entry_is_shown():
    want = torch.zeros(5, 5)
    got = want.clone()
    got[1, 2], got[3, 4] = 0.1, math.nan
    with pytest.raises(Wrong, match=r"at \[3, 4\] expected 0, got nan"):
        expect(got, want)


def test_show_is_short():
    assert len(show("x" * 10_000)) == 300
    assert show(torch.zeros(20)) == "a tensor of shape (20,)"


@pytest.mark.parametrize("points", [0, -1, 1.5, True])
def test_points_are_whole(points):
    with pytest.raises(ValueError, match="points of 'q1'"):
        question("q1", points=points)
