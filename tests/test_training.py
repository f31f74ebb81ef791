from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from course_lib.training import (
    SCHEDULES,
    Setting,
    Training,
    clip_gradient,
    to_device,
    train,
)

STEPS = 30


def model_of(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 1))


def batch_at(index):
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(index))


def loss(model, x):
    return (model(x) - x.sum(1, keepdim=True)).square().mean()


def trained(training, setting=None, loss=loss):
    model = model_of()
    return model, list(train(model, loss, batch_at, training, setting or Setting()))


def same(a, b):
    return all(
        torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True)
    )


def numbers(steps):
    return [(step.number, step.loss, step.gradient_norm) for step in steps]


CHILD = """
import os, signal, sys, torch
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_training import *
training = Training(STEPS, 0.01, checkpoint_every=4, schedule="linear")
model = model_of()
setting = Setting(checkpoint=Path({folder!r}))
number, rename = 0, os.replace

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_before_the_rename(*paths):
    die() if number + 1 >= {kill_at} else rename(*paths)

if {saving}:
    os.replace = die_before_the_rename
for step in train(model, loss, batch_at, training, setting):
    number = step.number
    if number == {kill_at} and not {saving}:
        die()
"""


@pytest.mark.parametrize(
    ("kill_at", "saving", "kept"), [(5, False, 4), (18, False, 16), (12, True, 8)]
)
def test_a_killed_run_ends_bit_for_bit_where_the_unbroken_one_does(
    tmp_path, kill_at, saving, kept
):
    training = Training(STEPS, 0.01, checkpoint_every=4, schedule="linear")
    unbroken, steps = trained(training)
    tests, folder = str(Path(__file__).parent), str(tmp_path)
    code = CHILD.format(tests=tests, folder=folder, kill_at=kill_at, saving=saving)
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert len(saved["history"]) == kept
    resumed, again = trained(training, Setting(checkpoint=tmp_path))
    assert numbers(again) == numbers(steps)
    assert same(resumed, unbroken)


def test_closing_keeps_the_very_last_step(tmp_path):
    training = Training(STEPS, 0.01, checkpoint_every=1000)
    unbroken, steps = trained(training)
    model = model_of()
    begun = train(model, loss, batch_at, training, Setting(checkpoint=tmp_path))
    for _ in range(7):
        next(begun)
    begun.close()
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert len(saved["history"]) == 7
    model = model_of()
    again = train(model, loss, batch_at, training, Setting(checkpoint=tmp_path))
    recalled = [next(again) for _ in range(7)]
    torch.rand(3)  # what a reader draws meanwhile must not matter
    rest = list(again)
    assert numbers(recalled + rest) == numbers(steps)
    assert same(model, unbroken)
    seconds = [step.seconds for step in recalled + rest]
    assert seconds == sorted(seconds), "the time of all processes adds up"


def test_a_finished_run_is_recalled_not_repeated(tmp_path):
    training = Training(5, 0.01)
    model, steps = trained(training, Setting(checkpoint=tmp_path))

    def forbidden(model, batch):
        raise AssertionError("trained again")

    again, recalled = trained(training, Setting(checkpoint=tmp_path), forbidden)
    assert recalled == steps
    assert same(again, model)


def test_a_half_written_checkpoint_is_never_read(tmp_path, monkeypatch):
    training = Training(6, 0.01, checkpoint_every=3)

    def killed(*paths):
        raise OSError("killed")

    monkeypatch.setattr("course_lib.files.os.replace", killed)
    with pytest.raises(OSError, match="killed"):
        trained(training, Setting(checkpoint=tmp_path))
    monkeypatch.undo()
    (part,) = tmp_path.iterdir()
    part.write_bytes(part.read_bytes()[:1000])
    _, steps = trained(training, Setting(checkpoint=tmp_path))
    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6]
    assert not part.exists()


