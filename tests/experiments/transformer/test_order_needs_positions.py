"""Four ways to tell a place: what is the same for all, and who sees a shuffle."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from claims import failed, outcome
from course_lib.data.batching import pad
from course_lib.data.translation import START
from course_lib.experiments import find, translation
from course_lib.experiments.transformer import order_needs_positions as claim
from course_lib.experiments.transformer.order_needs_positions import (
    KINDS,
    PLACES,
    config_of,
    shuffled,
)
from course_lib.experiments.transformer.translators import build
from course_lib.experiments.translation import (
    forced,
    grammar,
    perplexity,
    translate,
)
from course_lib.figures.transformer import PositionClock
from course_lib.figures.weights import unpack
from small_transformers import shaken

EXPERIMENT = find("order-needs-positions")
SEED = 3
TINY = {"train": 300, "test": 30, "size": 16, "steps": 6, "warmup": 1}
TINY |= {"learning_rate": 0.05, "measure_every": 3}  # in few steps far from the start


class Made:
    """A tiny run, its models before and after, and what each was trained with."""

    def __init__(self) -> None:
        self.models, self.before, self.given, self.batches = {}, {}, {}, []

    def build(self, config, corpus, seed):
        model = build(config, corpus, seed)
        self.corpus, self.models[config.positions] = corpus, model
        state = model.state_dict().items()
        self.before[config.positions] = {name: p.clone() for name, p in state}
        return model

    def learn(self, model, **given):
        self.given[given["name"]] = given
        return (yield from self.true_learn(model, **given))

    def run(self):
        with pytest.MonkeyPatch.context() as patch:
            self.true_learn = translation.learn
            patch.setattr(claim, "build", self.build)
            patch.setattr(translation, "learn", self.learn)
            self.outcome = outcome(EXPERIMENT, SEED, **TINY)
        return self


@pytest.fixture(scope="module")
def made():
    return Made().run()


# --- shuffling


def test_a_shuffle_keeps_each_bag_and_changes_the_order():
    sources = [torch.arange(9), torch.arange(20, 31), torch.tensor([5])]
    kept = [source.clone() for source in sources]
    other = shuffled(sources, seed=0)
    for source, was, one in zip(sources, kept, other, strict=True):
        assert torch.equal(source, was)
        assert sorted(one.tolist()) == source.tolist()
        assert torch.equal(one, source) == (len(source) == 1)
    assert all(map(torch.equal, other, shuffled(sources, seed=0)))
    assert not all(map(torch.equal, other, shuffled(sources, seed=1)))


def logits(model, sources, previous):
    """Of the targets' words, after these sources."""
    with torch.no_grad():
        return model(*pad(sources), previous)


