"""How the cost of a training step grows with length, width and batch.

On a plot with both axes logarithmic a power of a size is a straight line, and its slope
is the power. The slope of the time stands beside that of the products that were counted
at the same sizes, and beside the power of the limit. A time that grows more slowly than
its products is one in which the machine has room left: launching, or too few threads'
worth of work.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from course_lib.bench.models import MODELS, Model
from course_lib.bench.rounds import count
from course_lib.experiments.machine import seconds
from course_lib.results import storable
from course_lib.training import Setting

AXES = ("T", "C", "B")
FIXED = {  # while another one grows
    "quick": {"T": 4, "C": 8, "B": 2},
    "cpu": {"T": 64, "C": 128, "B": 32},
    "cuda": {"T": 256, "C": 512, "B": 8},
}
GRIDS = {
    "quick": {"T": (4, 16), "C": (8, 16), "B": (2, 4)},
    "cpu": {
        "T": (64, 128, 256, 512, 1024),
        "C": (32, 64, 128, 256, 512),
        "B": (16, 32, 64, 128, 256),
    },
    "cuda": {
        "T": (256, 512, 1024, 2048, 4096),
        "C": (128, 256, 512, 1024, 2048),
        "B": (8, 16, 32, 64, 128),
    },
}
STEPS = {"cpu": (16, 32, 64, 128, 256), "cuda": (64, 128, 256, 512, 1024)}
LENGTHS = {  # of those that make one step after another, or have squares only
    "RNN": STEPS,
    "LSTM": STEPS,
    "GRU": STEPS,
    "Bahdanau's decoder": {"cpu": (8, 16, 32, 64, 128), "cuda": (16, 32, 64, 128, 256)},
    "Vision Transformer": {"cpu": (16, 64, 256, 1024), "cuda": (64, 256, 1024, 4096)},
}


def curves(chapters: Sequence[str]) -> list[tuple[Model, str]]:
    """What is measured: the models of ``chapters``, or all, each with each axis."""
    return [
        (model, axis)
        for model in MODELS
        if model.chapter in chapters or not chapters
        for axis in AXES
    ]


def grown(
    model: Model, axis: str, scale: str, setting: Setting, rounds: int
) -> dict[str, Any]:
    """One curve, as it is stored: times in ms, counted products, and their slopes.

    The sizes take turns, as contenders do. Where one of them fails, ``failed`` says
    why, and there are no times.
    """
    setting = replace(setting, checkpoint=None, deterministic=False)
    fixed = {name: size for name, size in FIXED[scale].items() if name != axis}
    sizes = GRIDS[scale][axis]
    if axis == "T":
        sizes = LENGTHS.get(model.name, {}).get(scale, sizes)
    said = {
        "model": model.name,
        "chapter": model.chapter,
        "axis": axis,
        "sizes": list(sizes),
        "fixed": fixed,
        "exponent": model.grows[axis].exponent,
        "words": model.grows[axis].words,
    }
    points = [fixed | {axis: size} for size in sizes]
    try:
        flop = [
            count(model.work(point, model.written_out, setting).step)
            for point in points
        ]
        taken = _times(model, points, setting, rounds)
    except RuntimeError as error:  # torch's, when memory runs out, is one too
        return said | {"failed": str(error).splitlines()[0]}
    return storable(
        said
        | {
            "ms": [1e3 * one for one in taken],
            "flop": flop,
            "slope": slope(sizes, taken),
            "counted_slope": slope(sizes, flop),
        }
    )


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power p with which costs ~ sizes^p: the least squares' of their logarithms.

    Raises ``ValueError`` for fewer than two sizes.
    """
    if len(sizes) < 2:
        raise ValueError(f"sizes: got {list(sizes)}, expected at least two")
    x, y = ([math.log(one) for one in numbers] for numbers in (sizes, costs))
    return statistics.linear_regression(x, y).slope


def table(growth: Sequence[Mapping[str, Any]]) -> Table:
    """Stored curves for the terminal, a row for each."""
    made = Table(title="Growth of a training step", box=SIMPLE_HEAD)
    made.title_justify = "left"
    for head in ("", "with", "time", "products", "limit"):
        made.add_column(head, justify="right" if head else "left", no_wrap=bool(head))
    for one in growth:
        axis, sizes = one["axis"], one["sizes"]
        grid = f"{axis} {sizes[0]}–{sizes[-1]}"
        if "failed" in one:
            made.add_row(f"{one['model']}: {one['failed']}", grid)
            continue
        made.add_row(
            one["model"],
            grid,
            f"{axis}^{one['slope']:.2f}",
            f"{axis}^{one['counted_slope']:.2f}",
            f"{axis}^{one['exponent']}",
        )
    return made


def _times(
    model: Model, points: Sequence[Mapping[str, int]], setting: Setting, rounds: int
) -> list[float]:
    """Seconds of a step at each point: the median of ``rounds`` turns."""
    works = [model.work(point, "fused", setting) for point in points]
    for work in works:
        work.step()  # the first one is not like the rest
    turns = [
        [seconds(work.step, setting.device) for work in works] for _ in range(rounds)
    ]
    return [statistics.median(of_one) for of_one in zip(*turns, strict=True)]
