"""The figure of ``attention_cost``: FLOP, time, chains, gradients and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_lib.experiments.plots import blank, draw
from course_lib.experiments.transformer.layer_costs import FLOP

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

COLORS = {
    "core": "query",
    "attention": "attention",
    "lstm": "lstm",
    "rnn": "rnn",
    "convolution": "gru",
    "lstm_open": "gate",
}
LABELS = {
    "core": "core of attention",
    "attention": "attention",
    "lstm": "LSTM",
    "rnn": "RNN",
    "convolution": "convolution",
    "lstm_open": "LSTM, gate open",
}


def figure(result: Result) -> Figure:
    """FLOP and time by length, chains and gradients, memory."""
    from course_lib.figures.palette import color

    figure, axes = blank(rows=5, height=2.6)
    config, first = result.config, result.runs[0].series
    times = first["times"]["large_alone"]
    size, lengths = times["size"], times["lengths"]

    def look(name: str) -> dict[str, Any]:
        dashed = name in ("core", "rnn", "lstm_open")
        style = {"color": color(COLORS[name]), "label": LABELS[name]}
        return style | {"linestyle": "--" if dashed else "-", "marker": "."}

    for name, of in FLOP.items():
        per_token = [of(n, size) / n / 1e6 for n in lengths]
        axes[0].plot(lengths, per_token, **look(name))
    for name in (name for name in LABELS if name in times):
        draw(
            axes[1],
            lengths,
            result.runs,
            lambda series, name=name: series["times"]["large_alone"][name],
            **look(name),
        )
    ticks = lengths, lengths, *[config["lengths"]] * 2, config["memory_lengths"]
    for ax in axes[:2]:
        ax.axvline(2 * size, color="grey", linestyle=":", label="n = 2d")
        ax.set_xlabel(f"length n (d = {size})")
    axes[0].set_ylabel("million FLOP per token")
    axes[1].set_ylabel("ms, one sequence")
    for ax, what in ((axes[2], "chain"), (axes[3], "reach")):
        for name in first["paths"] if what == "reach" else ("attention", "lstm", "rnn"):
            draw(
                ax,
                config["lengths"],
                result.runs,
                lambda series, of=(name, what): series["paths"][of[0]][of[1]],
                **look(name),
            )
        ax.set_xlabel(f"length n (d = {config['size']})")
    axes[2].set_ylabel("products, one after another")
    axes[3].set_ylabel("gradient, first / last but one")
    for name, shade in (("written_out", "baseline"), ("fused", "attention")):
        draw(
            axes[4],
            config["memory_lengths"],
            result.runs,
            lambda series, name=name: series["memory"][name],
            color=color(shade),
            marker=".",
            label=f"attention, {name.replace('_', ' ')}",
        )
    axes[4].set_ylabel("MiB kept for backward")
    axes[4].set_xlabel(f"length n (d = {config['size']})")
    for ax, few in zip(axes, ticks, strict=True):
        ax.legend(fontsize=7, ncols=2)
        if ax is not axes[2]:  # there a straight line says most
            ax.set_xscale("log", base=2)
            ax.set_yscale("log", base=10 if ax in axes[1:4] else 2)
            ax.minorticks_off()
        ax.set_xticks(few, [str(n) for n in few])
    for ax in (axes[0], axes[1], axes[4]):
        ax.yaxis.set_major_formatter("{x:g}")
    return figure
