"""The Vision Transformer: patches, positions, what it can and can't tell apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import vit
from course_lib.cnn import ConvolutionalStem
from course_lib.positions import sinusoids
from course_lib.self_attention import PATHS, MultiHeadAttention
from course_lib.training import weight_count
from course_lib.vit import (
    POSITIONS,
    SUMMARIES,
    PatchEmbedding,
    VisionTransformer,
    assembled,
    at_resolution,
    attention_maps,
    interpolated,
    patches,
    rollout,
    sinusoids_2d,
)
from small_transformers import close, gradients, numbers, shaken
from small_vits import GRID, IMAGE, SIDE, K, T, pictures, small_vit, vit_config

by_summary = pytest.mark.parametrize("summary", SUMMARIES)
by_positions = pytest.mark.parametrize("positions", POSITIONS)

# -- patches ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "side"), [((1, 8, 8), 2), ((3, 6, 9), 3), ((2, 4, 8), 4), ((3, 5, 4), 1)]
)
def test_patches_are_the_squares_in_reading_order_and_come_together_again(image, side):
    channels, height, width = image
    images = pictures(2, image)
    cut = patches(images, side)
    rows, columns = height // side, width // side
    assert cut.shape == (2, rows * columns, channels * side * side)
    for row in range(rows):
        for column in range(columns):
            square = images[
                :,
                :,
                row * side : (row + 1) * side,
                column * side : (column + 1) * side,
            ]
            assert torch.equal(cut[:, row * columns + column], square.flatten(1))
    assert torch.equal(assembled(cut, side, *image), images)
    other = numbers(*cut.shape)
    assert torch.equal(patches(assembled(other, side, *image), side), other)


def test_patches_are_torchs_unfold():
    images = pictures(2, (3, 6, 9))
    assert torch.equal(patches(images, 3), F.unfold(images, 3, stride=3).mT)


@pytest.mark.parametrize("size", [1, 7])
def test_patch_embedding_is_a_strided_convolution_in_value_and_gradient(size):
    ours = shaken(PatchEmbedding(3, SIDE, size)).double()
    theirs = nn.Conv2d(3, size, SIDE, stride=SIDE).double()
    with torch.no_grad():
        theirs.weight.copy_(ours.linear.weight.view_as(theirs.weight))
        theirs.bias.copy_(ours.linear.bias)
    images = pictures().double().requires_grad_()
    out, wanted = ours(images), theirs(images).flatten(2).mT
    close(out, wanted, 1e-12)
    found, expected = gradients(ours, out), gradients(theirs, wanted)
    for kind in ("weight", "bias"):
        one = found[f"linear.{kind}"]
        close(one, expected[kind].view_as(one), 1e-12)
    by_images = [
        torch.autograd.grad(one(images).square().sum(), images)[0]
        for one in (ours, theirs)
    ]
    close(*by_images, 1e-12)


# -- positions -------------------------------------------------------------------------


def test_a_place_in_two_dimensions_is_its_row_and_its_column():
    codes = sinusoids_2d((3, 5), 8).unflatten(0, (3, 5))
    for row in range(3):
        for column in range(5):
            half, other = codes[row, column].split(4)
            assert torch.equal(half, sinusoids(torch.tensor([row]), 4)[0])
            assert torch.equal(other, sinusoids(torch.tensor([column]), 4)[0])


@pytest.mark.parametrize("extra", [0, 1])
def test_interpolation_to_the_same_grid_changes_nothing(extra):
    table = numbers(T + extra, 8)
    assert torch.equal(interpolated(table, GRID, GRID), table)


def test_interpolation_keeps_the_class_row_and_scales_the_rest_as_a_picture():
    table = numbers(T + 1, 8)
    larger = interpolated(table, GRID, (6, 8))
    assert larger.shape == (49, 8)
    assert torch.equal(larger[0], table[0])
    assert torch.equal(larger[1:], interpolated(table[1:], GRID, (6, 8)))
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(7), indexing="ij")
    slope = torch.stack([rows, columns], dim=-1).float()  # (6, 7, 2)
    twice = interpolated(slope.flatten(0, 1), (6, 7), (12, 14)).unflatten(0, (12, 14))
    inside = twice[5:7, 5:9]  # where no border is near
    close(inside[..., 0], torch.tensor([2.25, 2.75])[:, None].expand(2, 4), 0.01)
    close(inside[..., 1], torch.tensor([2.25, 2.75, 3.25, 3.75]).expand(2, 4), 0.01)


def test_interpolation_has_gradients():
    table = numbers(T + 1, 8).requires_grad_()
    interpolated(table, GRID, (2, 2)).sum().backward()
    assert torch.equal(table.grad[0], torch.ones(8))
    assert (table.grad[1:] != 0).all()


@by_summary
@by_positions
def test_at_the_same_resolution_a_model_is_as_before(summary, positions):
    model = small_vit(summary, positions)
    other = at_resolution(model, *IMAGE[1:])
    assert torch.equal(other(pictures()), model(pictures()))


@by_summary
@by_positions
def test_at_another_resolution_only_the_positions_are_others(summary, positions):
    model = small_vit(summary, positions)
    other = at_resolution(model, 8, 6)
    assert (other.image, other.grid) == ((3, 8, 6), (4, 3))
    assert other(pictures(image=(3, 8, 6))).shape == (3, K)
    for name, one in model.named_parameters():
        if name != "places":
            assert torch.equal(other.get_parameter(name), one)
    if positions == "learned":
        table = interpolated(model.places, GRID, (4, 3))
        assert torch.equal(other.places, table)
        assert "places" in dict(other.named_parameters())
    elif positions == "sinusoidal_2d":
        codes = sinusoids_2d((4, 3), 8)
        assert torch.equal(other.places[-T:], codes)
        assert len(other.places) == T + (summary == "class")
    with torch.no_grad():
        next(other.parameters()).add_(1)
    assert (model.image, model.grid) == (IMAGE, GRID)
    assert torch.equal(small_vit(summary, positions)(pictures()), model(pictures()))


# -- what it can't tell apart ----------------------------------------------------------


def with_patches_in(order, images=None):
    images = pictures() if images is None else images
    return assembled(patches(images, SIDE)[:, order], SIDE, *IMAGE)


ORDER = torch.tensor([5, 0, 11, 3, 1, 2, 10, 9, 4, 7, 8, 6])


@by_summary
def test_without_positions_the_order_of_patches_is_not_seen(summary):
    model = small_vit(summary, "none")
    close(model(with_patches_in(ORDER)), model(pictures()), 1e-5)


@by_summary
@pytest.mark.parametrize("positions", ["learned", "sinusoidal_2d"])
def test_patches_that_keep_their_positions_can_stand_anywhere(summary, positions):
    model = small_vit(summary, positions)
    wanted, shuffled = model(pictures()), with_patches_in(ORDER)
    assert (model(shuffled) - wanted).abs().max() > 1e-3
    with torch.no_grad():
        model.places[-T:] = model.places[-T:][ORDER].clone()
    close(model(shuffled), wanted, 1e-5)


# -- the whole -------------------------------------------------------------------------


@by_summary
@by_positions
def test_the_logits_are_what_the_equations_say(summary, positions):
    """The paper's equations 1 to 4, with the encoder of chapter 5."""
    model, images = small_vit(summary, positions), pictures()
    x = F.linear(patches(images, SIDE), *model.embedding.linear.parameters())
    if summary == "class":
        x = torch.cat([model.class_token.expand(3, 1, 8), x], dim=1)
    if positions == "sinusoidal_2d":
        x[:, -T:] += sinusoids_2d(GRID, 8)
    elif positions == "learned":
        x = x + model.places
    x, _ = model.encoder(x)
    y = x[:, 0] if summary == "class" else x.mean(dim=1)
    close(model(images), model.output(y))
    assert model.encode(images).shape == (3, T + (summary == "class"), 8)


