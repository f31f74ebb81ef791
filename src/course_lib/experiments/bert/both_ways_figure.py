"""The figure of both ways against left to right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.experiments.bert.clozes import GROUPS
from course_lib.experiments.plots import blank, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

WAYS = {"both": "both ways", "left": "left to right"}
STYLES = {
    "both": ("output", "-", "o"),
    "left": ("gradient", "--", "s"),
}
ASKED = {
    "object": "the object\n(verb follows)",
    "particle": "its particle\n(in between)",
    "verb": "the verb\n(object before)",
}


def figure(result: Result) -> Figure:
    """How often the word fits, by what is hidden; and how it was learned."""
    from course_lib.figures.palette import color

    figure, (bars, objects, verbs) = blank(rows=3, height=3.0)
    for i, (way, says) in enumerate(WAYS.items()):
        shares = [result.mean(f"fits_{group}_{way}") for group in GROUPS]
        places = [group + 0.4 * (i - 0.5) for group in range(len(GROUPS))]
        quantity, line, marker = STYLES[way]
        bars.bar(places, shares, 0.38, color=color(quantity), label=says)
        for ax, group in ((objects, "object"), (verbs, "verb")):
            draw(
                ax,
                result.runs[0].series["curves"][way]["step"],
                result.runs,
                lambda s, w=way, g=group: s["curves"][w][f"fits_{g}"],
                color=color(quantity),
                linestyle=line,
                marker=marker,
                markersize=3,
                label=says,
            )
    for place, group in enumerate(GROUPS):
        guess = result.mean(f"fits_{group}_chance")
        bars.plot([place - 0.42, place + 0.42], [guess] * 2, color="grey", ls=":")
    bars.set_xticks(range(len(GROUPS)), [ASKED[group] for group in GROUPS])
    bars.set_xlabel("the hidden word (dotted: always the most frequent one)")
    bars.set_ylabel("the answer fits")
    bars.legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    for ax, says in ((objects, "the object fits"), (verbs, "the verb fits")):
        ax.set_ylabel(says)
        ax.set_xlabel("optimiser steps")
    for ax in (bars, objects, verbs):
        ax.set_ylim(0, 1.05)
    return figure
