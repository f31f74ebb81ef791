"""How far a gradient reaches back through an LSTM: its forget gate's bias decides.

The gradient is compared with the part of it that the forget gates alone account for,
see ``error_paths.py``. Nothing is trained. A plain RNN and a GRU stand beside the LSTM.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from course_lib.data.batching import generator
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.lstm_gru.error_paths import (
    direct_norms,
    forget_gates,
    gradient_norms,
)
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.rnn.recurrent_matrices import orthogonal
from course_lib.experiments.rnn.vanishing_gradient import rate
from course_lib.lstm_gru import GRU, LSTM, chrono_
from course_lib.rnn import RNN
from course_lib.training import Setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

BIASES = {"lstm_0": 0.0, "lstm_1": 1.0, "lstm_3": 3.0}  # of the forget gate, all units
NAMES = ("default", "0", "1", "3", "chrono")  # of the LSTMs
LSTMS = tuple(f"lstm_{name}" for name in NAMES)
KINDS = ("rnn_default", "rnn_orthogonal", *LSTMS, "gru_default", "gru_chrono")
# With b = 0, i, f and o are near 1/2, so one step multiplies by 1/2 + W_g / 4. A matrix
# drawn from U(-1/√H, 1/√H) has spectral radius 1/√3 for large H (circular law).
GATES_ADD = 1 / (4 * math.sqrt(3))


@dataclass(frozen=True)
class Config:
    """How the gradient is measured; nothing is trained."""

    hidden_size: int = 64  # H, as in the chapter on RNNs
    input_size: int = 8  # standard normal inputs; W_x starts as in torch
    length: int = 200  # T, time steps: the longest lag, and the one chrono is told
    sequences: int = 16  # B, each with its own input and its own δ_T
    layers: int = 5  # drawn anew; LSTMs of one draw differ in their biases alone
    fit_from: int = 50  # steps: before, other directions still take part
    lag: int = 100  # steps, at which single norms are stated
    points: int = 41  # lags kept for the figure


def build(config: Config, kind: str, seed: int) -> nn.Module:
    """One layer, in double precision, that starts as ``kind`` says."""
    torch.manual_seed(seed)
    sizes = config.input_size, config.hidden_size
    if kind in LSTMS:
        layer: nn.Module = LSTM(*sizes, BIASES.get(kind), path="steps")
    elif kind.startswith("gru"):
        layer = GRU(*sizes, path="steps")
    else:
        layer = RNN(*sizes, path="steps")
    layer = layer.double()
    if kind == "rnn_orthogonal":
        with torch.no_grad():
            layer.W_h.copy_(orthogonal(config.hidden_size, generator(seed, 0)))
    if kind.endswith("chrono"):
        chrono_(layer, config.length, generator(seed, 0))
    return layer


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Measure every kind of layer, ``config.layers`` times, in double precision."""
    full: dict[str, Tensor] = {}
    direct: dict[str, Tensor] = {}
    log_gates: dict[str, float] = {}
    total = config.layers * len(KINDS)
    for number, (drawn, kind) in enumerate(product(range(config.layers), KINDS), 1):
        seed = 1000 * setting.seed + drawn
        x, last = _error_and_input(config, seed)
        layer = build(config, kind, seed).to(setting.device)
        x, last = x.to(setting.device), last.to(setting.device)
        norms = gradient_norms(layer, x, last).cpu()
        full[kind] = full.get(kind, 0) + norms / config.layers
        if kind in LSTMS:
            f = forget_gates(layer, x)
            alone = direct_norms(f, last).cpu()
            direct[kind] = direct.get(kind, 0) + alone / config.layers
            log_gate = f.log().mean().item() / config.layers
            log_gates[kind] = log_gates.get(kind, 0.0) + log_gate
        at_lag = {f"log10 norm at lag {config.lag}": norms[config.lag].item()}
        yield Progress(number, total, at_lag, kind.replace("_", " "))
    kept = torch.linspace(0, config.length - 1, config.points).round().long()
    series = {
        "lag": kept.tolist(),
        "log10_norm": {kind: norms[kept].tolist() for kind, norms in full.items()},
        "log10_direct": {kind: norms[kept].tolist() for kind, norms in direct.items()},
    }
    tokens = total * config.sequences * config.length
    return Outcome(_metrics(config, full, direct, log_gates), series, tokens)


def _error_and_input(config: Config, seed: int) -> tuple[Tensor, Tensor]:
    """``x (B, T, I)``, standard normal, and ``last (B, H)`` with rows of norm 1."""
    random = generator(seed, 1)
    rows = config.sequences
    x = torch.randn(
        rows, config.length, config.input_size, generator=random, dtype=torch.float64
    )
    last = torch.randn(rows, config.hidden_size, generator=random, dtype=torch.float64)
    return x, last / last.norm(dim=1, keepdim=True)


def _metrics(
    config: Config,
    full: dict[str, Tensor],
    direct: dict[str, Tensor],
    log_gates: dict[str, float],
) -> dict[str, float]:
    at = config.lag
    metrics = {kind: norms[at].item() for kind, norms in full.items()}
    metrics["bias_1_gains"] = metrics["lstm_1"] - metrics["lstm_default"]
    metrics["bias_3_gains"] = metrics["lstm_3"] - metrics["lstm_1"]
    for name in NAMES:
        whole, alone = full[f"lstm_{name}"], direct[f"lstm_{name}"]
        metrics[f"share_{name}"] = (alone - whole)[at].item()
        metrics[f"factor_{name}"] = math.exp(rate(whole, config.fit_from))
    metrics["direct_factor_0"] = math.exp(rate(direct["lstm_0"], config.fit_from))
    metrics["gates_add_0"] = metrics["factor_0"] - math.exp(log_gates["lstm_0"])
    return metrics


