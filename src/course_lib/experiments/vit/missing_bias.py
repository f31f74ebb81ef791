"""What does a convolution know beforehand? Take it away, and see who misses it.

All pictures, those of the test too, are laid out anew in one fixed order, and a network
is trained on that from its first numbers:

    none       as they are
    patches    the patches change places, and stay whole
    pixels     the pixels change places

No order takes anything away: it could be undone. But what is near each other no longer
belongs together. That is all that a convolution knew.

A Vision Transformer can't tell that patches have changed places. If its table of
positions does so too, it gives the same logits: exactly, trained or not. The table is
learned from noise, so training is as hard in any order. Without positions it can't tell
even where it is trained on the one and asked about the other.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from course_lib.cnn import weight_count
from course_lib.data.batching import generator
from course_lib.experiments.bert.finetuning import Recipe
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import Memo
from course_lib.experiments.plots import blank, over_seeds
from course_lib.experiments.vit.training_pictures import (
    Corpus,
    Examples,
    Task,
    logits,
    read,
    sizes_of,
    small_cnn,
    small_vit,
    taught,
)
from course_lib.training import Setting
from course_lib.vit import VisionTransformer, assembled, patches

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

ARMS = {
    "cnn": "residual network",
    "vit": "Vision Transformer",
    "placeless": "the same without positions",
}
ORDERS = {
    "none": "as it is",
    "patches": "patches shuffled",
    "pixels": "pixels shuffled",
}


@dataclass(frozen=True)
class Config:
    """Three networks, each trained on pictures in each of three orders."""

    corpus: Corpus = "digits"  # of 8 x 8 pixels, or others, which are downloaded
    train: int = 400  # pictures, so few that what is known beforehand counts
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
        least=40,
        epochs=1,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="fashion_mnist",
        train=10_000,
        valid=5000,
        test=10_000,
        side=4,
        size=64,
        inner=128,
        rates=(1e-3, 3e-3),
        batch=128,
        least=500,
        epochs=10,
    ),
}


def patch_order(T: int, seed: int) -> Tensor:
    """Which patch comes to stand at each of T places, ``(T,)``."""
    return torch.randperm(T, generator=generator(seed, 0))


def pixel_order(kind: str, height: int, width: int, side: int, seed: int) -> Tensor:
    """Which pixel comes to stand at each place, row by row: ``(height · width,)``."""
    pixels = torch.arange(height * width)
    if kind == "pixels":
        return pixels[torch.randperm(len(pixels), generator=generator(seed, 1))]
    if kind == "patches":
        cut = patches(pixels.view(1, 1, height, width), side)  # (1, T, P · P)
        moved = cut[:, patch_order(cut.shape[1], seed)]
        return assembled(moved, side, 1, height, width).flatten()
    return pixels


def shuffled(images: Tensor, order: Tensor) -> Tensor:
    """``images (B, channels, height, width)`` with all pixels in another ``order``."""
    return images.flatten(2)[:, :, order].view_as(images)


def in_order(task: Task, kind: str, side: int, seed: int) -> Task:
    """``task`` with all its pictures in the order ``kind``."""
    order = pixel_order(kind, *task.image[1:], side, seed)

    def moved(part: Examples) -> Examples:
        return Examples(shuffled(part.images, order), part.labels)

    return Task(moved(task.train), moved(task.valid), moved(task.test), task.classes)


def renumbered(model: VisionTransformer, order: Tensor) -> VisionTransformer:
    """A copy whose learned positions change places as patches do in ``order (T,)``."""
    other = copy.deepcopy(model)
    if model.positions == "learned":  # the class token, at place 0, stays
        places = torch.cat([torch.zeros(1, dtype=torch.long), 1 + order])
        other.places = nn.Parameter(model.places.detach()[places])
    return other


def identity_error(
    model: VisionTransformer, task: Task, moved: Task, seed: int
) -> float:
    """By how much a logit changes, at most, if patches and positions both move."""
    T = model.grid[0] * model.grid[1]
    other = renumbered(model, patch_order(T, seed))
    here, there = logits(model, task.test.images), logits(other, moved.test.images)
    return (here - there).abs().max().item()


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Each order, with all networks."""
    seed = setting.seed
    task = read(config.corpus, config.valid, config.test, seed)
    tasks = {kind: in_order(task, kind, config.side, seed) for kind in ORDERS}
    sizes = sizes_of(config.size, config.heads, config.inner, config.blocks)
    vit = partial(small_vit, sizes, task, config.side, seed)
    make = {
        "cnn": partial(small_cnn, weight_count(vit()), task, seed),
        "vit": vit,
        "placeless": partial(vit, positions="none"),
    }
    recipe = config.recipe
    each = recipe.steps(config.train) * len(recipe.rates)
    done, total = 0, len(ORDERS) * len(ARMS) * each
    memo = Memo(setting, "learned")
    for kind in ORDERS:
        for arm in ARMS:
            name = f"{arm} {kind}"
            if name not in memo.parts:
                found, model = yield from taught(
                    make[arm],
                    tasks[kind],
                    config.train,
                    recipe,
                    setting,
                    name,
                    done,
                    total,
                )
                if kind == "none" and arm != "cnn":
                    error = identity_error(model, task, tasks["patches"], seed)
                    memo.keep(f"identity {arm}", error)
                memo.keep(name, found)
            done += each
    learned = {
        arm: {kind: memo.parts[f"{arm} {kind}"] for kind in ORDERS} for arm in ARMS
    }
    series = {
        what: {arm: [one[i] for one in learned[arm].values()] for arm in ARMS}
        for i, what in enumerate(("accuracy", "chosen"))
    }
    metrics = measures(series["accuracy"])
    for arm in ("vit", "placeless"):
        metrics[f"identity_{arm}"] = memo.parts[f"identity {arm}"]
    T = vit().grid[0] * vit().grid[1]
    return Outcome(metrics, series, total * config.batch * T)


