"""The gradient shrinks or grows geometrically with the lag; the recurrence sets how.

For h_t = φ(W_x x_t + W_h h_{t-1}) the chain rule gives, from step T back to T - k,

    δ_{t-1} = W_hᵀ (φ'(a_t) ⊙ δ_t),    so    ‖δ_{T-k}‖ ~ ρ(W_h)^k    if φ is linear,

with ρ the spectral radius (Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio
2013, section 2.1). W_h is Gaussian, scaled to the radius. An orthogonal matrix would
give the rate of the linear network exactly, by construction: it is measured as a check.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from course_lib.data.batching import generator
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.rnn.recurrent_matrices import orthogonal, scaled_gaussian
from course_lib.rnn import RNN
from course_lib.training import Setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result


@dataclass(frozen=True)
class Config:
    """How the gradient is measured; nothing is trained."""

    hidden_size: int = 64  # H, as in the chapter's other experiments
    input_size: int = 8  # standard normal inputs, a_t of variance about 1 or more
    length: int = 200  # T, time steps: the longest lag
    sequences: int = 16  # B, each with its own input and its own δ_T
    matrices: int = 5  # drawn anew for each radius; the rate of one scatters
    radii: tuple[float, ...] = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)  # of W_h: ρ
    large_radius: float = 3.0  # for tanh only: linear would reach 10^95 at T = 200
    fit_from: int = 50  # steps: before, other eigenvalues still take part
    lag: int = 100  # steps, at which single norms are stated
    points: int = 41  # lags kept for the figure


def gradient_norms(layer: RNN, x: Tensor, last: Tensor) -> Tensor:
    """log10 of the norm of d(``last`` · h_T) / dh_{T-k} for k = 0 … T - 1.

    ``x (B, T, I)``, ``last (B, H)`` -> (T,), the mean of the logarithm over B. It
    starts at the norm of ``last``. No autograd: the recursion above, written out.
    """
    with torch.no_grad():
        states, _ = layer(x)
    slope = {"linear": torch.ones_like, "tanh": lambda h: 1 - h**2}[layer.nonlinearity]
    norms, error, log10 = [], last, 0.0
    for t in range(x.shape[1] - 1, -1, -1):
        size = error.norm(dim=1, keepdim=True)  # (B, 1)
        log10 = log10 + size.log10()
        norms.append(log10.mean())
        error = error / size  # at 1, because 1e-200 squared is 0 in double precision
        error = (slope(states[:, t]) * error) @ layer.W_h.detach()  # (B, H)
    return torch.stack(norms)


def rate(norms: Tensor, start: int) -> float:
    """The change of ln‖δ‖ per step of lag: a straight line through lags ≥ ``start``."""
    lags = torch.arange(start, len(norms), dtype=norms.dtype)
    values = norms[start:] * math.log(10)
    lags = lags - lags.mean()
    return ((lags * values).sum() / (lags**2).sum()).item()


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Measure every network at every radius, in double precision."""
    networks = list(_networks(config, setting.seed))
    rates: dict[str, list[float]] = {}
    curves: dict[str, Tensor] = {}
    random = generator(setting.seed, 1)
    shape = (config.sequences, config.length, config.input_size)
    for number, (name, nonlinearity, W) in enumerate(networks, 1):
        layer = _layer(config, nonlinearity, W, random).to(setting.device)
        x = torch.randn(shape, generator=random, dtype=torch.float64)
        last = torch.randn(shape[0], config.hidden_size, generator=random).double()
        last = last / last.norm(dim=1, keepdim=True)  # starts at norm 1
        norms = gradient_norms(layer, x.to(setting.device), last.to(setting.device))
        norms = norms.cpu()
        curves[name] = curves.get(name, 0) + norms / config.matrices
        rates.setdefault(name, []).append(rate(norms, config.fit_from))
        at_lag = {f"log10 norm at lag {config.lag}": norms[config.lag].item()}
        yield Progress(number, len(networks), at_lag, name)
    default = [W for name, _, W in networks if name == "tanh default"]
    radius = sum(torch.linalg.eigvals(W).abs().max().item() for W in default)
    mean_rates = {name: sum(values) / len(values) for name, values in rates.items()}
    tokens = len(networks) * config.sequences * config.length
    return Outcome(
        _metrics(config, mean_rates, curves)
        | {"radius_default": radius / len(default)},
        _series(config, mean_rates, curves),
        tokens,
    )


