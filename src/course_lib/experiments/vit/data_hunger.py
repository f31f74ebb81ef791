"""How many pictures does it take? The paper's figures 3 and 4, in the small.

A Vision Transformer and a residual network with as many weights learn the same pictures,
from more and more of them. Both are trained in the same way: as many steps, and a
learning rate that validation pictures choose, for each arm and number by itself.

As many weights are not as much work: a convolution uses each of its weights at every
place, as a block does for every patch, but there are more places than patches. So what
one picture costs is counted too.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from course_lib.cnn import weight_count
from course_lib.experiments.bert.finetuning import Learned, Recipe
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import Memo
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.vit.training_pictures import (
    Corpus,
    count_flop,
    read,
    sizes_of,
    small_cnn,
    small_vit,
    taught,
)
from course_lib.training import Setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

ARMS = {"vit": "Vision Transformer", "cnn": "residual network"}
FEW = 1  # where in the counts: with fewer pictures still, all is left to chance


@dataclass(frozen=True)
class Config:
    """Two networks of equal weight, each with each number of pictures."""

    corpus: Corpus = "digits"  # of 8 x 8 pixels, or others, which are downloaded
    counts: tuple[int, ...] = (50, 100, 200, 400, 800, 1257)  # pictures; at most all
    valid: int = 180  # pictures that choose a learning rate, or all there are
    test: int = 360  # pictures, or all there are
    side: int = 2  # pixels, of a patch
    size: int = 48  # C
    heads: int = 4  # H
    inner: int = 96  # inside the feed-forward network
    blocks: int = 3  # pre-norm
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)  # Adam's peak; one is chosen
    batch: int = 32  # pictures
    least: int = 400  # optimiser steps, and more if this is
    epochs: int = 30  # not so often round all pictures

    @property
    def recipe(self) -> Recipe:
        """Of both arms."""
        return Recipe(self.rates, self.batch, self.least, self.epochs)


SCALES = {
    "quick": Config(
        counts=(20, 100, 400),
        valid=60,
        test=100,
        size=16,
        heads=2,
        inner=16,
        blocks=1,
        rates=(1e-2,),
        least=40,
        epochs=1,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="fashion_mnist",
        counts=(1000, 3000, 10_000, 30_000, 55_000),
        valid=5000,
        test=10_000,
        side=4,
        size=64,
        inner=128,
        rates=(1e-3, 3e-3),
        batch=128,
        least=500,
        epochs=5,
    ),
}


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Each number of pictures, with both arms."""
    task = read(config.corpus, config.valid, config.test, setting.seed)
    counts = sorted({min(n, len(task.train.labels)) for n in config.counts})
    sizes = sizes_of(config.size, config.heads, config.inner, config.blocks)
    vit = partial(small_vit, sizes, task, config.side, setting.seed)
    cnn = partial(small_cnn, weight_count(vit()), task, setting.seed)
    make, recipe = {"vit": vit, "cnn": cnn}, config.recipe
    each = {n: recipe.steps(n) * len(recipe.rates) for n in counts}
    done, total = 0, len(ARMS) * sum(each.values())
    memo = Memo(setting, "learned")
    for n in counts:
        for arm in ARMS:
            name = f"{arm} {n}"
            if name not in memo.parts:
                found, _ = yield from taught(
                    make[arm], task, n, recipe, setting, name, done, total
                )
                memo.keep(name, found)
            done += each[n]
    learned = {
        arm: [Learned(*memo.parts[f"{arm} {n}"]) for n in counts] for arm in ARMS
    }
    series = {
        "counts": counts,
        "accuracy": {arm: [one.accuracy for one in learned[arm]] for arm in ARMS},
        "chosen": {arm: [one.chosen for one in learned[arm]] for arm in ARMS},
    }
    series["gap"] = gaps(**series["accuracy"])
    metrics = measures(series)
    for arm, model in make.items():
        metrics[f"weights_{arm}"] = weight_count(model())
        metrics[f"mflop_{arm}"] = count_flop(model, task.image) / 1e6
    T = vit().grid[0] * vit().grid[1]
    return Outcome(metrics, series, total * config.batch * T)


def gaps(vit: Sequence[float], cnn: Sequence[float]) -> list[float]:
    """By how much the residual network is ahead, for each number of pictures."""
    return [there - here for here, there in zip(vit, cnn, strict=True)]


def measures(series: Mapping[str, Any]) -> dict[str, float]:
    """With few pictures and with all; and whether the arms cross in between."""
    gap = series["gap"]
    metrics = {
        f"{when}_{arm}": series["accuracy"][arm][at]
        for when, at in (("few", FEW), ("all", -1))
        for arm in ARMS
    }
    return metrics | {
        "gap_few": gap[FEW],
        "gap_all": gap[-1],
        "gap_least": min(gap),
        "beyond_half": gap[FEW] / 2 - gap[-1],
    }


def figure(result: Result) -> Figure:
    """Accuracy over the number of pictures, and below it the gap."""
    from course_lib.figures.palette import color

    figure, (score, gap) = blank(rows=2, height=3.0)
    counts = result.runs[0].series["counts"]
    for arm, quantity, line, marker in (
        ("vit", "attention", "-", "o"),
        ("cnn", "baseline", "--", "s"),
    ):
        draw(
            score,
            counts,
            result.runs,
            lambda s, a=arm: s["accuracy"][a],
            color=color(quantity),
            linestyle=line,
            marker=marker,
            label=ARMS[arm],
        )
    draw(
        gap,
        counts,
        result.runs,
        lambda s: s["gap"],
        color=color("gradient"),
        marker="o",
    )
    gap.axhline(0, color="grey", linestyle=":")
    score.legend(fontsize=8, loc="lower right")
    score.set_ylabel("accuracy")
    gap.set_ylabel("residual network ahead by")
    for ax in (score, gap):
        ax.set_xscale("log")
        ax.set_xticks(counts, [f"{n:,}" for n in counts])
        ax.minorticks_off()
        ax.set_xlabel("pictures to train with")
    return figure


SHARE = "of the pictures"
EXPERIMENT = Experiment(
    name="data-hunger",
    chapter="vit",
    claim=(
        "With few pictures a Vision Transformer is far behind a residual network with "
        "as many weights. With more pictures the gap shrinks; with all there are here "
        "it has not closed."
    ),
    source="Dosovitskiy et al. (2021), section 4.3 and figures 3 and 4",
    paper=(
        "Dosovitskiy et al.: pre-trained on ImageNet's 1.3 million pictures, ViT is "
        "behind their residual networks (BiT); on 300 million (JFT) it is ahead"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("all_cnn", "it learns something: residual network", low=0.3),
            Band("all_vit", "Vision Transformer", low=0.15),
        ),
        "cpu": (
            Band("gap_few", "residual network ahead by, 100 digits", low=0.1),
            Band("beyond_half", "half of that, less the gap with all", low=0),
            Band("gap_least", "the least gap: they do not cross", low=0),
        ),
        "real": (
            Band("gap_few", "residual network ahead by, 3,000 pictures", low=0.01),
            Band("beyond_half", "half of that, less the gap with all"),
            Band("gap_least", "the least gap: below 0 they cross"),
        ),
    },
    figure=figure,
    units={
        **{f"{when}_{arm}": SHARE for when in ("few", "all") for arm in ARMS},
        **dict.fromkeys(("gap_few", "gap_all", "gap_least", "beyond_half"), SHARE),
        **{f"mflop_{arm}": "million FLOP a picture" for arm in ARMS},
    },
)
