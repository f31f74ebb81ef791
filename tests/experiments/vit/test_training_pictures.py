"""A fair draw of pictures, and the rate that the validation pictures choose."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.cnn import ResNet
from course_lib.data.images import digits
from course_lib.experiments import labels
from course_lib.experiments.labels import Learned, Recipe, schedule
from course_lib.experiments.vit import training_pictures
from course_lib.experiments.vit.training_pictures import (
    Examples,
    Task,
    accuracy,
    count_flop,
    logits,
    picture_batches,
    read,
    sizes_of,
    small_cnn,
    small_vit,
    taught,
)
from course_lib.training import Setting, weight_count
from course_lib.vit import BASE

SIZES = sizes_of(16, 2, 16, 1)
RECIPE = Recipe(rates=(1e-3, 1e-2, 3e-3), batch=8, least=4, epochs=2)


@pytest.fixture(scope="module")
def task():
    return read("digits", valid=60, test=100, seed=0)


# --- the task


def test_the_first_pictures_are_a_fair_draw_that_the_seed_decides(task):
    assert [len(part.labels) for part in task[:3]] == [1257, 60, 100]
    assert task.classes == 10
    assert task.image == (1, 8, 8)
    other = read("digits", 60, 100, seed=1)
    for one in (task, other):
        assert one.train.labels[:50].bincount().tolist() == [5] * 10
    assert not torch.equal(task.train.images[:50], other.train.images[:50])
    assert torch.equal(task.test.images, other.test.images)


def test_pixels_are_scaled_by_two_numbers_of_those_to_train_with(task):
    pixels = digits("train").images
    assert task.train.images.mean().item() == pytest.approx(0, abs=1e-5)
    assert task.train.images.std().item() == pytest.approx(1, abs=1e-5)
    for part, split in ((task.valid, "valid"), (task.test, "test")):
        published = digits(split)
        again = part.images * pixels.std() + pixels.mean()
        torch.testing.assert_close(again, published.images[: len(again)])
        assert torch.equal(part.labels, published.labels[: len(again)])


def test_no_picture_loses_its_label(task):
    published = digits("train")
    pixels = published.images
    again = task.train.images * pixels.std() + pixels.mean()
    of = {
        tuple(image.flatten().mul(16).round().int().tolist()): int(label)
        for image, label in zip(pixels, published.labels, strict=True)
    }
    found = [
        of.pop(tuple(image.flatten().mul(16).round().int().tolist())) for image in again
    ]
    assert found == task.train.labels.tolist()
    assert not of


@pytest.mark.parametrize("frame", [0, 4])
def test_in_a_frame_a_picture_stands_anywhere_and_is_whole(task, frame):
    framed = read("digits", 60, 100, 0, frame)
    again = read("digits", 60, 100, 0, frame)
    other = read("digits", 60, 100, 1, frame)
    assert torch.equal(framed.test.images, again.test.images)
    assert torch.equal(framed.test.images, other.test.images) == (frame == 0)
    for part, small in zip(framed[:3], task[:3], strict=True):
        assert torch.equal(part.labels, small.labels)
        assert part.images.shape[1:] == (1, 8 + 2 * frame, 8 + 2 * frame)
        ink = part.images - part.images.min()
        expected = small.images - small.images.min()
        ink, expected = (x.sum((1, 2, 3)) / x.max() for x in (ink, expected))
        torch.testing.assert_close(ink, expected, rtol=1e-4, atol=1e-4)
    rows = (framed.train.images > framed.train.images.min()).any(3)[:, 0]
    tops = rows.int().argmax(1).unique().tolist()
    assert len(tops) >= 2 * frame + 1
    assert framed.train.images.std().item() == pytest.approx(1, abs=1e-5)


# --- the networks


def test_the_opponent_is_as_large_and_no_larger(task):
    weights = weight_count(small_vit(SIZES, task, 2, seed=0))
    model = small_cnn(weights, task, seed=0)
    wider = ResNet(1, 10, model.layers[0].out_channels + 1)
    assert weight_count(model) <= weights < weight_count(wider)


def test_the_seed_decides_where_they_start(task):
    for make in (
        lambda seed: small_vit(SIZES, task, 2, seed),
        lambda seed: small_cnn(3000, task, seed),
    ):
        one, again, other = (list(make(seed).parameters()) for seed in (0, 0, 1))
        assert all(map(torch.equal, one, again))
        assert not all(map(torch.equal, one, other))


def test_a_small_vit_is_the_papers_but_for_its_sizes(task):
    assert (SIZES.norm, SIZES.activation, SIZES.eps) == ("pre", "gelu", BASE.eps)
    assert (SIZES.size, SIZES.heads, SIZES.inner, SIZES.blocks) == (16, 2, 16, 1)
    model = small_vit(SIZES, task, 4, seed=0)
    assert model.class_token is not None
    assert model.places.shape == (5, 16)
    assert small_vit(SIZES, task, 4, 0, positions="none").places is None


def test_flop_are_counted_forward_for_one_picture():
    def make():
        return nn.Sequential(nn.Flatten(), nn.Linear(12, 7), nn.Linear(7, 3))

    assert count_flop(make, (3, 2, 2)) == 2 * (12 * 7 + 7 * 3)


# --- accuracy


class Echo(nn.Module):
    """Says the class that its picture's first pixel is; in training, another."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, images):
        said = images[:, 0, 0, 0].long() + self.training
        return nn.functional.one_hot(said, 10).float() + self.weight


