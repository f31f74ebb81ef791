"""The figure of the probes by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.experiments.plots import blank, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

STYLES = {"few": ("--", "s"), "many": ("-", "o")}


def figure(result: Result) -> Figure:
    """Accuracy by layer, by what is tuned, and how alike two vectors of a word are."""
    from course_lib.figures.palette import color

    figure, (by_layer, tuned, cosine) = blank(rows=3, height=2.9)
    runs, config = result.runs, result.config
    depths = range(config["blocks"] + 1)
    for kind, quantity, says in (
        ("probe", "state", "frozen, pre-trained"),
        ("untrained", "negative", "frozen, untrained"),
    ):
        for labels, (line, marker) in STYLES.items():
            draw(
                by_layer,
                depths,
                runs,
                lambda s, k=kind, n=labels: s[k][n],
                color=color(quantity),
                linestyle=line,
                marker=marker,
                label=f"{says}, {config[labels]} labels",
            )
    for labels, (line, marker) in STYLES.items():
        draw(
            tuned,
            range(len(depths) + 1),
            runs,
            lambda s, n=labels: [max(s["probe"][n]), *s["tuned"][n]],
            color=color("gradient"),
            linestyle=line,
            marker=marker,
            label=f"{config[labels]} labels",
        )
    for ax in (by_layer, tuned):
        ax.axhline(result.mean("majority_many"), color="grey", ls=":", label="majority")
        ax.axhline(result.mean("best"), color="grey", ls="-.", label="best possible")
        ax.set_ylabel("senses told right")
        ax.set_ylim(top=1.02)
    names = ["embedding", *(f"block {depth}" for depth in depths[1:])]
    for ax in (by_layer, cosine):
        ax.set_xticks(depths, names)
    by_layer.set_xlabel("where the probe reads")
    by_layer.legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    last = [f"last {depth}" if depth > 1 else "last block" for depth in depths[1:]]
    tuned.set_xticks(
        range(len(depths) + 1), ["none:\nbest probe", *last, "all,\nwords too"]
    )
    tuned.set_xlabel("what learns from the labels")
    tuned.legend(fontsize=7)
    for i, (says, line) in enumerate((("one sense", "-"), ("two senses", "--"))):
        draw(
            cosine,
            depths,
            runs,
            lambda s, i=i: [pair[i] for pair in s["alike"]],
            color=color("state"),
            linestyle=line,
            marker="o",
            label=f"of {says}",
        )
    cosine.set_ylabel("cosine, same word twice")
    cosine.set_xlabel("where the vectors are from")
    cosine.legend(fontsize=7)
    return figure
