"""The picture of the claim on next sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from course_lib.experiments.bert.documents import WRONG
from course_lib.experiments.plots import blank, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

CHANCE = math.log(2)  # nats: the loss of who says "half and half"


def figure(result: Result) -> Figure:
    """The loss while they learn; what each is asked; d2l's training and two others."""
    from course_lib.figures.palette import color

    figure, (curve, judged, rates) = blank(rows=3, height=2.9)
    styles = {
        "random": ("output", "-", "o", "trained on random wrong pairs"),
        "swapped": ("position", "--", "s", "on swapped ones"),
        "same": ("baseline", ":", "^", "on ones about the same thing"),
    }
    for name, (quantity, line, marker, says) in styles.items():
        draw(
            curve,
            result.runs[0].series["curves"][name]["step"],
            result.runs,
            lambda series, name=name: series["curves"][name]["loss"],
            color=color(quantity),
            linestyle=line,
            label=says,
        )
        judged.errorbar(
            range(len(WRONG)),
            [result.mean(f"{name}_on_{wrong}") for wrong in WRONG],
            yerr=[result.sd(f"{name}_on_{wrong}") or 0.0 for wrong in WRONG],
            color=color(quantity),
            linestyle="none",
            marker=marker,
        )
    for name, quantity, line, says in (
        ("random", "output", "-", "warm-up, small rate"),
        ("d2l", "gradient", "-", "d2l's rate and steps"),
        ("high_rate", "gradient", ":", "its rate, more steps"),
        ("few_steps", "output", ":", "its steps, smaller rate"),
    ):
        steps = result.runs[0].series["curves"][name]["step"]
        large = name in ("d2l", "few_steps")
        batch = result.config["large_batch" if large else "batch"]
        draw(
            rates,
            [step * batch / 1000 for step in steps],
            result.runs,
            lambda series, name=name: series["curves"][name]["loss"],
            color=color(quantity),
            linestyle=line,
            label=says,
        )
    for ax in (curve, rates):
        ax.axhline(CHANCE, color=color("baseline"), linewidth=1)
        ax.annotate("ln 2", (1, CHANCE), xycoords=("axes fraction", "data"), fontsize=7)
        ax.set_ylabel("does B follow A? nats")
        ax.legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(-0.15, 1))
    curve.set_xlabel("optimiser steps; pairs never seen")
    rates.set_xlabel("thousand pairs read; pairs never seen")
    judged.axhline(0.5, color=color("baseline"), linewidth=1)
    judged.set_ylim(0.4, 1.02)
    judged.set_ylabel("judged right")
    judged.set_xticks(range(len(WRONG)), WRONG)
    judged.set_xlim(-0.5, len(WRONG) - 0.5)
    judged.set_xlabel("the wrong pairs that are asked about")
    return figure
