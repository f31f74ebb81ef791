"""Synthetic tasks: the answer is where it is said to be."""

from __future__ import annotations

import pytest
import torch

from course_lib.data import lags


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_adding_problem():
    x, y = lags.adding_problem(500, 20, random())
    assert x.shape == (500, 20, 2)
    numbers, marks = x.unbind(-1)
    assert torch.equal(marks[:, :10].sum(1), torch.ones(500))
    assert torch.equal(marks[:, 10:].sum(1), torch.ones(500))
    torch.testing.assert_close(y, (numbers * marks).sum(1))
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.2)


def test_delayed_echo():
    x, y = lags.delayed_echo(50, 12, 3, random())
    assert x.shape == (50, 12, 1)
    assert (y[:, :3] == -100).all()
    assert torch.equal(2 * y[:, 3:] - 1, x[:, :9, 0].long())


def test_delayed_recall():
    x, y = lags.delayed_recall(400, 7, 4, random())
    assert x.shape == (400, 8)
    assert torch.equal(x[:, 0], y)
    assert x[:, 1:].min() == 4
    assert x.max() == 7
    assert set(y.tolist()) == {0, 1, 2, 3}


def test_temporal_order():
    x, y = lags.temporal_order(400, 20, random())
    for row, answer in zip(x, y, strict=True):
        places = (row < 2).nonzero().flatten().tolist()
        assert len(places) == 2
        assert places[0] in (2, 3)
        assert places[1] in (8, 9)
        assert answer == 2 * row[places[0]] + row[places[1]]


@pytest.mark.parametrize(
    "task",
    [
        lambda g: lags.adding_problem(4, 10, g),
        lambda g: lags.delayed_echo(4, 10, 2, g),
        lambda g: lags.delayed_recall(4, 5, 4, g),
        lambda g: lags.temporal_order(4, 10, g),
    ],
)
def test_the_generator_decides(task):
    assert torch.equal(task(random(1)).x, task(random(1)).x)
    assert not torch.equal(task(random(1)).x, task(random(2)).x)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="lag: got -1"):
        lags.delayed_recall(2, -1, 4, random())
    with pytest.raises(ValueError, match="length: got 3, expected at least 4"):
        lags.delayed_echo(2, 3, 3, random())
    with pytest.raises(ValueError, match="length: got 9"):
        lags.temporal_order(2, 9, random())