@by_summary
@by_positions
def test_the_paths_agree_in_value_and_gradient(summary, positions):
    models = [small_vit(summary, positions, path=path).double() for path in PATHS]
    outs = [model(pictures().double()) for model in models]
    close(*outs, 1e-12)
    found = [gradients(model, out) for model, out in zip(models, outs, strict=True)]
    for name, one in found[0].items():
        close(one, found[1][name], 1e-12)
        if not name.endswith("W_k.bias"):
            assert one.abs().max() > 1e-5, name


def test_the_base_model_has_as_many_weights_as_published():
    with torch.device("meta"):
        model = VisionTransformer(vit.BASE, (3, 224, 224), 16, 1000)
    assert weight_count(model) == 86_567_656  # "86M", the paper's table 1


@by_positions
def test_a_new_model_finds_every_class_as_likely_and_stores_what_it_learned(positions):
    model = VisionTransformer(vit_config(), IMAGE, SIDE, K, positions=positions)
    assert torch.equal(model(pictures()), torch.zeros(3, K))
    assert ("places" in model.state_dict()) == (positions == "learned")
    again = VisionTransformer(vit_config(), IMAGE, SIDE, K, positions=positions)
    again.load_state_dict(shaken(model).state_dict())
    assert torch.equal(again(pictures()), model(pictures()))