def measures(accuracy: Mapping[str, list[float]]) -> dict[str, float]:
    """What each arm loses by each order, and how far the residual network is ahead."""
    metrics = {}
    for arm, found in accuracy.items():
        for kind, share in zip(ORDERS, found, strict=True):
            metrics[f"accuracy_{arm}_{kind}"] = share
            if kind != "none":
                metrics[f"lost_{arm}_{kind}"] = found[0] - share
    for kind in ORDERS:
        ahead = metrics[f"accuracy_cnn_{kind}"] - metrics[f"accuracy_vit_{kind}"]
        metrics[f"gap_{kind}"] = ahead
    return metrics


def figure(result: Result) -> Figure:
    """Accuracy of each arm in each order."""
    from course_lib.figures.palette import color

    figure, (ax,) = blank()
    quantities = {"cnn": "baseline", "vit": "attention", "placeless": "position"}
    for number, (arm, quantity) in enumerate(quantities.items()):
        mean, sd = over_seeds(result.runs, lambda s, a=arm: s["accuracy"][a])
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
    ax.set_xlabel("order of the picture, in training and test")
    ax.set_ylabel("accuracy")
    ax.set_ylim(0, 1.25)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    ax.legend(fontsize=8, loc="upper right")
    return figure


SHARE = "of the pictures"
EXPERIMENT = Experiment(
    name="missing-bias",
    chapter="vit",
    claim=(
        "What a residual network knows beforehand is that near pixels belong together. "
        "In pictures whose pixels are shuffled, all alike, it is worse, and no longer "
        "ahead of a Vision Transformer. A Vision Transformer loses nothing if patches "
        "are shuffled: with its positions shuffled as well it is the same function."
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
            Band("accuracy_cnn_none", "it learns something", low=0.2),
            Band("identity_vit", "patches and positions moved: a logit", high=1e-3),
            Band("identity_placeless", "without positions: a logit", high=1e-3),
        ),
        "cpu": (
            Band("lost_cnn_pixels", "residual network, pixels: loses", low=0.05),
            Band("lost_cnn_patches", "residual network, patches: loses", low=0.03),
            Band("lost_vit_patches", "ViT, patches: loses", -0.03, 0.03),
            Band("lost_vit_pixels", "ViT, pixels: loses", -0.02, 0.1),
            Band("gap_none", "residual network over ViT, no shuffle", low=0.03),
            Band("gap_pixels", "the same, pixels shuffled", -0.1, 0.03),
            Band("lost_placeless_patches", "no positions, patches", -0.03, 0.03),
            Band("identity_vit", "patches and positions moved: a logit", high=1e-3),
            Band("identity_placeless", "without positions: a logit", high=1e-3),
        ),
        "real": (
            Band("lost_cnn_pixels", "residual network, pixels: loses", low=0.02),
            Band("lost_vit_patches", "ViT, patches: loses", -0.02, 0.02),
            Band("identity_vit", "patches and positions moved: a logit", high=1e-3),
        ),
    },
    figure=figure,
    units={
        **{f"accuracy_{arm}_{kind}": SHARE for arm in ARMS for kind in ORDERS},
        **{f"lost_{a}_{k}": SHARE for a in ARMS for k in ("patches", "pixels")},
        **{f"gap_{kind}": SHARE for kind in ORDERS},
    },
)
