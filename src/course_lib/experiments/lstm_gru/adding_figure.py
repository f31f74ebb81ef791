"""The figure of adding-problem: errors, the ablation, and the forget gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.experiments.plots import blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course_lib.results import Result

BASELINE = 1 / 6  # the error of always answering 1: twice the variance of a number


def figure(result: Result) -> Figure:
    """Error against step; steps against forget bias; the forget gates of the units."""
    figure, (errors, ablation, gates) = blank(rows=3, height=3.1)
    _draw_errors(errors, result)
    _draw_ablation(ablation, result)
    _draw_gates(gates, result)
    return figure


def _draw_errors(ax: Axes, result: Result) -> None:
    from course_lib.figures.palette import color

    looks = {
        "rnn": ("rnn", "-", "tanh RNN"),
        "lstm_0": ("lstm", "--", "LSTM, forget bias 0"),
        "lstm_1": ("lstm", "-", "LSTM, forget bias 1"),
        "gru": ("gru", "-", "GRU"),
    }
    for name, (shade, style, label) in looks.items():
        for run in result.runs:  # a line for each: they stop at different steps
            curve = run.series["curve"][name]
            ax.plot(
                curve["step"],
                curve["mse"],
                color=color(shade),
                linestyle=style,
                linewidth=1.2,
                label=label if run is result.runs[0] else None,
            )
    grey = color("baseline")
    ax.axhline(BASELINE, color=grey, linestyle=":", label="always answering 1")
    ax.axhline(result.config["solved"], color=grey, linestyle="--", label="solved")
    ax.set_yscale("log")
    ax.set_ylim(top=0.6)  # leaves out the first error, before any step
    ax.set_ylabel("mean squared error, test")
    ax.set_xlabel(f"optimiser step, learning rate {result.config['learning_rate']:g}")
    ax.legend(fontsize=8, loc="center right", bbox_to_anchor=(1, 0.45))


def _draw_ablation(ax: Axes, result: Result) -> None:
    from course_lib.figures.palette import color

    biases = result.config["forget_biases"]
    budget = result.config["steps"]
    places = range(len(biases))
    for slow, marker in ((False, "o"), (True, "s")):
        rate = result.config["slow_rate" if slow else "learning_rate"]
        names = ["slow_" * slow + f"lstm_{bias:g}" for bias in biases]
        means = [result.mean(f"steps_{name}") for name in names]
        shade = {"color": color("lstm"), "alpha": 0.55 if slow else 1.0}
        style = "--" if slow else "-"
        label = f"learning rate {rate:g}"
        ax.plot(places, means, linestyle=style, marker=marker, label=label, **shade)
        for place, name in zip(places, names, strict=True):
            seeds = [run.metrics[f"steps_{name}"] for run in result.runs]
            ax.plot([place] * len(seeds), seeds, "_", markersize=12, **shade)
    ax.axhline(budget, color=color("baseline"), linestyle=":", label="budget")
    ax.set_ylim(0, 1.08 * budget)
    ax.set_xticks(places, [f"{bias:g}" for bias in biases])
    ax.set_xlabel("forget bias at the start (LSTM)")
    ax.set_ylabel("steps until solved")
    ax.legend(fontsize=8, loc="lower right")


def _draw_gates(ax: Axes, result: Result) -> None:
    from course_lib.figures.palette import color

    looks = {"before": color("baseline"), "after": color("lstm")}
    for when, shade in looks.items():
        for run in result.runs:
            units = run.series["kept"][when]
            label = f"{when} training" if run is result.runs[0] else None
            ranks = range(1, len(units) + 1)
            ax.plot(ranks, units, ".-", color=shade, linewidth=0.8, label=label)
    length = result.config["length"]
    ax.axhline(length, color="grey", linestyle=":", label=f"T = {length}")
    ax.set_yscale("log")
    ax.set_xlabel("unit of the LSTM with forget bias 1, sorted")
    ax.set_ylabel("steps kept, 1 / (1 - mean f)")
    ax.legend(fontsize=8, loc="upper left")
