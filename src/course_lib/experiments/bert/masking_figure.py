"""The recipes of gaps, and the picture of what each of them teaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.experiments.plots import blank, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

RECIPES = {  # of the places that are asked: [MASK], another word; the rest is itself
    "100_0_0": (1.0, 0.0),
    "80_10_10": (0.8, 0.1),
    "80_0_20": (0.8, 0.0),
    "80_20_0": (0.8, 0.2),
    "0_100_0": (0.0, 1.0),
}


def figure(result: Result) -> Figure:
    """What is named at three kinds of places, what features tell, and the loss."""
    from course_lib.figures.palette import color

    figure, (named, known, curve) = blank(rows=3, height=2.8)
    places = range(len(RECIPES))
    for ax, measures in (
        (
            named,
            {
                "mask": ("output", "o", "under [MASK]"),
                "itself": ("input", "s", "the word itself"),
                "other": ("gradient", "^", "another word"),
            },
        ),
        (
            known,
            {
                "word": ("input", "s", "word, probe"),
                "sense": ("state", "o", "sense, probe"),
                "tuned": ("weight", "^", "sense, fine-tuned"),
            },
        ),
    ):
        for name, (quantity, marker, says) in measures.items():
            ax.errorbar(
                places,
                [result.mean(f"{name}_{recipe}") for recipe in RECIPES],
                yerr=[result.sd(f"{name}_{recipe}") or 0.0 for recipe in RECIPES],
                color=color(quantity),
                linestyle="none",
                marker=marker,
                label=says,
            )
        ax.set_ylim(0, 1.03)
        ax.set_xticks(places, [recipe.replace("_", "/") for recipe in RECIPES])
        ax.set_xlabel("% of the asked: [MASK] / another word / itself")
        ax.legend(fontsize=7, ncols=3, loc="lower left", bbox_to_anchor=(-0.15, 1))
    named.set_ylabel("named right; seen is …")
    known.set_ylabel("told right")
    level = result.mean("sense_frequent")
    known.axhline(level, color=color("baseline"), linestyle=":")
    known.annotate(
        "most frequent sense",
        (0.02, level + 0.01),
        xycoords=known.get_yaxis_transform(),
        fontsize=7,
    )
    lines = ("-", "--", "-.", ":", (0, (1, 3)))
    quantities = ("gradient", "output", "input", "state", "weight")
    for recipe, quantity, line in zip(RECIPES, quantities, lines, strict=True):
        draw(
            curve,
            result.runs[0].series["curves"][recipe]["step"],
            result.runs,
            lambda series, recipe=recipe: series["curves"][recipe]["loss"],
            color=color(quantity),
            linestyle=line,
            label=recipe.replace("_", "/"),
        )
    curve.set_ylabel("nats per word under [MASK]")
    curve.set_xlabel("optimiser steps; sentences never seen")
    curve.legend(fontsize=7)
    return figure
