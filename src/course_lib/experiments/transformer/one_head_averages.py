"""Who kicked what? One head can't tell, because it averages.

In "I kicked the ball" the verb needs the word before it and the second one after it,
and must know which is which. Here a sequence of random symbols plays the sentence. One
layer and a linear readout must say at each place i both x[i-1], who, and x[i+2], what.

A convolution has a matrix of its own for each relative place. A head has one W_v for
all of them: what it gives out is a mean, Σ_j α_j W_v x_j. Two heads have two.

Do unequal weights α not tell the two apart? To a linear readout they do not. Say that a
head sees only these two, a with the greater weight α_a, and b. Cross-entropy is convex
in the readout, and knows no symbol from another: with the symbols renamed any readout
costs the same, and the mean over all ways to rename them costs no more. So nothing
beats a readout that treats all alike: the logit of a is c α_a, that of b is c α_b, and
all others have 0. Be it trained to say a or b, c is best above 0, and then a wins. What
has the smaller weight is right by chance, one time in so many as there are symbols.

A readout that is not linear can tell α_a from α_b. One head with a small network behind
it is measured as well, for comparison.

Accuracy is the share of places at which both items are right at once, of those that
have both: the edges are neither learned nor counted.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data.batching import generator
from course_lib.decoding import evaluating
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import Memo, learn
from course_lib.experiments.plots import blank, draw
from course_lib.positions import Learned
from course_lib.self_attention import MultiHeadAttention, weights_kept
from course_lib.training import Setting, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

LAYERS = {  # and their heads
    "convolution": 0,
    "one_head": 1,
    "two_heads": 2,
    "four_heads": 4,
    "eight_heads": 8,
    "one_head_mlp": 1,
}
SAYS = {kind: kind.replace("_", " ") for kind in LAYERS}
SAYS["one_head_mlp"] = "one head, MLP readout"
HEADED = tuple(kind for kind, heads in LAYERS.items() if heads)
MEASURES = ("both", "who", "what")
ITEMS = (-1, 2)  # who, and what: places relative to the verb's
BEFORE, AFTER = 1, 2  # places at the edges that lack one of the two
NEAR = range(-4, 5)  # relative places whose weights are shown


@dataclass(frozen=True)
class Config:
    """Random symbols, one layer, one readout."""

    symbols: int = 16  # the second item is guessed right once in so many
    length: int = 16  # places of a sequence
    size: int = 64  # C, of every layer
    kernel: int = 5  # places that the convolution sees
    inner: int = 256  # numbers inside the readout that is not linear
    steps: int = 800  # optimiser steps of each layer
    batch: int = 64  # sequences
    learning_rate: float = 1e-2  # Adam; falls to 0 in a straight line
    test: int = 500  # sequences
    measure_every: int = 50  # optimiser steps

    def __post_init__(self) -> None:
        if self.length < len(NEAR):
            raise ValueError(
                f"length: got {self.length}, expected at least {len(NEAR)}"
            )
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel: got {self.kernel}, expected an odd number")


class Convolution(nn.Module):
    """A matrix for each relative place: ``(B, T, C)`` -> ``(B, T, C)``."""

    def __init__(self, size: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(size, size, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.mT).mT  # (B, T, C) -> (B, C, T) -> (B, T, C)


class SelfAttention(MultiHeadAttention):
    """Every place looks at all: ``(B, T, C)`` -> ``(B, T, C)``."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x, self.look_at(x))


class Reader(nn.Module):
    """Symbols with their places, one layer, and a readout of the two items."""

    def __init__(self, kind: str, config: Config) -> None:
        super().__init__()
        C, heads, logits = config.size, LAYERS[kind], len(ITEMS) * config.symbols
        self.symbols = nn.Embedding(config.symbols, C)
        self.places = Learned(config.length, C)  # or no head would know its neighbour
        self.layer = SelfAttention(C, heads) if heads else Convolution(C, config.kernel)
        self.readout: nn.Module = nn.Linear(C, logits)
        if kind.endswith("mlp"):
            self.readout = nn.Sequential(
                nn.Linear(C, config.inner), nn.ReLU(), nn.Linear(config.inner, logits)
            )

    def forward(self, x: Tensor) -> Tensor:
        """``x (B, T)`` -> logits ``(B, T - 3, 2, V)``, without the edges."""
        layer = self.layer(self.places(self.symbols(x)))  # (B, T) -> (B, T, C)
        logits = self.readout(layer)[:, BEFORE:-AFTER]
        return logits.unflatten(2, (len(ITEMS), -1))


