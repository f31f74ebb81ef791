"""What the gates cost: weights and products 1 : 4 : 3 for RNN, LSTM and GRU; and time.

A layer with g blocks has weights W_x (gH, I) and W_h (gH, H). Multiplied with x_t and
h_{t-1}, they cost, for each time step of each sequence,

    2 g H (I + H)  FLOP forward,   and twice that backward,

once for the gradient of the weights and once for that of x_t and h_{t-1}. The blocks
decide: g = 1 for the RNN, 4 for the LSTM, 3 for the GRU. What is done to each unit
alone (σ, tanh, ⊙) grows with H, not with H², and is left out. These are counts, and
hold everywhere. Times belong to a machine: they are measured, and nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.lstm_gru.stopwatch import (
    Stopwatch,
    gradients,
    random_batch,
)
from course_lib.experiments.plots import blank, draw
from course_lib.lstm_gru import GRU, LSTM
from course_lib.rnn import RNN
from course_lib.training import Setting, weight_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
BLOCKS = {"rnn": 1, "lstm": 4, "gru": 3}  # g above
OF_TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
PATHS = ("fused", "steps")
NAMES = tuple(f"{cell}_{path}" for cell in CELLS for path in PATHS)
COUNTED = 2, 4  # sequences, time steps: counts need no more


@dataclass(frozen=True)
class Config:
    """Every layer reads inputs of its own size, as in a stack."""

    hidden_sizes: tuple[int, ...] = (64, 128, 256, 512)  # H and I, from small
    batch: int = 32  # B, sequences side by side
    length: int = 32  # T, time steps
    rounds: int = 11  # each times every layer once; their median counts


def flop(blocks: int, inputs: int, hidden: int, length: int) -> float:
    """Forward and backward, for each time step of each sequence.

    The first state is zero and needs no gradient: of T steps, T - 1 send one back.
    """
    forward = 2 * blocks * hidden * (inputs + hidden)
    return 3 * forward - 2 * blocks * hidden * hidden / length


def build(cell: str, size: int, path: str, seed: int) -> nn.Module:
    """A layer; the same seed gives the two paths the same parameters."""
    torch.manual_seed(seed)
    return CELLS[cell](size, size, path=path)


def count(cell: str, size: int, setting: Setting) -> dict[str, float]:
    """Weights, parameters and FLOP of one cell, and how far its two paths differ."""
    B, T = COUNTED
    x, d_states = (
        tensor.double().to(setting.device)
        for tensor in random_batch(size, B, T, setting.seed)
    )
    x.requires_grad_()
    fused, steps = (
        build(cell, size, path, setting.seed).double().to(setting.device)
        for path in PATHS
    )
    with FlopCounterMode(display=False) as counter:  # it can't look into a fused one
        slow = gradients(steps, x, d_states)
    fast = gradients(fused, x, d_states)
    apart = sum(((a - b) ** 2).sum() for a, b in zip(slow, fast, strict=True))
    whole = sum((a**2).sum() for a in slow)
    of_torch = OF_TORCH[cell](size, size, device="meta")
    return {
        "weights": float(steps.W_x.numel() + steps.W_h.numel()),
        "parameters": float(weight_count(steps)),
        "of_torch": float(weight_count(of_torch)),
        "flop": counter.get_total_flops() / (B * T),
        "paths_differ": (apart / whole).sqrt().item(),
    }


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Count, then time: every layer once in each round, so that all share the noise."""
    jobs = list(product(config.hidden_sizes, CELLS))
    total, done = len(jobs) * (config.rounds + 2), 0
    counts: dict[str, list[dict[str, float]]] = {cell: [] for cell in CELLS}
    watches: dict[str, list[Stopwatch]] = {name: [] for name in NAMES}
    for size, cell in jobs:
        counts[cell].append(count(cell, size, setting))
        for path in PATHS:
            layer = build(cell, size, path, setting.seed)
            sizes = config.batch, config.length, config.rounds + 1
            watches[f"{cell}_{path}"].append(Stopwatch(layer, *sizes, setting))
        done += 1
        differ = {f"{cell}: paths differ by": counts[cell][-1]["paths_differ"]}
        yield Progress(done, total, differ, f"{cell}, H = {size}: counted")
    for _ in range(config.rounds + 1):  # the first is to warm up
        for number, (size, cell) in enumerate(jobs):
            place = number // len(CELLS)  # of this size among the sizes
            us = {
                f"{cell} {path}: µs": watches[f"{cell}_{path}"][place].measure()
                for path in PATHS
            }
            done += 1
            curves = us if size == config.hidden_sizes[-1] else {}
            yield Progress(done, total, curves, f"{cell}, H = {size}: timed")
    series = {"hidden_size": list(config.hidden_sizes)} | {
        what: {name: [getattr(w, what) for w in ws] for name, ws in watches.items()}
        for what in ("us", "quartiles", "training_ms")
    }
    metrics = _counted(config, counts) | _timed(series)
    passes = 2 * len(PATHS) * len(jobs) * (config.rounds + 1)
    return Outcome(metrics, series, passes * config.batch * config.length)


