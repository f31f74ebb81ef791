"""The figure of exposure-bias: errors by place, after a mistake, by own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course_lib.experiments.plots import blank, draw, over_seeds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from course_lib.results import Result


def figure(result: Result) -> Figure:
    """Wrong tokens by place; after a mistake; what scheduled sampling changes."""
    figure, (places, lags, change) = blank(rows=3, height=2.9)
    _draw_places(places, result)
    _draw_lags(lags, result)
    _draw_change(change, result)
    return figure


def _draw_places(ax: Axes, result: Result) -> None:
    from course_lib.figures.palette import color

    looks = {
        "alone": ("negative", ":", "decoding alone, compared place by place"),
        "forced": ("output", "-", "from true words"),
    }
    series = [run.series["place"][0] for run in result.runs]
    shortest = min(len(one["forced"]) for one in series)
    for key, (shade, style, label) in looks.items():
        draw(
            ax,
            range(1, shortest + 1),
            result.runs,
            lambda series, key=key: series["place"][0][key][:shortest],
            color=color(shade),
            linestyle=style,
            label=label,
        )
    ax.set_ylim(bottom=0)
    ax.set_xlabel("place of the target token")
    ax.set_ylabel("share of wrong tokens")
    ax.legend(fontsize=8, loc="lower right")


def _draw_lags(ax: Axes, result: Result) -> None:
    from course_lib.figures.palette import color

    own = result.config["own"]
    lags = range(1, result.config["lags"] + 1)
    models = {
        0: ("input", "teacher forcing"),
        own.index(0.5): ("output", "scheduled sampling to 0.5"),
    }
    for i, (shade, name) in models.items():
        for key, style, said in (
            ("seen", "-", "one wrong word before"),
            ("unseen", "--", "true words before"),
        ):
            draw(
                ax,
                lags,
                result.runs,
                lambda series, i=i, key=key: series[key][i],
                color=color(shade),
                linestyle=style,
                marker="o",
                markersize=3,
                label=f"{name}: {said}",
            )
    ax.set_ylim(bottom=0)
    ax.set_xlabel("tokens after the wrong word")
    ax.set_ylabel("share of wrong tokens")
    ax.legend(fontsize=8)


def _draw_change(ax: Axes, result: Result) -> None:
    from course_lib.figures.palette import color

    own = result.config["own"]
    looks = {
        "perplexity": ("baseline", "s", "perplexity, from true words"),
        "edits": ("output", "o", "edits to the reference, decoding alone"),
        "harm": ("negative", "^", "harm of a wrong word"),
        "price": ("gradient", "v", "price of a wrong word"),
    }
    for number, (name, (shade, marker, label)) in enumerate(looks.items()):
        mean, sd = over_seeds(result.runs, lambda s, name=name: _ratios(s, name))
        ax.errorbar(
            [share + 0.006 * (number - 1.5) for share in own],  # or they would hide
            mean,
            sd,
            color=color(shade),
            marker=marker,
            markersize=5,
            linewidth=1.2,
            capsize=3,
            label=label,
        )
    ax.axhline(1, color="black", linewidth=1, linestyle=":")
    ax.set_xticks(own)
    ax.set_xlabel("share of own words at the end of training")
    ax.set_ylabel("times that of teacher forcing")
    ax.legend(fontsize=8)


def _ratios(series: Mapping[str, Any], name: str) -> list[float]:
    """A measure of each model, divided by that of teacher forcing."""
    first = series["metrics"][0][name]
    return [one[name] / first for one in series["metrics"]]
