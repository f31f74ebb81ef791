"""Why the dot product is divided by √d, what it costs not to, and what else mends it.

Of two vectors with d independent entries of variance 1 the dot product has variance d
(Vaswani et al. 2017, section 3.2.1, footnote 4). So with the width the scores spread,
the softmax puts all its weight on one key, and its Jacobian diag(α) - α αᵀ, through
which any gradient must pass to the scores, goes to 0. The additive score is a sum of d
terms as well, but its v starts with entries of at most 1/√d.

Does that hold learning back? One layer learns to look things up: each example hands a
value to each key, and asks for the value of one. Nothing says which query belongs to
which key. Queries, keys and values are learned, and so are W_q and W_k, of four kinds
(the first three start from the same draws):

- ``unscaled``: (W_q q) · (W_k k), with entries of variance 1 as in the footnote;
- ``scaled``: the same, over √d;
- ``small``: unscaled, but W_q and W_k start smaller by d^(1/4) each. Its first scores
  are those of ``scaled``, but the same change of W_q moves them further;
- ``additive``: v · tanh(W_q q + W_k k).

Each learns at several rates. Which is best is chosen on other examples than it is
tested on. The optimiser is Adam, as in the paper. It makes up for a gradient that is
small, so what is measured is not that the steps are too short.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import Additive, Attention, Dot
from course_lib.data.batching import generator
from course_lib.decoding import evaluating
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import Memo, learn
from course_lib.experiments.plots import blank, draw
from course_lib.training import Setting, Training, to_device

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

SCORES = ("unscaled", "scaled", "additive")
KINDS = (*SCORES, "small")
SIZES = ("narrow", "middle", "wide")
LEARNED = 0.99  # accuracy at which training ends
MASTERED = 0.95  # accuracy at which a learning rate counts as one that works


@dataclass(frozen=True)
class Config:
    """Random vectors of many widths, then a lookup that is learned at a few."""

    widths: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 512, 1024)  # d, random
    queries: int = 1000  # random ones of each width
    keys: int = 16  # that a query is compared with, random and learned
    values: int = 16  # that a key can have
    narrow: int = 16  # d of a layer that learns
    middle: int = 64  # likewise
    wide: int = 256  # likewise
    rates: tuple[float, ...] = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)  # of Adam
    rate: float = 1e-3  # at which they are compared without a choice: Adam's default
    steps: int = 300  # optimiser steps
    long: int = 4  # times as many steps for wide layers without a scale, and at ...
    slow: float = 1e-4  # ... this rate: are they only slower?
    batch: int = 32  # examples
    test: int = 500  # examples; as many others choose the rate
    measure_every: int = 50  # optimiser steps


class Examples(NamedTuple):
    """Which value each key has, and what is asked for."""

    values: Tensor  # (B, S)
    query: Tensor  # (B,), the key asked for
    answer: Tensor  # (B,)


class Projected(nn.Module):
    """(W_q q) · (W_k k), as a score of :class:`~course_lib.attention.Attention`."""

    def __init__(self, width: int, scaled: bool) -> None:
        super().__init__()
        self.query_size = self.memory_size = width
        self.W_q = nn.Linear(width, width, bias=False)
        self.W_k = nn.Linear(width, width, bias=False)
        self.dot = Dot(width, scaled)

    def keys(self, memory: Tensor) -> Tensor:
        """``(B, S, d)`` -> ``(B, S, d)``."""
        return self.dot.keys(self.W_k(memory))

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """``query (B, T, d)``, ``keys (B, S, d)`` -> ``(B, T, S)``."""
        return self.dot(self.W_q(query), keys)


class Lookup(nn.Module):
    """Find the value of a key: a query and a key for each word, and one attention."""

    def __init__(self, kind: str, width: int, keys: int, values: int) -> None:
        super().__init__()
        self.query = nn.Embedding(keys, width)  # N(0, 1), as torch starts them
        self.key = nn.Embedding(keys, width)
        self.value = nn.Embedding(values, width)
        self.output = nn.Linear(width, values)
        additive = kind == "additive"
        score = (
            Additive(width, width, width)
            if additive
            else Projected(width, kind == "scaled")
        )
        for W in (score.W_q, score.W_k):
            nn.init.normal_(W.weight, std=width ** (-0.75 if kind == "small" else -0.5))
        self.attention = Attention(score)

    def forward(self, examples: Examples) -> tuple[Tensor, Tensor]:
        """Logits of the answer ``(B, V)`` and weights ``(B, S)``."""
        B, S = examples.values.shape
        mask = torch.ones(B, S, dtype=torch.bool, device=examples.values.device)
        memory = self.attention.remember(self.key.weight[None], mask)  # (1, S, d)
        memory = memory._replace(
            keys=memory.keys.expand(B, -1, -1),  # (1, S, d) -> (B, S, d)
            values=self.value(examples.values),  # (B, S) -> (B, S, d)
        )
        query = self.query(examples.query)[:, None]  # (B,) -> (B, 1, d)
        time = torch.zeros_like(examples.query)
        context, weights = self.attention(query, memory, time)
        return self.output(context[:, 0]), weights[:, 0]


def build(kind: str, width: int, config: Config, seed: int) -> Lookup:
    """One layer before training; kinds of one seed and width start from one draw."""
    torch.manual_seed(seed)
    return Lookup(kind, width, config.keys, config.values)


def examples(config: Config, number: int, random: torch.Generator) -> Examples:
    """That many, all drawn independently."""
    shape = number, config.keys
    values = torch.randint(config.values, shape, generator=random)
    query = torch.randint(config.keys, (number,), generator=random)
    return Examples(values, query, values[torch.arange(number), query])


def spread(kind: str, width: int, config: Config, random: torch.Generator) -> Tensor:
    """Scores of random queries and keys, entries N(0, 1): (queries, keys)."""
    query = torch.randn(config.queries, 1, width, generator=random)
    keys = torch.randn(config.queries, config.keys, width, generator=random)
    if kind != "additive":
        score: nn.Module = Dot(width, kind == "scaled")
    else:  # only v is drawn: q and k are what W_q and W_k would make
        score = Additive(width, width, width)
        drawn = torch.rand(1, width, generator=random)  # as torch does
        with torch.no_grad():
            score.W_q.weight.copy_(torch.eye(width))
            score.W_k.weight.copy_(torch.eye(width))
            score.v.weight.copy_((2 * drawn - 1) * width**-0.5)
    with torch.no_grad():
        return score(query, score.keys(keys))[:, 0]


def saturation(scores: Tensor) -> dict[str, float]:
    """What a softmax over ``scores (N, S)`` makes of them.

    ``jacobian`` is the Frobenius norm of diag(α) - α αᵀ, the median over the N rows.
    The mean belongs to the few rows where two keys happen to be level.
    """
    a = scores.double().softmax(dim=1)
    squares = a.pow(2).sum(dim=1)
    jacobian = (squares - 2 * a.pow(3).sum(dim=1) + squares**2).clamp(min=0).sqrt()
    entropy = torch.special.entr(a).sum(dim=1) / math.log(scores.shape[1])
    return {
        "variance": scores.double().var().item(),
        "largest": a.amax(dim=1).mean().item(),
        "entropy": entropy.mean().item(),  # 1: all keys alike
        "jacobian": jacobian.median().item(),
        "jacobian_mean": jacobian.mean().item(),
    }


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Random vectors, then every layer; one that has learned is remembered."""
    memo = Memo(setting, "scaled-dot-product")
    random = generator(setting.seed, -1)
    found = {
        kind: [
            saturation(spread(kind, width, config, random)) for width in config.widths
        ]
        for kind in SCORES
    }
    widths = [getattr(config, size) for size in SIZES]
    plan = [(*one, config.steps) for one in product(KINDS, widths, config.rates)]
    many = config.long * config.steps
    total = len(plan) * config.steps + 2 * many
    done = 0

    def learned(
        kind: str, width: int, rate: float, steps: int
    ) -> Generator[Progress, None, list[float]]:
        nonlocal done
        name = f"{kind} {width} at {rate:g}, {steps}"
        if name not in memo.parts:
            one = yield from _learn(
                config, setting, kind, width, rate, steps, name, done, total
            )
            memo.keep(name, one)
        done += steps
        return memo.parts[name]

    accuracy: dict[str, list[list[float]]] = {}
    for kind, width, rate, steps in plan:
        one = yield from learned(kind, width, rate, steps)
        accuracy.setdefault(f"{kind} {width}", []).append(one)
    long = {}
    for kind in ("unscaled", "small"):
        one = yield from learned(kind, config.wide, config.slow, many)
        long[f"long_{kind}_wide"] = one[1]
    tokens = total * config.batch * config.keys
    series = {
        "random": {
            kind: {name: [one[name] for one in rows] for name in rows[0]}
            for kind, rows in found.items()
        },
        "accuracy": {
            name: [tested for _, tested in rows] for name, rows in accuracy.items()
        },
    }
    values = _of_random(config, series["random"]) | _of_learned(config, accuracy)
    return Outcome(values | long, series, tokens)


