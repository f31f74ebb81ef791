"""What the figures of the claims share: one form, and a band for the seeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course_lib.results import Run


def blank(rows: int = 1, height: float = 3.4) -> tuple[Figure, Sequence[Axes]]:
    """A figure that reads at phone width, with ``rows`` plots under each other."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        rows, 1, figsize=(4.8, height * rows), squeeze=False, layout="constrained"
    )
    plt.close(figure)  # or a notebook shows it twice
    for ax in axes[:, 0]:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
    return figure, axes[:, 0]


def over_seeds(
    runs: Iterable[Run], pick: Callable[[Mapping[str, Any]], Sequence[float]]
) -> tuple[list[float], list[float]]:
    """Mean and standard deviation (0 for one seed) of a series, point by point."""
    columns = list(zip(*(pick(run.series) for run in runs), strict=True))
    means = [statistics.fmean(column) for column in columns]
    sds = [statistics.stdev(c) if len(c) > 1 else 0.0 for c in columns]
    return means, sds


def draw(
    ax: Axes,
    x: Sequence[float],
    runs: Iterable[Run],
    pick: Callable[[Mapping[str, Any]], Sequence[float]],
    **style: Any,
) -> None:
    """A line for the mean over the seeds, and a band of one standard deviation."""
    mean, sd = over_seeds(runs, pick)
    (line,) = ax.plot(x, mean, **style)
    low = [m - s for m, s in zip(mean, sd, strict=True)]
    high = [m + s for m, s in zip(mean, sd, strict=True)]
    ax.fill_between(x, low, high, color=line.get_color(), alpha=0.18, linewidth=0)