def test_dropout_falls_on_the_embedding_in_training_only():
    model = small_vit(dropout=0.5)
    seen = []
    model.dropout.register_forward_hook(lambda module, x, out: seen.append(out))
    model(pictures())
    model.eval()(pictures())
    assert 0.3 < (seen[0] == 0).float().mean() < 0.7
    assert not (seen[1] == 0).any()


# -- the hybrid ------------------------------------------------------------------------


@pytest.mark.parametrize("side", [2, 4, 8])
def test_the_stem_has_one_vector_for_each_square(side):
    stem = ConvolutionalStem(3, side, 24)
    assert stem(pictures(2, (3, 16, 24))).shape == (2, 16 * 24 // side**2, 24)
    convolutions = [one for one in stem.modules() if isinstance(one, nn.Conv2d)]
    assert len(convolutions) == side.bit_length()
    assert [one.bias is None for one in convolutions[-2:]] == [True, False]
    assert [one.stride for one in convolutions[:-1]] == [(2, 2)] * (
        side.bit_length() - 1
    )


def test_the_stem_sees_over_the_border_and_patches_do_not():
    images = pictures(1)
    other = images.clone()
    other[..., :2, :2] += 1  # the first patch alone
    for stem, moved in (("patches", 1), ("convolutions", 2)):
        embedding = small_vit(stem=stem).eval().embedding
        changed = (embedding(other) != embedding(images)).any(dim=-1)[0]
        assert changed.sum() >= moved
        assert (changed.sum() == 1) == (stem == "patches")


@by_summary
def test_a_model_with_a_stem_works_at_any_resolution(summary):
    model = small_vit(summary, stem="convolutions").eval()
    assert model(pictures()).shape == (3, K)
    assert at_resolution(model, 4, 4)(pictures(image=(3, 4, 4))).shape == (3, K)
    for name, one in gradients(model, model(pictures())).items():
        if not name.endswith("W_k.bias"):
            assert one.abs().max() > 0, name


# -- attention -------------------------------------------------------------------------


@by_summary
def test_attention_maps_sum_to_one_and_rebuild_what_each_block_heard(summary):
    model = small_vit(summary, heads=4, blocks=3).double()
    images = pictures().double()
    heard = []
    for block in model.encoder.blocks:
        block.attention.register_forward_hook(
            lambda module, given, out: heard.append((given[1].values, out))
        )
    model.encode(images)
    calls = list(heard)
    maps = attention_maps(model, images)
    N = T + (summary == "class")
    assert maps.shape == (3, 3, 4, N, N)
    close(maps.sum(dim=-1), torch.ones(3, 3, 4, N).double(), 1e-12)
    for block, weights, (values, out) in zip(
        model.encoder.blocks, maps, calls, strict=True
    ):
        rebuilt = (weights @ values).transpose(1, 2).flatten(2)
        close(block.attention.W_o(rebuilt), out, 1e-12)
    kept = [one for one in model.modules() if isinstance(one, MultiHeadAttention)]
    assert all(one.weights is None and not one.keep_weights for one in kept)
    assert not maps.requires_grad


def test_rollout_multiplies_half_the_attention_and_half_of_what_was_there():
    maps = numbers(3, 2, 4, 5, 5).softmax(dim=-1)
    flow = rollout(maps)
    close(flow.sum(dim=-1), torch.ones(2, 5))
    halves = [maps[i].mean(dim=1) / 2 + torch.eye(5) / 2 for i in range(3)]
    close(flow, halves[2] @ halves[1] @ halves[0])
    assert torch.equal(rollout(torch.eye(5).expand(3, 2, 4, 5, 5))[1], torch.eye(5))


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: patches(pictures(), 4), "side: got 4, expected a divisor of the heig"),
        (lambda: patches(pictures(), 0), "side: got 0, expected a divisor"),
        (lambda: patches(pictures()[0], 2), r"images: got shape \(3, 6, 8\), expected"),
        (
            lambda: assembled(numbers(2, 12, 11), 2, *IMAGE),
            r"patches: got shape \(2, 12, 11\), expected \(B, 12, 12\)",
        ),
        (
            lambda: assembled(numbers(2, 11, 12), 2, *IMAGE),
            r"patches: got shape \(2, 11, 12\), expected \(B, 12, 12\)",
        ),
        (
            lambda: VisionTransformer(vit_config(), (3, 6, 7), 2, K),
            "side: got 2, expected a divisor of the height 6 and the width 7",
        ),
        (lambda: small_vit(summary="cls"), "summary: got 'cls', expected one of class"),
        (
            lambda: small_vit(positions="sinusoidal"),
            "positions: got 'sinusoidal', expected one of learned, sinusoidal_2d, none",
        ),
        (
            lambda: small_vit(stem="conv"),
            "stem: got 'conv', expected one of patches, c",
        ),
        (
            lambda: VisionTransformer(
                replace(vit.BASE, positions="rotary"), IMAGE, 2, K
            ),
            "config: got positions 'rotary', expected 'none'",
        ),
        (
            lambda: small_vit(positions="sinusoidal_2d", size=6),
            "size: got 6, expected a multiple of 4",
        ),
        (
            lambda: small_vit()(pictures(image=(1, 6, 8))),
            r"images: got shape \(3, 1, 6, 8\), expected \('B', 3, 6, 8\)",
        ),
        (lambda: small_vit()(pictures()[0]), r"images: got shape \(3, 6, 8\)"),
        (
            lambda: small_vit(positions="none")(pictures(image=(3, 8, 6))),
            r"images: got shape \(3, 3, 8, 6\), expected",
        ),
        (
            lambda: interpolated(numbers(14, 8), GRID, GRID),
            "table: got 14 rows, expected 12, or 13 with a class token, for a grid",
        ),
        (lambda: interpolated(numbers(11, 8), GRID, GRID), "table: got 11 rows"),
        (lambda: at_resolution(small_vit(), 7, 8), "side: got 2, expected a divisor"),
        (lambda: ConvolutionalStem(3, 6, 8), "side: got 6, expected 2, 4, 8"),
        (lambda: ConvolutionalStem(3, 1, 8), "side: got 1, expected 2, 4, 8"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
