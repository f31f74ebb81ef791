"""A recurrent network that answers with one number, and what it remembers with.

Two probes, to be taken before and after training: what is left of a gradient that comes
back from the answer to the first step, and how open each forget gate is.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data.lags import Batch
from course_lib.experiments.lstm_gru.error_paths import forget_gates
from course_lib.lstm_gru import LSTM


class Adder(nn.Module):
    """Many to one: a recurrent layer, then one number from what it shows at the end."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.output = nn.Linear(layer.hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``x (B, T, 2)`` -> the sum ``(B,)``."""
        _, last = self.layer(x)
        return self.output(self.layer.hidden(last)).squeeze(1)  # (B, H) -> (B,)


def squared_error(model: nn.Module, batch: Batch) -> Tensor:
    """The mean squared error of the sum."""
    return F.mse_loss(model(batch.x), batch.y)


def gradient_back(model: Adder, x: Tensor) -> float:
    """log10 of ‖∂y/∂s_1‖ / ‖∂y/∂s_T‖, the mean over the rows of ``x (B, T, 2)``.

    y is the answer; s is the cell c of an LSTM, and h of a layer that has no cell. In
    double precision, where 1e-150 is not yet 0; what is less counts as that.
    """
    model, x = copy.deepcopy(model).double(), x.double()
    layer, state, cells = model.layer, None, []
    layer.path = "steps"  # a kernel's h does not depend on the c that it returns
    for t in range(x.shape[1]):
        _, state = layer(x[:, t : t + 1], state)
        cells.append(state.c if isinstance(layer, LSTM) else state)
    answers = model.output(layer.hidden(state)).sum()  # each row's own: (B, 1) -> ()
    first, last = torch.autograd.grad(answers, (cells[0], cells[-1]))  # 2 x (B, H)
    left = first.norm(dim=1) / last.norm(dim=1)  # (B,)
    return left.clamp(min=1e-150).log10().mean().item()


def gates_of_units(layer: LSTM, x: Tensor) -> list[float]:
    """The mean forget gate of each unit over ``x (B, T, 2)``, in ascending order."""
    return forget_gates(layer, x).mean(dim=(0, 1)).sort().values.tolist()  # (H,)


def steps_kept(f: float) -> float:
    """For about how many steps a cell keeps what it holds, at most a million."""
    return 1 / max(1 - f, 1e-6)


def probe(model: Adder, x: Tensor) -> dict[str, Any]:
    """What training may have moved: the gradient and, of an LSTM, the forget gates."""
    found: dict[str, Any] = {"gradient": gradient_back(model, x)}
    if isinstance(model.layer, LSTM):
        found["forget"] = gates_of_units(model.layer, x)
    return found