def test_accuracy_is_the_share_that_is_right_without_dropout():
    shown = torch.tensor([1, 2, 3, 4, 5, 6, 7, 8])
    labels = torch.tensor([1, 2, 3, 4, 5, 6, 0, 0])
    examples = Examples(shown.view(8, 1, 1, 1).expand(8, 1, 2, 2).float(), labels)
    model = Echo()
    assert accuracy(model, examples) == 0.75
    assert model.training
    for batch in (1, 3, 8):
        assert logits(model, examples.images, batch).argmax(1).tolist() == list(shown)


# --- training


def test_every_epoch_has_every_picture_once_with_its_label():
    examples = Examples(torch.arange(10.0).view(10, 1, 1, 1), torch.arange(10))
    batch_at = picture_batches(examples, 4, seed=0)
    for epoch in range(2):
        batches = [batch_at(3 * epoch + i) for i in range(3)]
        seen = torch.cat([batch.labels for batch in batches])
        assert sorted(seen.tolist()) == list(range(10))
        for batch in batches:
            assert torch.equal(batch.images.flatten(), batch.labels.float())


class Lesson:
    """What :func:`taught` does with given accuracies, in the order asked for."""

    def __init__(self, task, valid, monkeypatch, n=20):
        self.models, self.asked, self.seen, self.rates = [], [], [], []
        valid = iter(valid)

        def scored(model, examples):
            part = "test" if examples is task.test else "valid"
            self.asked.append((part, self.models.index(model)))
            return 0.25 if part == "test" else next(valid)

        def loss(model, batch):
            self.seen.append(batch)
            return training_pictures.F.cross_entropy(model(batch.images), batch.labels)

        def planned(steps, rate):
            self.rates.append((steps, rate))
            return schedule(steps, rate)

        def make():
            self.models.append(small_vit(SIZES, task, 4, 0))
            return self.models[-1]

        monkeypatch.setattr(training_pictures, "accuracy", scored)
        monkeypatch.setattr(training_pictures, "label_loss", loss)
        monkeypatch.setattr(labels, "schedule", planned)
        steps = taught(make, task, n, RECIPE, Setting(), "vit 20", 100, 900)
        self.reports = []
        try:
            while True:
                self.reports.append(next(steps))
        except StopIteration as end:
            self.learned, self.model = end.value


def test_validation_chooses_the_rate_and_the_test_is_asked_once(task, monkeypatch):
    lesson = Lesson(task, (0.5, 0.9, 0.7), monkeypatch)
    assert lesson.learned == Learned(accuracy=0.25, chosen=1e-2)
    assert lesson.model is lesson.models[1]
    assert lesson.asked == [("valid", i) for i in range(3)] + [("test", 1)]
    assert lesson.rates == [(6, rate) for rate in RECIPE.rates]  # 2 epochs of 3


def test_of_equally_good_rates_the_first_is_kept(task, monkeypatch):
    assert Lesson(task, (0.5, 0.5, 0.5), monkeypatch).learned.chosen == 1e-3


def test_each_rate_starts_anew_on_the_same_first_pictures(task, monkeypatch):
    lesson = Lesson(task, (0.1, 0.2, 0.3), monkeypatch)
    assert len(set(map(id, lesson.models))) == 3
    for number in range(3):
        epoch = lesson.seen[6 * number : 6 * number + 3]
        labels = torch.cat([batch.labels for batch in epoch])
        assert labels.bincount().tolist() == [2] * 10  # of the first 20
        images = torch.cat([batch.images for batch in epoch]).flatten(1).tolist()
        first = task.train.images[:20].flatten(1).tolist()
        assert sorted(images) == sorted(first)


def test_progress_counts_all_rates(task, monkeypatch):
    lesson = Lesson(task, (0.1, 0.2, 0.3), monkeypatch)
    assert [report.done for report in lesson.reports] == [106, 112, 118]
    for report in lesson.reports:
        assert (report.total, report.note) == (900, "vit 20")
        assert set(report.curves) == {"vit loss"}


def test_it_learns(task):
    few = Task(task.train, task.valid, task.test, task.classes)
    recipe = Recipe(rates=(1e-2,), batch=32, least=60, epochs=1)
    steps = taught(
        lambda: small_cnn(3000, few, 0), few, 200, recipe, Setting(), "cnn", 0, 60
    )
    try:
        while True:
            next(steps)
    except StopIteration as end:
        learned, model = end.value
    assert learned.accuracy == accuracy(model, task.test) > 0.5
