"""What are positions for, and what does a learned table of them look like?

A small Vision Transformer is trained with a table of positions that it learns, with
sinusoids of row and column, and with none. Without positions patches are a set: shuffle
them, and every logit stays what it was. So what a network without them knows is of the
patches alone, and what positions are worth is what the others know beyond that.

A learned table starts as noise, and nobody tells it that patches are laid out in rows
and columns. Whether it has found that out can be seen: of two vectors of the table take
the cosine of the angle between them, for neighbours and for places far apart. The same
network with smaller and with larger patches shows it for a finer and a coarser grid.

In training each picture is moved by up to one pixel, so that the networks know digits
that stand a little elsewhere: those that the reader draws in the page.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

import course_lib
from course_lib.data import images
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.labels import schedule
from course_lib.experiments.learning import learn
from course_lib.experiments.vit.orders import identity_error, in_order
from course_lib.experiments.vit.position_figure import ARMS, figure
from course_lib.experiments.vit.shifts import moved
from course_lib.experiments.vit.tables import order_found, similarity, spread
from course_lib.experiments.vit.training_pictures import (
    Corpus,
    Task,
    accuracy,
    label_loss,
    read,
    sizes_of,
    small_vit,
)
from course_lib.training import Setting
from course_lib.vit import VisionTransformer

TABLES = ("learned", "finest")  # whose grids have places that are far apart
PAGE = {  # the models that the page has, by the names that it knows them by
    "1": "finest",
    "2": "learned",
    "4": "coarsest",
    "2 without positions": "none",
}
SHOWN = 2  # pictures of each class that the page shows


@dataclass(frozen=True)
class Config:
    """Five Vision Transformers of one size, trained in the same way."""

    corpus: Corpus = "digits"  # of 8 x 8 pixels, or others, which are downloaded
    sides: tuple[int, int, int] = (1, 2, 4)  # pixels; only the second with all kinds
    valid: int = 180  # pictures for the curves, or all there are
    test: int = 360  # pictures, or all there are
    shift: int = 1  # pixels by which a picture is moved in training, at most
    size: int = 32  # C
    heads: int = 4  # H
    inner: int = 64  # inside the feed-forward network
    blocks: int = 2  # pre-norm
    steps: int = 2000  # optimiser steps of each
    batch: int = 64  # pictures
    learning_rate: float = 5e-3  # Adam's peak, after a tenth of the steps; falls to 0
    measure_every: int = 250  # optimiser steps between points of the curves


SCALES = {
    "quick": Config(
        valid=60,
        test=100,
        size=16,
        heads=2,
        inner=16,
        blocks=1,
        steps=100,
        learning_rate=1e-2,
        measure_every=50,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="fashion_mnist",
        sides=(4, 7, 14),
        valid=5000,
        test=10_000,
        size=64,
        inner=128,
        blocks=4,
        steps=1000,  # 9 times round the pictures
        batch=512,
        learning_rate=3e-3,
        measure_every=125,
    ),
}


class Asked(NamedTuple):
    """Trained models, and the pictures that they are asked about."""

    models: Mapping[str, VisionTransformer]
    task: Task
    seed: int


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train all arms; then shuffle patches, and look at the tables."""
    seed = setting.seed
    task = read(config.corpus, config.valid, config.test, seed)
    models = networks(config, task, seed)
    fresh = {arm: similarity(models[arm]) for arm in TABLES}
    series: dict[str, Any] = {"accuracy": {}, "curves": {}}
    for done, (arm, model) in enumerate(models.items()):
        series["curves"][arm] = yield from learn(
            model,
            loss=label_loss,
            batch_at=moved(task.train, config.batch, config.shift, seed),
            training=schedule(config.steps, config.learning_rate),
            setting=setting,
            name=arm,
            measure=lambda model=model: {"accuracy": accuracy(model, task.valid)},
            every=config.measure_every,
            done=done * config.steps,
            total=len(models) * config.steps,
        )
        series["accuracy"][arm] = accuracy(model.cpu(), task.test)
    found = series["accuracy"]
    metrics = {f"accuracy_{arm}": share for arm, share in found.items()}
    metrics["worth"] = found["learned"] - found["none"]
    metrics["learned_over_sinusoidal"] = found["learned"] - found["sinusoidal_2d"]
    shuffled = in_order(task, "patches", config.sides[1], seed)
    metrics["shuffle_none"] = identity_error(models["none"], task, shuffled, seed)
    metrics["shuffled_learned"] = accuracy(models["learned"], shuffled.test)
    trained = {arm: similarity(models[arm]) for arm in TABLES}
    for arm, grid in ((arm, models[arm].grid) for arm in TABLES):
        for name, value in order_found(trained[arm], grid).items():
            metrics[f"{name}_{arm}"] = value
        for name, value in order_found(fresh[arm], grid).items():
            metrics[f"{name}_{arm}_fresh"] = value
    series["maps"] = {
        arm: trained[arm][spread(models[arm].grid)].mul(100).round().int().tolist()
        for arm in TABLES
    }  # cosines in hundredths: a short file
    patches = sum(model.grid[0] * model.grid[1] for model in models.values())
    tokens = config.steps * config.batch * patches
    return Outcome(metrics, series, tokens, model=Asked(models, task, seed))


