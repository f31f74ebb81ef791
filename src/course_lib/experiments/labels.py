"""What claims on labels share, of texts or of pictures.

A network is trained once with each of a few learning rates. Examples apart choose one,
for each arm and number of labels by itself; those of the test are looked at once it is
chosen.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from torch import Tensor, nn

from course_lib.experiments.claim import Progress
from course_lib.experiments.learning import REPORT_EVERY
from course_lib.training import Setting, Training, train

_T = TypeVar("_T")


class Learned(NamedTuple):
    """What was made of so many labels."""

    accuracy: float  # of the test examples
    chosen: float  # the learning rate, or the penalty, that was best for ``valid``


def in_turns(labels: Sequence[int], seed: int) -> list[int]:
    """All indices in a random order in which the labels take turns, while they last.

    So the first n are a fair draw of n, with as many of each label as can be.
    """
    chance = random.Random(seed)
    piles: dict[int, list[int]] = {label: [] for label in sorted(set(labels))}
    for i, label in enumerate(labels):
        piles[label].append(i)
    placed = []
    for label, pile in piles.items():
        chance.shuffle(pile)
        placed += [(turn, label, i) for turn, i in enumerate(pile)]
    return [i for _, _, i in sorted(placed)]


def schedule(steps: int, rate: float) -> Training:
    """Adam, up to ``rate`` in a tenth of the steps, then down to 0 in a line."""
    return Training(steps, rate, warmup=steps // 10, schedule="linear")


@dataclass(frozen=True)
class Recipe:
    """How a pre-trained network learns from labels; the same for every arm."""

    rates: tuple[float, ...]  # Adam's peak, after a tenth of the steps; one is chosen
    batch: int
    least: int  # optimiser steps, and more if this is not
    epochs: int  # so often round all labels

    def steps(self, n: int) -> int:
        """Optimiser steps for ``n`` labels with one rate."""
        return max(self.least, self.epochs * -(-n // self.batch))


def best_rate(
    make: Callable[[], nn.Module],
    loss: Callable[[nn.Module, Any], Tensor],
    batch_at: Callable[[int], Any],
    steps: int,
    rates: Sequence[float],
    setting: Setting,
    valid: Callable[[nn.Module], float],
    name: str = "model",
) -> Generator[tuple[int, float], None, tuple[float, nn.Module]]:
    """Train what ``make`` makes with each rate; the one that is best for ``valid``.

    Yields steps made and the loss; returns the rate and the model. Of rates that are
    equally good the first is kept. Where ``setting`` names a folder, a killed run goes
    on from a checkpoint of each rate, called by ``name``.
    """
    best = -1.0
    for number, rate in enumerate(rates):
        model = make()
        for step in train(
            model, loss, batch_at, schedule(steps, rate), setting, f"{name} {rate:g}"
        ):
            if step.number % REPORT_EVERY == 0 or step.number == steps:
                yield number * steps + step.number, step.loss
        if (share := valid(model)) > best:
            best, found = share, (rate, model)
    return found


def reported(
    learning: Generator[tuple[int, float], None, _T],
    name: str,
    curve: str,
    done: int,
    total: int,
) -> Generator[Progress, None, _T]:
    """The steps and losses of one ``learning`` as the progress of all.

    ``done`` steps of ``total`` came before.
    """
    while True:
        try:
            step, loss = next(learning)
        except StopIteration as end:
            return end.value
        yield Progress(done + step, total, {f"{curve} loss": loss}, name)