def build(kind: str, config: Config, seed: int) -> Reader:
    """One reader before training."""
    torch.manual_seed(seed)
    return Reader(kind, config)


def sequences(config: Config, number: int, random: torch.Generator) -> Tensor:
    """That many, every symbol drawn by itself: ``(number, T)``."""
    shape = number, config.length
    return torch.randint(config.symbols, shape, generator=random)


def items(x: Tensor) -> Tensor:
    """x[i-1] and x[i+2] of every place i that has both: ``(B, T - 3, 2)``."""
    last = x.shape[1] - AFTER
    return torch.stack([x[:, BEFORE + o : last + o] for o in ITEMS], dim=2)


def loss(model: nn.Module, x: Tensor) -> Tensor:
    """Mean cross-entropy of an item, in nats."""
    return F.cross_entropy(model(x).flatten(0, 2), items(x).flatten())


def accuracies(model: Reader, x: Tensor) -> dict[str, float]:
    """Of the places with both items: ``both`` right at once, and each by itself."""
    x = x.to(model.symbols.weight.device)
    with evaluating(model):
        right = model(x).argmax(dim=3) == items(x)  # (B, T - 3, 2)
    who, what = right.double().mean(dim=(0, 1)).tolist()
    return {"both": right.all(dim=2).double().mean().item(), "who": who, "what": what}


def offsets(model: Reader, x: Tensor) -> list[list[float]]:
    """For each head its mean weight on each of :data:`NEAR`, relative to the query.

    Queries too near to an edge for some of these places are left out.
    """
    x = x.to(model.symbols.weight.device)
    with evaluating(model), weights_kept(model) as layers:
        model(x)
        weights = next(iter(layers.values())).weights.mean(dim=0)  # (H, T, T)
    first, last = -NEAR[0], x.shape[1] - NEAR[-1]
    return [
        [head.diagonal(o)[_within(o, first, last)].mean().item() for o in NEAR]
        for head in weights
    ]


def _within(offset: int, first: int, last: int) -> slice:
    """Of the diagonal at ``offset`` the queries from ``first`` to before ``last``."""
    start = max(0, -offset)  # the diagonal's first query
    return slice(first - start, last - start)


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """One layer after the other; one that has learned is remembered."""
    memo = Memo(setting, "one-head-averages")
    total = len(LAYERS) * config.steps
    for number, kind in enumerate(LAYERS):
        if kind not in memo.parts:
            found = yield from _one(config, setting, kind, number * config.steps, total)
            memo.keep(kind, found)
    parts = {kind: memo.parts[kind] for kind in LAYERS}
    return Outcome(metrics_of(parts), parts, total * config.batch * config.length)


def _one(
    config: Config, setting: Setting, kind: str, done: int, total: int
) -> Generator[Progress, None, dict[str, Any]]:
    model = build(kind, config, setting.seed)
    # Batches are drawn from steps 0 and up.
    test = sequences(config, config.test, generator(setting.seed, -1))
    curve = yield from learn(
        model,
        loss=loss,
        batch_at=lambda step: sequences(
            config, config.batch, generator(setting.seed, step)
        ),
        training=Training(config.steps, config.learning_rate, schedule="linear"),
        setting=setting,
        name=SAYS[kind],
        measure=lambda: accuracies(model, test),
        every=config.measure_every,
        done=done,
        total=total,
    )
    return {"curve": curve, "offsets": offsets(model, test) if LAYERS[kind] else []}


