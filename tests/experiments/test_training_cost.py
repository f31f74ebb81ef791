"""What a training step costs: who takes turns, what is counted, what is left alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.data.translation import collate
from course_lib.experiments import training_cost as module
from course_lib.experiments.machine import saved_mib
from course_lib.experiments.training_cost import random_pairs, training_cost
from course_lib.experiments.translation import teacher_forced_loss
from course_lib.training import Setting

TARGETS = (2, 5, 1)  # words, without their ends


class Steps(nn.Module):
    """Knows a logit for each word, and in which order such models were asked."""

    asked: list[Steps]

    def __init__(self, words: int = 9) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(words))

    def forward(self, source, mask, previous):
        self.asked.append(self)
        return self.logits.tanh().expand(*previous.shape, -1)


@pytest.fixture
def models():
    Steps.asked = []
    return {"one": Steps(), "other": Steps(), "third": Steps()}


@pytest.fixture
def batch():
    targets = [torch.arange(4, 4 + length) for length in TARGETS]
    return collate([torch.tensor([4, 5, 6])] * len(targets), targets)


def test_random_pairs_have_words_only_and_no_padding():
    pairs = random_pairs(30, 7, batch=50, length=6, setting=Setting(0))
    assert pairs.source.shape == (50, 6)
    assert pairs.target.shape == (50, 7)  # with its end
    assert pairs.source_mask.all()
    assert pairs.target_mask.all()
    assert set(pairs.source.flatten().tolist()) == set(range(4, 30))
    assert set(pairs.target[:, :-1].flatten().tolist()) == set(range(4, 7))
    again, other = (random_pairs(30, 7, 50, 6, Setting(seed)) for seed in (0, 1))
    assert torch.equal(again.source, pairs.source)
    assert not torch.equal(other.source, pairs.source)


def test_they_take_turns_and_the_first_is_left_out(models, batch, monkeypatch):
    laps = iter([9, 9, 9, 0.1, 1, 0.01, 0.9, 9, 0.09, 0.2, 2, 0.02])

    def seconds(work, device):
        work()
        return next(laps)

    monkeypatch.setattr(module, "seconds", seconds)
    found = training_cost(models, batch, 3, Setting(0))
    assert Steps.asked[: len(models)] == list(models.values())  # to see what is kept
    assert Steps.asked[len(models) :] == list(models.values()) * 4
    assert [found[name]["ms"] for name in models] == pytest.approx([200, 2000, 20])
    tokens = sum(TARGETS) + len(TARGETS)  # padding is none, an end is one
    for cost in found.values():
        assert cost["tokens"] == pytest.approx(1e3 * tokens / cost["ms"])


def test_a_turn_is_a_step_of_training(models, batch):
    was = {name: model.logits.clone() for name, model in models.items()}
    training_cost(models, batch, 2, Setting(0))
    for name, model in models.items():
        # Adam's first steps are each as long as the rate, whatever the gradient
        moved = (model.logits - was[name]).abs()[4:].max().item()
        assert moved == pytest.approx(3 * 1e-3, rel=0.05)


def test_what_is_kept_is_that_of_one_step_before_training(models, batch):
    found = training_cost(models, batch, 1, Setting(0))
    for cost in found.values():
        fresh = Steps()
        kept = saved_mib(lambda m=fresh: teacher_forced_loss(m, batch), fresh)
        assert cost["mib"] == kept > 0


def test_no_checkpoint_is_read_or_written(models, batch, tmp_path):
    (tmp_path / "model.pt").write_bytes(b"that of a run which is under way")
    found = training_cost(models, batch, 1, Setting(0, checkpoint=tmp_path))
    assert set(found) == set(models)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
    assert (tmp_path / "model.pt").read_bytes().startswith(b"that of")
