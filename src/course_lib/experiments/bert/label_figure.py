"""The arms of the claim on labels, and its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.experiments.plots import blank, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

ARMS = {
    "both": "pre-trained both ways",
    "left": "pre-trained left to right",
    "scratch": "from scratch",
    "bag": "bag of words",
}


def figure(result: Result) -> Figure:
    """Accuracy over the number of labels; below, about nouns without labels."""
    from course_lib.figures.palette import color

    plots = [which for which in ("all", "unseen") if which in result.runs[0].series]
    figure, axes = blank(rows=len(plots))
    styles = {
        "both": ("output", "-", "o"),
        "scratch": ("attention", "--", "^"),
        "left": ("gradient", ":", "s"),
        "bag": ("input", "-.", "D"),
    }
    for ax, which in zip(axes, plots, strict=True):
        counts = result.runs[0].series[which]["counts"]
        for arm, (quantity, line, marker) in styles.items():
            draw(
                ax,
                counts,
                result.runs,
                lambda s, w=which, a=arm: s[w]["accuracy"][a],
                color=color(quantity),
                linestyle=line,
                marker=marker,
                markersize=4,
                label=ARMS[arm],
            )
        ax.axhline(result.mean("chance"), color="grey", linestyle=":")
        ax.set_xscale("log")
        ax.set_xticks(counts, [f"{n:,}" for n in counts])
        ax.minorticks_off()
        ax.set_ylim(0, 1.03)
        ax.set_ylabel("accuracy")
        ax.set_xlabel("labels" + ", of one half of the nouns" * (which == "unseen"))
    axes[0].legend(fontsize=7, loc="lower right")
    return figure