def _learn(
    config: Config,
    setting: Setting,
    kind: str,
    width: int,
    rate: float,
    steps: int,
    name: str,
    done: int,
    total: int,
) -> Generator[Progress, None, list[float]]:
    """Accuracy on the examples that choose the rate, and on those of the test."""
    model = build(kind, width, config, setting.seed)
    # Batches are drawn from steps 0 and up.
    chosen, tested = (
        examples(config, config.test, generator(setting.seed, -number))
        for number in (2, 3)
    )
    yield from learn(
        model,
        loss=lambda model, batch: F.cross_entropy(model(batch)[0], batch.answer),
        batch_at=lambda step: examples(
            config, config.batch, generator(setting.seed, step)
        ),
        training=Training(steps, rate),
        setting=setting,
        name=name,
        measure=lambda: {"accuracy": accuracy_of(model, chosen)},
        every=config.measure_every,
        done=done,
        total=total,
        enough=lambda point: point["accuracy"] >= LEARNED,
    )
    return [accuracy_of(model, chosen), accuracy_of(model, tested)]


def accuracy_of(model: Lookup, these: Examples) -> float:
    """The share of ``these`` whose answer is the most probable."""
    these = to_device(these, model.key.weight.device)
    with evaluating(model):
        logits, _ = model(these)
    return (logits.argmax(dim=1) == these.answer).double().mean().item()


