"""How far back can a tanh RNN learn to look? The horizon is finite, and short.

The task is the latching task of Bengio, Simard & Frasconi (1994): keep the first of
four symbols through k steps of noise, then say it. One network is trained per lag k,
from the default initialisation or from an orthogonal W_h (Saxe, McClelland & Ganguli
2014; Le, Jaitly & Hinton 2015), always with the same budget of steps.

*Learned* means: at least 90 % right on fresh sequences (chance: 25 %) in most of the
runs at that lag. *The horizon* is the longest lag such that it and every shorter lag
tried are learned; 0 where the shortest is not.
"""

from __future__ import annotations

import statistics
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from course_lib.data.batching import generator
from course_lib.data.lags import Batch, delayed_recall
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import REPORT_EVERY, Memo
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.rnn.recurrent_matrices import orthogonal
from course_lib.experiments.rnn.vanishing_gradient import gradient_norms
from course_lib.rnn import RNN, SequenceClassifier, one_hot
from course_lib.training import Setting, Training, to_device, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

INITS = ("default", "orthogonal")
LEARNED = 0.9  # accuracy


@dataclass(frozen=True)
class Config:
    """One training per init, lag and run, all with the same budget."""

    hidden_size: int = 32  # H: a memory of two bits needs no more
    symbols: int = 4  # to remember; chance is 1/4
    lags: tuple[int, ...] = (5, 10, 15, 20, 30, 40, 60, 80, 120, 160)  # time steps
    runs: int = 3  # per lag: what most of them do decides
    steps: int = 400  # optimiser steps, for every lag alike
    batch: int = 32  # fresh sequences a step
    learning_rate: float = 2e-3  # Adam; 1e-3 and 3e-3 give the same horizons
    test_sequences: int = 1000  # accuracy to about 1.5 points


def horizon(lags: Sequence[int], accuracies: Mapping[int, Sequence[float]]) -> int:
    """The longest lag learned, as defined above; ``accuracies[lag]`` are its runs'."""
    longest = 0
    for lag in sorted(lags):
        if statistics.median(accuracies[lag]) < LEARNED:
            break
        longest = lag
    return longest


