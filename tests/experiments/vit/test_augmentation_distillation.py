"""What a teacher says, what a changed picture is, and that all arms learn alike."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from claims import failed, outcome
from course_lib.cnn import ResNet
from course_lib.experiments import Setting, labels, run_to_end
from course_lib.experiments.labels import Learned, schedule
from course_lib.experiments.vit import augmentation_distillation as claim
from course_lib.experiments.vit import training_pictures
from course_lib.experiments.vit.augmentation_distillation import (
    ARMS,
    EXPERIMENT,
    HELPED,
    measures,
)
from course_lib.experiments.vit.distillation import (
    Augmentation,
    Lesson,
    agreement,
    distilled,
    hard_loss,
    lessons,
    soft_loss,
)
from course_lib.experiments.vit.training_pictures import (
    chosen,
    label_loss,
    picture_batches,
    read,
    sizes_of,
    small_cnn,
    small_vit,
)
from course_lib.training import train, weight_count
from course_lib.vit import VisionTransformer

SEED = 3
TINY = {"train": 30, "valid": 20, "test": 40, "size": 8, "inner": 8}
TINY |= {"steps": 3, "rates": (1e-3, 1e-2)}
TINY |= {"temperature": 2.5, "soft": 0.7, "hard": 0.4}
CHANGE = Augmentation(mirror=False, shift=1, changes=1, strength=0.5, mixing=0.2)
STILL = replace(CHANGE, shift=0, changes=0)


@pytest.fixture(scope="module")
def task():
    return read("digits", valid=20, test=40, seed=0)


# --- what a teacher says


STUDENT = torch.tensor([[2.0, 0.0], [0.0, 0.0]]).mul(math.log(2))  # 4 : 1, and 1 : 1
TEACHER = torch.tensor([[0.0, 4.0], [2.0, 0.0]]).mul(math.log(2))  # 1 : 16, and 4 : 1
TARGETS = torch.tensor([[1.0, 0.0], [0.75, 0.25]])
OWN = (-math.log(0.8) + math.log(2)) / 2  # cross-entropy of the targets, by hand


def test_soft_by_hand():
    """At temperature 2 the student is at 2 : 1 and 1 : 1, the teacher 1 : 4, 2 : 1."""
    first = 0.2 * math.log(0.2 / (2 / 3)) + 0.8 * math.log(0.8 / (1 / 3))
    second = 2 / 3 * math.log((2 / 3) / 0.5) + 1 / 3 * math.log((1 / 3) / 0.5)
    for weight in (0, 0.3, 1):
        expected = (1 - weight) * OWN + weight * 4 * (first + second) / 2
        found = soft_loss(STUDENT, TEACHER, TARGETS, temperature=2, weight=weight)
        assert found.item() == pytest.approx(expected, rel=1e-6)


def test_hard_by_hand():
    named = (-math.log(0.2) + math.log(2)) / 2  # the second class, then the first
    for weight in (0, 0.5, 1):
        expected = (1 - weight) * OWN + weight * named
        found = hard_loss(STUDENT, TEACHER, TARGETS, weight)
        assert found.item() == pytest.approx(expected, rel=1e-6)
    half = hard_loss(STUDENT, TEACHER, TARGETS)
    assert torch.equal(half, hard_loss(STUDENT, TEACHER, TARGETS, 0.5))


@pytest.fixture
def logits():
    chance = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 5, generator=chance).double()
    return student, teacher, F.one_hot(torch.arange(6) % 5, 5).double()


def test_nobody_who_is_not_heard_matters(logits):
    student, teacher, targets = logits
    plain = F.cross_entropy(student, targets)
    torch.testing.assert_close(soft_loss(student, teacher, targets, 3, 0), plain)
    assert torch.equal(hard_loss(student, teacher, targets, 0), plain)


def test_a_teacher_who_is_sure_and_right_is_the_label(logits):
    student, _, targets = logits
    plain = F.cross_entropy(student, targets)
    found = soft_loss(student, 1e3 * targets, targets, temperature=1, weight=1)
    torch.testing.assert_close(found, plain)
    for weight in (0.3, 1):  # sure or not
        found = hard_loss(student, 0.01 * targets, targets, weight)
        assert torch.equal(found, plain)


def test_at_a_high_temperature_logits_are_compared(logits):
    """Hinton et al. (2015), section 2.1: half the mean square, from their means."""
    student, teacher, targets = logits
    apart = student - teacher
    apart = apart - apart.mean(dim=1, keepdim=True)
    found = soft_loss(student, teacher, targets, temperature=1e4, weight=1)
    torch.testing.assert_close(found, apart.square().mean() / 2, rtol=1e-3, atol=1e-6)


def test_who_says_the_same_has_nothing_to_learn_but_the_label(logits):
    student, _, targets = logits
    assert soft_loss(student, student, targets, 3, 1).item() == pytest.approx(0)


@pytest.mark.parametrize("temperature", [0, -1])
def test_a_temperature_is_positive(logits, temperature):
    with pytest.raises(ValueError, match=f"temperature: got {temperature}"):
        soft_loss(*logits, temperature=temperature, weight=0.5)


def state_of(model):
    return copy.deepcopy(model.state_dict())


def test_a_teacher_learns_nothing_and_answers_as_in_a_test(task):
    teacher, some = small_cnn(1000, task, 0), task.train.of(slice(40))
    for _ in train(  # so that its running means are not those of a batch
        teacher, label_loss, lessons(some, 10, 16, 0), schedule(10, 1e-2), Setting()
    ):
        pass
    teacher.zero_grad()
    before = state_of(teacher)
    student = small_vit(sizes_of(8, 2, 8, 1), task, 4, 0)
    begun, heard = state_of(student), []

    def listen(mine, answers, targets):
        heard.append(answers)
        return soft_loss(mine, answers, targets, 3, 0.5)

    lesson_at = lessons(some, 10, 16, 0, CHANGE)
    teacher.train()
    loss = distilled(teacher, listen)
    for _ in train(student, loss, lesson_at, schedule(3, 1e-2), Setting()):
        pass
    assert all(
        torch.equal(value, before[k]) for k, value in teacher.state_dict().items()
    )
    assert all(p.grad is None or not p.grad.any() for p in teacher.parameters())
    moved = [not torch.equal(v, begun[k]) for k, v in student.state_dict().items()]
    assert all(moved)
    teacher.eval()
    for step, answers in enumerate(heard):
        assert not answers.requires_grad
        torch.testing.assert_close(answers, teacher(lesson_at(step).images))


def test_a_teacher_who_names_every_label_teaches_nothing_by_them(task):
    right = distilled(
        nn.Identity(), lambda mine, _, label: hard_loss(mine, label, label)
    )
    lesson_at, ends = lessons(task.train.of(slice(40)), 10, 16, 0), []
    for loss in (label_loss, right):
        student = small_vit(sizes_of(8, 2, 8, 1), task, 4, 0)
        for _ in train(student, loss, lesson_at, schedule(5, 1e-2), Setting()):
            pass
        ends.append(list(student.parameters()))
    assert all(map(torch.equal, *ends))


# --- lessons


def test_without_augmentation_they_are_the_pictures_and_their_labels(task):
    some = task.train.of(slice(50))
    lesson_at, batch_at = lessons(some, 10, 16, SEED), picture_batches(some, 16, SEED)
    model = small_vit(sizes_of(8, 2, 8, 1), task, 4, 0)
    for step in (0, 3, 5):
        lesson, batch = lesson_at(step), batch_at(step)
        assert torch.equal(lesson.images, batch.images)
        assert torch.equal(lesson.targets, F.one_hot(batch.labels, 10).float())
        torch.testing.assert_close(label_loss(model, lesson), label_loss(model, batch))


def test_a_step_has_its_pictures_whatever_came_before(task):
    some = task.train.of(slice(50))
    first, other = (lessons(some, 10, 16, SEED, CHANGE) for _ in range(2))
    forth = [first(step) for step in range(6)]
    back = [other(step) for step in reversed(range(6))][::-1]
    for one, again in zip(forth, back, strict=True):
        assert all(map(torch.equal, one, again))
    elsewhere = lessons(some, 10, 16, SEED + 1, CHANGE)(0)
    assert not torch.equal(elsewhere.images, forth[0].images)


def test_a_picture_is_changed_anew_in_every_epoch(task):
    lesson_at = lessons(task.train.of(slice(1)), 10, 1, SEED, CHANGE)
    seen = torch.stack([lesson_at(step).images for step in range(8)])
    assert len(seen.unique(dim=0)) >= 5


def test_the_changes_see_pixels_from_black_to_white(task, monkeypatch):
    seen = []

    def unchanged(lesson, chance):
        seen.append(lesson)
        return lesson

    some = task.train.of(slice(50))
    found = lessons(some, 10, 16, SEED, unchanged)(2)
    torch.testing.assert_close(found.images, lessons(some, 10, 16, SEED)(2).images)
    sixteenths = seen[0].images * 16
    torch.testing.assert_close(sixteenths, sixteenths.round(), rtol=0, atol=1e-3)
    low, high = seen[0].images.aminmax()
    assert (round(low.item(), 5), round(high.item(), 5)) == (0, 1)


def test_what_a_shift_uncovers_is_black(task):
    some = task.train.of(slice(200))
    change = replace(STILL, shift=3, mixing=1e-3)
    images = lessons(some, 10, 64, SEED, change)(0).images
    black = some.images.min()
    assert images.min().item() == pytest.approx(black.item(), abs=1e-4)
    rows = (images - black).abs().amax(dim=(1, 3))  # (B, 8)
    assert ((rows[:, :3] < 1e-4).all(1) | (rows[:, -3:] < 1e-4).all(1)).any()


@pytest.mark.parametrize("what", ["mirror", "shift", "changes", "mixing"])
def test_each_change_is_made(task, what):
    pixels = task.train.images[:16]
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    lesson = Lesson(pixels, F.one_hot(task.train.labels[:16], 10).float())
    value = {"mirror": True, "shift": 1, "changes": 1, "mixing": 1.0}[what]
    least = replace(STILL, mixing=1e-4)  # of mixup there is always some
    chance = partial(torch.Generator().manual_seed, 0)
    before = least(lesson, chance())
    after = replace(least, **{what: value})(lesson, chance())
    assert not torch.allclose(after.images, before.images, atol=1e-3)
    mixed = (after.targets.amax(1) < 0.999).any().item()
    assert mixed == (what == "mixing")
    torch.testing.assert_close(after.targets.sum(1), torch.ones(16))
    assert 0 <= after.images.min() <= after.images.max() <= 1 + 1e-6


def test_agreement_is_of_the_largest_targets():
    class Echo(nn.Module):
        """Names the class that a picture's pixel is."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))

        def forward(self, images):
            return F.one_hot(images.flatten().long(), 3) + self.weight

    steps = [([0, 1], [[0.6, 0.4, 0], [0.6, 0.4, 0]]), ([2, 2], [[0, 0, 1], [0, 1, 0]])]
    made = [
        Lesson(torch.tensor(i).float().view(-1, 1, 1, 1), torch.tensor(t).float())
        for i, t in steps
    ]
    assert agreement(Echo(), made.__getitem__, 1) == 0.5
    made[1].targets[1] = made[1].targets[0]
    assert agreement(Echo(), made.__getitem__, 2) == 0.75