def networks(config: Config, task: Task, seed: int) -> dict[str, VisionTransformer]:
    """An untrained network for each arm; those of one side start the same."""
    finest, side, coarsest = config.sides
    sizes = sizes_of(config.size, config.heads, config.inner, config.blocks)
    models = {
        kind: small_vit(sizes, task, side, seed, kind)
        for kind in ("learned", "sinusoidal_2d", "none")
    }
    same = models["none"].state_dict()
    for model in models.values():  # of which one drew a table in between
        model.load_state_dict(same, strict=False)
    models["finest"] = small_vit(sizes, task, finest, seed)
    models["coarsest"] = small_vit(sizes, task, coarsest, seed)
    return models


def export(config: Config, outcome: Outcome) -> dict[str, Any]:
    """Three sides, and one network without positions, for the page's bench."""
    from course_lib.experiments.halving import both_precisions, halved
    from course_lib.experiments.machine import origin

    asked: Asked = outcome.model
    models, full, half = {}, {}, {}
    for name, arm in PAGE.items():
        packed, halves = halved(asked.models[arm])
        full[f"accuracy_{arm}"] = outcome.metrics[f"accuracy_{arm}"]
        half[f"accuracy_{arm}"] = accuracy(halves, asked.task.test)
        models[name] = {
            "side": halves.side,
            "positions": halves.positions,
            "accuracy": round(half[f"accuracy_{arm}"], 6),
            "parameters": packed,
        }
    deviation, mean = torch.std_mean(getattr(images, config.corpus)("train").images)
    shown = getattr(images, config.corpus)("test")
    chosen = [
        index
        for label in range(len(shown.names))
        for index in (shown.labels == label).nonzero()[:SHOWN, 0].tolist()
    ]
    return {
        "record": {**origin(EXPERIMENT, config, asked.seed)}
        | both_precisions(full, half),
        "heads": config.heads,
        "image": list(asked.task.image),
        "mean": mean.item(),
        "deviation": deviation.item(),
        "classes": list(shown.names),
        "models": models,
        "digits": [
            {
                "label": shown.labels[index].item(),
                "points": shown.images[index].mul(16).round().int().flatten().tolist(),
            }
            for index in chosen
        ],
    }


SHARE = "of the pictures"
EXPERIMENT = Experiment(
    name="position-table",
    chapter="vit",
    claim=(
        "Without positions a Vision Transformer sees a bag of patches: shuffle them, "
        "and no logit changes. It then knows little more than half of the digits. "
        "Sinusoids of row and column are worth as much as a learned table. The table "
        "starts as noise, and finds the grid: after training the positions of "
        "neighbours are alike, and those of places far apart are not. With a patch for "
        "each pixel, those in one row or one column are alike too; with patches of "
        "2 x 2 those in one row; for one column seeds differ."
    ),
    source="Dosovitskiy et al. (2021), section 4.5 and appendix D.4: figure 7, table 8",
    paper=(
        "Dosovitskiy et al., ViT-B/16, 5-shot on ImageNet: none 61.4 %, learned in one "
        "dimension 64.2 %, in two 64.0 %, relative 64.0 % (table 8)"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("accuracy_coarsest", "it learns something", low=0.2),
            Band("shuffle_none", "no positions, patches shuffled: a logit", high=1e-3),
        ),
        # Set after a trial with one seed, which gave 0.40, -0.003, 0.12; 0.56, 0.96,
        # 0.94 and 0.97; 0.55 and 0.55; 1.00 and 0.91; 0.47 and -0.12, 0.18 and 0.16.
        "cpu": (
            Band("worth", "learned positions over none", low=0.2),
            Band("learned_over_sinusoidal", "learned over sinusoids", -0.03, 0.03),
            Band("shuffle_none", "no positions, patches shuffled: a logit", high=1e-3),
            Band("shuffled_learned", "learned, patches shuffled: right", high=0.3),
            Band("accuracy_none", "right, without positions", 0.4, 0.75),
            Band("accuracy_learned", "right, learned, side 2", low=0.93),
            Band("accuracy_finest", "side 1", low=0.9),
            Band("accuracy_coarsest", "side 4", low=0.93),
            Band("near_over_far_learned", "neighbours over far, side 2", low=0.25),
            Band("near_over_far_finest", "the same, side 1", low=0.25),
            Band("likest_learned", "most alike is a neighbour, side 2", low=0.8),
            Band("likest_learned_fresh", "before training; by chance 0.20"),
            Band("likest_finest", "most alike is a neighbour, side 1", low=0.6),
            Band("likest_finest_fresh", "before training; by chance 0.06", high=0.2),
            Band("row_over_far_learned", "in one row over far, side 2", low=0.1),
            Band("column_over_far_learned", "in one column, side 2", high=0.1),
            Band("row_over_far_finest", "in one row over far, side 1", low=0.05),
            Band("column_over_far_finest", "in one column, side 1", low=0.05),
        ),
        "real": (  # predictions
            Band("worth", "learned positions over none, clothes", low=0.02),
            Band("learned_over_sinusoidal", "learned over sinusoids", -0.02, 0.02),
            Band("shuffle_none", "no positions, patches shuffled: a logit", high=1e-3),
            Band("near_over_far_finest", "neighbours over far, side 4", low=0.1),
            Band("likest_finest", "most alike is a neighbour, side 4", low=0.5),
        ),
    },
    figure=figure,
    export=export,
    artefact=Path(course_lib.__file__).parent / "figures/vit/patch_bench.json",
    units={
        **{f"accuracy_{arm}": SHARE for arm in ARMS},
        **dict.fromkeys(
            ("worth", "learned_over_sinusoidal", "shuffled_learned"), SHARE
        ),
        **{
            f"likest_{arm}{when}": "of the places"
            for arm in TABLES
            for when in ("", "_fresh")
        },
    },
)
