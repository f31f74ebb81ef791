"""Orders of pixels, what stays the same in them, and for whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from claims import failed, outcome
from course_lib.experiments import Setting, run_to_end
from course_lib.experiments.vit import missing_bias as claim
from course_lib.experiments.vit import orders
from course_lib.experiments.vit.missing_bias import ARMS, EXPERIMENT, WHERE, measures
from course_lib.experiments.vit.orders import (
    ORDERS,
    identity_error,
    in_order,
    patch_order,
    pixel_order,
    renumbered,
    shuffled,
)
from course_lib.experiments.vit.training_pictures import (
    label_loss,
    logits,
    picture_batches,
    read,
    sizes_of,
    small_cnn,
    small_vit,
)
from course_lib.training import Training, train, weight_count
from course_lib.vit import patches
from small_transformers import shaken
from small_vits import GRID, IMAGE, SIDE, T, pictures
from small_vits import small_vit as vit_of

SEED = 3
TINY = {"train": 30, "valid": 20, "test": 40, "size": 8, "inner": 8}
TINY |= {"least": 2, "epochs": 0, "rates": (1e-3, 1e-2)}


@pytest.fixture(scope="module")
def task():
    return read("digits", valid=20, test=40, seed=0)


# --- orders


@pytest.mark.parametrize("kind", ORDERS)
def test_an_order_has_every_pixel_once_and_is_fixed(kind):
    sizes = *IMAGE[1:], SIDE
    order = pixel_order(kind, *sizes, seed=0)
    assert sorted(order.tolist()) == list(range(48))
    assert torch.equal(order, pixel_order(kind, *sizes, seed=0))
    still = kind == "none"
    assert torch.equal(order, pixel_order(kind, *sizes, seed=1)) == still
    assert torch.equal(order, torch.arange(48)) == still


def test_a_shuffled_image_has_its_pixels_in_that_order_in_each_channel():
    images = pictures()  # (3, 3, 6, 8)
    order = torch.randperm(48, generator=torch.Generator().manual_seed(0))
    other = shuffled(images, order)
    for place, pixel in enumerate(order.tolist()):
        there, here = divmod(place, 8), divmod(pixel, 8)
        assert torch.equal(other[:, :, *there], images[:, :, *here])


def test_patches_change_places_and_stay_whole():
    images = pictures()
    order = pixel_order("patches", *IMAGE[1:], SIDE, seed=0)
    moved = patches(shuffled(images, order), SIDE)
    assert torch.equal(moved, patches(images, SIDE)[:, patch_order(T, 0)])
    order = pixel_order("pixels", *IMAGE[1:], SIDE, seed=0)
    mixed = patches(shuffled(images, order), SIDE)
    whole = {tuple(one.tolist()) for one in patches(images, SIDE)[0]}
    assert not whole & {tuple(one.tolist()) for one in mixed[0]}


def test_all_pictures_of_a_task_are_laid_out_in_the_same_order(task):
    for kind in ORDERS:
        order = pixel_order(kind, 8, 8, 2, SEED)
        moved = in_order(task, kind, 2, SEED)
        for part, before in zip(moved[:3], task[:3], strict=True):
            assert torch.equal(part.images, shuffled(before.images, order))
            assert torch.equal(part.labels, before.labels)


# --- who can tell


def shuffled_logits(model, images):
    """Logits of images whose patches moved, and of a model whose positions did."""
    order = pixel_order("patches", *IMAGE[1:], SIDE, seed=0)
    other = renumbered(model, patch_order(T, 0))
    return [logits(one, shuffled(images, order)) for one in (model, other)]


@pytest.mark.parametrize("positions", ["learned", "none"])
def test_moved_patches_with_moved_positions_are_the_same_picture(positions):
    model = vit_of(positions=positions)
    assert model.grid == GRID
    here, (moved, both) = logits(model, pictures()), shuffled_logits(model, pictures())
    torch.testing.assert_close(both, here, rtol=1e-4, atol=1e-5)
    blind = torch.allclose(moved, here, rtol=1e-3, atol=1e-4)
    assert blind == (positions == "none")


def test_a_renumbered_model_is_a_copy():
    model = vit_of()
    before = model.places.detach().clone()
    other = renumbered(model, patch_order(T, 0))
    assert torch.equal(other.places[0], before[0])  # of the class token
    assert torch.equal(other.places[1:], before[1:][patch_order(T, 0)])
    torch.nn.init.zeros_(other.places)
    assert torch.equal(model.places, before)


def test_training_is_as_hard_in_any_order_of_patches(task):
    """From positions that moved as well, each step is the same step."""
    sizes, training = sizes_of(8, 2, 8, 1), Training(20, learning_rate=1e-2)
    moved, order = in_order(task, "patches", 2, SEED), patch_order(16, SEED)
    first = shaken(small_vit(sizes, task, 2, seed=0))
    models = [first.double(), renumbered(first, order).double()]
    losses = []
    for model, some in zip(models, (task, moved), strict=True):
        examples = some.train.of(slice(40))
        examples = examples._replace(images=examples.images.double())
        batches = picture_batches(examples, 16, seed=0)
        steps = train(model, label_loss, batches, training, Setting())
        losses.append([step.loss for step in steps])
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    assert losses[0][-1] < losses[0][0]
    expected = renumbered(models[0], order).state_dict()
    for name, value in models[1].state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-4)


def test_for_a_residual_network_moved_patches_are_other_pictures(task):
    model = shaken(small_cnn(3000, task, 0))
    moved = in_order(task, "patches", 2, SEED)
    here, there = logits(model, task.test.images), logits(model, moved.test.images)
    assert (here - there).abs().max() > 0.01


def test_the_error_is_of_the_logit_that_differs_most(task):
    model = shaken(small_vit(sizes_of(8, 2, 8, 1), task, 2, 0))
    moved = in_order(task, "patches", 2, SEED)
    assert identity_error(model, task, moved, SEED) < 1e-4
    wrong = identity_error(model, task, moved, SEED + 1)  # another order than theirs
    other = renumbered(model, patch_order(16, SEED + 1))
    apart = logits(model, task.test.images) - logits(other, moved.test.images)
    assert wrong == apart.abs().max() > 0.01


# --- the claim


class Made:
    """A tiny run, and what each training was given."""

    def __init__(self) -> None:
        self.given = {}

    def taught(self, *given):
        self.given[given[5]] = given
        return (yield from self.true_taught(*given))

    def run(self):
        with pytest.MonkeyPatch.context() as patch:
            self.true_taught = claim.taught
            patch.setattr(claim, "taught", self.taught)
            self.outcome = outcome(EXPERIMENT, SEED, **TINY)
        return self


@pytest.fixture(scope="module")
def made():
    return Made().run()


def test_each_order_is_tried_with_each_network_from_the_same_start(made):
    assert list(made.given) == [
        f"{arm} {where} {kind}" for where in WHERE for kind in ORDERS for arm in ARMS
    ]
    for number, (name, given) in enumerate(made.given.items()):
        make, task, n, recipe, setting, _, done, total = given
        arm, where, kind = name.split()
        assert (n, setting.seed, done, total) == (30, SEED, number * 4, 72)
        assert recipe == made.given["cnn still none"][3]
        side = {"still": 2, "moving": 4}[where]
        whole = made.given[f"cnn {where} none"][1]
        expected = in_order(whole, kind, side, SEED).train.images
        assert torch.equal(task.train.images, expected)
        first = made.given[f"{arm} {where} none"][0]().state_dict()
        for key, value in make().state_dict().items():
            assert torch.equal(value, first[key])
        if arm != "cnn":
            expected = {"vit": "learned", "placeless": "none"}[arm]
            assert (make().positions, make().grid) == (expected, (4, 4))


def test_the_arms_weigh_the_same(made):
    make = claim.networks(EXPERIMENT.scales["cpu"], made.given["cnn still none"][1], 0)
    weights = {arm: weight_count(one()) for arm, one in make.items()}
    assert 0.9 < weights["cnn"] / weights["vit"] <= 1
    assert weights["vit"] - weights["placeless"] == 17 * 48


def test_the_same_pictures_stand_in_the_middle_or_anywhere(made):
    still, moving = (made.given[f"cnn {where} none"][1] for where in WHERE)
    assert (still.image, moving.image) == ((1, 8, 8), (1, 16, 16))
    for one, other in zip(still[:3], moving[:3], strict=True):
        assert torch.equal(one.labels, other.labels)


def test_without_positions_shuffled_patches_make_no_difference(made):
    for where in WHERE:
        accuracy = made.outcome.series["accuracy"][where]["placeless"]
        assert accuracy[0] == accuracy[1]


def test_losses_and_gaps_are_differences():
    arms = {"cnn": [0.9, 0.8, 0.6], "vit": [0.7, 0.75, 0.65]}
    arms |= {"placeless": [0.5, 0.5, 0.4]}
    found = measures({"still": arms, "moving": {"cnn": [0.5] * 3, "vit": [0.2] * 3}})
    rounded = {name: round(value, 6) for name, value in found.items()}
    assert rounded["still_vit_patches"] == 0.75
    lost = [
        rounded[f"still_{arm}_lost_{k}"] for arm in ARMS for k in ORDERS if k[0] == "p"
    ]
    assert lost == [0.1, 0.3, -0.05, 0.05, 0, 0.1]
    assert [rounded[f"still_gap_{kind}"] for kind in ORDERS] == [0.2, 0.05, -0.05]
    assert {rounded[f"moving_gap_{kind}"] for kind in ORDERS} == {0.3}


def test_the_error_is_that_of_the_worst_picture(monkeypatch):
    errors = iter([0.1, 0.2, 0.4, 0.3])  # vit and placeless, still; then moving
    monkeypatch.setattr(claim, "identity_error", lambda *_: next(errors))
    found = outcome(EXPERIMENT, **TINY).metrics
    assert (found["identity_vit"], found["identity_placeless"]) == (0.4, 0.3)


def test_a_stopped_run_remembers_what_was_measured(made, tmp_path, monkeypatch):
    config = EXPERIMENT.config("quick", **TINY)
    setting = replace(Setting(SEED), checkpoint=tmp_path)
    run_to_end(EXPERIMENT.run(config, setting))
    monkeypatch.setattr(claim, "taught", None)  # nothing is left to train
    assert run_to_end(EXPERIMENT.run(config, setting)).metrics == made.outcome.metrics


def test_positions_that_do_not_move_along_fail_the_band(monkeypatch):
    monkeypatch.setattr(orders, "renumbered", lambda model, order: model)
    found = failed(EXPERIMENT, outcome(EXPERIMENT, **TINY | {"least": 20}).metrics)
    assert "identity_vit" in found
    assert "identity_placeless" not in found