# --- learning


def test_validation_chooses_the_rate_and_the_test_is_asked_once(task, monkeypatch):
    models, asked, rates = [], [], []
    valid = iter((0.5, 0.9, 0.9))

    def scored(model, examples):
        part = "test" if examples is task.test else "valid"
        asked.append((part, models.index(model)))
        return 0.25 if part == "test" else next(valid)

    def planned(steps, rate):
        rates.append((steps, rate))
        return schedule(steps, rate)

    def make():
        models.append(small_vit(sizes_of(8, 2, 8, 1), task, 4, 0))
        return models[-1]

    monkeypatch.setattr(training_pictures, "accuracy", scored)
    monkeypatch.setattr(labels, "schedule", planned)
    lesson_at = lessons(task.train.of(slice(20)), 10, 8, 0)
    steps = chosen(
        make, task, label_loss, lesson_at, 3, (1e-3, 1e-2, 3e-3), Setting(), "a", 6, 30
    )
    reports = []
    found, kept = run_to_end(steps, reports.append)
    assert (found, kept) == (Learned(0.25, 1e-2), models[1])
    assert asked == [("valid", 0), ("valid", 1), ("valid", 2), ("test", 1)]
    assert rates == [(3, 1e-3), (3, 1e-2), (3, 3e-3)]
    assert [report.done for report in reports] == [9, 12, 15]
    assert {(r.total, r.note, *r.curves) for r in reports} == {(30, "a", "a loss")}


