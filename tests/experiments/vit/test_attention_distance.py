"""Distances by hand: of attention on small grids, and of receptive fields."""

from __future__ import annotations

import math

import pytest
import torch

from claims import failed, outcome
from course_lib.cnn import ResNet
from course_lib.experiments.vit import attention_distance as claim
from course_lib.experiments.vit.attention_distance import EXPERIMENT, measures
from course_lib.experiments.vit.distances import (
    apart,
    attention_distance,
    distances,
    field_distance,
    fields,
)
from course_lib.experiments.vit.training_pictures import read, sizes_of, small_vit
from course_lib.results import Result, Run
from course_lib.vit import VisionTransformer, attention_maps

SEED = 3
TINY = {"valid": 20, "test": 40, "looked": 10, "size": 8, "inner": 8}
TINY |= {"steps": 4, "batch": 8, "measure_every": 2}


@pytest.fixture(scope="module")
def made():
    return outcome(EXPERIMENT, SEED, **TINY)


# --- attention


def test_places_are_apart_as_the_centres_of_their_patches():
    found = apart((2, 3), side=4)
    assert found[0].tolist() == pytest.approx(
        [0, 4, 8, 4, math.sqrt(32), math.sqrt(80)]
    )
    assert torch.equal(found, found.T)


def uniform(T, B=2, blocks=3, H=2):
    return torch.full((blocks, B, H, T, T), 1 / T)


def test_uniform_attention_on_two_by_two_by_hand():
    found = attention_distance(uniform(4), (2, 2), side=3)
    assert found.shape == (3, 2)
    by_hand = (0 + 3 + 3 + 3 * math.sqrt(2)) / 4
    torch.testing.assert_close(found, torch.full((3, 2), by_hand))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_what_goes_to_the_class_token_is_left_out(share):
    maps = torch.empty(1, 1, 1, 5, 5)
    maps[..., 0] = share
    maps[..., 1:] = (1 - share) / 4
    maps[..., 0, :] = torch.tensor([0, 0, 0, 0, 1.0])  # nor does its own row count
    found = attention_distance(maps, (2, 2), side=1)
    assert found.item() == pytest.approx((2 + math.sqrt(2)) / 4)


def test_each_head_of_each_block_has_its_own_distance():
    itself = torch.eye(4)
    beside = torch.eye(4)[[1, 0, 3, 2]]
    across = torch.eye(4)[[3, 2, 1, 0]]
    maps = torch.stack(
        [torch.stack([itself, beside]), torch.stack([across, (itself + beside) / 2])]
    )[:, None].expand(-1, 6, -1, -1, -1)  # blocks, B, H, T, T
    found = attention_distance(maps, (2, 2), side=2)
    expected = torch.tensor([[0, 2], [2 * math.sqrt(2), 1]])
    torch.testing.assert_close(found, expected)


def test_rows_ask_and_columns_are_asked():
    maps = torch.zeros(1, 1, 1, 3, 3)
    maps[..., 0] = 1  # all look at the first of three places in a row
    assert attention_distance(maps, (1, 3), 1).item() == pytest.approx(1)
    maps = torch.zeros(1, 1, 1, 3, 3)
    maps[..., 1] = 1
    assert attention_distance(maps, (1, 3), 1).item() == pytest.approx(2 / 3)


def test_a_grid_that_the_maps_are_not_of_is_refused():
    with pytest.raises(ValueError, match="maps: got 7 tokens, expected 4, or one"):
        attention_distance(uniform(7), (2, 2), 1)


def test_batches_do_not_matter_even_if_the_last_is_smaller():
    task = read("digits", 20, 40, SEED)
    model = small_vit(sizes_of(8, 2, 8, 2), task, 2, SEED)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # so that it looks here and there
    images = task.test.images[:10]
    whole = attention_distance(attention_maps(model, images), model.grid, 2)
    for batch in (3, 10, 100):
        torch.testing.assert_close(distances(model, images, batch), whole)
    assert whole.shape == (2, 2)
    assert whole.std() > 0


def test_attention_is_measured_without_dropout():
    sizes = sizes_of(8, 2, 8, 2)
    task = read("digits", 20, 40, SEED)
    model = VisionTransformer(
        sizes.__class__(**{**vars(sizes), "dropout": 0.5}), task.image, 2, 10
    )
    one, again = (distances(model, task.test.images[:5]) for _ in range(2))
    assert torch.equal(one, again)
    assert model.training


# --- receptive fields


@pytest.mark.parametrize(
    ("blocks", "widths"), [(1, (3, 7, 13, 25)), (2, (3, 11, 25, 53))]
)
def test_fields_are_as_wide_as_the_closed_form_says(blocks, widths):
    size = 64 if blocks == 1 else 128
    stages = fields(size, 8, blocks)  # narrow, to be quick; its height is enough
    for (_, seen), width in zip(stages, widths, strict=True):
        assert seen.any(dim=2).sum(dim=1).max() == width
    assert [len(one.seen) for one in stages] == [
        8 * size,
        8 * size,
        2 * size,
        size // 2,
    ]