def test_a_failing_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    training = Training(8, 0.01, checkpoint_every=3)
    model = model_of()
    steps = train(model, loss, batch_at, training, Setting(checkpoint=tmp_path))
    for _ in range(3):
        next(steps)

    def full(fd):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            list(steps)
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert len(saved["history"]) == 3


def test_another_training_does_not_continue_a_checkpoint(tmp_path):
    trained(Training(5, 0.01), Setting(checkpoint=tmp_path))
    with pytest.raises(ValueError, match=r"checkpoint: .*model\.pt was made with"):
        trained(Training(5, 0.02), Setting(checkpoint=tmp_path))


@pytest.mark.parametrize("kind", ["adam", "sgd"])
@pytest.mark.parametrize("limit", [None, 0.5])
def test_equals_the_loop_written_by_hand(kind, limit):
    model, steps = trained(Training(10, 0.05, kind, limit))
    hand = model_of()
    optimizer = (
        torch.optim.Adam(hand.parameters(), lr=0.05)
        if kind == "adam"
        else torch.optim.SGD(hand.parameters(), lr=0.05)
    )
    for index in range(10):
        value = loss(hand, batch_at(index))
        optimizer.zero_grad()
        value.backward()
        squares = sum(p.grad.square().sum() for p in hand.parameters())
        norm = squares.sqrt().item()
        if limit is not None and norm > limit:
            for p in hand.parameters():
                p.grad.mul_(limit / norm)
        optimizer.step()
        assert steps[index].loss == pytest.approx(value.item(), rel=1e-5)
        assert steps[index].gradient_norm == pytest.approx(norm, rel=1e-5)
    for p, q in zip(model.parameters(), hand.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-6)
    if limit is not None:
        assert max(step.gradient_norm for step in steps) > limit, "clipping was idle"


def test_without_a_limit_an_overflowing_norm_leaves_the_gradient_alone():
    model = nn.Linear(2, 1, bias=False)
    model.weight.grad = torch.full((1, 2), 1e30)  # its square is no float32
    assert clip_gradient(model, None).item() == math.inf
    assert torch.equal(model.weight.grad, torch.full((1, 2), 1e30))


def test_a_loss_that_is_not_finite_does_not_stop_the_loop():
    def broken(model, x):
        return loss(model, x) * float("nan")

    _, steps = trained(Training(3, 0.01), loss=broken)
    assert len(steps) == 3
    assert all(math.isnan(step.loss) for step in steps)


def test_flags_of_torch_are_as_before_between_two_steps():
    def flags():
        filled = torch.utils.deterministic.fill_uninitialized_memory
        return torch.are_deterministic_algorithms_enabled(), filled

    before = flags()
    seen = []

    def watching(model, x):
        seen.append(flags())
        return loss(model, x)

    model = model_of()
    for _ in train(model, watching, batch_at, Training(2, 0.01), Setting()):
        assert flags() == before == (False, True)
    assert seen == [(True, False)] * 2


def test_to_device_keeps_the_form_of_a_batch():
    Pair = namedtuple("Pair", "x mask")
    one = torch.ones(2)
    batch = {"pair": Pair(one, [one, (one, "text")]), "number": 3}
    moved = to_device(batch, "meta")
    assert type(moved["pair"]) is Pair
    assert moved["pair"].x.device.type == "meta"
    inner, (innermost, text) = moved["pair"].mask
    assert inner.device.type == innermost.device.type == "meta"
    assert isinstance(moved["pair"].mask, list)
    assert (text, moved["number"]) == ("text", 3)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("steps", 0),
        ("learning_rate", 0.0),
        ("optimizer", "adamw"),
        ("clip_norm", 0.0),
        ("checkpoint_every", 0),
        ("schedule", "exponential"),
        ("warmup", -1),
        ("warmup", 1),
    ],
)
def test_bad_arguments_are_named(argument, value):
    good = {"steps": 1, "learning_rate": 0.1}
    with pytest.raises(ValueError, match=f"{argument}: got {value!r}, expected"):
        Training(**{**good, argument: value})