def best(accuracy: list[list[float]]) -> int:
    """The place of the rate that is best on the examples that choose it."""
    return max(range(len(accuracy)), key=lambda i: accuracy[i][0])


def _of_random(
    config: Config, found: Mapping[str, Mapping[str, list[float]]]
) -> dict[str, float]:
    values = {
        f"variance_slope_{kind}": slope(config.widths, found[kind]["variance"])
        for kind in SCORES
    }
    for kind in SCORES:
        for name in ("largest", "entropy", "jacobian", "jacobian_mean"):
            values[f"{name}_{kind}_narrowest"] = found[kind][name][0]
            values[f"{name}_{kind}_widest"] = found[kind][name][-1]
        first, *_, last = found[kind]["jacobian"]
        values[f"jacobian_fall_{kind}"] = math.log10(first / max(last, 1e-300))
    return values


def slope(x: tuple[int, ...], y: list[float]) -> float:
    """Of a straight line through log ``y`` over log ``x``."""
    logs = torch.tensor([x, y], dtype=torch.float64).log()
    u, v = logs - logs.mean(dim=1, keepdim=True)
    return ((u * v).sum() / (u * u).sum()).item()


def _of_learned(
    config: Config, accuracy: Mapping[str, list[list[float]]]
) -> dict[str, float]:
    values = {}
    place = config.rates.index(config.rate)
    for kind in KINDS:
        for size in SIZES:
            rows = accuracy[f"{kind} {getattr(config, size)}"]
            values[f"one_rate_{kind}_{size}"] = rows[place][1]
            values[f"best_{kind}_{size}"] = rows[best(rows)][1]
            values[f"rates_{kind}_{size}"] = sum(
                tested >= MASTERED for _, tested in rows
            )
    return values