def test_a_pixel_out_of_the_field_changes_nothing_and_one_inside_does():
    torch.manual_seed(0)
    model = ResNet(1, 2, width=4).eval()
    for stage, end in enumerate((3, 4, 5, 6)):
        layers, (centres, seen) = model.layers[:end], fields(16, 16)[stage]
        image = torch.rand(1, 1, 16, 16)
        with torch.no_grad():
            before = layers(image)
            columns = before.shape[3]
            for place in (0, len(seen) // 2, len(seen) - 1):
                changed = image.clone()
                changed[0, 0][~seen[place]] += 1
                at = (0, slice(None), place // columns, place % columns)
                assert torch.equal(layers(changed)[at], before[at])
                top, left = centres[place]
                assert seen[place, top, left]
                nearby = image.clone()
                nearby[0, 0, top, left] += 1
                assert not torch.equal(layers(nearby)[at], before[at])


def test_distance_in_a_field_by_hand():
    seen = torch.zeros(2, 4, 4, dtype=torch.bool)
    seen[0, :2, :2] = True  # around the corner: 0, 1, 1, √2
    seen[1, 2, :] = True  # from the second of four in a row: 1, 0, 1, 2
    centres = torch.tensor([[0, 0], [2, 1]])
    by_hand = ((2 + math.sqrt(2)) / 4 + 1) / 2
    assert field_distance(centres, seen) == pytest.approx(by_hand)


def test_all_seen_is_uniform_attention_of_single_pixels():
    seen = torch.ones(64, 8, 8, dtype=torch.bool)
    centres = torch.cartesian_prod(torch.arange(8), torch.arange(8))
    same = apart((8, 8), 1).mean().item()
    assert field_distance(centres, seen) == pytest.approx(same)


# --- the claim


def test_it_is_measured_before_and_after_on_the_same_pictures(monkeypatch):
    asked, true_distances = [], claim.distances

    def seen(model, images):
        places = model.places.detach().clone()
        asked.append((places, images))
        return true_distances(model, images)

    monkeypatch.setattr(claim, "distances", seen)
    found = outcome(EXPERIMENT, SEED, **TINY)
    (before, pictures), (after, again) = asked
    assert torch.equal(pictures, again)
    test = read("digits", 20, 40, SEED).test.images
    assert torch.equal(pictures, test[:10])
    assert not torch.equal(before, after)
    fresh = small_vit(sizes_of(8, 2, 8, 2), read("digits", 20, 40, SEED), 2, SEED)
    assert torch.equal(before, fresh.places)
    untrained = true_distances(fresh, pictures).tolist()
    assert found.series["untrained"] == untrained
    assert found.series["trained"] != untrained
    assert found.tokens == 4 * 8 * 16


def test_what_it_is_compared_with(made):
    assert made.metrics["uniform"] == pytest.approx(apart((4, 4), 2).mean().item())
    assert made.series["width"] == [3, 7, 8, 8]
    stages = [field_distance(*one) for one in fields(8, 8)]
    assert made.series["field"] == stages == sorted(stages)


def drawn(series):
    run = Run(0, measures(series), series, 1.0, 1.0, 1.0)
    return EXPERIMENT.figure(Result("x", "cpu", {}, (), {}, (run, run), {}))


SERIES = {
    "trained": [[1.0, 3.0], [2.5, 3.5], [3.0, 5.0]],
    "untrained": [[2.0, 2.1], [2.0, 2.3], [1.9, 2.0]],
    "uniform": 2.0,
    "field": [1.0, 2.0, 3.0, 4.0],
    "width": [3, 7, 8, 8],
}


def test_every_head_is_a_point():
    looks, sees = drawn(SERIES).axes
    before, after = (points.get_offsets() for points in looks.collections)
    assert len(before) == len(after) == 2 * 6
    assert sorted(after[:, 1]) == sorted(2 * [1.0, 3.0, 2.5, 3.5, 3.0, 5.0])
    assert {round(x) for x in after[:, 0]} == {1, 2, 3}
    assert list(looks.lines[0].get_ydata()) == [2, 3, 4]
    assert list(sees.lines[0].get_ydata()) == [1, 2, 3, 4]
    for ax in (looks, sees):
        assert ax.lines[1].get_ydata()[0] == 2


def test_blocks_heads_and_stages_by_hand():
    found = measures(SERIES)
    assert (found["first"], found["last"], found["grows"]) == (2, 4, 2)
    assert (found["nearest_first"], found["farthest_first"]) == (1, 3)
    assert (found["nearest"], found["farthest"], found["spread"]) == (1, 5, 4)
    assert found["spread_gain"] == pytest.approx(4 - 0.4)
    assert found["first_below_uniform"] == 0
    assert found["untrained_below_uniform"] == pytest.approx(2 - 12.3 / 6)
    assert (found["over_layer"], found["over_stage"]) == (0, -1)
    assert [found[f"field_{i}"] for i in range(4)] == [1, 2, 3, 4]
    assert [found[f"width_{i}"] for i in range(4)] == [3, 7, 8, 8]


def test_every_band_and_unit_is_of_a_metric(made):
    for bands in EXPERIMENT.bands.values():
        assert {band.metric for band in bands} <= set(made.metrics)
    assert set(EXPERIMENT.units) == set(made.metrics)


def test_a_network_that_sees_too_far_fails_its_band(monkeypatch):
    def one_stage_too_many(height, width, blocks):
        one, _, *others = fields(height, width, blocks)
        return [one, *others, others[-1]]

    monkeypatch.setattr(claim, "fields", one_stage_too_many)
    assert "width_1" in failed(EXPERIMENT, outcome(EXPERIMENT, **TINY).metrics)


def test_no_distance_at_all_fails_its_band(monkeypatch):
    monkeypatch.setattr(claim, "distances", lambda model, images: torch.zeros(2, 2))
    missed = failed(EXPERIMENT, outcome(EXPERIMENT, **TINY).metrics)
    assert "untrained_below_uniform" in missed


def test_at_quick_scale_all_bands_hold():
    assert not failed(EXPERIMENT, outcome(EXPERIMENT).metrics)
