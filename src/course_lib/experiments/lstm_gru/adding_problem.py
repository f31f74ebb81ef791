"""Who learns to add two numbers that stand up to a hundred steps apart, and how soon?

The adding problem of Hochreiter & Schmidhuber (1997, experiment 4): each step shows a
number and a mark, two are marked, and after the last step the sum of these two is
asked for. *Solved* means: a mean squared error of at most 0.005 on sequences that were
not trained on; always answering 1 has 1/6. Training stops there, or after the budget of
steps, which then stands for the steps that would have been needed.

All LSTMs of a seed start from the same weights, but for the forget gate's bias, and
every network sees the same batches. The default start of ``nn.LSTM`` draws that bias
around 0 and behaves like a bias of 0.

Before and after training two things are measured: how much each unit's forget gate lets
through on the average, and what is left of a gradient that comes back from the last
step to the first.
"""

from __future__ import annotations

import statistics
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from course_lib.data.batching import generator
from course_lib.data.lags import Batch, adding_problem
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import learn
from course_lib.experiments.lstm_gru.adder import (
    Adder,
    probe,
    squared_error,
    steps_kept,
)
from course_lib.experiments.lstm_gru.adding_figure import figure
from course_lib.lstm_gru import GRU, LSTM
from course_lib.rnn import RNN
from course_lib.training import Setting, Training, to_device

WHEN = ("before", "after")  # training
PROBED = 32  # test sequences on which gates and gradients are measured


@dataclass(frozen=True)
class Config:
    """RNN, GRU and the LSTMs at one learning rate; the LSTMs at a slower one too."""

    length: int = 100  # T, time steps; one mark in each half
    hidden_size: int = 64  # H
    forget_biases: tuple[float, ...] = (0.0, 1.0, 3.0)  # of the LSTMs; 0 and 1 needed
    learning_rate: float = 5e-3  # Adam; the RNN fails at 5e-4 … 1e-2 as well
    slow_rate: float = 2e-3  # Adam, for the LSTMs once more
    steps: int = 2500  # optimiser steps, the budget of each network
    batch: int = 64  # fresh sequences a step
    solved: float = 0.005  # mean squared error at which training stops
    measure_every: int = 50  # optimiser steps between tests
    test_sequences: int = 500  # the same in every test


class Job(NamedTuple):
    """One network to train."""

    kind: str  # rnn, lstm or gru
    learning_rate: float
    forget_bias: float | None = None  # of an LSTM
    slow: bool = False

    @property
    def name(self) -> str:
        """As in the names of the metrics: ``lstm_1``, ``slow_lstm_1``, ``gru``."""
        bias = "" if self.forget_bias is None else f"_{self.forget_bias:g}"
        return "slow_" * self.slow + self.kind + bias


def jobs(config: Config) -> list[Job]:
    """The networks to train, in order.

    Raises ``ValueError`` where the forget biases lack 0 or 1, of which bands speak.
    """
    if missing := {0.0, 1.0} - set(config.forget_biases):
        raise ValueError(
            f"forget_biases: got {config.forget_biases}, expected also {min(missing):g}"
        )
    lstms = [Job("lstm", config.learning_rate, bias) for bias in config.forget_biases]
    slow = [Job("lstm", config.slow_rate, bias, True) for bias in config.forget_biases]
    others = [Job(kind, config.learning_rate) for kind in ("rnn", "gru")]
    return [*others, *lstms, *slow]


