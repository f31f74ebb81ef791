"""How large is a patch? What smaller ones cost, and whether they are worth it.

An image of h x w pixels is n = h w / P² patches of side P. With the class token a
Vision Transformer reads T = n + 1 tokens. In FLOP, forward (a multiplication and an
addition are two), with F numbers inside the feed-forward network:

    patch embedding       2 n P² channels C       the same for all P
    each block            4 T² C                  every token with every token
                          8 T C² + 4 T C F        every token alone
    output                2 C K

So half the side is four times the tokens, and sixteen times the pairs of tokens.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor

from course_lib.decoding import evaluating
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.labels import Recipe
from course_lib.experiments.learning import Memo
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.transformer.race import one_thread
from course_lib.experiments.vit.training_pictures import (
    Corpus,
    count_flop,
    read,
    sizes_of,
    small_vit,
    taught,
)
from course_lib.training import Setting
from course_lib.transformer import TransformerConfig
from course_lib.vit import VisionTransformer, grid_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

RANKS = ("finest", "fine", "coarse", "coarsest")  # the four sides, at any scale


@dataclass(frozen=True)
class Config:
    """One Vision Transformer for each side of a patch; all else is the same."""

    corpus: Corpus = "digits"  # of 8 x 8 pixels, or others, which are downloaded
    sides: tuple[int, int, int, int] = (1, 2, 4, 8)  # pixels, P; 8 is a whole digit
    train: int = 1257  # pictures
    valid: int = 180  # pictures that choose a learning rate, or all there are
    test: int = 360  # pictures, or all there are
    size: int = 48  # C
    heads: int = 4  # H
    inner: int = 96  # F, inside the feed-forward network
    blocks: int = 3  # pre-norm
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)  # Adam's peak; one is chosen
    batch: int = 32  # pictures
    least: int = 400  # optimiser steps, and more if this is
    epochs: int = 20  # not so often round all pictures
    timed: int = 100  # pictures in a batch whose time is taken, at most those tested
    rounds: int = 15  # each times every side once; their median counts

    @property
    def recipe(self) -> Recipe:
        """Of all sides."""
        return Recipe(self.rates, self.batch, self.least, self.epochs)


SCALES = {
    "quick": Config(
        train=200,
        valid=60,
        test=100,
        size=16,
        heads=2,
        inner=16,
        blocks=1,
        rates=(1e-2,),
        least=40,
        epochs=1,
        timed=20,
        rounds=3,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="fashion_mnist",
        sides=(2, 4, 7, 14),
        train=10_000,
        valid=5000,
        test=10_000,
        size=64,
        inner=128,
        rates=(1e-3, 3e-3),
        batch=128,
        least=400,
        epochs=5,
    ),
}


def flop(
    sizes: TransformerConfig, image: tuple[int, int, int], side: int, classes: int
) -> dict[str, int]:
    """FLOP of one image, forward: of pairs of tokens, and of what is done to each."""
    channels, height, width = image
    rows, columns = grid_of(height, width, side)
    n, C = rows * columns, sizes.size
    T = n + 1  # and the class token
    alone = 8 * T * C**2 + 4 * T * C * sizes.inner
    ends = 2 * n * side**2 * channels * C + 2 * C * classes
    return {"pairs": sizes.blocks * 4 * T**2 * C, "alone": sizes.blocks * alone + ends}


def cpu_seconds(model: VisionTransformer, images: Tensor) -> float:
    """What one forward pass takes of one core, whatever else the machine does."""
    with one_thread(), evaluating(model):
        start = time.process_time()
        model(images)
        return time.process_time() - start


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train with each side; then count, and take times in turns."""
    task = read(config.corpus, config.valid, config.test, setting.seed)
    sizes = sizes_of(config.size, config.heads, config.inner, config.blocks)
    clear = replace(sizes, path="written_out")  # whose products are all counted
    recipe = config.recipe
    each = recipe.steps(config.train) * len(recipe.rates)
    done, total = 0, len(config.sides) * each + config.rounds + 1
    memo = Memo(setting, "learned")
    for side in config.sides:
        make = partial(small_vit, sizes, task, side, setting.seed)
        name = f"P={side}"
        if name not in memo.parts:
            found, _ = yield from taught(
                make, task, config.train, recipe, setting, name, done, total
            )
            memo.keep(name, found)
        done += each
    models = [small_vit(sizes, task, side, setting.seed) for side in config.sides]
    images = task.test.images[: config.timed]
    taken: list[list[float]] = [[] for _ in models]
    yield Progress(done, total, {}, "times", timing=True)
    for number in range(config.rounds + 1):
        for model, laps in zip(models, taken, strict=True):
            laps.append(1e6 * cpu_seconds(model, images) / len(images))
        yield Progress(done + number + 1, total, {}, "times")
    closed = [flop(sizes, task.image, side, task.classes) for side in config.sides]
    series = {
        "sides": list(config.sides),
        "patches": [model.grid[0] * model.grid[1] for model in models],
        "accuracy": [memo.parts[f"P={side}"][0] for side in config.sides],
        "chosen": [memo.parts[f"P={side}"][1] for side in config.sides],
        "mflop": [sum(one.values()) / 1e6 for one in closed],
        "mflop_pairs": [one["pairs"] / 1e6 for one in closed],
        "us": [statistics.median(laps[1:]) for laps in taken],  # the first is slow
    }
    counted = [
        count_flop(partial(small_vit, clear, task, side, 0), task.image)
        for side in config.sides
    ]
    metrics = measures(series)
    metrics["flop_error"] = max(
        abs(found / sum(one.values()) - 1)
        for found, one in zip(counted, closed, strict=True)
    )
    tokens = each * config.batch * sum(series["patches"])
    return Outcome(metrics, series, tokens)