def _networks(config: Config, seed: int) -> Iterator[tuple[str, str, Tensor | None]]:
    """Name, nonlinearity and W_h of every network that is measured."""
    random = generator(seed, 0)
    for _ in range(config.matrices):
        for radius in config.radii:
            W = scaled_gaussian(config.hidden_size, radius, random)
            yield f"linear {radius}", "linear", W
            yield f"tanh {radius}", "tanh", W
        W = scaled_gaussian(config.hidden_size, config.large_radius, random)
        yield f"tanh {config.large_radius}", "tanh", W
        Q = orthogonal(config.hidden_size, random)
        yield "linear orthogonal", "linear", Q
        yield "tanh orthogonal", "tanh", Q
        bound = config.hidden_size**-0.5  # the default of nn.RNN
        uniform = torch.rand(Q.shape, generator=random, dtype=torch.float64)
        yield "tanh default", "tanh", (2 * uniform - 1) * bound


def _layer(
    config: Config, nonlinearity: str, W: Tensor, random: torch.Generator
) -> RNN:
    layer = RNN(config.input_size, config.hidden_size, nonlinearity, "steps").double()
    shape = layer.W_x.shape
    with torch.no_grad():
        layer.W_h.copy_(W)
        layer.W_x.copy_(torch.randn(shape, generator=random) / shape[1] ** 0.5)
        layer.b.zero_()
    return layer


def _metrics(
    config: Config, rates: dict[str, float], curves: dict[str, Tensor]
) -> dict[str, float]:
    expected = torch.tensor([math.log(radius) for radius in config.radii])
    fitted = torch.tensor([rates[f"linear {radius}"] for radius in config.radii])
    centred = expected - expected.mean()
    smallest, largest = min(config.radii), max(config.radii)
    at = config.lag
    return {
        "rate_slope": ((centred * fitted).sum() / (centred**2).sum()).item(),
        "rate_error": (fitted - expected).abs().max().item(),
        "orthogonal_error": abs(rates["linear orthogonal"]),
        "linear_smallest": curves[f"linear {smallest}"][at].item(),
        "linear_largest": curves[f"linear {largest}"][at].item(),
        "tanh_smallest": curves[f"tanh {smallest}"][at].item(),
        "tanh_0.9": curves["tanh 0.9"][at].item(),
        "tanh_largest": curves[f"tanh {largest}"][at].item(),
        "tanh_large": curves[f"tanh {config.large_radius}"][at].item(),
        "tanh_orthogonal": curves["tanh orthogonal"][at].item(),
        "tanh_default": curves["tanh default"][at].item(),
    }


def _series(
    config: Config, rates: dict[str, float], curves: dict[str, Tensor]
) -> dict[str, Any]:
    kept = torch.linspace(0, config.length - 1, config.points).round().long()
    return {
        "lag": kept.tolist(),
        "log10_norm": {name: curve[kept].tolist() for name, curve in curves.items()},
        "rate": rates,
        "expected_rate": {str(radius): math.log(radius) for radius in config.radii},
    }