def _counted(
    config: Config, counts: Mapping[str, list[dict[str, float]]]
) -> dict[str, float]:
    """Ratios are those of the smallest layer, where a bias weighs most."""
    smallest = {cell: of_sizes[0] for cell, of_sizes in counts.items()}
    metrics = {
        f"{what}_{cell}": smallest[cell][what] / smallest["rnn"][what]
        for what in ("weights", "parameters", "of_torch", "flop")
        for cell in ("lstm", "gru")
    }
    apart = [
        abs(found["flop"] / flop(BLOCKS[cell], size, size, COUNTED[1]) - 1)
        for cell, of_sizes in counts.items()
        for size, found in zip(config.hidden_sizes, of_sizes, strict=True)
    ]
    differ = [found["paths_differ"] for each in counts.values() for found in each]
    return metrics | {"flop_error": max(apart), "paths_differ": max(differ)}


def _timed(series: Mapping[str, Any]) -> dict[str, float]:
    """Times of the largest layer, and of LSTM and GRU as multiples of the RNN's."""
    metrics = {f"us_{name}": times[-1] for name, times in series["us"].items()}
    for path in PATHS:
        for cell in ("lstm", "gru"):
            of_rnn = metrics[f"us_rnn_{path}"]
            metrics[f"time_{cell}_{path}"] = metrics[f"us_{cell}_{path}"] / of_rnn
    for cell in CELLS:
        fused, steps = (metrics[f"us_{cell}_{path}"] for path in PATHS)
        metrics[f"fused_gains_{cell}"] = steps / fused
    metrics |= {
        f"training_ms_{name}": times[-1]
        for name, times in series["training_ms"].items()
    }
    spreads = [
        (high - low) / series["us"][name][place]
        for name, of_sizes in series["quartiles"].items()
        for place, (low, high) in enumerate(of_sizes)
    ]
    return metrics | {"spread": max(spreads)}


def figure(result: Result) -> Figure:
    """Time per step against H, and the same as a multiple of the RNN's."""
    from course_lib.figures.palette import color

    figure, (times, ratios) = blank(rows=2)
    sizes = result.runs[0].series["hidden_size"]
    looks = {"fused": ("-", "o", "fused"), "steps": ("--", "s", "written out")}
    for cell, path in product(CELLS, PATHS):
        name, of_rnn = f"{cell}_{path}", f"rnn_{path}"
        line, marker, said = looks[path]
        style = {
            "color": color(cell),
            "linestyle": line,
            "marker": marker,
            "markersize": 4,
            "label": f"{cell.upper()}, {said}",
        }
        draw(times, sizes, result.runs, lambda s, name=name: s["us"][name], **style)
        if cell != "rnn":
            draw(
                ratios,
                sizes,
                result.runs,
                lambda s, pair=(name, of_rnn): [
                    a / b for a, b in zip(*(s["us"][key] for key in pair), strict=True)
                ],
                **style,
            )
    top = result.runs[0].series["us"]["lstm_fused"][-1]
    slope = [top * (size / sizes[-1]) ** 2 for size in sizes]
    times.plot(sizes, slope, color="grey", linestyle=":", label="as H², the products")
    for cell in ("lstm", "gru"):
        ratios.axhline(BLOCKS[cell], color=color(cell), linestyle=":")
    ratios.plot([], [], color="grey", linestyle=":", label="the products: 4 and 3")
    times.set_yscale("log")
    times.set_ylabel("time per step and sequence (µs)")
    ratios.set_ylabel("multiple of the RNN's")
    ratios.set_ylim(bottom=0)
    ratios.set_xlabel("hidden size H")
    for ax in (times, ratios):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.minorticks_off()
        ax.legend(fontsize=8, ncols=2)
    return figure