# --- the claim


class Made:
    """A tiny run, and what each training was given."""

    def __init__(self) -> None:
        self.given, self.models = {}, {}

    def chosen(self, *given):
        self.given[given[7]] = given
        found, model = yield from self.true_chosen(*given)
        self.models[given[7]] = model, state_of(model)
        return found, model

    def distilled(self, teacher, listen):
        self.lessons.append((teacher, listen))
        return self.true_distilled(teacher, listen)

    def run(self):
        self.lessons = []
        with pytest.MonkeyPatch.context() as patch:
            for name in ("chosen", "distilled"):
                setattr(self, f"true_{name}", getattr(claim, name))
                patch.setattr(claim, name, getattr(self, name))
            self.outcome = outcome(EXPERIMENT, SEED, **TINY)
        return self


@pytest.fixture(scope="module")
def made():
    return Made().run()


def test_all_arms_learn_in_the_same_way(made):
    assert list(made.given) == list(ARMS)
    first = made.given["cnn"]
    for number, (name, given) in enumerate(made.given.items()):
        make, task, _, lesson_at, steps, rates, setting, _, done, total = given
        arm = ARMS[name]
        assert isinstance(make(), ResNet if arm.network == "cnn" else VisionTransformer)
        assert (task, steps, rates) == (first[1], 3, TINY["rates"])
        assert (setting.seed, done, total) == (SEED, number * 6, 48)
        some = task.train.of(slice(30))
        change = EXPERIMENT.config("quick", **TINY).augmentation
        change = change if arm.augmented else None
        expected = lessons(some, 10, 32, SEED, change)
        for step in (0, 2):
            assert all(map(torch.equal, lesson_at(step), expected(step)))
    vits = [g[0]() for n, g in made.given.items() if ARMS[n].network == "vit"]
    for other in vits[1:]:
        assert all(map(torch.equal, vits[0].parameters(), other.parameters()))
    assert made.outcome.tokens == 48 * 32 * 4  # steps, pictures, patches