def recall_loss(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Cross-entropy of the answer after the last step."""
    return F.cross_entropy(model(batch.x), batch.y)


def build(config: Config, init: str, seed: int) -> SequenceClassifier:
    """A tanh RNN and its output layer; ``init`` says how W_h begins."""
    torch.manual_seed(seed)
    layer = RNN(2 * config.symbols, config.hidden_size)
    if init == "orthogonal":
        Q = orthogonal(config.hidden_size, generator(seed, 0))
        with torch.no_grad():
            layer.W_h.copy_(Q)
    return SequenceClassifier(layer, config.symbols)


def first_gradient(config: Config, init: str, seed: int, lag: int = 40) -> float:
    """log10 of the norm of a unit gradient, ``lag`` steps back, before any training."""
    model = build(config, init, seed).double()
    x, _ = delayed_recall(16, lag, config.symbols, generator(seed, 0))
    x = one_hot(x, 2 * config.symbols, torch.float64)
    last = torch.randn(16, config.hidden_size, generator=generator(seed, 1)).double()
    norms = gradient_norms(model.layer, x, last / last.norm(dim=1, keepdim=True))
    return norms[lag].item()


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train every network; a finished one is remembered in the checkpoint folder."""
    memo = Memo(setting, "memory-horizon")
    jobs = [
        (init, lag, number)
        for init in INITS
        for lag in config.lags
        for number in range(config.runs)
    ]
    total = sum(config.steps * lag for _, lag, _ in jobs)  # time steps, not optimiser's
    done = 0
    for init, lag, number in jobs:
        part = f"{init} {lag} {number}"
        if part not in memo.parts:
            accuracy = yield from _one(config, setting, init, lag, number, done, total)
            memo.keep(part, accuracy)
        done += config.steps * lag
    accuracies = {
        init: {
            lag: [memo.parts[f"{init} {lag} {n}"] for n in range(config.runs)]
            for lag in config.lags
        }
        for init in INITS
    }
    metrics = {
        f"horizon_{init}": float(horizon(config.lags, accuracies[init]))
        for init in INITS
    } | {
        f"longest_{init}": statistics.fmean(accuracies[init][max(config.lags)])
        for init in INITS
    }
    metrics |= {
        f"gradient_{init}": first_gradient(config, init, setting.seed) for init in INITS
    }
    medians = {
        init: [statistics.median(accuracies[init][lag]) for lag in config.lags]
        for init in INITS
    }
    series = {"lag": list(config.lags), "accuracy": medians}
    return Outcome(metrics, series, total * config.batch)


def _one(
    config: Config,
    setting: Setting,
    init: str,
    lag: int,
    number: int,
    done: int,
    total: int,
) -> Generator[Progress, None, float]:
    seed = 1000 * setting.seed + number
    model = build(config, init, seed)
    training = Training(config.steps, config.learning_rate)

    def batch_at(step: int) -> Batch:
        return delayed_recall(config.batch, lag, config.symbols, generator(seed, step))

    alone = replace(setting, checkpoint=None)  # about a second: redone after a kill
    for step in train(model, recall_loss, batch_at, training, alone):
        if step.number % REPORT_EVERY == 0:
            curves = {f"{init}, lag {lag}: loss": step.loss}
            yield Progress(done + step.number * lag, total, curves, f"{init} {lag}")
    fresh = generator(seed, config.steps)  # no training step drew from this one
    x, y = delayed_recall(config.test_sequences, lag, config.symbols, fresh)
    x, y = to_device((x, y), setting.device)
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def figure(result: Result) -> Figure:
    """Median accuracy against lag for the two starts, and where chance is."""
    from course_lib.figures.palette import color

    figure, (ax,) = blank()
    lags = result.runs[0].series["lag"]
    for init, shade in (("default", "state"), ("orthogonal", "weight")):
        draw(
            ax,
            lags,
            result.runs,
            lambda series, init=init: [100 * a for a in series["accuracy"][init]],
            color=color(shade),
            marker="o",
            markersize=4,
            label=f"W_h {init}: horizon {result.mean(f'horizon_{init}'):.0f} steps",
        )
    chance = 100 / result.config["symbols"]
    ax.axhline(chance, color=color("baseline"), linestyle=":", label="chance")
    ax.axhline(
        100 * LEARNED, color=color("baseline"), linestyle="--", label="“learned”"
    )
    ax.set_xscale("log")
    ax.set_xticks(lags, [str(lag) for lag in lags], fontsize=8)
    ax.minorticks_off()
    ax.set_xlabel("lag (time steps)")
    ax.set_ylabel("accuracy, median run (%)")
    ax.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))  # off the curves
    return figure


def _bands(shortest: int, longest: int, orthogonal: int) -> tuple[Band, ...]:
    return (
        Band(
            "horizon_default",
            f"with the default init, the horizon is at least {shortest} steps and "
            f"at most {longest}",
            shortest,
            longest,
        ),
        Band(
            "longest_default",
            "with the default init, the longest lag tried ends near chance (0.25)",
            0.15,
            0.4,
        ),
        Band(
            "horizon_orthogonal",
            f"an orthogonal W_h moves it to at least {orthogonal} steps",
            low=orthogonal,
        ),
        Band(
            "gradient_default",
            "for comparison: the gradient before training, 40 steps back, default",
        ),
        Band("gradient_orthogonal", "for comparison: the same, orthogonal"),
    )


EXPERIMENT = Experiment(
    name="memory-horizon",
    chapter="rnn",
    claim=(
        "Within a fixed budget, a tanh RNN with the default start learns to look back "
        "a few tens of steps at most; an orthogonal start moves this horizon, and does "
        "not remove it."
    ),
    source="Bengio, Simard & Frasconi (1994)",
    paper="latching a bit: the share of successful runs falls as T grows (figure only)",
    scales={
        "quick": Config(lags=(5, 40), runs=1, steps=300),
        "cpu": Config(),
        "real": Config(
            hidden_size=64,
            steps=600,
            lags=(5, 10, 15, 20, 25, 30, 40, 60, 80, 120, 240),
        ),
    },
    run=run,
    bands={
        "quick": _bands(5, 5, 5),
        "cpu": (
            *_bands(10, 30, 40),
            Band(
                "longest_orthogonal",
                "but no further than the longest lag tried: that one is not learned",
                high=0.6,
            ),
        ),
        "real": _bands(10, 40, 60),
    },
    figure=figure,
    units={
        "horizon_default": "time steps",
        "horizon_orthogonal": "time steps",
        "gradient_default": "log₁₀ of its norm",
        "gradient_orthogonal": "log₁₀ of its norm",
        "longest_default": "accuracy",
        "longest_orthogonal": "accuracy",
    },
)
