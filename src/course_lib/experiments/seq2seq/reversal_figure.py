"""The figure of source-reversal: while training, and by place in the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.experiments.plots import blank, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course_lib.results import Result

# The colour of each order, and how it is called.
ORDERS = {
    "forward": ("baseline", "forward"),
    "reversed": ("state", "reversed"),
    "both": ("output", "both ways"),
}


def figure(result: Result) -> Figure:
    """First and last words while training; every word at the end; a translation."""
    figure, (learning, words, translation) = blank(rows=3, height=3.1)
    _draw_learning(learning, result)
    _draw_words(words, result)
    _draw_translation(translation, result)
    return figure


def _draw_learning(ax: Axes, result: Result) -> None:
    for order in ("forward", "reversed"):
        for part, style in (("first", "-"), ("last", ":")):
            _line(
                ax,
                result,
                result.runs[0].series["curve"][f"monotone_{order}"]["step"],
                "curve",
                f"monotone_{order}",
                part,
                order,
                linestyle=style,
                label=f"{ORDERS[order][1]}, {part} words",
            )
    ax.set_xlabel("optimiser step, monotone")
    _perplexity(ax)


def _draw_words(ax: Axes, result: Result) -> None:
    places = range(1, result.config["longest"] + 1)
    for order in ("forward", "reversed"):
        for task, style in (("monotone", "-"), ("mirrored", "--")):
            _line(
                ax,
                result,
                places,
                "by_place",
                f"{task}_{order}",
                "perplexity",
                order,
                linestyle=style,
                marker=".",
                label=f"{ORDERS[order][1]}, {task}",
            )
    ax.set_xlabel("word of the target, in the longest sentences")
    _perplexity(ax)


def _draw_translation(ax: Axes, result: Result) -> None:
    for order in ORDERS:
        name = f"translation_{order}"
        places = len(result.runs[0].series["by_place"][name]["perplexity"])
        _line(
            ax,
            result,
            range(1, places + 1),
            "by_place",
            name,
            "perplexity",
            order,
            marker=".",
            label=ORDERS[order][1],
        )
    ax.set_xlabel("tenth of the target, in the longest quarter of the translations")
    _perplexity(ax)


def _line(
    ax: Axes,
    result: Result,
    x,
    kind: str,
    name: str,
    part: str,
    order: str,
    **style,
) -> None:
    from course_lib.figures.palette import color

    draw(
        ax,
        x,
        result.runs,
        lambda series: series[kind][name][part],
        color=color(ORDERS[order][0]),
        **style,
    )


def _perplexity(ax: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylabel("perplexity")
    ax.legend(fontsize=8)
