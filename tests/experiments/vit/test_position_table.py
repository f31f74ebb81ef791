"""Which tables have found the grid, and what a network without any cannot know."""

from __future__ import annotations

import json

import pytest
import torch

from claims import failed, outcome
from course_lib.data.images import digits
from course_lib.experiments.vit import position_table as claim
from course_lib.experiments.vit.position_figure import ARMS, maps
from course_lib.experiments.vit.position_table import (
    EXPERIMENT,
    PAGE,
    TABLES,
    networks,
)
from course_lib.experiments.vit.shifts import moved
from course_lib.experiments.vit.tables import order_found, similarity, spread
from course_lib.experiments.vit.training_pictures import (
    Examples,
    accuracy,
    read,
    sizes_of,
    small_vit,
)
from course_lib.figures.weights import unpack
from course_lib.results import Result, Run
from course_lib.vit import VisionTransformer

SEED = 3
TINY = {"valid": 20, "test": 40, "size": 8, "inner": 8}
TINY |= {"steps": 4, "batch": 8, "measure_every": 2}
CONFIG = EXPERIMENT.config("quick", **TINY)


@pytest.fixture(scope="module")
def made():
    return outcome(EXPERIMENT, SEED, **TINY)


@pytest.fixture(scope="module")
def task():
    return read("digits", 20, 40, SEED)


# --- the measure


def grid_table(rows, columns):
    """Each place tells its row and its column: half of each vector for each."""
    return torch.stack(
        [
            torch.cat([torch.eye(rows)[row], torch.eye(columns)[column]])
            for row in range(rows)
            for column in range(columns)
        ]
    )


def cosines(table):
    unit = torch.nn.functional.normalize(table, dim=1)
    return unit @ unit.T


def test_a_table_of_rows_and_columns_is_seen_as_one():
    found = order_found(cosines(grid_table(4, 4)), (4, 4))
    assert found["near_over_far"] == pytest.approx(0.5)  # they share one of two
    assert found["row_over_far"] == pytest.approx(0.5)
    assert found["column_over_far"] == pytest.approx(0.5)


def test_a_table_of_bumps_knows_neighbours_and_no_lines():
    rows, columns = torch.arange(20) // 5, torch.arange(20) % 5
    up, aside = ((x[:, None] - x).abs() for x in (rows, columns))
    alike = torch.zeros(20, 20)
    alike[up + aside == 0] = 1.0
    alike[up + aside == 1] = 0.5
    found = order_found(alike, (4, 5))
    assert found["near_over_far"] == 0.5
    assert found["row_over_far"] == found["column_over_far"] == 0
    assert found["likest"] == 1


def test_each_kind_of_pair_is_counted_by_hand():
    rows, columns = torch.arange(9) // 3, torch.arange(9) % 3
    up, aside = ((x[:, None] - x).abs() for x in (rows, columns))
    # Touching at a corner is neither near nor far, and so 9 is in no mean.
    value = {(0, 0): 1, (0, 1): 0.7, (1, 0): 0.1, (1, 1): 9, (0, 2): 0.6, (2, 0): 0.2}
    value |= {(1, 2): -0.3, (2, 1): -0.3, (2, 2): -0.7}
    alike = torch.tensor(
        [
            [float(value[pair]) for pair in zip(*both, strict=True)]
            for both in zip(up.tolist(), aside.tolist(), strict=True)
        ]
    )
    found = order_found(alike, (3, 3))
    far = (16 * -0.3 + 4 * -0.7) / 20
    assert found["near_over_far"] == pytest.approx(0.4 - far)
    assert found["row_over_far"] == pytest.approx(0.6 - far)
    assert found["column_over_far"] == pytest.approx(0.2 - far)
    assert found["likest"] == pytest.approx(0)  # a corner is always more alike


def test_the_likest_is_never_the_place_itself_and_may_be_far():
    alike = -torch.ones(16, 16) + 2 * torch.eye(16)
    alike[0, 1] = alike[1, 0] = 0.5  # neighbours
    alike[5, 15] = alike[15, 5] = 0.9  # far apart
    for place in set(range(16)) - {0, 1, 5, 15}:
        alike[place, (place + 10) % 16] = 0.0
    assert order_found(alike, (4, 4))["likest"] == 2 / 16


def test_noise_has_no_order():
    torch.manual_seed(0)
    found = order_found(cosines(torch.randn(400, 64)), (20, 20))
    assert abs(found["near_over_far"]) < 0.02
    assert abs(found["row_over_far"]) < 0.02
    assert abs(found["column_over_far"]) < 0.02
    assert found["likest"] < 0.03  # by chance 3.8 of 399


