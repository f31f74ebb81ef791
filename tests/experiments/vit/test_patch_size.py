"""What a side costs: in closed form, counted, and in seconds of one core."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from claims import failed, outcome
from course_lib.experiments.vit import patch_size as claim
from course_lib.experiments.vit.patch_size import (
    EXPERIMENT,
    RANKS,
    cpu_seconds,
    flop,
    measures,
)
from course_lib.experiments.vit.training_pictures import count_flop, sizes_of
from course_lib.vit import VisionTransformer

SEED = 3
TINY = {"train": 30, "valid": 20, "test": 40, "size": 8, "inner": 8}
TINY |= {"least": 2, "epochs": 0, "rates": (1e-3, 1e-2), "timed": 4, "rounds": 2}


# --- FLOP


@pytest.mark.parametrize("side", [1, 2, 4])
@pytest.mark.parametrize("image", [(1, 8, 8), (3, 4, 12)])
def test_the_closed_form_is_what_is_counted(side, image):
    for sizes in (sizes_of(8, 2, 12, 1), sizes_of(16, 4, 20, 3)):
        clear = replace(sizes, path="written_out")
        counted = count_flop(partial(VisionTransformer, clear, image, side, 7), image)
        assert sum(flop(sizes, image, side, 7).values()) == counted


def test_each_term_by_hand():
    found = flop(sizes_of(8, 2, 12, 3), (2, 4, 6), side=2, classes=5)
    n, T, C = 6, 7, 8
    assert found["pairs"] == 3 * 4 * T * T * C
    alone = 3 * (8 * T * C * C + 4 * T * C * 12)
    assert found["alone"] == alone + 2 * n * (2 * 2 * 2) * C + 2 * C * 5


def test_half_the_side_is_sixteen_times_the_pairs_in_the_long_run():
    sizes = sizes_of(8, 2, 12, 3)
    fine, coarse = (flop(sizes, (1, 512, 512), side, 5)["pairs"] for side in (4, 8))
    assert fine / coarse == pytest.approx(16, rel=1e-2)


# --- seconds


def test_time_is_of_one_core_without_gradients_or_dropout(monkeypatch):
    seen = []

    class Watched(nn.Module):
        def forward(self, images):
            seen.append(
                (torch.get_num_threads(), self.training, torch.is_grad_enabled())
            )

    clock = iter([5.0, 5.25])
    monkeypatch.setattr(claim.time, "process_time", lambda: next(clock))
    threads, model = torch.get_num_threads(), Watched()
    torch.set_num_threads(2)
    try:
        assert cpu_seconds(model, torch.zeros(1)) == 0.25
        assert seen == [(1, False, False)]
        assert (torch.get_num_threads(), model.training) == (2, True)
    finally:
        torch.set_num_threads(threads)


def test_time_is_the_median_of_all_rounds_but_the_first(monkeypatch):
    laps = {1: [9.0, 2.0, 7.0, 3.0], 2: [9.0, 1.0, 1.0, 4.0]}
    laps |= {4: [9.0, 5.0, 6.0, 5.5], 8: [9.0, 1.0, 2.0, 3.0]}
    asked = []

    def given(model, images):
        asked.append((model.side, len(images)))
        return laps[model.side].pop(0)

    monkeypatch.setattr(claim, "cpu_seconds", given)
    found = outcome(EXPERIMENT, **TINY | {"rounds": 3})
    assert asked == [(side, 4) for _ in range(4) for side in (1, 2, 4, 8)]  # in turns
    assert found.series["us"] == [750_000, 250_000, 1_375_000, 500_000]  # of one of 4
    assert found.metrics["us_ratio"] == 3


# --- the claim


def test_all_sides_learn_the_same_in_the_same_way(monkeypatch):
    given, true_taught = [], claim.taught

    def taught(*what):
        given.append(what)
        return (yield from true_taught(*what))

    monkeypatch.setattr(claim, "taught", taught)
    found = outcome(EXPERIMENT, SEED, **TINY)
    assert [what[0]().side for what in given] == [1, 2, 4, 8]
    for number, (_, task, n, recipe, setting, name, done, total) in enumerate(given):
        assert (task, recipe) == (given[0][1], given[0][3])
        assert (n, setting.seed) == (30, SEED)
        assert name == f"P={(1, 2, 4, 8)[number]}"
        assert (done, total) == (4 * number, 16 + 3)
    assert found.series["patches"] == [64, 16, 4, 1]
    assert found.tokens == 4 * 32 * 85
    for what in ("accuracy", "mflop", "patches"):
        values = [found.metrics[f"{what}_{rank}"] for rank in RANKS]
        assert values == found.series[what]


def test_shares_ratios_and_differences():
    found = measures(
        {
            "accuracy": [0.7, 0.9, 0.8, 0.6],
            "patches": [64, 16, 4, 1],
            "mflop": [40, 10, 2, 1],
            "mflop_pairs": [20, 2, 0.1, 0.01],
            "us": [6, 2, 1, 1],
        }
    )
    rounded = {name: round(value, 6) for name, value in found.items()}
    assert [rounded[f"pairs_{rank}"] for rank in RANKS] == [0.5, 0.2, 0.05, 0.01]
    assert (rounded["mflop_ratio"], rounded["us_ratio"]) == (4, 3)
    assert rounded["fine_over_finest"] == 0.2
    assert rounded["fine_over_coarse"] == 0.1
    assert rounded["fine_over_coarsest"] == 0.3


def test_at_quick_scale_no_band_depends_on_a_clock():
    for band in EXPERIMENT.bands["quick"]:
        assert not band.metric.startswith("us")
        assert math.isfinite(band.low) or math.isfinite(band.high)


def test_a_closed_form_without_the_class_token_fails_its_band(monkeypatch):
    def forgetful(sizes, image, side, classes):
        found = flop(sizes, image, side, classes)
        n = (image[1] // side) * (image[2] // side)
        return {**found, "pairs": sizes.blocks * 4 * n * n * sizes.size}

    monkeypatch.setattr(claim, "flop", forgetful)
    assert "flop_error" in failed(EXPERIMENT, outcome(EXPERIMENT, **TINY).metrics)