def agree(model, sources):
    """Whether the words after ``sources`` are as probable after shuffled ones."""
    drawn = torch.Generator().manual_seed(0)
    previous = torch.randint(4, 30, (len(sources), 9), generator=drawn)
    previous[:, 0] = START
    one, other = (
        logits(model, given, previous) for given in (sources, shuffled(sources, 1))
    )
    return torch.allclose(one, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_only_without_places_is_a_shuffled_source_the_same(kind, made):
    sources = [one for one in made.corpus.test.sources if len(one) > 5]
    config = EXPERIMENT.config("quick", **TINY)
    untrained = shaken(build(config_of(config, kind), made.corpus, 0)).eval()
    trained = made.models[kind].eval()
    for model in (untrained, trained):
        assert agree(model, sources) == (kind == "none")
    said, other = (
        [one.tokens for one in translate(untrained, given, 12)]
        for given in (sources, shuffled(sources, 1))
    )
    assert (said == other) == (kind == "none")


# --- what is the same for all


def test_only_the_places_differ(made):
    none = made.models["none"].config
    for kind, model in made.models.items():
        assert model.config == replace(none, positions=kind)
        assert made.before[kind].keys() - made.before["none"].keys() == (
            {f"{side}.places.table.weight" for side in ("source", "target")}
            if kind == "learned"
            else set()
        )


@pytest.mark.parametrize("kind", ["sinusoidal", "rotary"])
def test_they_start_alike(kind, made):
    for name, value in made.before["none"].items():
        assert torch.equal(value, made.before[kind][name]), name


def test_all_learn_the_same_pairs_for_as_many_steps(made):
    first = made.given["none"]
    assert list(made.given) == list(KINDS)
    for place, given in enumerate(made.given.values()):
        assert given["training"] == first["training"]
        assert given["loss"] is first["loss"]
        assert given["done"] == place * TINY["steps"]
        for step in (0, 1, 5):
            pairs = zip(given["batch_at"](step), first["batch_at"](step), strict=True)
            assert all(torch.equal(a, b) for a, b in pairs)
    rates = [first["training"].rate(step) for step in range(TINY["steps"])]
    assert rates == pytest.approx([0.05 * (6 - step) / 6 for step in range(6)])


# --- what is counted


def test_what_is_measured_is_of_each_trained_model(made):
    metrics, corpus = made.outcome.metrics, made.corpus
    other = shuffled(corpus.test.sources, SEED)
    for kind, model in made.models.items():
        found = forced(model, corpus.test)
        assert metrics[f"perplexity_{kind}"] == pytest.approx(perplexity(found))
        one, two = (
            translate(model, sources, 80) for sources in (corpus.test.sources, other)
        )
        same = sum(a.tokens == b.tokens for a, b in zip(one, two, strict=True))
        assert metrics[f"changed_{kind}"] == pytest.approx(1 - same / len(other))
    assert metrics["changed_none"] == 0
    assert len({metrics[f"perplexity_{kind}"] for kind in KINDS}) == len(KINDS)


def test_gains_are_differences_of_bleu(monkeypatch):
    scores = dict(zip(KINDS, (10.0, 50.0, 49.0, 53.0), strict=True))
    given = iter(scores.values())
    monkeypatch.setattr(claim, "corpus_bleu", lambda *_: next(given))
    monkeypatch.setattr(claim, "bleu_by_quarter", lambda *_: [4.0, 3.0, 2.0, 1.0])
    found = outcome(EXPERIMENT, **TINY | {"steps": 2, "longest": 70}).metrics
    assert {kind: found[f"bleu_{kind}"] for kind in KINDS} == scores
    assert {found[f"bleu_longest_{kind}"] for kind in KINDS} == {1}
    assert found["gain"] == 40
    assert found["learned_over_sinusoidal"] == -1
    assert found["rotary_over_sinusoidal"] == 3


def test_places_that_are_told_after_all_fail_the_band(monkeypatch):
    honest = claim.config_of
    monkeypatch.setattr(
        claim, "config_of", lambda config, kind: honest(config, "learned")
    )
    metrics = outcome(EXPERIMENT, **TINY).metrics
    assert "changed_none" in failed(EXPERIMENT, metrics)


# --- the page


def test_the_page_gets_the_sources_table(made):
    config = EXPERIMENT.config("quick", **TINY)
    exported = json.loads(json.dumps(EXPERIMENT.export(config, made.outcome)))
    table = made.models["learned"].source.places.table.weight.detach()
    assert exported["table"]["shape"] == [PLACES, TINY["size"]] == [50, 16]
    half = torch.tensor(unpack(exported["table"]))
    assert torch.equal(half, table[:50].half().float())
    assert not torch.equal(half, table[:50])
    PositionClock(kind="learned", weights=exported)
    record = exported["record"]
    assert (record["scale"], record["seed"]) == ("changed", SEED)
    assert record["experiment"] == EXPERIMENT.name
    assert record["bleu_learned"] == round(made.outcome.metrics["bleu_learned"], 6)


def test_the_page_has_a_place_for_every_token_of_a_source():
    corpus = grammar(train=4000, valid=1, test=1, seed=0)
    assert max(corpus.train.lengths()) == PLACES <= EXPERIMENT.config("cpu").longest


@pytest.mark.data
def test_it_runs_on_captions_as_well():
    tiny = {"corpus": "multi30k", "size": 4, "inner": 4, "batch": 4}
    tiny |= {"steps": 2, "warmup": 1, "measure_every": 2, "longest": 80}
    assert outcome(EXPERIMENT, **tiny).metrics["changed_none"] == 0