def test_the_class_token_stands_nowhere():
    model = VisionTransformer(sizes_of(8, 2, 8, 1), (1, 4, 4), 2, 3)
    with torch.no_grad():
        model.places.copy_(torch.cat([torch.full((1, 8), 9.0), torch.eye(4, 8) * 3]))
    torch.testing.assert_close(similarity(model), torch.eye(4))
    mean = VisionTransformer(sizes_of(8, 2, 8, 1), (1, 4, 4), 2, 3, summary="mean")
    assert similarity(mean).shape == (4, 4)


def test_maps_are_spread_from_border_to_border():
    assert spread((4, 4)) == list(range(16))
    assert spread((8, 8), some=2) == [0, 7, 56, 63]
    assert spread((7, 5), some=3) == [0, 2, 4, 15, 17, 19, 30, 32, 34]


def test_each_map_stands_where_its_place_is():
    from matplotlib.figure import Figure

    found = [
        [100 if other == place else -50 for other in range(64)]
        for place in spread((8, 8), some=3)
    ]
    ax = Figure().subplots()
    picture = maps(ax, found).get_array()
    assert picture.shape == (28, 28)
    rows, columns = (picture.filled(9) == 1).nonzero()
    assert sorted(set(rows)) == sorted(set(columns)) == [0, 14, 27]
    assert (picture.filled(9) == -0.5).sum() == 9 * 63
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "5", "8"]


# --- training


def test_pictures_move_by_a_pixel_and_what_comes_in_is_black(task):
    still = Examples(task.train.images[:50], task.train.labels[:50])
    batch = moved(still, 50, 1, SEED)(0)
    again = moved(still, 50, 1, SEED)(0)
    assert torch.equal(batch.images, again.images)
    assert batch.images.min() == still.images.min()  # black, and not 0
    black = still.images.min()
    framed = torch.nn.functional.pad(still.images, (1,) * 4, value=black.item())
    windows = {
        (top, left): framed[:, :, top : top + 8, left : left + 8]
        for top in range(3)
        for left in range(3)
    }
    seen = set()
    for image, label in zip(batch.images, batch.labels, strict=True):
        hits = [
            (place, number)
            for place, window in windows.items()
            for number in range(50)
            if torch.allclose(window[number], image, atol=1e-5)
        ]
        assert hits
        assert label in still.labels[[number for _, number in hits]]
        seen.add(hits[0][0])
    assert len(seen) >= 6


def test_each_step_moves_them_anew(task):
    copies = Examples(task.train.images[:1].expand(50, -1, -1, -1), torch.zeros(50))
    batch_at = moved(copies, 50, 1, SEED)
    assert not torch.equal(batch_at(0).images, batch_at(1).images)


def test_without_a_shift_they_stay(task):
    batch = moved(task.test, 40, 0, SEED)(0)
    torch.testing.assert_close(batch.images.sum(0), task.test.images.sum(0))


def test_networks_differ_in_positions_alone(task):
    models = networks(CONFIG, task, SEED)
    assert set(models) == set(ARMS)
    assert [models[arm].side for arm in ARMS] == [2, 2, 2, 1, 4]
    kinds = [models[arm].positions for arm in ARMS]
    assert kinds == ["learned", "sinusoidal_2d", "none", "learned", "learned"]
    same = models["none"].state_dict()
    for arm in ("learned", "sinusoidal_2d"):
        other = models[arm].state_dict()
        assert set(other) - set(same) <= {"places"}
        assert all(torch.equal(other[name], value) for name, value in same.items())


def test_all_learn_the_same_in_the_same_way(monkeypatch):
    given, true_learn = [], claim.learn

    def learn(model, **how):
        given.append((model, how))
        return (yield from true_learn(model, **how))

    monkeypatch.setattr(claim, "learn", learn)
    found = outcome(EXPERIMENT, SEED, **TINY)
    first = given[0][1]
    for number, (arm, (_, how)) in enumerate(zip(ARMS, given, strict=True)):
        assert (how["name"], how["done"], how["total"]) == (arm, 4 * number, 20)
        assert how["training"] == first["training"]
        for step in range(3):
            one, other = how["batch_at"](step), first["batch_at"](step)
            assert torch.equal(one.images, other.images)
    assert found.tokens == 4 * 8 * (16 + 16 + 16 + 64 + 4)


# --- what is measured


def test_metrics_are_of_the_test_and_their_differences(made, task):
    metrics, models = made.metrics, made.model.models
    for arm in ARMS:
        assert metrics[f"accuracy_{arm}"] == accuracy(models[arm], task.test)
    share = made.series["accuracy"]
    assert metrics["worth"] == share["learned"] - share["none"]
    over = share["learned"] - share["sinusoidal_2d"]
    assert metrics["learned_over_sinusoidal"] == over