def measures(series: Mapping[str, list[float]]) -> dict[str, float]:
    """Each number of each side; how accuracies differ, and how costs do."""
    metrics = {}
    for what in ("accuracy", "patches", "mflop", "us"):
        for rank, value in zip(RANKS, series[what], strict=True):
            metrics[f"{what}_{rank}"] = value
    for rank, pairs in zip(RANKS, series["mflop_pairs"], strict=True):
        metrics[f"pairs_{rank}"] = pairs / metrics[f"mflop_{rank}"]
    for rank in ("finest", "coarse", "coarsest"):
        there = metrics[f"accuracy_{rank}"]
        metrics[f"fine_over_{rank}"] = metrics["accuracy_fine"] - there
    for what in ("mflop", "us"):
        finest, fine = metrics[f"{what}_finest"], metrics[f"{what}_fine"]
        metrics[f"{what}_ratio"] = finest / fine
    return metrics


def figure(result: Result) -> Figure:
    """Accuracy, FLOP and time over the number of patches."""
    from course_lib.figures.palette import color

    figure, axes = blank(rows=3, height=2.6)
    first = result.runs[0].series
    n = first["patches"]
    lines = (
        (axes[0], "accuracy", "output", "-", None),
        (axes[1], "mflop", "weight", "-", "all"),
        (axes[1], "mflop_pairs", "attention", "--", "pairs of tokens, $4 T^2 C$"),
        (axes[2], "us", "gradient", "-", None),
    )
    for ax, what, quantity, line, label in lines:
        draw(
            ax,
            n,
            result.runs,
            lambda s, w=what: s[w],
            color=color(quantity),
            linestyle=line,
            marker="o",
            label=label,
        )
    ticks = [
        f"{count}\nP = {side}" for count, side in zip(n, first["sides"], strict=True)
    ]
    for ax in axes:
        ax.set_xscale("log", base=2)
        ax.set_xticks(n, ticks)
        ax.set_xlabel("patches in a picture, n")
    for ax, base in ((axes[1], 10), (axes[2], 2)):
        ax.set_yscale("log", base=base)
        ax.yaxis.set_major_formatter("{x:g}")
    for ax in axes:
        ax.minorticks_off()
    axes[0].set_ylabel("accuracy")
    axes[1].set_ylabel("million FLOP a picture")
    axes[1].legend(fontsize=8)
    axes[2].set_ylabel("CPU µs a picture")
    return figure


SHARE = "of the pictures"
EXPERIMENT = Experiment(
    name="patch-size",
    chapter="vit",
    claim=(
        "Half the side of a patch is four times the tokens and sixteen times the pairs "
        "of them; in a network as small as this, four to five times the FLOP. On so "
        "few and so small digits it is not worth it: one patch for each pixel is the "
        "worst. Sixteen and four can't be told apart, and one for the whole digit, "
        "which is the cheapest, is a little ahead of sixteen."
    ),
    source="Dosovitskiy et al. (2021), section 4.1 and table 5",
    paper=(
        "Dosovitskiy et al.: smaller patches are dearer, and better: ViT-B/16 is ahead "
        "of ViT-B/32, and ViT-L/16 of ViT-L/32"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("accuracy_coarse", "it learns something", low=0.2),
            Band("flop_error", "what is counted is the closed form: off by", 0, 0),
        ),
        # A trial with one seed kept all bands. After it fine_over_coarse was added, and
        # fine_over_finest, which was -0.02 to 0.1, begins at 0.
        "cpu": (
            Band("accuracy_finest", "right with side 1"),
            Band("accuracy_fine", "with side 2", low=0.9),
            Band("accuracy_coarse", "with side 4"),
            Band("accuracy_coarsest", "with side 8"),
            Band("fine_over_coarsest", "side 2 over side 8", -0.03, 0.03),
            Band("fine_over_coarse", "side 2 over side 4", high=0),
            Band("fine_over_finest", "side 2 over side 1", low=0),
            Band("mflop_ratio", "FLOP, side 1 over side 2", 4, 6),
            Band("us_ratio", "CPU time, side 1 over side 2", low=2),
            Band("flop_error", "FLOP by formula and as counted: off by", 0, 0),
        ),
        "real": (
            Band("fine_over_coarsest", "side 4 over side 14", low=0),
            Band("us_ratio", "CPU time, side 2 over side 4", low=3),
            Band("flop_error", "what is counted is the closed form: off by", 0, 0),
        ),
    },
    figure=figure,
    units={
        **{f"accuracy_{rank}": SHARE for rank in RANKS},
        **{f"fine_over_{r}": SHARE for r in RANKS if r != "fine"},
        **{f"mflop_{rank}": "million FLOP a picture" for rank in RANKS},
        **{f"us_{rank}": "CPU µs a picture" for rank in RANKS},
        **{f"pairs_{rank}": "of the FLOP" for rank in RANKS},
    },
    timed=True,
)
