"""What is asked here, and how it is measured: in a few sentences, for a reader.

Now it is this: a line is fitted to points that lie on it but for noise. Afterwards, new
points are missed by what is noise, and by no more.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data.batching import generator
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import learn
from course_lib.experiments.plots import blank, draw
from course_lib.training import Setting, Training, to_device

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result


@dataclass(frozen=True)
class Config:
    """A line, and points near it."""

    inputs: int = 8  # I, numbers of a point
    noise: float = 0.1  # standard deviation of a point's distance from the line
    test: int = 1_000  # points that are not trained on
    steps: int = 600  # optimiser steps
    batch: int = 32  # points
    learning_rate: float = 0.01  # of Adam
    measure_every: int = 50  # optimiser steps between points of the curve


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train, and measure the error on new points."""
    torch.manual_seed(setting.seed)
    model = nn.Linear(config.inputs, 1)
    slope = torch.randn(config.inputs, generator=generator(setting.seed, 0))

    def points(step: int, size: int) -> tuple[Tensor, Tensor]:
        random = generator(setting.seed, 1 + step)
        x = torch.randn(size, config.inputs, generator=random)  # (B, I)
        return x, x @ slope + config.noise * torch.randn(size, generator=random)

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, y = batch
        return F.mse_loss(model(x).squeeze(1), y)  # (B, 1) -> (B,)

    test = to_device(points(config.steps, config.test), setting.device)

    @torch.no_grad()
    def measure() -> dict[str, float]:
        return {"error": loss(model, test).sqrt().item()}

    curves = yield from learn(
        model,
        loss=loss,
        batch_at=lambda step: points(step, config.batch),
        training=Training(config.steps, config.learning_rate),
        setting=setting,
        name="line",
        measure=measure,
        every=config.measure_every,
        done=0,
        total=config.steps,
    )
    metrics = {"error": curves["error"][-1], "error_before": curves["error"][0]}
    return Outcome(metrics, curves, config.steps * config.batch)


def figure(result: Result) -> Figure:
    """The error on new points, over the training."""
    drawn, (ax,) = blank()
    steps = result.runs[0].series["step"]
    draw(ax, steps, result.runs, lambda series: series["error"], label="a line")
    noise = result.config["noise"]
    ax.axhline(noise, color="grey", linestyle=":", label="the noise")
    ax.set_xlabel("optimiser steps")
    ax.set_ylabel("error on new points")
    ax.set_yscale("log")
    ax.legend(fontsize=8)
    return drawn


# Written before the run; a claim that then does not hold is told, not adjusted.
BANDS = (
    Band("error", "new points are missed by the noise, and by no more", 0.09, 0.115),
    Band("error_before", "before training, by more", low=0.2),
)

EXPERIMENT = Experiment(
    name="new-name",
    chapter="a_chapter",
    claim="In one sentence, what is claimed: a fitted line errs by the noise alone.",
    source="Author (year), section",
    paper="the source's own number, or: no number is given",
    scales={
        "quick": Config(test=300, steps=400, measure_every=100),
        "cpu": Config(),
        "real": Config(inputs=64, test=10_000, steps=5_000, batch=256),
    },
    run=run,
    bands={"quick": BANDS, "cpu": BANDS, "real": BANDS},
    figure=figure,
)
