"""The ablation of what stands in a gap: what differs, and what is measured where."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from claims import failed, outcome
from course_lib.data import korean_english
from course_lib.data.masking import Masking, collate
from course_lib.data.wordpiece import CLS, MASK, SPECIAL
from course_lib.experiments.bert import masking_recipe as claim
from course_lib.experiments.bert.masking_figure import RECIPES
from course_lib.experiments.bert.masking_recipe import (
    differences,
    gaps,
    masking,
    word_probe,
)
from course_lib.experiments.bert.pretraining import packed, words

EXPERIMENT = claim.EXPERIMENT
TINY = {"train": 300, "valid": 150, "size": 16, "inner": 16, "steps": 6}
TINY |= {"warmup": 1, "probed": 35, "labels": 20, "tune_steps": 4}
TINY |= {"measure_every": 3, "learning_rate": 0.02, "tune_rate": 0.02}
VOCABULARY = words()
PAIRS = korean_english.pairs(200, seed=0, longest=20)


class Made:
    """A tiny run, and what each of its models was trained with."""

    def learn(self, model, **given):
        before = copy.deepcopy(model.state_dict())
        self.given[given["name"]] = given | {"model": model, "before": before}
        return (yield from self.true_learn(model, **given))

    def __init__(self) -> None:
        self.given, self.true_learn = {}, claim.learn
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(claim, "learn", self.learn)
            self.outcome = outcome(EXPERIMENT, 1, **TINY)


@pytest.fixture(scope="module")
def made():
    return Made()


def name_of(recipe):
    return recipe.replace("_", "-")


# --- the recipes


def test_recipes_are_named_by_their_shares():
    config = EXPERIMENT.scales["cpu"]
    for recipe in RECIPES:
        masked, other, itself = (int(share) / 100 for share in recipe.split("_"))
        assert masking(recipe, config) == Masking(0.15, masked, other)
        assert masked + other + itself == pytest.approx(1)
    assert masking("80_10_10", config) == Masking()


def test_the_same_places_are_asked_whatever_is_seen_there():
    texts = packed(VOCABULARY, [pair.source for pair in PAIRS])
    seen = gaps(texts, VOCABULARY, EXPERIMENT.scales["cpu"])
    chosen = seen["mask"].chosen
    for batch in seen.values():
        assert torch.equal(batch.chosen, chosen)
        assert torch.equal(batch.tokens[~chosen], batch.original[~chosen])
    assert (seen["mask"].tokens[chosen] == MASK).all()
    assert torch.equal(seen["itself"].tokens, seen["itself"].original)
    other = seen["other"].tokens[chosen]
    assert (other >= len(SPECIAL)).all()
    assert (other != seen["other"].original[chosen]).double().mean() > 0.97


# --- how they are trained


def test_only_what_is_seen_in_the_gaps_differs(made):
    first = made.given["100-0-0"]
    for recipe in RECIPES:
        given = made.given[name_of(recipe)]
        assert given["training"] == first["training"]
        assert all(
            torch.equal(value, given["before"][name])
            for name, value in first["before"].items()
        )
        for step in (0, 5):
            batch, other = given["batch_at"](step), first["batch_at"](step)
            assert torch.equal(batch.chosen, other.chosen)
            assert torch.equal(batch.original, other.original)


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_is_trained_on_its_own_gaps(recipe, made):
    batches = [made.given[name_of(recipe)]["batch_at"](step) for step in range(20)]
    seen = torch.cat([batch.tokens[batch.chosen] for batch in batches])
    truth = torch.cat([batch.original[batch.chosen] for batch in batches])
    shares = (seen == MASK, (seen != MASK) & (seen != truth), seen == truth)
    for share, said in zip(shares, recipe.split("_"), strict=True):
        assert share.double().mean() == pytest.approx(int(said) / 100, abs=0.06)


def test_fine_tuning_goes_on_from_pre_training(made):
    weight = "bert.encoder.blocks.0.feed_forward.W_1.weight"
    for recipe in RECIPES:
        given = made.given[name_of(recipe)]
        tuned = made.given[f"{name_of(recipe)} tuned"]
        assert tuned["model"].bert is given["model"].bert
        assert not torch.equal(tuned["before"][weight], given["before"][weight])
        assert tuned["done"] == given["done"] + TINY["steps"]


# --- what is measured


class Reads(nn.Module):
    """A network whose vectors are the words, one-hot, and its own blindness."""

    def __init__(self, blind: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.blind = blind

    def bert(self, tokens, segments, mask):
        x = F.one_hot(tokens, len(VOCABULARY)).float()
        return torch.ones_like(x) if self.blind else x


def test_the_probe_of_words_reads_what_is_there_and_nothing_else():
    texts = collate(packed(VOCABULARY, [pair.source for pair in PAIRS]))
    assert word_probe(Reads(), texts, 1e-6) > 0.8  # some words were never fitted
    assert word_probe(Reads(blind=True), texts, 1e-6) < 0.2


def test_the_probe_of_words_is_asked_for_words_only(monkeypatch):
    texts = collate(packed(VOCABULARY, [pair.source for pair in PAIRS]))
    asked = []
    monkeypatch.setattr(claim, "probe", lambda x, labels, *_: asked.append(labels))
    word_probe(Reads(), texts, 1e-6)
    assert asked[0].shape == ((texts.words >= 0).sum(), 1)
    assert not (asked[0] == CLS).any()


def test_measurements_are_of_each_trained_model(made):
    metrics = made.outcome.metrics
    for recipe in RECIPES:
        curve = made.outcome.series["curves"][recipe]
        assert metrics[f"mask_{recipe}"] == curve["accuracy"][-1]
        assert metrics[f"loss_mask_{recipe}"] == curve["loss"][-1]
        tuned = made.outcome.series["tuned"][recipe]
        assert metrics[f"tuned_{recipe}"] == tuned["accuracy"][-1]
    assert len({metrics[f"loss_mask_{recipe}"] for recipe in RECIPES}) == len(RECIPES)


def test_differences_are_from_berts_recipe():
    measures = ("mask", "other", "itself", "word", "sense", "tuned")
    metrics = {f"{m}_{r}": 0.0 for m in measures for r in RECIPES}
    metrics |= {"mask_80_10_10": 0.5, "mask_100_0_0": 0.75, "mask_0_100_0": 0.25}
    metrics |= {"itself_80_10_10": 1.0, "itself_100_0_0": 0.25}
    found = differences(metrics)
    assert found["mask_gain"] == -0.25
    assert found["itself_gain"] == 0.75
    assert found["mask_cost"] == 0.25
    assert found["tuned_gain"] == 0


def test_features_that_say_nothing_fail_the_band(monkeypatch):
    monkeypatch.setattr(
        claim, "layers", lambda _, one: torch.ones(1, len(one.texts), 4)
    )
    assert failed(EXPERIMENT, outcome(EXPERIMENT, **TINY).metrics)
