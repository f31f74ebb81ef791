"""The thermometer reads what autograd finds."""

from __future__ import annotations

import math

import pytest
import torch
from javascript import run

SCRIPT = """const { network, gradients } = await load("rnn/gradient_thermometer.js");
  const net = network(seed, length);
  return { ...net, ...gradients(net, radius, nonlinearity) };"""


def read(radius: float, length: int, nonlinearity: str, seed: int = 1) -> dict:
    return run(
        SCRIPT, radius=radius, length=length, nonlinearity=nonlinearity, seed=seed
    )


@pytest.mark.parametrize("nonlinearity", ["linear", "tanh"])
@pytest.mark.parametrize("radius", [0.7, 1.3])
def test_norms_equal_autograd(radius: float, nonlinearity: str) -> None:
    got = read(radius, 30, nonlinearity)
    W = torch.tensor(got["W"]["data"], dtype=torch.float64).view(got["W"]["shape"])
    assert torch.linalg.eigvals(W).abs().max().item() == pytest.approx(1, rel=1e-9)
    W_h = (radius * W).requires_grad_()
    state = torch.zeros(len(W), dtype=torch.float64, requires_grad=True)
    states = [state]
    for x in torch.tensor(got["inputs"], dtype=torch.float64):
        a = W_h @ state + x
        state = a.tanh() if nonlinearity == "tanh" else a
        state.retain_grad()
        states.append(state)
    (state @ torch.tensor(got["error"], dtype=torch.float64)).backward()
    expected = [h.grad.norm().item() for h in reversed(states)]
    assert got["norms"] == pytest.approx(expected, rel=1e-10)
    assert got["parameters"] == pytest.approx(W_h.grad.norm().item(), rel=1e-10)


@pytest.mark.parametrize("radius", [0.8, 1.0, 1.2])
def test_a_linear_cell_follows_the_line(radius: float) -> None:
    """The rate of the last 60 of 100 steps is log rho; a start-up may come before."""
    norms = read(radius, 100, "linear")["norms"]
    rate = (math.log(norms[100]) - math.log(norms[40])) / 60
    assert rate == pytest.approx(math.log(radius), abs=0.02)


def test_tanh_does_not_explode() -> None:
    """What the reader can find: saturation stops at 1.3 what linearly explodes."""
    assert read(1.3, 50, "linear")["norms"][-1] > 1e4
    assert read(1.3, 50, "tanh")["norms"][-1] < 100
