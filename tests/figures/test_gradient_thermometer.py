"""The thermometer reads what autograd finds, and what the experiment measures."""

from __future__ import annotations

import math

import pytest
import torch
from javascript import run

from course_lib.experiments.rnn.vanishing_gradient import gradient_norms
from course_lib.figures.rnn import GradientThermometer
from course_lib.results import stored
from course_lib.rnn import RNN

SCRIPT = """const { network, gradients } = await load("rnn/gradient_thermometer.js");
  const net = network(seed);
  const { byLag, ofWeights } = gradients(net, radius, nonlinearity, length);
  return { ...net, norms: byLag, ofWeights };"""


def read(radius: float, length: int, nonlinearity: str) -> dict:
    """The figure's network, and log10 of the norms, by lag and of W_h."""
    seed = GradientThermometer().seed
    given = {"radius": radius, "length": length, "nonlinearity": nonlinearity}
    return run(SCRIPT, seed=seed, **given)


def tensors(got: dict, radius: float, length: int) -> tuple[torch.Tensor, ...]:
    """W_h (H, H), W_x x (B, T, H) and the error at the last step (B, H)."""
    W_h = torch.tensor(got["W_h"]["data"]).view(got["W_h"]["shape"])
    inputs = [one["inputs"][:length] for one in got["sequences"]]
    errors = [one["error"] for one in got["sequences"]]
    return radius * W_h, torch.tensor(inputs), torch.tensor(errors)


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("nonlinearity", ["linear", "tanh"])
@pytest.mark.parametrize("radius", [0.7, 3.0])
def test_norms_equal_autograd(radius: float, nonlinearity: str) -> None:
    got = read(radius, 30, nonlinearity)
    W_h, inputs, errors = tensors(got, radius, 30)
    assert torch.linalg.eigvals(W_h).abs().max().item() == pytest.approx(radius)
    W_h.requires_grad_()
    expected, of_weights = torch.zeros(31), 0.0
    for x, error in zip(inputs, errors, strict=True):
        state = torch.zeros(len(W_h), requires_grad=True)
        states = [state]
        for x_t in x:
            a = W_h @ state + x_t
            state = a.tanh() if nonlinearity == "tanh" else a
            state.retain_grad()
            states.append(state)
        W_h.grad = None
        (state @ error).backward()
        of_weights += W_h.grad.norm().log10().item() / len(inputs)
        norms = torch.stack([h.grad.norm() for h in reversed(states)])
        expected += norms.log10() / len(inputs)
    torch.testing.assert_close(torch.tensor(got["norms"]), expected)
    assert got["ofWeights"] == pytest.approx(of_weights, abs=1e-6)


@pytest.mark.parametrize("size", [0.02, 1.0, 75.0, 4e12])
@pytest.mark.parametrize("limit", [None, 10, 1, 0.1])
def test_clipping_multiplies_by_what_torch_multiplies_by(size, limit) -> None:
    weight = torch.nn.Parameter(torch.zeros(5))
    weight.grad = torch.full((5,), size / math.sqrt(5))
    if limit is not None:
        torch.nn.utils.clip_grad_norm_([weight], limit)
    script = 'return (await load("rnn/gradient_thermometer.js")).factor(size, limit);'
    got = run(script, size=size, limit=limit)
    assert got == pytest.approx(weight.grad.norm().item() / size, rel=1e-4)
    assert got <= 1


HAS = "∂L/∂Wₕ, the sum of the shares of all steps, has norm "
SAME = "every share gets shorter by the same factor, none gets longer."


@pytest.mark.parametrize(
    ("size", "limit", "says"),
    [
        (75, None, "75.0."),
        (75, 1, f"75.0. Clipping at 1 multiplies the whole gradient by 0.0133: {SAME}"),
        (
            2.5e9,
            0.1,
            "2.50 × 10⁹. Clipping at 0.1 multiplies the whole gradient by "
            f"4.00 × 10⁻¹¹: {SAME}",
        ),
        (4, 10, "4.00. It is shorter than 10 already: clipping does nothing."),
    ],
)
def test_the_sentence_about_clipping(size, limit, says) -> None:
    script = 'return (await load("rnn/gradient_thermometer.js")).clipping(size, limit);'
    assert run(script, size=size, limit=limit) == HAS + says


def test_the_controls_reach_both_kinds_of_clipping() -> None:
    """Of the thresholds offered, 10 acts on some settings and leaves some alone."""
    assert read(0.9, 50, "tanh")["ofWeights"] < 1 < read(0.9, 50, "linear")["ofWeights"]


@pytest.mark.parametrize("radius", [0.9, 1.3, 3.0])
def test_the_curve_is_the_experiments(radius: float) -> None:
    """course_lib's own measurement, on the figure's weights, inputs and errors."""
    got = read(radius, 100, "tanh")
    W_h, inputs, errors = tensors(got, radius, 100)
    assert inputs.std().item() == pytest.approx(1, abs=0.1)  # W_x ~ N(0, 1 / I)
    layer = RNN(len(W_h), len(W_h), "tanh", "steps")
    with torch.no_grad():
        layer.W_h.copy_(W_h)
        layer.W_x.copy_(torch.eye(len(W_h)))  # W_x x is what the figure keeps
        layer.b.zero_()
    expected = gradient_norms(layer, inputs, errors)  # lags 0 … T - 1
    got = torch.tensor(got["norms"][:-1])
    # at 3.0 the states are chaotic: rounding grows as the gradient does
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("radius", "name"), [(0.9, "tanh_0.9"), (1.3, "tanh_largest"), (3.0, "tanh_large")]
)
def test_the_figure_tells_what_the_table_tells(radius: float, name: str) -> None:
    """One matrix scatters about the mean of many; the default seed is a typical one."""
    runs = stored("vanishing-gradient", "cpu").runs
    table = sum(one.metrics[name] for one in runs) / len(runs)
    assert read(radius, 100, "tanh")["norms"][-1] == pytest.approx(table, abs=1)


@pytest.mark.parametrize("radius", [0.8, 1.0, 1.2])
def test_a_linear_cell_follows_the_line(radius: float) -> None:
    """The rate of the last 60 of 100 steps is log rho; a start-up may come before."""
    norms = read(radius, 100, "linear")["norms"]
    rate = math.log(10) * (norms[100] - norms[40]) / 60
    assert rate == pytest.approx(math.log(radius), abs=0.02)