def build(config: Config, job: Job, seed: int) -> Adder:
    """The network of ``job`` before training."""
    torch.manual_seed(seed)
    sizes = 2, config.hidden_size
    if job.kind == "lstm":
        return Adder(LSTM(*sizes, job.forget_bias))
    return Adder({"rnn": RNN, "gru": GRU}[job.kind](*sizes))


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train every network until it solves the problem or has used up its budget."""
    found = {}
    plan = jobs(config)
    for position, job in enumerate(plan):
        done, total = position * config.steps, len(plan) * config.steps
        found[job.name] = yield from _one(config, setting, job, done, total)
    steps = {name: result["curve"]["step"][-1] for name, result in found.items()}
    series = {
        "curve": {name: result["curve"] for name, result in found.items()},
        "kept": {
            when: [round(steps_kept(f), 2) for f in found["lstm_1"][when]["forget"]]
            for when in WHEN
        },
    }
    tokens = sum(steps.values()) * config.batch * config.length
    return Outcome(_metrics(config, found, steps), series, tokens)


def _one(
    config: Config, setting: Setting, job: Job, done: int, total: int
) -> Generator[Progress, None, dict[str, Any]]:
    seed = setting.seed
    model = build(config, job, seed).to(setting.device)
    fresh = generator(seed, config.steps)  # no training step draws from this one
    test = adding_problem(config.test_sequences, config.length, fresh)
    test = to_device(test, setting.device)
    probes = {} if job.slow else {"before": probe(model, test.x[:PROBED])}

    def batch_at(step: int) -> Batch:
        return adding_problem(config.batch, config.length, generator(seed, step))

    def measure() -> Mapping[str, float]:
        with torch.no_grad():
            return {"mse": round(squared_error(model, test).item(), 6)}

    curve = yield from learn(
        model,
        loss=squared_error,
        batch_at=batch_at,
        training=Training(config.steps, job.learning_rate),
        setting=setting,
        name=job.name.replace("_", " "),
        measure=measure,
        every=config.measure_every,
        done=done,
        total=total,
        enough=lambda point: point["mse"] <= config.solved,
    )
    if not job.slow:
        probes["after"] = probe(model, test.x[:PROBED])
    return {"curve": curve} | probes


def _metrics(
    config: Config, found: Mapping[str, Any], steps: Mapping[str, int]
) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for name, result in found.items():
        metrics[f"steps_{name}"] = steps[name]
        metrics[f"mse_{name}"] = result["curve"]["mse"][-1]
        for when in (when for when in WHEN if when in result):
            metrics[f"gradient_{name}_{when}"] = result[when]["gradient"]
            if forget := result[when].get("forget"):
                metrics[f"forget_{name}_{when}"] = statistics.fmean(forget)
                kept = [steps_kept(f) for f in forget]
                metrics[f"kept_{name}_{when}"] = max(kept)
                half = config.length / 2
                metrics[f"keepers_{name}_{when}"] = sum(k >= half for k in kept)
    moved = metrics["forget_lstm_1_after"] - metrics["forget_lstm_1_before"]
    lstms = [steps[f"lstm_{bias:g}"] for bias in config.forget_biases]
    slow = [steps[f"slow_lstm_{bias:g}"] for bias in config.forget_biases]
    return metrics | {
        "forget_lstm_1_moved": moved,
        "gru_over_lstm": steps["gru"] / steps["lstm_1"],
        "bias_0_over_1": steps["lstm_0"] / steps["lstm_1"],
        "bias_spread": max(lstms) / min(lstms),
        "slow_over_fast": sum(slow) / sum(lstms),
        "sequences_lstm_1": steps["lstm_1"] * config.batch,
    }


SOLVED = Config.solved


def _bands(
    half: float, before_0: float, before_1: float, slower: float
) -> tuple[Band, ...]:
    return (
        Band(
            "mse_rnn",
            "the tanh RNN ends its budget no better than it began (0.167: always 1)",
            low=0.1,
        ),
        Band("mse_lstm_1", "the LSTM with forget bias 1 solves it", high=SOLVED),
        Band("mse_lstm_0", "so does the LSTM with forget bias 0", high=SOLVED),
        Band("mse_gru", "and the GRU", high=SOLVED),
        Band("gru_over_lstm", "the GRU needs fewer steps than the LSTM", high=0.8),
        Band(
            "bias_spread",
            "the forget bias hardly matters here: the slowest of the LSTMs needs less "
            "than twice the steps of the fastest",
            1.0,
            2.0,
        ),
        Band(
            "slow_over_fast",
            "the learning rate does matter: with the slower one the LSTMs need more "
            "steps (those of the budget, where it was not enough)",
            low=slower,
        ),
        Band(
            "gradient_lstm_0_before",
            "forget bias 0: before training, nothing comes back to the first step",
            high=before_0,
        ),
        Band(
            "gradient_lstm_1_before",
            "forget bias 1: before training, little",
            high=before_1,
        ),
        Band("gradient_lstm_0_after", "after training, 0: all of it", -1.0, 1.0),
        Band("gradient_lstm_1_after", "after training, 1: all of it", -1.0, 1.0),
        Band("gradient_gru_after", "after training, GRU: much of it", -2.0, 1.0),
        Band(
            "forget_lstm_1_moved",
            "yet training does not raise the mean forget gate: it falls a little",
            -0.25,
            0.05,
        ),
        Band(
            "kept_lstm_1_after",
            "it opens that of one unit or a few: the most open one keeps what its cell "
            "holds for T/2 steps or longer, 1 / (1 - f)",
            low=half,
        ),
        Band("kept_lstm_1_before", "before training, for a few steps", high=8.0),
        Band("keepers_lstm_1_after", "so many units keep it for T/2 steps", 0.5, 8.0),
        Band("steps_lstm_1", "for comparison: steps, LSTM with forget bias 1"),
        Band("steps_lstm_0", "for comparison: steps, LSTM with forget bias 0"),
        Band("steps_gru", "for comparison: steps, GRU"),
        Band(
            "sequences_lstm_1",
            "for comparison: training sequences, LSTM with forget bias 1",
        ),
    )


RNN_AFTER = Band(
    "gradient_rnn_after",
    "to the first step of the tanh RNN nothing comes back after training either",
    high=-10.0,
)
_GRADIENTS = ("lstm_0", "lstm_1", "rnn", "gru")

EXPERIMENT = Experiment(
    name="adding-problem",
    chapter="lstm_gru",
    claim=(
        "LSTM and GRU learn to add two numbers that stand up to T steps apart; a tanh "
        "RNN does not within the same budget. How soon an LSTM learns it depends on "
        "the learning rate, and hardly on its forget bias. Training opens the forget "
        "gates of a few units, not of all, and through these the gradient comes back."
    ),
    source="Hochreiter & Schmidhuber (1997), table 7; Jozefowicz et al. (2015)",
    paper=(
        "LSTM of 93 weights, no forget gate, T = 100 / 500 / 1000: 1 / 0 / 1 of 2560 "
        "test sequences wrong, after 74,000 / 209,000 / 853,000 training sequences"
    ),
    scales={
        "quick": Config(
            length=30,
            hidden_size=32,
            forget_biases=(0.0, 1.0),
            learning_rate=1e-2,
            slow_rate=5e-3,
            steps=700,
            batch=32,
            measure_every=20,
            test_sequences=200,
        ),
        "cpu": Config(),
        # 500 small kernels each way in a step: twice the batch, as many steps, and the
        # largest forget bias only at scale cpu.
        "real": Config(
            length=500,
            hidden_size=128,
            forget_biases=(0.0, 1.0),
            batch=128,
            measure_every=100,
        ),
    },
    run=run,
    bands={
        "quick": _bands(15, -3.0, -0.8, 1.1),
        "cpu": (*_bands(50, -10.0, -3.5, 1.2), RNN_AFTER),
        "real": (*_bands(250, -50.0, -15.0, 1.1), RNN_AFTER),
    },
    figure=figure,
    units={f"steps_{name}": "steps" for name in ("lstm_0", "lstm_1", "rnn", "gru")}
    | {f"mse_{name}": "mean squared error" for name in ("lstm_0", "lstm_1", "gru")}
    | {"mse_rnn": "mean squared error", "sequences_lstm_1": "sequences"}
    | {
        f"gradient_{name}_{when}": "log₁₀ of its norm"
        for name in _GRADIENTS
        for when in ("before", "after")
    }
    | {"gru_over_lstm": "of the steps", "slow_over_fast": "times the steps"}
    | {"kept_lstm_1_before": "steps", "kept_lstm_1_after": "steps"}
    | {"bias_spread": "times the steps", "keepers_lstm_1_after": "units"},
)
