"""The figure of what single cells stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_lib.experiments.lstm_gru.structured_texts import NESTED, PROSE
from course_lib.experiments.plots import blank, draw, over_seeds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course_lib.results import Result

LABELS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
ROW = 0.16  # between the networks of one concept


def figure(result: Result) -> Figure:
    """The right closing bracket by distance, and what the best single cells tell."""
    lists = "closing" in result.runs[0].series
    figure, axes = blank(rows=1 + lists, height=4.2)
    if lists:
        _draw_closing(axes[0], result)
    _draw_concepts(axes[-1], result)
    return figure


def _draw_closing(ax: Axes, result: Result) -> None:
    from course_lib.figures.palette import color

    far = result.runs[0].series["closing"]["far"]
    bins = [
        f"{low + 1} to {high}" for low, high in zip([0, *far], far, strict=False)
    ] + [f"over {far[-1]}"]
    styles = {kind: {"color": color(kind), "marker": "o"} for kind in LABELS}
    styles["last"] = {"color": color("baseline"), "linestyle": "--"}
    for name, style in styles.items():
        label = LABELS.get(name, "the kind of the last bracket opened")
        shares = lambda series, name=name: _percent(series["closing"][name])  # noqa: E731
        draw(ax, range(len(bins)), result.runs, shares, label=label, **style)
    ax.axhline(100 / 3, color="black", linestyle=":", linewidth=1)
    ax.text(0, 100 / 3 - 4, "chance", fontsize=8)
    ax.set_xticks(range(len(bins)), bins)
    ax.set_ylim(0, 102)
    ax.set_xlabel("characters back to the bracket that is to be closed")
    ax.set_ylabel("right kind of bracket (%)")
    ax.legend(fontsize=8)


def _draw_concepts(ax: Axes, result: Result) -> None:
    from course_lib.figures.palette import color

    shades = {
        "lstm": color("lstm"),
        "untrained": color("baseline"),
        "gru": color("gru"),
        "rnn": color("rnn"),
    }
    order = [*NESTED, *PROSE]  # JSON has forgotten it
    concepts = sorted(result.runs[0].series["told"]["lstm"], key=order.index)
    for place, (network, shade) in enumerate(shades.items()):
        rows = [n + (place - 1.5) * ROW for n in range(len(concepts))]
        for what, entry in (("best cell", 1), ("all cells", 2)):
            mean, sd = over_seeds(
                result.runs,
                lambda series, network=network, entry=entry: [
                    series["told"][network][concept][entry] for concept in concepts
                ],
            )
            label = LABELS.get(network, "LSTM before training")
            ax.errorbar(
                mean,
                rows,
                xerr=sd,
                color=shade,
                linestyle="none",
                marker="o" if what == "best cell" else "|",
                markersize=5 if what == "best cell" else 9,
                elinewidth=1,
                label=label if what == "best cell" else None,
            )
    ax.plot([], [], "k|", markersize=9, label="all cells together")
    ax.set_yticks(range(len(concepts)), concepts)
    ax.invert_yaxis()
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel("balanced accuracy; of a count, correlation")
    ax.legend(fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.35, 1.0))


def _percent(shares: Sequence[float]) -> list[float]:
    return [100 * share for share in shares]
