"""A tiny experiment for the tests of what runs experiments: a line fitted to noise.

Its loss draws from torch's global generator, as dropout does, so that a run that mixes
up random states is caught.
"""

from __future__ import annotations

import time
import weakref
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
from matplotlib.figure import Figure
from torch import nn

from course_lib.experiments import Band, Experiment, Outcome, Progress
from course_lib.training import Training, train


@dataclass(frozen=True)
class Config:
    steps: int = 12  # optimiser steps
    learning_rate: float = 0.05  # of Adam
    widths: tuple[int, ...] = (3, 2)  # layers of the model
    clip_norm: float | None = 1.0  # global norm
    kind: Literal["adam", "sgd"] = "adam"
    noisy: bool = True  # draw noise in the loss
    pause: float = 0.0  # seconds to wait in a step
    fail: str = ""  # raise this


def run(config, setting):
    if config.fail == "memory":
        raise _full()
    if config.fail == "disk":
        raise OSError(28, "No space left on device", "runs/model.pt")
    if config.fail:
        raise RuntimeError(config.fail)
    sizes = [4, *config.widths, 1]
    model = nn.Sequential(*(nn.Linear(a, b) for a, b in pairwise(sizes)))
    training = Training(
        config.steps, config.learning_rate, config.kind, config.clip_norm, 5
    )

    def batch_at(index):
        generator = torch.Generator().manual_seed(1000 * setting.seed + index)
        return torch.randn(8, 4, generator=generator)

    def loss(model, x):
        time.sleep(config.pause)
        noise = torch.randn(8, 1) * 0.1 if config.noisy else 0.0
        return (model(x) + noise - x.sum(1, keepdim=True)).square().mean()

    losses = []
    for step in train(model, loss, batch_at, training, setting):
        losses.append(step.loss)
        yield Progress(step.number, config.steps, {"loss": step.loss}, "fitting a line")
    weight = sum(p.abs().sum().item() for p in model.parameters())
    metrics = {"loss": losses[-1], "weight": weight}
    return Outcome(metrics, {"losses": losses}, 8 * config.steps, model)


class Held:
    """As a tensor on the GPU, whose memory is needed."""


def greedy(alive):
    """A run that fills the GPU; ``alive`` gets a weak reference to what it holds."""

    def run(config, setting):
        yield from ()
        held = Held()
        alive.append(weakref.ref(held))
        raise _full()

    return run


def _full():
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def figure(result):
    drawn = Figure(figsize=(4, 2))
    axes = drawn.subplots()
    for seed in result.runs:
        axes.plot(seed.series["losses"])
    return drawn


TOY = Experiment(
    name="toy",
    chapter="rnn",
    claim="A line can be fitted to a noisy line.",
    source="the tests, equation 1",
    paper="loss 0.5 after 12 steps.",
    scales={"quick": Config(), "cpu": Config(steps=40)},
    run=run,
    bands={
        "quick": (Band("loss", "the loss is small", high=100.0),),
        "cpu": (Band("loss", "the loss is tiny", high=1e-9),),
    },
    figure=figure,
    units={"loss": "nats"},
    export=lambda config, outcome: {
        "weight": [p.tolist() for p in outcome.model.parameters()]
    },
    artefact=Path("toy.json"),
)