def test_tables_are_measured_before_and_after(made, task):
    fresh = networks(CONFIG, task, SEED)
    for arm in TABLES:
        trained = made.model.models[arm]
        for name, value in order_found(similarity(trained), trained.grid).items():
            assert made.metrics[f"{name}_{arm}"] == value
        before = order_found(similarity(fresh[arm]), trained.grid)
        for name, value in before.items():
            assert made.metrics[f"{name}_{arm}_fresh"] == value
        whole = similarity(trained)[spread(trained.grid)] * 100
        found = torch.tensor(made.series["maps"][arm])
        assert (found - whole).abs().max() <= 0.51
    assert (
        made.metrics["near_over_far_finest"]
        != (made.metrics["near_over_far_finest_fresh"])
    )


def test_without_positions_a_shuffle_changes_nothing(made):
    assert made.metrics["shuffle_none"] < 1e-4
    assert not {"shuffle_none"} & failed(EXPERIMENT, made.metrics)


def test_positions_that_stay_by_mistake_fail_their_band(monkeypatch):
    true_networks = claim.networks

    def mistaken(config, task, seed):
        models = true_networks(config, task, seed)
        models["none"] = small_vit(sizes_of(8, 2, 8, 1), task, 2, seed, "sinusoidal_2d")
        return models

    monkeypatch.setattr(claim, "networks", mistaken)
    changes = TINY | {"learning_rate": 0.1, "steps": 20}
    assert "shuffle_none" in failed(EXPERIMENT, outcome(EXPERIMENT, **changes).metrics)


# --- the page


@pytest.fixture(scope="module")
def exported(made):
    return json.loads(json.dumps(EXPERIMENT.export(CONFIG, made)))


def test_the_page_can_rebuild_each_model(exported, made):
    assert set(exported["models"]) == set(PAGE)
    for name, arm in PAGE.items():
        said = exported["models"][name]
        sizes = sizes_of(CONFIG.size, exported["heads"], CONFIG.inner, CONFIG.blocks)
        K = len(exported["classes"])
        model = VisionTransformer(
            sizes,
            tuple(exported["image"]),
            said["side"],
            K,
            positions=said["positions"],
        )
        halves = {k: torch.tensor(unpack(v)) for k, v in said["parameters"].items()}
        model.load_state_dict(halves)
        for key, value in made.model.models[arm].state_dict().items():
            assert torch.equal(halves[key], value.half().float()), key
        found = accuracy(model, made.model.task.test)
        assert said["accuracy"] == pytest.approx(found, abs=1e-6)
        record = exported["record"]
        assert record[f"test_accuracy_{arm}_float16"] == said["accuracy"]
        full = made.metrics[f"accuracy_{arm}"]
        assert record[f"test_accuracy_{arm}_float32"] == pytest.approx(full, abs=1e-6)
    assert (exported["record"]["scale"], exported["record"]["seed"]) == ("changed", 3)


def test_the_page_shows_digits_of_the_test_as_the_models_read_them(exported, task):
    shown = exported["digits"]
    assert sorted(one["label"] for one in shown) == [d for d in range(10) for _ in "ab"]
    pixels = digits("test")
    for one in shown:
        image = torch.tensor(one["points"]).view(1, 8, 8) / 16
        same = (pixels.images == image).flatten(1).all(1).nonzero()[0, 0]
        assert pixels.labels[same] == one["label"]
        if same < len(task.test.images):  # the test of this run is shorter
            read_ = (image - exported["mean"]) / exported["deviation"]
            torch.testing.assert_close(read_, task.test.images[same])
    assert len({tuple(one["points"]) for one in shown}) == 20


# --- the claim


def test_every_band_and_unit_is_of_a_metric(made):
    for bands in EXPERIMENT.bands.values():
        assert {band.metric for band in bands} <= set(made.metrics)
    assert set(EXPERIMENT.units) <= set(made.metrics)


def test_the_figure_is_drawn_from_what_is_stored(made, tmp_path):
    run = Run(0, made.metrics, made.series, 1.0, 1.0, 1.0)
    stored = Result("position-table", "cpu", {}, (), {}, (run, run), {})
    figure = EXPERIMENT.figure(Result.load(stored.save(tmp_path)))
    score, coarse, fine, bar = figure.axes
    heights = [patch.get_height() for patch in score.patches]
    assert heights == pytest.approx([made.metrics[f"accuracy_{arm}"] for arm in ARMS])
    assert [ax.images[0].get_array().shape[0] for ax in (coarse, fine)] == [19, 38]
    assert all(ax.get_xlabel() and ax.has_data() for ax in (score, coarse, fine, bar))


def test_at_quick_scale_all_bands_hold():
    assert not failed(EXPERIMENT, outcome(EXPERIMENT).metrics)
