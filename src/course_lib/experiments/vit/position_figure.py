"""How claim position-table is drawn: accuracies, and a map for each place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_lib.experiments.plots import blank, over_seeds
from course_lib.experiments.vit.tables import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from course_lib.results import Result

ARMS = {
    "learned": "learned",
    "sinusoidal_2d": "sinusoids",
    "none": "none",
    "finest": "learned,\nsmaller\npatches",
    "coarsest": "learned,\nlarger\npatches",
}


def figure(result: Result) -> Figure:
    """Accuracy of each arm; below it, how alike places are in two learned tables."""
    from course_lib.figures.palette import color

    figure, (score, *grids) = blank(rows=3, height=3.8)
    mean, sd = over_seeds(
        result.runs, lambda series: [series["accuracy"][arm] for arm in ARMS]
    )
    colors = [color("baseline" if arm == "none" else "position") for arm in ARMS]
    score.bar(range(len(ARMS)), mean, 0.6, yerr=sd, color=colors)
    score.set_xticks(range(len(ARMS)), list(ARMS.values()), fontsize=8)
    score.set_ylim(0, 1.03)
    score.set_xlabel("positions")
    score.set_ylabel("accuracy")
    found = result.runs[0].series["maps"]
    for ax, arm in zip(grids, ("learned", "finest"), strict=True):
        drawn = maps(ax, found[arm])
    bar = figure.colorbar(drawn, ax=grids, orientation="horizontal", shrink=0.6)
    bar.set_label("cosine of two positions, first seed")
    return figure


def maps(ax: Axes, found: Sequence[Sequence[int]]) -> AxesImage:
    """A small map for each place of :func:`tables.spread`, laid out as they are.

    ``found`` has, for each of these, its cosines with all T places of a square grid, in
    hundredths (as in the paper's figure 7).
    """
    many, side = math.isqrt(len(found)), math.isqrt(len(found[0]))
    gap = 1 if side < 6 else 2
    step = side + gap
    wide = many * step - gap
    picture = [[math.nan] * wide for _ in range(wide)]
    for number, row in enumerate(found):
        top, left = (step * at for at in divmod(number, many))
        for other, cosine in enumerate(row):
            down, right = divmod(other, side)
            picture[top + down][left + right] = cosine / 100
    shown = [at // side for at in spread((side, side), many)[::many]]
    middles = [step * at + (side - 1) / 2 for at in range(many)]
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_xticks(middles, [at + 1 for at in shown])
    ax.set_yticks(middles, [at + 1 for at in shown])
    ax.tick_params(length=0)
    ax.set_xlabel(f"column of the patch, of {side}")
    ax.set_ylabel(f"row of the patch, of {side}")
    return ax.imshow(picture, "RdBu", vmin=-1, vmax=1, interpolation="none")