BANDS = (
    Band("weights_lstm", "weights of an LSTM", 4.0, 4.0),
    Band("weights_gru", "weights of a GRU", 3.0, 3.0),
    Band("of_torch_lstm", "parameters of nn.LSTM, with two biases a block", 4.0, 4.0),
    Band("of_torch_gru", "parameters of nn.GRU, with two biases a block", 3.0, 3.0),
    Band("parameters_lstm", "parameters of our LSTM, with one", 4.0, 4.0),
    Band("parameters_gru", "parameters of our GRU, with one, and b_n", 3.0, 3.05),
    Band("flop_lstm", "FLOP of an LSTM, counted while it runs", 4.0, 4.0),
    Band("flop_gru", "FLOP of a GRU, counted while it runs", 3.0, 3.0),
    Band(
        "flop_error",
        "what is counted is 2H(I + H) per block forward, twice that back: it is off by",
        0.0,
        1e-12,
    ),
    Band("paths_differ", "fused and written out differ in gradient by", 0.0, 1e-10),
    Band("time_lstm_fused", "measured at the largest H: an LSTM, fused"),
    Band("time_gru_fused", "measured at the largest H: a GRU, fused"),
    Band("time_lstm_steps", "measured at the largest H: an LSTM, written out"),
    Band("time_gru_steps", "measured at the largest H: a GRU, written out"),
    Band("fused_gains_lstm", "measured at the largest H: an LSTM gains when fused"),
    Band("fused_gains_gru", "measured at the largest H: a GRU gains when fused"),
)

EXPERIMENT = Experiment(
    name="recurrent-cost",
    chapter="lstm_gru",
    claim=(
        "An LSTM has four times the weights of a plain RNN of the same size, and makes "
        "four times the products in each step; for a GRU it is three times. That is "
        "counted, and exact. The time of a step need not follow: it is measured, and "
        "nothing is claimed about it."
    ),
    source="Cho et al. (2014), section 2.3",
    paper=(
        "no number is given; the GRU is said to be “much simpler to compute and "
        "implement” than the LSTM"
    ),
    scales={
        "quick": Config(hidden_sizes=(16, 32, 64), batch=4, length=8, rounds=3),
        "cpu": Config(),
        "real": Config(hidden_sizes=(128, 256, 512, 1024), length=64, rounds=21),
    },
    run=run,
    precision="float32",  # of the times; the counts are made in double precision
    bands=dict.fromkeys(("quick", "cpu", "real"), BANDS),
    figure=figure,
    units={
        f"{what}_{cell}": "× the RNN's"
        for what in ("weights", "parameters", "of_torch", "flop")
        for cell in ("lstm", "gru")
    }
    | {f"time_{name}": "× the RNN's" for name in NAMES if "rnn" not in name}
    | {f"us_{name}": "µs per time step" for name in NAMES}
    | {f"training_ms_{name}": "ms" for name in NAMES}
    | {f"fused_gains_{cell}": "times faster" for cell in CELLS}
    | {"flop_error": "of the whole", "paths_differ": "of its norm"}
    | {"spread": "of the median, between quartiles"},
    shared=False,
    timed=True,
)
