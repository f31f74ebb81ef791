"""Where a token stands, told to a network that would not know it.

Attention compares every token with every other one, and nothing in it depends on their
order. So the place p of a token is written into numbers. Pair i of C numbers is a clock
hand that turns by θ_i from place to place:

    θ_i = base^(-2i / C),   i = 0 … C/2 - 1,   base = 10 000

from about 1 rad, the fastest hand, to almost 0. The code is the tips of the hands
(:func:`sinusoids`), or queries and keys are turned like the hands (:func:`rotate`).

Shapes: B batch, T length, C width of a token's vector, D width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BASE = 10_000.0


def angles(places: Tensor, size: int, base: float = BASE) -> Tensor:
    """p θ_i, in radians, for ``places (T,)``: float64 of shape ``(T, size / 2)``.

    Raises ``ValueError`` for an odd ``size``: hands come in pairs of numbers.
    """
    if size % 2:
        raise ValueError(f"size: got {size}, expected an even number")
    pair = torch.arange(0, size, 2, device=places.device, dtype=torch.float64)
    return places[:, None] * base ** (-pair / size)  # (T, 1), (C / 2,)


def sinusoids(places: Tensor, size: int, base: float = BASE) -> Tensor:
    """The code of each of ``places (T,)``: sin and cos of its angles, ``(T, size)``.

    Numbers 2i and 2i + 1 are sin p θ_i and cos p θ_i (Vaswani et al. 2017, section
    3.5). The product of two codes is Σ_i cos((p - q) θ_i): it knows the distance only.
    """
    turned = angles(places, size, base)
    code = torch.stack([turned.sin(), turned.cos()], dim=-1)  # (T, C / 2, 2)
    return code.flatten(1).to(torch.get_default_dtype())  # (T, C)


def rotate(x: Tensor, places: Tensor, base: float = BASE) -> Tensor:
    """Turn each pair of numbers of ``x (…, T, D)`` by the angle of its place.

    Two turned vectors have the product that they would have at places 0 and q - p: a
    query sees how far away a key is, whatever the places (Su et al. 2021, eq. 34).
    """
    turned = angles(places, x.shape[-1], base)  # (T, D / 2)
    cos, sin = turned.cos().to(x.dtype), turned.sin().to(x.dtype)
    a, b = x.unflatten(-1, (-1, 2)).unbind(dim=-1)  # (…, T, D) -> 2 x (…, T, D / 2)
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


class Sinusoidal(nn.Module):
    """Add the code of :func:`sinusoids`. It has no parameters, and no last place."""

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        """``x (B, T, C)``, whose first token stands at place ``first``."""
        places = torch.arange(first, first + x.shape[1], device=x.device)
        return x + sinusoids(places, x.shape[-1]).to(x.dtype)


class Learned(nn.Module):
    """Add a vector of its own for each place: a table, learned with the rest."""

    def __init__(self, longest: int, size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(longest, size)
        nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        """As :class:`Sinusoidal`. Raises ``ValueError`` beyond the table."""
        last, longest = first + x.shape[1], self.table.num_embeddings
        if last > longest:
            raise ValueError(f"x: got {last} places, expected at most {longest}")
        return x + self.table.weight[first:last]