def figure(result: Result) -> Figure:
    """Norm against lag: the linear network with its theoretical rate, then tanh."""
    from matplotlib import colormaps

    figure, (linear, tanh) = blank(rows=2)
    lags = result.runs[0].series["lag"]
    radii = result.config["radii"]
    shades = colormaps["viridis"].resampled(len(radii) + 1)
    for number, radius in enumerate(radii):
        for ax, kind in ((linear, "linear"), (tanh, "tanh")):
            draw(
                ax,
                lags,
                result.runs,
                lambda series, key=f"{kind} {radius}": series["log10_norm"][key],
                color=shades(number),
                label=f"ρ = {radius}",
            )
        theory = [lag * math.log10(radius) for lag in lags]
        linear.plot(lags, theory, color=shades(number), linestyle=":", linewidth=1)
    large = result.config["large_radius"]
    for name, label, style in (
        (large, f"ρ = {large}", "-"),
        ("orthogonal", "orthogonal", "--"),
        ("default", "nn.RNN's default", "-."),
    ):
        draw(
            tanh,
            lags,
            result.runs,
            lambda series, key=f"tanh {name}": series["log10_norm"][key],
            color="black",
            linestyle=style,
            label=label,
        )
    linear.set_ylabel("linear: log₁₀ ‖∂L/∂h$_{T-k}$‖")
    tanh.set_ylabel("tanh: log₁₀ ‖∂L/∂h$_{T-k}$‖")
    tanh.set_xlabel("lag k (time steps)")
    linear.plot([], [], color="grey", linestyle=":", linewidth=1, label="ρᵏ")
    for ax in (linear, tanh):
        ax.legend(fontsize=8, ncols=2)
    return figure


def _bands(slack: float) -> tuple[Band, ...]:
    return (
        Band(
            "rate_slope",
            "linear: the rate of decay or growth per step is the logarithm of the "
            "spectral radius (slope of one against the other: 1)",
            1 - slack,
            1 + slack,
        ),
        Band("rate_error", "linear: and no radius is far from it", 0.0, slack / 2),
        Band("tanh_0.9", "tanh, ρ = 0.9: 100 steps back, next to nothing", high=-5.0),
        Band("linear_largest", "linear, ρ = 1.3: 100 steps back, explosion", low=8.0),
        Band(
            "tanh_largest",
            "tanh, ρ = 1.3: it vanishes all the same; saturated units pass little on",
            high=-3.0,
        ),
        Band(
            "tanh_large",
            "tanh, ρ = 3: it explodes; bounded states do not bound the gradient",
            low=3.0,
        ),
        Band(
            "tanh_default",
            "tanh as nn.RNN initialises it: the gradient is gone",
            high=-15.0,
        ),
        Band("tanh_orthogonal", "tanh, orthogonal W_h: gone as well", high=-10.0),
        Band(
            "radius_default",
            "for comparison: the spectral radius that nn.RNN starts with",
        ),
    )


EXPERIMENT = Experiment(
    name="vanishing-gradient",
    chapter="rnn",
    claim=(
        "A gradient that travels back k steps shrinks or grows like ρᵏ, where ρ is "
        "the spectral radius of W_h, if the network is linear. With tanh the border "
        "between vanishing and exploding lies higher than 1, but it is there."
    ),
    source="Pascanu, Mikolov & Bengio (2013), section 2.1",
    paper=(
        "no number is given; where λ₁, their bound on the size of W_h, is below 1, the "
        "gradient of a tanh network vanishes; above 1 is necessary for it to explode"
    ),
    scales={
        "quick": Config(hidden_size=32, length=120, sequences=4, matrices=2, points=13),
        "cpu": Config(),
        "real": Config(hidden_size=256, length=500, fit_from=100),
    },
    run=run,
    precision="float64",  # a norm of 1e-41 is nothing in float32
    bands={"quick": _bands(0.1), "cpu": _bands(0.03), "real": _bands(0.03)},
    figure=figure,
    units={
        name: "log₁₀ of the norm"
        for name in (
            "linear_smallest",
            "linear_largest",
            "tanh_smallest",
            "tanh_0.9",
            "tanh_largest",
            "tanh_large",
            "tanh_orthogonal",
            "tanh_default",
        )
    }
    | {"rate_error": "per step", "orthogonal_error": "per step"},
    shared=False,
)
