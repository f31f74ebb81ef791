"""A cell that tells a concept is found, one that does not is not, and luck is none."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.experiments.lstm_gru.readable_cells import (
    balanced_accuracy,
    best_cut,
    correlation,
    memory,
    probe,
    tell,
)
from course_lib.lstm_gru import GRU, LSTM
from course_lib.rnn import RNN, LanguageModel

N, H = 4000, 30


@pytest.fixture
def noise() -> list[torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(N, H, generator=g) for _ in range(2)]


@pytest.fixture
def rare() -> list[torch.Tensor]:
    g = torch.Generator().manual_seed(2)
    return [(torch.rand(N, generator=g) < 0.1).float() for _ in range(2)]


def told(truth, cells):
    return tell([{"it": t} for t in truth], cells)["it"]


def test_a_cell_that_tells_a_yes_or_no_is_found(noise, rare):
    for cells, truth in zip(noise, rare, strict=True):
        cells[:, 7] = 2.0 - 3 * truth + 0.1 * cells[:, 7]  # high means no
    found = told(rare, noise)
    assert found.cell == 7
    assert found.score == pytest.approx(1, abs=1e-3)
    assert found.probe == pytest.approx(1, abs=1e-3)


def test_luck_is_not_counted(noise, rare):
    found = told(rare, noise)
    assert found.score == pytest.approx(0.5, abs=0.05), "chosen on another text"
    assert found.probe == pytest.approx(0.5, abs=0.05)
    _, cut, sign = best_cut(rare[0], *noise[0].sort(dim=0))
    assert cut.isfinite()
    assert abs(sign) == 1


def test_saying_always_no_is_not_good(rare):
    always_no = -torch.ones(N, 1)
    assert balanced_accuracy(rare[0], always_no).item() == 0.5
    assert (rare[0] == 0).float().mean() > 0.85


def test_what_is_spread_over_the_cells_is_told_by_the_probe_alone(noise, rare):
    for cells, truth in zip(noise, rare, strict=True):
        cells[:, 0] += 8 * truth
        cells[:, 1:] += cells[:, :1]  # the rest carries the same, in other noise
        cells[:, 0] = cells[:, 1:].mean(1) + 20 * torch.sin(torch.arange(N) * 0.7)
    found = told(rare, noise)
    assert found.probe > 0.99
    assert found.score < found.probe


def test_a_count_is_told_by_correlation_with_its_sign(noise):
    truth = [torch.arange(N) % 5 + 0.0 for _ in range(2)]
    for cells, count in zip(noise, truth, strict=True):
        cells[:, 3] -= 4 * count
    found = told(truth, noise)
    assert found.cell == 3
    assert found.score > 0.95
    noise[1][:, 3] *= -1  # on the other text it means the opposite
    assert told(truth, noise).score < -0.95


def test_correlation_is_pearsons(noise):
    truth = torch.arange(N) % 7 + 0.0
    expected = torch.corrcoef(torch.cat([truth[None], noise[0].T]))[0, 1:]
    torch.testing.assert_close(
        correlation(truth, noise[0]).float(), expected, atol=1e-5, rtol=1e-4
    )
    assert correlation(truth, torch.ones(N, 1)).item() == 0


def test_the_cut_is_the_best_of_all_cuts():
    g = torch.Generator().manual_seed(3)
    cells = torch.randint(0, 6, (40, 3), generator=g) / 2.0  # with ties
    truth = (torch.rand(40, generator=g) < 0.4).float()
    every = [
        (float(balanced_accuracy(truth, sign * (cells[:, k, None] - cut))), k)
        for k in range(3)
        for cut in torch.arange(-0.25, 3, 0.5)
        for sign in (1, -1)
    ]
    cell, cut, sign = best_cut(truth, *cells.sort(dim=0))
    found = balanced_accuracy(truth, sign * (cells[:, cell, None] - cut))
    assert float(found) == pytest.approx(max(every)[0])


def test_a_cell_that_never_changes_tells_nothing():
    truth = torch.tensor([0.0, 0, 0, 1, 1, 1])  # in the order that a sort leaves
    cells = torch.stack([torch.ones(6), torch.tensor([0.0, 1, 2, 1.5, 3, 4])], 1)
    assert best_cut(truth, *cells.sort(dim=0, stable=True))[0] == 1


def test_the_probe_weighs_a_rare_yes_like_a_common_no(noise, rare):
    noise[0][:, 0] += 3 * rare[0]
    line, _ = probe(rare[0], True, noise[0], noise[1])
    yes, no = line[rare[0] > 0].mean(), line[rare[0] == 0].mean()
    assert float(yes + no) == pytest.approx(1, abs=0.05), "the cut lies at one half"


def test_memory_is_the_cell_of_an_lstm_and_the_state_of_the_others():
    tokens = torch.randint(5, (2, 6), generator=torch.Generator().manual_seed(0))
    layer = LSTM(5, 4)
    cells = memory(LanguageModel(layer), tokens)
    x = nn.functional.one_hot(tokens, 5).float()
    for t in range(6):
        _, last = layer(x[:, : t + 1])
        torch.testing.assert_close(cells[:, t], last.c.detach())
    for other in (GRU(5, 4), RNN(5, 4)):
        states, _ = other(x)
        torch.testing.assert_close(
            memory(LanguageModel(other), tokens), states.detach()
        )
