"""The small residual network: as published, and what a moved image does to it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.cnn import STRIDE, ResidualBlock, ResNet, as_large
from course_lib.training import weight_count
from small_transformers import close, gradients, shaken
from small_vits import pictures


def small(seed: int = 0, **changes) -> ResNet:
    torch.manual_seed(seed)
    return ResNet(**{"channels": 3, "classes": 5, "width": 4} | changes)


@pytest.mark.parametrize(
    ("blocks", "published"), [(3, 0.27), (5, 0.46), (7, 0.66), (9, 0.85), (18, 1.7)]
)
def test_it_is_as_large_as_the_papers(blocks, published):
    """Millions of weights, He et al. 2016, table 6."""
    with torch.device("meta"):
        model = ResNet(3, 10, 16, blocks)
    digits = len(str(published)) - 2
    assert round(weight_count(model) / 1e6, digits) == published
    layers = [one for one in model.modules() if isinstance(one, (nn.Conv2d, nn.Linear))]
    assert len(layers) == 6 * blocks + 2


def test_every_weight_is_counted():
    w, K, channels = 4, 5, 3
    convolutions = 9 * (channels * w + 2 * w * w)  # the first one, and stage 1
    convolutions += 9 * (w * 2 * w + 2 * w * 2 * w + 2 * w * 4 * w + 4 * w * 4 * w)
    norms = 2 * (3 * w + 2 * 2 * w + 2 * 4 * w)
    assert weight_count(small()) == convolutions + norms + 4 * w * K + K


@pytest.mark.parametrize(("height", "width"), [(8, 8), (32, 32), (28, 28), (12, 8)])
def test_shapes(height, width):
    images = pictures(2, (3, height, width))
    assert small().features(images).shape == (2, 16, height // 4, width // 4)
    assert small()(images).shape == (2, 5)


def test_a_block_that_hears_nothing_lets_pass_what_was_there():
    x = pictures(2, (3, 6, 6)) - 0.5
    for width, stride in ((3, 1), (6, 2)):
        block = ResidualBlock(3, width, stride)
        nn.init.zeros_(block.second_norm.weight)
        out = block(x)
        assert torch.equal(out[:, :3], x[:, :, ::stride, ::stride].relu())
        assert torch.equal(out[:, 3:], torch.zeros_like(out[:, 3:]))


@pytest.mark.parametrize(("down", "right"), [(1, 0), (0, 1), (2, 3)])
def test_an_image_that_moves_by_the_stride_moves_its_features(down, right):
    """But for where the border was seen: 12 pixels around each place, 3 steps."""
    model = shaken(small()).eval()
    large = pictures(2, (3, 64 + 12, 64 + 12))
    there = large[:, :, 12:, 12:]
    moved = large[:, :, 12 - STRIDE * down :, 12 - STRIDE * right :][:, :, :64, :64]
    one, other = (model.features(x) for x in (there, moved))  # (2, 16, 16, 16)
    inside = slice(3, 13)
    rows, columns = slice(3 + down, 13), slice(3 + right, 13)
    expected = one[:, :, inside, inside][:, :, : 10 - down, : 10 - right]
    close(other[:, :, rows, columns], expected, 1e-4 * expected.abs().max().item())
    assert expected.std() > 0.01
    by_one = large[:, :, 12:, 11:][:, :, :64, :64]  # less than the stride
    odd = model.features(by_one)[:, :, inside, inside]
    assert (odd - one[:, :, inside, inside]).abs().max() > 1e-2 * expected.std()


def test_the_logits_are_a_mean_over_all_places():
    model = shaken(small()).eval()
    features = model.features(pictures(2, (3, 16, 16)))
    wanted = features.flatten(2).mean(dim=2) @ model.output.weight.T + model.output.bias
    close(model(pictures(2, (3, 16, 16))), wanted, 1e-5)


def test_every_weight_learns():
    model = small()
    for name, one in gradients(model, model(pictures(4, (3, 16, 16)))).items():
        assert one.abs().max() > 0, name


@pytest.mark.parametrize("weights", [5_000, 57_000, 2_000_000])
@pytest.mark.parametrize("blocks", [1, 3])
def test_the_largest_that_is_no_larger(weights, blocks):
    width = as_large(weights, 3, 10, blocks)
    count, next_count = (
        weight_count(ResNet(3, 10, one, blocks)) for one in (width, width + 1)
    )
    assert count <= weights < next_count


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: small(width=0), "width: got 0, expected at least 1"),
        (lambda: small(blocks=0), "blocks: got 0, expected at least 1"),
        (
            lambda: small()(pictures(2, (1, 8, 8))),
            r"images: got shape \(2, 1, 8, 8\), expected \(B, 3, height, width\)",
        ),
        (lambda: small()(pictures(2, (3, 8, 8))[0]), r"images: got shape \(3, 8, 8\)"),
        (lambda: as_large(50, 3, 10), "weights: got 50, expected at least "),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