def figure(result: Result) -> Figure:
    """Random vectors: largest weight and Jacobian by width; then what is learned."""
    from course_lib.figures.palette import color

    shades = {
        "unscaled": color("gradient"),
        "scaled": color("attention"),
        "additive": color("output"),
        "small": color("key"),
    }
    says = {"small": "unscaled, small start"}
    figure, (largest, jacobian, learned) = blank(rows=3, height=2.8)
    for kind in SCORES:
        for ax, name in ((largest, "largest"), (jacobian, "jacobian")):
            draw(
                ax,
                result.config["widths"],
                result.runs,
                lambda series, kind=kind, name=name: series["random"][kind][name],
                color=shades[kind],
                marker="o",
                markersize=3,
                label=kind,
            )
    for kind in KINDS:
        for size, style in (("narrow", ":"), ("wide", "-")):
            width = result.config[size]
            draw(
                learned,
                result.config["rates"],
                result.runs,
                lambda series, name=f"{kind} {width}": series["accuracy"][name],
                color=shades[kind],
                linestyle=style,
                marker="o",
                markersize=3,
                label=says.get(kind, kind) if size == "wide" else None,
            )
    for size, style in (("narrow", ":"), ("wide", "-")):
        label = f"d = {result.config[size]}"
        learned.plot([], [], color="grey", linestyle=style, label=label)
    for ax in (largest, jacobian):
        ax.set_xscale("log", base=2)
        ax.set_xlabel("width d of query and key, random")
    jacobian.set_yscale("log")
    learned.set_xscale("log")
    largest.set_ylabel("largest weight")
    jacobian.set_ylabel("norm of the softmax's Jacobian")
    learned.set_ylabel("lookups that are right")
    learned.set_xlabel("learning rate")
    largest.set_ylim(0, 1.02)
    learned.set_ylim(0, 1.02)
    for ax in (largest, jacobian):
        ax.legend(fontsize=7)
    learned.legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def _bands(fall: float, stuck: float, learned: float) -> tuple[Band, ...]:
    """``fall`` in orders of magnitude; ``stuck`` and ``learned`` are accuracies."""
    return (
        Band(
            "variance_slope_unscaled",
            "random vectors: the variance of q · k is d (slope of its logarithm: 1)",
            0.95,
            1.05,
        ),
        Band("variance_slope_scaled", "over √d it does not depend on d", -0.05, 0.05),
        Band("largest_unscaled_widest", "d = 1024, unscaled: largest weight", low=0.9),
        Band("largest_scaled_widest", "d = 1024, scaled: largest weight", high=0.4),
        Band(
            "jacobian_fall_unscaled",
            "unscaled: the softmax's Jacobian falls from the narrowest to widest by",
            low=fall,
        ),
        Band("jacobian_fall_scaled", "scaled: the Jacobian falls by", -0.1, 0.1),
        Band(
            "one_rate_unscaled_wide",
            "wide layer, at Adam's default rate: unscaled",
            high=stuck,
        ),
        Band("one_rate_scaled_wide", "wide, Adam's default rate: scaled", low=0.6),
        Band(
            "best_unscaled_wide",
            "wide, at its best rate: unscaled",
            high=stuck,
        ),
        Band("best_scaled_wide", "wide, at its best rate: scaled", low=learned),
        Band("best_additive_wide", "wide, at its best rate: additive", low=learned),
        Band(
            "long_unscaled_wide",
            "wide, four times the steps at a small rate: unscaled",
            high=stuck,
        ),
        Band(
            "long_small_wide",
            "wide, four times the steps at a small rate: unscaled, smaller start",
            low=learned,
        ),
        Band(
            "best_unscaled_narrow",
            "narrow, at its best rate: unscaled",
            low=0.7,
        ),
    )


EXPERIMENT = Experiment(
    name="scaled-dot-product",
    chapter="attention",
    claim=(
        "The variance of a dot product grows with the width, and the softmax over such "
        "scores saturates. Divided by √d it does neither, nor does the additive score. "
        "A wide layer that starts saturated does not learn to look up, at any rate "
        "that was tried; a narrow one learns most of it. A smaller start mends it as "
        "well, but then only small learning rates work."
    ),
    source="Vaswani et al. (2017), section 3.2.1",
    paper=(
        "footnote 4: with independent components of mean 0 and variance 1, q · k has "
        "variance d; that saturation is why additive attention did better at large d "
        "is what they suspect, and give no number for"
    ),
    scales={
        "quick": Config(
            widths=(4, 16, 64, 256, 1024),
            queries=200,
            keys=8,
            values=8,
            narrow=8,
            middle=32,
            wide=128,
            rates=(3e-4, 1e-3, 1e-2),
            steps=150,
            test=200,
            measure_every=30,
        ),
        "cpu": Config(),
        "real": Config(middle=128, wide=1024, steps=400, test=2000),
    },
    run=run,
    bands={
        "quick": _bands(fall=1.5, stuck=0.5, learned=0.9),
        "cpu": _bands(fall=2.5, stuck=0.5, learned=0.95),
        "real": _bands(fall=2.5, stuck=0.5, learned=0.95),
    },
    figure=figure,
    units={f"jacobian_fall_{kind}": "orders of magnitude" for kind in SCORES}
    | {
        f"{name}_{kind}_{size}": unit
        for name, unit in (
            ("one_rate", "of the lookups"),
            ("best", "of the lookups"),
            ("rates", "learning rates"),
        )
        for kind in KINDS
        for size in SIZES
    }
    | dict.fromkeys(("long_unscaled_wide", "long_small_wide"), "of the lookups"),
)
