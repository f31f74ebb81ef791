"""What the claims of this chapter share: learning with a history, memos, drawing."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from course_lib.experiments.claim import Progress
from course_lib.results import write_whole
from course_lib.training import Setting, Training, train

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course_lib.results import Run

REPORT_EVERY = 10  # optimiser steps: a few dozen ms, so that Stop is quick


class Memo:
    """Finished parts of one seed's work, kept in its checkpoint folder if it has one.

    A part that is short is not worth a checkpoint of its own: after a kill it is done
    again, and the parts before it are read from here.
    """

    def __init__(self, setting: Setting, name: str) -> None:
        self._path = setting.checkpoint / f"{name}.json" if setting.checkpoint else None
        stored = self._path is not None and self._path.exists()
        self.parts: dict[str, Any] = (
            json.loads(self._path.read_text("utf-8")) if stored else {}
        )

    def keep(self, part: str, value: Any) -> None:
        """Remember ``value``, made of numbers, strings, lists and dicts."""
        self.parts[part] = value
        if self._path is not None:
            write_whole(self._path, json.dumps(self.parts))


def learn(
    model: nn.Module,
    loss: Callable[[nn.Module, Any], Tensor],
    batch_at: Callable[[int], Any],
    training: Training,
    setting: Setting,
    name: str,
    measure: Callable[[], Mapping[str, float]],
    every: int,
    done: int,
    total: int,
) -> Generator[Progress, None, dict[str, list[float]]]:
    """Train, measuring every ``every`` steps; return the curves, by name, and "step".

    The curves survive a kill as the model does. A measurement is taken before its step
    is, so none that is older than a checkpoint can be missing. ``done`` steps of
    ``total`` came before, from other models.
    """
    history = Memo(setting, f"{name}-history")

    def at(step: int) -> Any:
        if step % every == 0:
            history.keep(str(step), dict(measure()))
        return batch_at(step)

    for step in train(model, loss, at, training, setting, name):
        if step.number % REPORT_EVERY == 0 or step.number == training.steps:
            newest = list(history.parts.values())[-1]
            curves = {f"{name} {key}": value for key, value in newest.items()}
            curves[f"{name} loss"] = step.loss
            yield Progress(done + step.number, total, curves, name)
    history.keep(str(training.steps), dict(measure()))
    points = {int(step): point for step, point in history.parts.items()}
    steps = sorted(points)
    return {"step": steps} | {
        key: [points[step][key] for step in steps] for key in points[steps[0]]
    }


def scaled_gaussian(size: int, radius: float, generator: torch.Generator) -> Tensor:
    """A Gaussian matrix (H, H), float64, with spectral radius ``radius``."""
    W = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return W * (radius / torch.linalg.eigvals(W).abs().max())


def orthogonal(size: int, generator: torch.Generator) -> Tensor:
    """A random orthogonal matrix (H, H), float64: every eigenvalue has modulus 1."""
    W = torch.randn(size, size, generator=generator, dtype=torch.float64)
    Q, R = torch.linalg.qr(W)
    return Q * R.diagonal().sign()  # the signs make it uniform over all rotations


def blank(rows: int = 1, height: float = 3.4) -> tuple[Figure, Sequence[Axes]]:
    """A figure that reads at phone width, with ``rows`` plots under each other."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        rows, 1, figsize=(5.6, height * rows), squeeze=False, layout="constrained"
    )
    plt.close(figure)  # or a notebook shows it twice
    for ax in axes[:, 0]:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
    return figure, axes[:, 0]


def over_seeds(
    runs: Iterable[Run], pick: Callable[[Mapping[str, Any]], Sequence[float]]
) -> tuple[list[float], list[float]]:
    """Mean and standard deviation (0 for one seed) of a series, point by point."""
    columns = list(zip(*(pick(run.series) for run in runs), strict=True))
    means = [statistics.fmean(column) for column in columns]
    sds = [statistics.stdev(c) if len(c) > 1 else 0.0 for c in columns]
    return means, sds


def draw(
    ax: Axes,
    x: Sequence[float],
    runs: Iterable[Run],
    pick: Callable[[Mapping[str, Any]], Sequence[float]],
    **style: Any,
) -> None:
    """A line for the mean over the seeds, and a band of one standard deviation."""
    mean, sd = over_seeds(runs, pick)
    (line,) = ax.plot(x, mean, **style)
    low = [m - s for m, s in zip(mean, sd, strict=True)]
    high = [m + s for m, s in zip(mean, sd, strict=True)]
    ax.fill_between(x, low, high, color=line.get_color(), alpha=0.18, linewidth=0)