def metrics_of(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Each layer's accuracies at the end, and how sharply its heads look.

    ``weight`` is that on an item by the head which looks at it most, the mean of the
    two items.
    """
    metrics = {
        f"{measure}_{kind}": part["curve"][measure][-1]
        for kind, part in parts.items()
        for measure in MEASURES
    }
    for kind in HEADED:
        most = [
            max(head[item - NEAR[0]] for head in parts[kind]["offsets"])
            for item in ITEMS
        ]
        metrics[f"weight_{kind}"] = sum(most) / len(most)
    one = metrics["who_one_head"], metrics["what_one_head"]
    return metrics | {"better_one_head": max(one)}


def figure(result: Result) -> Figure:
    """Learning curves, and where the heads of three layers of the first seed look."""
    from course_lib.figures.palette import color

    shown = ("one_head", "one_head_mlp", "two_heads")
    styles = {
        "convolution": ("baseline", "-"),
        "one_head": ("negative", "-"),
        "two_heads": ("attention", "-"),
        "four_heads": ("attention", "--"),
        "eight_heads": ("attention", ":"),
        "one_head_mlp": ("output", "-"),
    }
    figure, (learned, looks) = blank(rows=2, height=3.0)
    for kind, (quantity, line) in styles.items():
        draw(
            learned,
            result.runs[0].series[kind]["curve"]["step"],
            result.runs,
            lambda series, kind=kind: series[kind]["curve"]["both"],
            color=color(quantity),
            linestyle=line,
            label=SAYS[kind],
        )
    learned.set_ylim(0, 1.02)
    learned.set_xlabel("optimiser steps")
    learned.set_ylabel("both items right, of all places")
    learned.legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    series = result.runs[0].series
    rows = [
        (SAYS[kind] if number == 0 else "", head)
        for kind in shown
        for number, head in enumerate(series[kind]["offsets"])
    ]
    looks.grid(False)
    looks.imshow([head for _, head in rows], "Purples", vmin=0, vmax=1, aspect="auto")
    for row, (_, head) in enumerate(rows):
        for column, weight in enumerate(head):
            looks.text(
                column,
                row,
                f"{weight:.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if weight > 0.5 else "black",
            )
    looks.set_xticks(
        range(len(NEAR)), [f"{place:+d}" if place else "0" for place in NEAR]
    )
    looks.set_yticks(range(len(rows)), [says for says, _ in rows], fontsize=7)
    looks.set_xlabel("place looked at, counted from the query")
    looks.set_ylabel("mean weight, one head a row")
    return figure


def _bands(one: float, others: float, network: float) -> tuple[Band, ...]:
    """Shares of places at which both items are right."""
    return (
        Band("both_convolution", "a convolution of width 5", low=others),
        Band("both_one_head", "attention with one head", high=one),
        *(
            Band(f"both_{kind}", f"attention with {SAYS[kind]}", low=others)
            for kind in ("two_heads", "four_heads", "eight_heads")
        ),
        Band("better_one_head", "one head: the item that it gets more often", low=0.7),
        Band(
            "both_one_head_mlp",
            "for comparison: one head, and a readout that is not linear",
            low=network,
        ),
    )


EXPERIMENT = Experiment(
    name="one-head-averages",
    chapter="transformer",
    claim=(
        "One head mixes what it looks at into one mean, and a linear readout can't say "
        "which part of it came from where: it gets one of two items, and guesses the "
        "other. Two heads get both, as a convolution does. So does one head with a "
        "readout that is not linear: what is averaged is not lost."
    ),
    source="Vaswani et al. (2017), section 3.2.2",
    paper=(
        "that averaging hinders a single head is said, not measured; translation, "
        "English to German: 24.9 BLEU with one head, 25.8 with eight (table 3, row A)"
    ),
    scales={
        "quick": Config(length=10, steps=200, test=100, measure_every=20),
        "cpu": Config(),
        "real": Config(
            symbols=64,
            length=64,
            size=512,
            inner=2048,
            steps=2000,
            batch=128,
            learning_rate=1e-3,
            measure_every=100,
        ),
    },
    run=run,
    bands={
        "quick": _bands(one=0.25, others=0.95, network=0.8),
        "cpu": _bands(one=0.15, others=0.99, network=0.95),
        "real": _bands(one=0.15, others=0.99, network=0.95),
    },
    figure=figure,
    units={
        f"{measure}_{kind}": "of the places" for measure in MEASURES for kind in LAYERS
    }
    | {f"weight_{kind}": "of a head's weight" for kind in HEADED}
    | {"better_one_head": "of the places"},
)
