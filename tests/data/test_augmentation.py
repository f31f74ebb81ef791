"""Augmentation: what changes, by how much, how often, and that it can be repeated."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from course_lib.data.augmentation import (
    CHANGES,
    cropped,
    flipped,
    mixup,
    rand_augment,
)


def pictures(B=6, channels=3, height=8, width=10, seed=0):
    made = torch.Generator().manual_seed(seed)
    return torch.rand(B, channels, height, width, generator=made)


def drawn(seed=1):
    return torch.Generator().manual_seed(seed)


def some_labels(images):
    return torch.arange(len(images)) % 9


ALL = {
    "flipped": flipped,
    "cropped": cropped,
    "rand_augment": rand_augment,
    "mixup": lambda images, made: mixup(images, some_labels(images), 9, made)[0],
}
for_all = pytest.mark.parametrize("change", ALL.values(), ids=ALL)


@for_all
def test_same_seed_same_images_another_seed_others(change):
    images = pictures()
    one = change(images, drawn())
    assert torch.equal(change(images, drawn()), one)
    made = drawn()
    change(images, made)
    assert not torch.equal(change(images, made), one)


@for_all
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_images_stay_images_and_the_given_ones_stay_as_they_are(change, dtype):
    images = pictures(40).to(dtype)
    images[:5], images[5:10] = 0, 1
    before = images.clone()
    for seed in range(5):
        out = change(images, drawn(seed))
        assert (out.shape, out.dtype) == (images.shape, dtype)
        assert out.min() >= 0
        assert out.max() <= 1
    assert torch.equal(images, before)


# -- flipped ---------------------------------------------------------------------------


def test_flipping_twice_changes_nothing():
    images = pictures()
    once = flipped(images, drawn(), chance=1)
    assert torch.equal(once, images.flip(-1))
    assert torch.equal(flipped(once, drawn(), chance=1), images)
    assert torch.equal(flipped(images, drawn(), chance=0), images)


@pytest.mark.parametrize("chance", [0.2, 0.5])
def test_so_many_are_flipped(chance):
    images = pictures(2000, 1, 2, 3)
    out = flipped(images, drawn(), chance)
    moved = (out != images).flatten(1).any(dim=1)
    assert torch.equal(out[moved], images[moved].flip(-1))
    assert abs(moved.float().mean() - chance) < 0.05  # 4 standard deviations


# -- cropped ---------------------------------------------------------------------------


def test_a_crop_is_the_image_moved_with_black_beside_it():
    images, padding = pictures(2000, 2, 3, 4) + 0.5, 2
    out = cropped(images, drawn(), padding)
    found = {}
    for down in range(-padding, padding + 1):
        for right in range(-padding, padding + 1):
            moved = F.pad(images, (right, -right, down, -down))
            same = (out == moved).flatten(1).all(dim=1)
            found[down, right] = same.sum().item()
    assert sum(found.values()) == 2000  # each is one of them, and only one
    assert min(found.values()) > 40  # of 80, 4 standard deviations
    assert max(found.values()) < 120
    assert torch.equal(cropped(images, drawn(), 0), images)


# -- mixup -----------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.1, 0.5, 1])
def test_mixed_images_and_labels_have_the_same_shares(strength):
    images, labels = pictures(8), torch.arange(8)
    out, shares = mixup(images, labels, 9, drawn(), strength)
    assert shares.shape == (8, 9)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(8))
    assert (shares >= 0).all()
    rebuilt = torch.einsum("bk,kchw->bchw", shares[:, :8], images)
    torch.testing.assert_close(out, rebuilt)
    assert (shares.count_nonzero(dim=1) <= 2).all()
    share = shares.diagonal()[shares.count_nonzero(dim=1) == 2]
    assert len(share) >= 1
    assert share.allclose(share[0])  # one number for the batch
    assert F.cross_entropy(torch.zeros(8, 9), shares).isclose(torch.tensor(9.0).log())


@pytest.mark.parametrize("strength", [0.2, 0.5, 1])
def test_the_share_is_drawn_from_beta(strength):
    made, images, labels = drawn(), torch.zeros(2, 1, 1, 1), torch.tensor([0, 1])
    share = []
    while len(share) < 1500:
        _, shares = mixup(images, labels, 2, made, strength)
        share.append(shares[0, 0].item())  # 1 where an image is mixed with itself
    share = torch.tensor([one for one in share if one < 1])
    variance = 1 / (4 * (2 * strength + 1))
    assert abs(share.mean() - 0.5) < 4 * math.sqrt(variance / len(share))
    assert share.var().item() == pytest.approx(variance, rel=0.15)


# -- rand_augment ----------------------------------------------------------------------


def test_nothing_happens_at_strength_0_or_0_times():
    images = pictures(60)
    assert torch.equal(rand_augment(images, drawn(), count=0), images)
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(rand_augment(images, drawn(), 2, 0), images, **close)


def test_every_way_is_as_likely_and_goes_both_directions(monkeypatch):
    seen = dict.fromkeys(CHANGES, 0)
    signs = []

    def counting(name):
        def change(images, amount):
            seen[name] += len(images)
            signs.append(amount)
            return images

        return change

    for name in CHANGES:
        monkeypatch.setitem(CHANGES, name, counting(name))
    rand_augment(pictures(900, 1, 1, 1), drawn(), count=2, strength=0.7)
    assert sum(seen.values()) == 1800
    assert all(240 < found < 360 for found in seen.values())  # 300, 4 deviations
    amounts = torch.cat(signs)
    assert torch.equal(amounts.abs(), torch.full((1800,), 0.7))
    assert 0.45 < (amounts > 0).float().mean() < 0.55


def only(name, images, amount):
    return CHANGES[name](images, torch.full((len(images),), amount))


def named(word):
    return next(name for name in CHANGES if name.startswith(word))


def test_turned_is_a_rotation():
    one = torch.zeros(1, 1, 33, 33)
    one[0, 0, 4, 16] = 1  # 12 above the middle
    for amount in (1.0, -1.0):
        out = only(named("turned"), one, amount)[0, 0]
        row, column = divmod(out.argmax().item(), 33)
        assert math.hypot(row - 16, column - 16) == pytest.approx(12, abs=0.7)
        angle = math.degrees(math.atan2(column - 16, 16 - row))
        assert abs(angle) == pytest.approx(30, abs=3)
        assert math.copysign(1, -angle) == amount  # against the clock


def test_sheared_moves_rows_sideways_and_the_middle_one_not_at_all():
    line = torch.zeros(1, 1, 21, 21)
    line[..., 10] = 1  # upright
    places = only(named("sheared"), line, 1.0)[0, 0].argmax(dim=1)
    assert places[10] == 10
    assert places[0] - places[20] == pytest.approx(0.3 * 20, abs=1)
    only_rows = only(named("sheared"), line.mT.contiguous(), 1.0)
    assert (only_rows[0, 0, 10, 4:17] > 0.9).all()  # a level line stays one


@pytest.mark.parametrize(("way", "axis"), [("moved up", 0), ("moved sideways", 1)])
def test_moved_is_a_shift(way, axis):
    images = pictures(2, 1, 20, 20)
    out = only(named(way), images, 1.0)
    inside = [slice(None)] * 4
    inside[2 + axis] = slice(0, 17)
    wanted = images.roll(-3, 2 + axis)[tuple(inside)]
    torch.testing.assert_close(out[tuple(inside)], wanted, rtol=0, atol=1e-4)
    inside[2 + axis] = slice(17, 20)
    assert (out[tuple(inside)] == 0).all()


def test_brightness_and_contrast():
    images = pictures() / 2
    for amount, factor in ((0.5, 1.45), (-1.0, 0.1)):
        lighter = only(named("brightness"), images, amount)
        torch.testing.assert_close(lighter, images * factor)
        out = only(named("contrast"), images, amount)
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        wanted = (mean + factor * (images - mean)).clamp(0, 1)
        torch.testing.assert_close(out, wanted)
    grey = torch.full((1, 3, 4, 4), 0.3)
    torch.testing.assert_close(only(named("contrast"), grey, 1.0), grey)


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, g: flipped(x, g, 1.5), "chance: got 1.5, expected 0 to 1"),
        (lambda x, g: cropped(x, g, -1), "padding: got -1, expected 0 or more"),
        (
            lambda x, g: mixup(x, torch.zeros(6).long(), 2, g, 0),
            "strength: got 0, expected more than 0, at most 1",
        ),
        (lambda x, g: mixup(x, torch.zeros(6).long(), 2, g, 2), "strength: got 2, exp"),
        (
            lambda x, g: mixup(x, torch.arange(6), 5, g),
            "labels: got 0 to 5, expected 0 to 4",
        ),
        (lambda x, g: rand_augment(x, g, -1), "count: got -1, expected 0 or more"),
        (lambda x, g: rand_augment(x, g, 1, 1.1), "strength: got 1.1, expected 0 to 1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(pictures(), drawn())