# -- the learning rate -----------------------------------------------------------------


def rates(training):
    return [training.rate(index) for index in range(training.steps)]


def by_torch(schedule, steps, rate, **how):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = schedule(optimizer, **how)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 1, 2, 10])
def test_the_rate_rises_to_its_peak_and_then_never_again(schedule, warmup):
    training = Training(50, 0.3, warmup=warmup, schedule=schedule)
    found, top = rates(training), max(0, warmup - 1)
    assert found[top] == max(found) == 0.3
    assert all(0 < rate <= 0.3 for rate in found)
    rising, falling = found[: top + 1], found[top:]
    assert rising == sorted(set(rising))
    if schedule == "constant":
        assert set(falling) == {0.3}
    else:
        assert falling == sorted(set(falling), reverse=True)
    if warmup > 1:
        wanted = by_torch(
            lr_scheduler.LinearLR,
            warmup,
            0.3,
            start_factor=1 / warmup,
            total_iters=warmup - 1,
        )
        assert found[:warmup] == pytest.approx(wanted)


@pytest.mark.parametrize("warmup", [0, 1, 10])
@pytest.mark.parametrize(
    ("schedule", "theirs", "how"),
    [
        ("constant", lr_scheduler.ConstantLR, lambda n, top: {"factor": 1}),
        (
            "linear",
            lr_scheduler.LinearLR,
            lambda n, top: {"start_factor": 1, "end_factor": 0, "total_iters": n},
        ),
        ("cosine", lr_scheduler.CosineAnnealingLR, lambda n, top: {"T_max": n}),
        (
            "inverse-sqrt",
            lr_scheduler.LambdaLR,
            lambda n, top: {"lr_lambda": lambda k: math.sqrt(top / (top + k))},
        ),
    ],
)
def test_each_schedule_is_torchs(schedule, theirs, how, warmup):
    training = Training(60, 0.2, warmup=warmup, schedule=schedule)
    top = max(1, warmup)
    falling = rates(training)[top - 1 :]
    n = len(falling)  # the rate would be 0 in the step after the last one
    assert falling == pytest.approx(by_torch(theirs, n, 0.2, **how(n, top)))


def test_inverse_sqrt_is_the_papers_rate():
    """Vaswani et al. (2017), equation 3, with 512 numbers and 4000 steps of warm-up."""
    C, w = 512, 4000
    training = Training(20_000, (C * w) ** -0.5, warmup=w, schedule="inverse-sqrt")
    for s in (1, 2, 100, 3999, 4000, 4001, 10_000, 20_000):
        wanted = C**-0.5 * min(s**-0.5, s * w**-1.5)
        assert training.rate(s - 1) == pytest.approx(wanted, rel=1e-12)
    assert training.rate(w - 1) == pytest.approx(6.99e-4, rel=1e-3)
    assert max(rates(training)) == training.rate(w - 1)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_step_is_made_at_its_rate(schedule):
    training = Training(
        8, 0.5, "sgd", clip_norm=None, warmup=3, schedule=schedule, checkpoint_every=3
    )
    model, places = nn.Linear(1, 1, bias=False).double(), []
    with torch.no_grad():
        model.weight.zero_()
    for _ in train(model, lambda m, _: m.weight.sum(), float, training, Setting()):
        places.append(-model.weight.item())
    moved = [b - a for a, b in zip([0.0, *places], places, strict=False)]
    assert moved == pytest.approx(rates(training))


def test_a_broken_run_goes_on_at_the_rate_of_its_step(tmp_path):
    training = Training(STEPS, 0.05, warmup=10, schedule="cosine", checkpoint_every=7)
    unbroken, _ = trained(training)
    setting = Setting(checkpoint=tmp_path)
    for step in train(model_of(), loss, batch_at, training, setting):
        if step.number == 12:
            break
    resumed, history = trained(training, setting)
    assert len(history) == STEPS
    assert same(unbroken, resumed)
