"""What a layer that reads n vectors of d numbers costs: table 1 of Vaswani et al. 2017.

Every layer turns ``x (B, n, d)`` into ``(B, n, d)``:

    core          softmax(Q Kᵀ / √D) V in all heads, of the vectors themselves
    attention     the same with its four projections: a whole self-attention layer
    rnn, lstm     one step after another
    convolution   of width 3
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_lib.data.batching import generator
from course_lib.experiments.machine import saved_mib
from course_lib.lstm_gru import LSTM
from course_lib.rnn import RNN
from course_lib.self_attention import MultiHeadAttention, attention

WIDTH = 3  # of the convolution
OPEN = 3.0  # bias of a forget gate that starts open

# Of one sequence, forward. A product of (n, d) and (d, d) is n d² multiplications and
# as many additions.
FLOP = {
    "core": lambda n, d: 4 * n**2 * d,
    "attention": lambda n, d: 4 * n**2 * d + 8 * n * d**2,
    "rnn": lambda n, d: 4 * n * d**2,
    "lstm": lambda n, d: 16 * n * d**2,
    "convolution": lambda n, d: 2 * WIDTH * n * d**2,
}


class Core(nn.Module):
    """Self-attention without its projections: no parameters."""

    def __init__(self, size: int, heads: int, path: str = "fused") -> None:
        super().__init__()
        self.D, self.path = size // heads, path

    def forward(self, x: Tensor) -> Tensor:
        """``x (B, n, d)`` -> ``(B, n, d)``."""
        q = x.unflatten(-1, (-1, self.D)).transpose(1, 2)  # -> (B, H, n, D)
        if self.path == "fused":
            heads = F.scaled_dot_product_attention(q, q, q)
        else:
            heads, _ = attention(q, q, q)
        return heads.transpose(1, 2).flatten(2)  # (B, H, n, D) -> (B, n, d)


def build(name: str, size: int, heads: int, fused: bool, seed: int = 0) -> nn.Module:
    """The layer called ``name``, or ``"lstm_open"``: its forget gate starts open."""
    torch.manual_seed(seed)
    step, look = ("fused", "fused") if fused else ("steps", "written_out")
    return {
        "core": partial(Core, size, heads, path=look),
        "attention": partial(MultiHeadAttention, size, heads, path=look),
        "rnn": partial(RNN, size, size, path=step),
        "lstm": partial(LSTM, size, size, path=step),
        "lstm_open": partial(LSTM, size, size, OPEN, path=step),
        "convolution": partial(nn.Conv1d, size, size, WIDTH, padding=WIDTH // 2),
    }[name]()


def apply(layer: nn.Module, x: Tensor) -> Tensor:
    """``x (B, n, d)`` -> ``(B, n, d)``, whatever the layer."""
    if isinstance(layer, MultiHeadAttention):
        return layer(x, layer.look_at(x))
    if isinstance(layer, nn.Conv1d):
        return layer(x.mT).mT  # its length comes last
    return layer(x) if isinstance(layer, Core) else layer(x)[0]


def count_flop(name: str, length: int, size: int) -> int:
    """FLOP of one sequence, forward, counted while the layer runs without numbers."""
    heads = 2
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        x = torch.empty(1, length, size)
        apply(build(name, size, heads, fused=False), x)
    return counter.get_total_flops()


def chain(output: Tensor) -> int:
    """The most products of matrices that wait for each other, on the way to ``output``.

    Only paths to an input that wants a gradient are in its graph. However many
    processors there are, these products come one after another.
    """
    longest: dict[torch.autograd.graph.Node, int] = {}
    waiting = [output.grad_fn]
    while waiting:
        node = waiting[-1]
        before = [one for one, _ in node.next_functions if one is not None]
        unknown = [one for one in before if one not in longest]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        product = bool(re.search("mm|Mm|Linear|Convolution", node.name()))
        longest[node] = product + max((longest[one] for one in before), default=0)
    return longest[output.grad_fn]


class Path(NamedTuple):
    """From the first token to the last output."""

    chain: int  # products, one after another
    reach: float  # gradient at the first token, over that at the last but one


def path(
    name: str, length: int, size: int, heads: int, seed: int, device: str = "cpu"
) -> Path:
    """Both, for a layer as it is drawn, in double precision.

    The last token itself is not compared with: in attention it is the query as well.
    """
    B = 8
    layer = build(name, size, heads, fused=False, seed=seed).double().to(device)
    layer.requires_grad_(requires_grad=False)  # or its parameters would be inputs too
    shape = B, length + 1, size
    drawn = torch.randn(shape, generator=generator(seed, length), dtype=torch.double)
    x, u = drawn.to(device).split([length, 1], dim=1)  # (B, n, d), (B, 1, d)
    output = apply(layer, x.requires_grad_())[:, -1:]
    (gradient,) = torch.autograd.grad(output, x, u, retain_graph=True)
    norms = gradient.norm(dim=2)  # (B, n)
    reach = (norms[:, 0] / norms[:, -2]).log().mean().exp()
    return Path(chain(output), reach.item())


def kept_mib(length: int, size: int, heads: int, fused: bool, device: str) -> float:
    """MiB that self-attention keeps of one sequence for its backward pass."""
    layer = build("attention", size, heads, fused).to(device)
    x = torch.randn(1, length, size, generator=generator(0, length)).to(device)
    x.requires_grad_()
    return saved_mib(lambda: apply(layer, x), layer)
