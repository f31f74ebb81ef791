"""Time a recurrent layer: forward and backward alone, and in a training step."""

from __future__ import annotations

import statistics
from dataclasses import replace

import torch
from torch import Tensor, nn

from course_lib.data.batching import generator
from course_lib.experiments.machine import seconds
from course_lib.rnn import SequenceTagger
from course_lib.training import Setting, Training, train


def random_batch(size: int, batch: int, length: int, seed: int) -> tuple[Tensor, ...]:
    """``x (B, T, size)`` and ``d_states (B, T, size)``, standard normal."""
    shape = 2, batch, length, size
    return torch.randn(shape, generator=generator(seed, size)).unbind()


def gradients(layer: nn.Module, x: Tensor, d_states: Tensor) -> tuple[Tensor, ...]:
    """Forward and backward: how ``d_states · states`` depends on x and parameters."""
    inputs = x, *layer.parameters()
    for tensor in inputs:
        tensor.grad = None
    states, _ = layer(x)
    states.backward(d_states)
    return tuple(tensor.grad for tensor in inputs)


class Stopwatch:
    """One layer, timed again and again.

    ``layer`` reads B sequences of T steps, with inputs of its own size, as in a stack.
    """

    def __init__(
        self, layer: nn.Module, batch: int, length: int, times: int, setting: Setting
    ) -> None:
        self.layer = layer.to(setting.device)
        self.device = setting.device
        batches = random_batch(layer.hidden_size, batch, length, setting.seed)
        x, self.d_states = (tensor.to(self.device) for tensor in batches)
        self.x = x.clone().requires_grad_()
        alone = replace(setting, precision="float32", checkpoint=None)
        steps = Training(times, learning_rate=1e-3)
        model = SequenceTagger(self.layer, 1)
        self.training = train(model, _mean_square, lambda step: x, steps, alone)
        self._us: list[float] = []
        self._training_ms: list[float] = []

    def measure(self) -> float:
        """Time both once more. Returns µs of the layer, per time step and sequence."""
        layer, x, d_states = self.layer, self.x, self.d_states
        alone = seconds(lambda: gradients(layer, x, d_states), self.device)
        whole = seconds(lambda: next(self.training), self.device)
        self._us.append(1e6 * alone / (x.shape[0] * x.shape[1]))
        self._training_ms.append(1e3 * whole)
        return self._us[-1]

    # The first time is not like the others: memory is still to be had.

    @property
    def us(self) -> float:
        """Forward and backward, per time step of each sequence: the median, in µs."""
        return statistics.median(self._us[1:])

    @property
    def quartiles(self) -> tuple[float, float]:
        """A quarter of these times lies below the first, a quarter above the second."""
        low, _, high = statistics.quantiles(self._us[1:], method="inclusive")
        return low, high

    @property
    def training_ms(self) -> float:
        """A training step of the course, with its optimiser: the median, in ms."""
        return statistics.median(self._training_ms[1:])


def _mean_square(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).square().mean()