def figure(result: Result) -> Figure:
    """Norm against lag: LSTMs with their forget gates alone, then all cells."""
    from matplotlib import colormaps

    from course_lib.figures.palette import color

    figure, (lstms, cells) = blank(rows=2)
    lags = result.runs[0].series["lag"]
    shades = colormaps["viridis"].resampled(len(BIASES) + 2)

    def line(ax: Any, kind: str, of: str = "log10_norm", **style: Any) -> None:
        draw(ax, lags, result.runs, lambda series: series[of][kind], **style)

    forget = {kind: f"forget bias {bias:g}" for kind, bias in BIASES.items()}
    for number, (kind, label) in enumerate({**forget, "lstm_chrono": "chrono"}.items()):
        shade = shades(number)
        line(lstms, kind, color=shade, label=label)
        line(lstms, kind, "log10_direct", color=shade, linestyle=":")
    lstms.plot([], [], color="grey", linestyle=":", label="forget gates alone")
    for name in ("rnn", "lstm", "gru"):
        other = "orthogonal" if name == "rnn" else "chrono"
        for start, style in (("default", "-"), (other, "--")):
            line(
                cells,
                f"{name}_{start}",
                color=color(name),
                # The GRU lies on the LSTM: wide and thin show both.
                linewidth=4 if name == "lstm" else 1.5,
                alpha=0.5 if name == "lstm" else 1,
                linestyle=style,
                label=f"{name.upper()}, {start}",
            )
    lstms.set_ylabel("LSTM: log₁₀ ‖∂L/∂c$_{T-k}$‖")
    cells.set_ylabel("log₁₀ ‖∂L/∂c$_{T-k}$‖, or ∂h")
    cells.set_xlabel("lag k (time steps)")
    for ax in (lstms, cells):
        ax.legend(fontsize=8, ncols=2, loc="lower left")
    return figure


BANDS = (
    Band(
        "lstm_default", "LSTM, default start: 100 steps back, it vanished", high=-12.0
    ),
    Band("rnn_default", "plain RNN, default start: so it did", high=-15.0),
    Band("gru_default", "GRU, default start: so it did", high=-12.0),
    Band("bias_1_gains", "forget bias 1: what it gains over the default", low=6.0),
    Band("bias_3_gains", "forget bias 3: what it gains over 1", low=3.0),
    Band("lstm_3", "forget bias 3: 100 steps back, it is still there", -1.5, 1.0),
    Band("lstm_chrono", "LSTM, chrono start: it is still there", -1.2, 0.1),
    Band("gru_chrono", "GRU, chrono start: it is still there", -1.2, 0.1),
    Band(
        "rnn_orthogonal",
        "plain RNN, orthogonal W_h: it keeps more than the default LSTM",
        low=-12.0,
    ),
    Band(
        "direct_factor_0",
        "forget bias 0: along the cell alone it shrinks by the gate",
        0.45,
        0.55,
    ),
    Band("factor_0", "forget bias 0: the whole gradient shrinks less", 0.57, 0.72),
    Band("factor_1", "forget bias 1: the gradient shrinks by", 0.79, 0.93),
    Band(
        "factor_3",
        "forget bias 3: the gradient neither shrinks nor grows fast",
        0.97,
        1.04,
    ),
    Band(
        "gates_add_0",
        f"forget bias 0: what the gates add; theory: 1/(4√3) = {GATES_ADD:.3f}",
        0.09,
        0.18,
    ),
    Band(
        "share_0", "forget bias 0: almost nothing came along the cell alone", high=-4.0
    ),
    Band(
        "share_1", "forget bias 1: almost nothing came along the cell alone", high=-2.5
    ),
    Band(
        "share_3", "forget bias 3: a small part came along the cell alone", -3.4, -0.5
    ),
    Band(
        "share_chrono",
        "LSTM, chrono start: nearly all came along the cell alone",
        -0.15,
        0.05,
    ),
)
EXPERIMENT = Experiment(
    name="forget-gate-gradient",
    chapter="lstm_gru",
    claim=(
        "Before training, the bias of the forget gate sets how fast an LSTM's gradient "
        "decays. With the default it is gone 100 steps back, as in a plain RNN; with 1 "
        "it is larger by many orders of magnitude, and with 3 it is still there. It "
        "decays less than the forget gates alone say: the rest came through the gates."
    ),
    source="Jozefowicz, Zaremba & Sutskever (2015), section 2.2",
    paper=(
        "small random weights set the forget gate to 0.5, so the gradient vanishes by "
        "a factor of 0.5 per time step; forget biases of 1 or 2 are advised"
    ),
    scales={
        "quick": Config(hidden_size=32, length=120, sequences=4, layers=2, points=13),
        "cpu": Config(),
        "real": Config(hidden_size=256, length=1000, fit_from=100),
    },
    run=run,
    precision="float64",  # a norm of 1e-200 is nothing in float32
    bands=dict.fromkeys(("quick", "cpu", "real"), BANDS),
    figure=figure,
    units=dict.fromkeys(KINDS, "log₁₀ of the norm")
    | {f"share_{name}": "log₁₀ of the share" for name in NAMES}
    | dict.fromkeys(("bias_1_gains", "bias_3_gains"), "orders of magnitude")
    | {
        name: "per step"
        for name in (*(f"factor_{n}" for n in NAMES), "direct_factor_0", "gates_add_0")
    },
    shared=False,
)
