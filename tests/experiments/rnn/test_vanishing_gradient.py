from __future__ import annotations

import math

import torch

from claims import failed, outcome
from course_lib.experiments import find
from course_lib.experiments.rnn import vanishing_gradient


def test_gradient_norms_are_those_of_autograd():
    config = vanishing_gradient.Config(hidden_size=6, input_size=3)
    random = torch.Generator().manual_seed(0)
    for nonlinearity in ("linear", "tanh"):
        W = vanishing_gradient.scaled_gaussian(6, 1.1, random)
        layer = vanishing_gradient._layer(config, nonlinearity, W, random)
        x = torch.randn(2, 9, 3, generator=random, dtype=torch.float64)
        last = torch.randn(2, 6, generator=random, dtype=torch.float64)
        found = vanishing_gradient.gradient_norms(layer, x, last)
        for lag in range(9):
            states, _ = layer(x[:, : 9 - lag])
            state = states[:, -1].detach().requires_grad_()
            end = layer(x[:, 9 - lag :], state)[1] if lag else state
            (gradient,) = torch.autograd.grad((last * end).sum(), state)
            expected = gradient.norm(dim=1).log10().mean()
            torch.testing.assert_close(found[lag], expected)


def test_gradient_norms_far_below_double_precision_are_still_numbers():
    metrics = outcome(find("vanishing-gradient"), length=1000, matrices=1)
    default = metrics.series["log10_norm"]["tanh default"]
    assert default[-1] < -320  # a double ends at 1e-308
    assert all(math.isfinite(value) for value in default)


def test_a_wrong_spectral_radius_fails_its_band(monkeypatch):
    def by_norm(size, radius, generator):  # the classic mistake: largest singular value
        W = torch.randn(size, size, generator=generator, dtype=torch.float64)
        return W * (radius / torch.linalg.matrix_norm(W, 2))

    monkeypatch.setattr(vanishing_gradient, "scaled_gaussian", by_norm)
    experiment = find("vanishing-gradient")
    assert "rate_error" in failed(experiment, outcome(experiment).metrics)


def test_a_recursion_without_the_slope_of_tanh_fails_its_band(monkeypatch):
    def linear_only(layer, x, last):
        layer.nonlinearity = "linear"
        return true_norms(layer, x, last)

    true_norms = vanishing_gradient.gradient_norms
    monkeypatch.setattr(vanishing_gradient, "gradient_norms", linear_only)
    experiment = find("vanishing-gradient")
    assert "tanh_largest" in failed(experiment, outcome(experiment).metrics)
