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

from course_lib.bench.match import Work
from course_lib.bench.models import MODELS, Model
from course_lib.bench.rounds import count, excused, in_turns, reason, turn
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

    The sizes take turns, as contenders do. One that fails is left out, and ``left_out``
    says why, by size; where fewer than two are left, ``failed`` says why, and there are
    no times.
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
    works: dict[int, Work] = {}
    flop: dict[int, int] = {}
    why: dict[int, str] = {}

    def told(size: int, error: Exception) -> None:
        why[size] = reason(error)

    for size in sizes:
        point = fixed | {axis: size}
        with excused(works, size, told):
            flop[size] = count(model.work(point, model.written_out, setting).step)
            works[size] = model.work(point, "fused", setting)
            turn(works[size], 1, setting)  # the first one is not like the rest
    *_, taken = in_turns(works, setting, rounds, told)
    if len(works) < 2:
        return said | {"failed": "; ".join(dict.fromkeys(why.values()))}
    left = [*works]
    medians = [statistics.median(taken[size]) for size in left]
    products = [flop[size] for size in left]
    said |= {
        "sizes": left,
        "ms": [1e3 * one for one in medians],
        "flop": products,
        "slope": slope(left, medians),
        "counted_slope": slope(left, products),
    }
    if why:
        said["left_out"] = {str(size): one for size, one in why.items()}
    return storable(said)


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


def failures(one: Mapping[str, Any]) -> dict[str, str]:
    """Which curve, or which of its sizes, has no time, and why."""
    name = f"growth of {one['model']} with {one['axis']}"
    if "failed" in one:
        return {name: one["failed"]}
    left_out = one.get("left_out", {})
    return {f"{name} {size}": why for size, why in left_out.items()}
