"""How well one cell of a trained network, or all of them together, tell a concept.

A concept is a number for each character of a text: yes or no (1 or 0), or a count. A
cell is a number for each character too. How well a cell tells a yes or no is the best
that a threshold on it can do, as balanced accuracy: the mean of the shares of the yes
and of the no that it gets right, so that 1/2 is guessing. How well it tells a count is
the correlation. Which cell, which threshold and which direction: all of that is chosen
on one text, and the score is measured on another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.lstm_gru import LSTM
from course_lib.rnn import LanguageModel, one_hot

RIDGE = 1e-3  # of the probe: pulls weights that the text does not determine to zero


class Told(NamedTuple):
    """How a concept is told."""

    cell: int  # the single cell that tells it best
    score: float  # how well it does on the other text
    probe: float  # how well a linear function of all the cells does there


@torch.no_grad()
def memory(model: LanguageModel, tokens: Tensor) -> Tensor:
    """What the network remembers after each of ``tokens (B, T)``: ``(B, T, H)``.

    Of an LSTM that is c, which the layer keeps to itself, otherwise the state h.
    """
    x = one_hot(tokens, model.layer.input_size)
    if not isinstance(model.layer, LSTM):
        states, _ = model.layer(x)
        return states
    state, cells = model.layer.zero_state(x), []
    for t in range(x.shape[1]):
        state = model.layer.step(x[:, t], state)
        cells.append(state.c)
    return torch.stack(cells, dim=1)  # T x (B, H) -> (B, T, H)


def tell(
    concepts: Sequence[Mapping[str, Tensor]], cells: Sequence[Tensor]
) -> dict[str, Told]:
    """For every concept the best cell, chosen on the first of two texts.

    Both arguments have two entries, for the text to choose on and the one to measure
    on: ``concepts[k][name] (N_k,)`` and ``cells[k] (N_k, H)``.
    """
    ranked = cells[0].sort(dim=0)
    return {
        name: _tell(truth, concepts[1][name], ranked, cells[0], cells[1])
        for name, truth in concepts[0].items()
    }


def _tell(
    truth: Tensor,
    other_truth: Tensor,
    ranked: tuple[Tensor, Tensor],
    cells: Tensor,
    other: Tensor,
) -> Told:
    yes_or_no = bool(((truth == 0) | (truth == 1)).all())
    score = balanced_accuracy if yes_or_no else correlation
    if yes_or_no:
        chosen, cut, sign = best_cut(truth, *ranked)
    else:
        r = correlation(truth, cells)
        chosen = int(r.abs().argmax())
        cut, sign = cells.new_zeros(()), r[chosen].sign()
    alone = score(other_truth, sign * (other[:, chosen, None] - cut))
    line, other_line = probe(truth, yes_or_no, cells, other)
    if yes_or_no:
        _, cut, sign = best_cut(truth, *line.sort(dim=0))
        other_line = sign * (other_line - cut)
    together = score(other_truth, other_line)
    return Told(chosen, float(alone), float(together))


def balanced_accuracy(truth: Tensor, cells: Tensor) -> Tensor:
    """Of saying yes above zero: ``truth (N,)``, ``cells (N, H)`` -> ``(H,)``."""
    said, yes = cells > 0, truth[:, None] > 0
    right_yes = (said & yes).sum(0) / yes.sum()
    right_no = (~said & ~yes).sum(0) / (~yes).sum()
    return (right_yes + right_no) / 2


def correlation(truth: Tensor, cells: Tensor) -> Tensor:
    """Pearson's r of each cell: ``truth (N,)``, ``cells (N, H)`` -> ``(H,)``.

    A cell that never changes has none; it gets 0.
    """
    t = truth.double() - truth.double().mean()
    c = cells.double() - cells.double().mean(0)
    spread = t.norm() * c.norm(dim=0)
    return torch.where(spread > 0, t @ c / spread.clamp(min=1e-300), 0.0)


def best_cut(
    truth: Tensor, values: Tensor, order: Tensor
) -> tuple[int, Tensor, Tensor]:
    """The cell, the threshold and the direction of highest balanced accuracy.

    ``sign * (cell - threshold) > 0`` then says yes. ``truth (N,)``; ``values`` and
    ``order (N, H)`` are the cells sorted, and where each value was.
    """
    yes = (truth > 0).to(values.dtype)
    share = yes / yes.sum() - (1 - yes) / (1 - yes).sum()  # (N,)
    gain = -share[order].cumsum(0)[:-1]  # (N - 1, H): 2 x balanced accuracy - 1
    gain[values[:-1] == values[1:]] = 0.0  # no cut between equals
    best, place = gain.abs().max(dim=0)  # (H,)
    chosen = int(best.argmax())
    at = int(place[chosen])
    cut = (values[at, chosen] + values[at + 1, chosen]) / 2
    return chosen, cut, gain[at, chosen].sign()


def probe(
    truth: Tensor, yes_or_no: bool, cells: Tensor, other: Tensor
) -> tuple[Tensor, Tensor]:
    """The linear function of all cells that comes closest to ``truth (N,)``.

    Least squares; for a yes or no both weigh the same, however rare one is. Returns its
    values on the text that it was fitted to and on the other: ``(N, 1), (M, 1)``.
    """
    mean, sd = cells.double().mean(0), cells.double().std(0).clamp(min=1e-6)
    one, two = (
        torch.cat([(c - mean) / sd, torch.ones(len(c), 1).double()], 1)
        for c in (cells.double(), other.double())
    )
    weight = torch.ones(len(truth)).double()
    if yes_or_no:
        weight = torch.where(truth > 0, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    left = one.T @ (weight[:, None] * one) / len(one)
    right = one.T @ (weight * truth.double()) / len(one)
    solution = torch.linalg.solve(left + RIDGE * torch.eye(len(left)).double(), right)
    return (one @ solution)[:, None], (two @ solution)[:, None]
