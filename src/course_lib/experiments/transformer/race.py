"""Layers that take turns on the same vectors, so that all share a machine's moods."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import exp, log

import torch
from torch import Tensor, nn

from course_lib.experiments.machine import seconds
from course_lib.experiments.transformer.layer_costs import apply


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch uses one core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Race:
    """Each of ``layers`` reads ``x (B, n, d)``, one after the other, lap after lap."""

    def __init__(
        self, layers: Mapping[str, nn.Module], x: Tensor, backward: bool = False
    ) -> None:
        self.layers, self.x, self.backward = layers, x, backward
        self._seconds: dict[str, list[float]] = {name: [] for name in layers}

    def lap(self) -> dict[str, float]:
        """Time each once more. Returns the seconds."""
        with one_thread():
            for name, layer in self.layers.items():
                taken = seconds(
                    lambda layer=layer: self._once(layer), str(self.x.device)
                )
                self._seconds[name].append(taken)
        return {name: laps[-1] for name, laps in self._seconds.items()}

    def _once(self, layer: nn.Module) -> None:
        with torch.set_grad_enabled(self.backward):
            x = self.x.detach().requires_grad_(self.backward)
            states = apply(layer, x)
            if self.backward:
                torch.autograd.grad(states.sum(), (x, *layer.parameters()))

    @property
    def medians(self) -> dict[str, float]:
        """Seconds of each; its first lap, which finds the memory, is left out."""
        return {name: statistics.median(s[1:]) for name, s in self._seconds.items()}


def crossing(
    lengths: Sequence[int], one: Sequence[float], other: Sequence[float]
) -> float:
    """The length from which on ``one`` takes longer than ``other``.

    Between two lengths both times are taken as powers of the length. If ``one`` is
    faster at the last length, it is that; if it never was, it is the first.
    """
    behind = [log(a / b) for a, b in zip(one, other, strict=True)]
    if behind[-1] < 0:
        return float(lengths[-1])
    for (n, before), (m, after) in reversed(
        [*pairwise(zip(lengths, behind, strict=True))]
    ):
        if before < 0:
            return exp(log(n) + before / (before - after) * log(m / n))
    return float(lengths[0])


def slope(lengths: Sequence[int], values: Sequence[float]) -> float:
    """The power of the length with which ``values`` grow, by least squares."""
    x, y = [log(n) for n in lengths], [log(value) for value in values]
    return statistics.linear_regression(x, y).slope
