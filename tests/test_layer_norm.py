"""LayerNorm: its formula, torch's, and the gradient that is derived by hand."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.self_attention import PATHS
from course_lib.transformer import LayerNorm
from small_transformers import close, numbers, shaken

B, T, C = 3, 4, 6
by_path = pytest.mark.parametrize("path", PATHS)
by_shape = pytest.mark.parametrize("shape", [(B, T, C), (T, C), (C,)])


def build(path="fused", eps=1e-5):
    return shaken(LayerNorm(C, eps, path)).double()


def values(*shape, seed=0):
    return numbers(*shape, seed=seed, dtype=torch.float64) * 3 + 1


@by_path
def test_is_its_formula_for_one_token_after_the_other(path):
    layer, x = build(path, eps=0.1), values(B, T, C)
    y = layer(x)
    for b in range(B):
        for t in range(T):
            token = x[b, t].tolist()
            mean = sum(token) / C
            variance = sum((one - mean) ** 2 for one in token) / C
            for c in range(C):
                hat = (token[c] - mean) / math.sqrt(variance + 0.1)
                wanted = layer.gain[c].item() * hat + layer.bias[c].item()
                assert y[b, t, c].item() == pytest.approx(wanted, abs=1e-12)


@by_path
@by_shape
def test_is_torchs_in_value_and_gradient(shape, path):
    ours, theirs = build(path), torch.nn.LayerNorm(C, eps=1e-5).double()
    with torch.no_grad():
        theirs.weight.copy_(ours.gain)
        theirs.bias.copy_(ours.bias)
    x, d_y = values(*shape).requires_grad_(), values(*shape, seed=1)
    found = [
        (y, *torch.autograd.grad((y * d_y).sum(), [x, *layer.parameters()]))
        for layer in (ours, theirs)
        for y in (layer(x),)
    ]
    for own, other in zip(*found, strict=True):
        close(own, other, 1e-10)


@pytest.mark.parametrize("eps", [1e-5, 0.5])
@by_shape
def test_the_gradient_by_hand_is_autograds(shape, eps):
    layer = build(eps=eps)
    x, d_y = values(*shape).requires_grad_(), values(*shape, seed=1)
    wanted = torch.autograd.grad(
        (layer(x) * d_y).sum(), [x, layer.gain, layer.bias], retain_graph=True
    )
    with torch.no_grad():
        by_hand = layer.backward(x, d_y)
    for own, other in zip(by_hand, wanted, strict=True):
        close(own, other, 1e-10)
        assert own.abs().max() > 1e-2


def test_the_gradient_of_a_token_has_no_part_along_ones_nor_along_itself():
    layer, x = build(eps=0.0), values(B, T, C)
    d_x, _, _ = layer.backward(x, values(B, T, C, seed=1))
    close(d_x.sum(-1), torch.zeros(B, T).double(), 1e-12)
    close((d_x * layer.normalised(x)[0]).sum(-1), torch.zeros(B, T).double(), 1e-12)


@by_path
def test_a_token_of_equal_numbers_becomes_the_bias(path):
    layer = build(path)
    x = torch.full((1, C), 7.0, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    close(y[0], layer.bias, 1e-12)
    y.sum().backward()
    assert x.grad.isfinite().all()


@by_path
def test_scale_and_shift_of_a_token_do_not_matter_but_small_ones_meet_epsilon(path):
    layer, x = build(path), values(B, T, C)
    close(layer(100 * x + 30), layer(x), 1e-4)
    tiny = layer(x * 1e-6) - layer.bias
    assert tiny.abs().max() < 1e-2, "ε is inside the root"


def test_a_path_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="path: got 'slow', expected one of fused"):
        LayerNorm(C, path="slow")
