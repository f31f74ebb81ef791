"""The two paths on which an error travels back through an LSTM.

With c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t, an error δ_T put on the last cell comes back along
two paths. Along the cell alone, with every h held fixed, the forget gates multiply it,

    δ_{T-k} = δ_T ⊙ f_T ⊙ f_{T-1} ⊙ … ⊙ f_{T-k+1},

and nothing else does (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).
The second path leads through h_{t-1} = o ⊙ tanh(c_{t-1}) and the gates of step t. Both
together are the gradient.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.lstm_gru import LSTM, lstm_gates
from course_lib.recurrent import map_state


def gradient_norms(layer: nn.Module, x: Tensor, last: Tensor) -> Tensor:
    """log10 of the norm of d(``last`` · s_T) / ds_{T-k} for k = 0 … T - 1.

    s is the cell c of an LSTM, and h of a layer that has no cell. It is the whole
    derivative: an LSTM's c_{T-k} also acts through h_{T-k}. ``x (B, T, I)``, ``last (B,
    H)`` -> (T,), the mean of the logarithm over B. It starts at the norm of ``last``.

    Autograd takes one step at a time, because over all of them it would underflow.
    Raises ``ValueError`` for a fused layer: to its kernel, the h and c that it gives
    are two results, and no gradient leads from one to the other.
    """
    if layer.path != "steps":
        raise ValueError(f"layer: got path {layer.path!r}, expected 'steps'")
    states, state = [], None
    with torch.no_grad():
        for t in range(x.shape[1]):
            _, state = layer(x[:, t : t + 1], state)
            states.append(state)
    zero = map_state(torch.zeros_like, state)
    befores = [zero, *states[:-1]]
    errors = (*_parts(zero)[:-1], last)  # on c alone: none on h
    norms, log10 = [], torch.zeros_like(last[:, 0])  # (B,)
    for t in reversed(range(x.shape[1])):
        before = map_state(lambda s: s.detach().requires_grad_(), befores[t])
        _, state = layer(x[:, t : t + 1], before)
        ends = _parts(state)
        whole, *errors = torch.autograd.grad(ends, (ends[-1], *_parts(before)), errors)
        norms.append((log10 + whole.norm(dim=1).log10()).mean())
        size = torch.cat(errors, dim=1).norm(dim=1, keepdim=True)  # (B, 1)
        errors = [error / size for error in errors]  # at 1: (1e-200)² is 0
        log10 = log10 + size[:, 0].log10()
    return torch.stack(norms)


def _parts(state: Any) -> tuple[Tensor, ...]:
    return (state,) if isinstance(state, Tensor) else tuple(state)


def forget_gates(layer: LSTM, x: Tensor) -> Tensor:
    """``f (B, T, H)`` of every step of ``x (B, T, I)``."""
    with torch.no_grad():
        states, _ = layer(x)
        before = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], dim=1)
        return lstm_gates(x, before, layer.W_x, layer.W_h, layer.b).f


def direct_norms(f: Tensor, last: Tensor) -> Tensor:
    """:func:`gradient_norms` along the cell alone: ``last`` times the forget gates.

    ``f (B, T, H)``, ``last (B, H)`` -> (T,).
    """
    logs = f.log().flip(1)[:, :-1].cumsum(dim=1)  # of the last k gates: (B, T - 1, H)
    logs = torch.cat([torch.zeros_like(logs[:, :1]), logs], dim=1)  # (B, T, H)
    logs = logs + last.abs().log()[:, None]
    norms = torch.logsumexp(2 * logs, dim=2) / 2  # (B, T): no square underflows
    return norms.mean(dim=0) / math.log(10)
