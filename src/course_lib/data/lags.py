"""Synthetic tasks whose answer lies a chosen number of steps back."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Inputs x, either real (B, T, I) or token ids (B, T), and targets y."""

    x: Tensor
    y: Tensor


def adding_problem(batch: int, length: int, generator: torch.Generator) -> Batch:
    """Add two marked numbers (Hochreiter & Schmidhuber 1997, experiment 4).

    x (B, T, 2) holds a number in [0, 1] and a mark at each step; one mark lies in the
    first half, one in the second. y (B,) is the sum of the two marked numbers. Always
    answering 1 has a mean squared error of 1/6.
    """
    _at_least("length", length, 2)
    numbers = torch.rand(batch, length, generator=generator)
    half = length // 2
    first = torch.randint(0, half, (batch, 1), generator=generator)
    second = torch.randint(half, length, (batch, 1), generator=generator)
    marks = torch.zeros(batch, length).scatter_(1, torch.cat([first, second], 1), 1.0)
    return Batch(torch.stack([numbers, marks], -1), (numbers * marks).sum(1))


def delayed_echo(
    batch: int, length: int, lag: int, generator: torch.Generator
) -> Batch:
    """Say at every step what came ``lag`` steps ago.

    x (B, T, 1) holds independent signs, -1 or +1; y (B, T) holds 0 or 1 for the sign
    ``lag`` steps back, and -100 (not scored) for the first ``lag`` steps.
    """
    _at_least("lag", lag, 0)
    _at_least("length", length, lag + 1)
    bits = torch.randint(0, 2, (batch, length), generator=generator)
    y = torch.full((batch, length), -100)
    y[:, lag:] = bits[:, : length - lag]
    return Batch((2.0 * bits - 1).unsqueeze(-1), y)


def delayed_recall(
    batch: int, lag: int, symbols: int, generator: torch.Generator
) -> Batch:
    """Keep the first symbol for ``lag`` steps of noise, then say it.

    The latching task of Bengio, Simard & Frasconi (1994), with ``symbols`` classes:
    x (B, lag + 1) holds one of the symbols 0 … ``symbols`` - 1, then as many kinds of
    distractors, ``symbols`` … 2 ``symbols`` - 1. y (B,) is the first symbol, to be said
    after the last step: chance is 1 / ``symbols``.
    """
    _at_least("lag", lag, 0)
    _at_least("symbols", symbols, 2)
    y = torch.randint(0, symbols, (batch,), generator=generator)
    noise = torch.randint(symbols, 2 * symbols, (batch, lag), generator=generator)
    return Batch(torch.cat([y.unsqueeze(1), noise], 1), y)  # (B, 1 + lag), (B,)


def temporal_order(batch: int, length: int, generator: torch.Generator) -> Batch:
    """Which of X, Y came first, and which second? (Pascanu, Mikolov & Bengio 2013)

    x (B, T) is a stream of four distractors, 2 … 5, with an X or Y, 0 or 1, at a step
    in [T/10, 2T/10) and another in [4T/10, 5T/10). y (B,) is the pair, one of four
    classes, to be said after the last step: chance is 1/4.
    """
    _at_least("length", length, 10)
    x = torch.randint(2, 6, (batch, length), generator=generator)
    kinds = torch.randint(0, 2, (batch, 2), generator=generator)
    tenth = length // 10
    where = torch.randint(0, tenth, (batch, 2), generator=generator)
    x.scatter_(1, where + torch.tensor([tenth, 4 * tenth]), kinds)
    return Batch(x, 2 * kinds[:, 0] + kinds[:, 1])


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name}: got {value}, expected at least {least}")