def test_a_teacher_saw_what_its_student_sees_and_stays_as_it_was(made):
    heard = [name for name, arm in ARMS.items() if arm.teacher]
    for name, (teacher, listen) in zip(heard, made.lessons, strict=True):
        arm = ARMS[name]
        model, before = made.models["cnn_augmented" if arm.augmented else "cnn"]
        assert teacher is model
        for key, value in teacher.state_dict().items():
            assert torch.equal(value, before[key])
        kind, settings = {
            "hard": (hard_loss, {"weight": 0.4}),
            "soft": (soft_loss, {"temperature": 2.5, "weight": 0.7}),
        }[arm.teacher]
        assert (listen.func, listen.keywords) == (kind, settings)


def test_the_opponent_weighs_no_more(made):
    metrics = made.outcome.metrics
    assert metrics["weights_cnn"] <= metrics["weights_vit"]
    task, config = made.given["cnn"][1], EXPERIMENT.scales["cpu"]
    sizes = sizes_of(config.size, config.heads, config.inner, config.blocks)
    weights = weight_count(small_vit(sizes, task, config.side, 0))
    assert 0.75 * weights < weight_count(small_cnn(weights, task, 0)) <= weights


def test_gains_and_gaps_are_differences():
    accuracy = dict(
        zip(ARMS, (0.9, 0.95, 0.7, 0.72, 0.75, 0.8, 0.81, 0.84), strict=True)
    )
    found = {name: round(value, 6) for name, value in measures(accuracy).items()}
    assert {name: found[name] for name in ARMS} == accuracy
    gains = [0.05, 0.02, 0.05, 0.1, 0.11, 0.14]
    assert [found[f"gain_{name}"] for name in HELPED] == gains
    gaps = [found[f"gap_{name}"] for name in ARMS if name.startswith("vit")]
    assert gaps == [0.2, 0.18, 0.15, 0.15, 0.14, 0.11]
    assert found["gain_hard_over_augmented"] == 0.01
    assert found["gain_soft_over_augmented"] == 0.04
    assert found["soft_over_hard_augmented"] == 0.03


def test_a_stopped_run_ends_the_same(made, tmp_path):
    config = EXPERIMENT.config("quick", **TINY)
    setting = replace(Setting(SEED), checkpoint=tmp_path)
    steps = EXPERIMENT.run(config, setting)
    while (report := next(steps)).note != "vit_hard":
        pass
    assert report.done < report.total
    steps.close()
    again = run_to_end(EXPERIMENT.run(config, setting))
    assert again.metrics == made.outcome.metrics
    assert again.series == made.outcome.series


def test_arms_that_learn_nothing_fail_their_bands(monkeypatch):
    def nothing(*given):
        return Learned(0.1, 1e-3), given[0]()
        yield

    monkeypatch.setattr(claim, "chosen", nothing)
    assert failed(EXPERIMENT, outcome(EXPERIMENT, **TINY).metrics) >= {"cnn", "vit"}
