"""Probes by layer: whose vectors, what is fitted on what, what may learn."""

from __future__ import annotations

import copy

import pytest
import torch

from claims import outcome
from course_lib.data.batching import generator
from course_lib.data.korean_english import draws, translations
from course_lib.experiments import find
from course_lib.experiments.bert import pretraining
from course_lib.experiments.bert import probe_by_layer as claim
from course_lib.experiments.bert.homonyms import (
    SENSES,
    asked,
    homonyms,
    most_frequent,
)
from course_lib.experiments.bert.layers import alike, first, layers, probes, share
from course_lib.experiments.bert.probe_by_layer import (
    LABELS,
    questions,
    surest,
    tagger_of,
)
from course_lib.training import Training, train
from small_transformers import shaken

EXPERIMENT = find("probe-by-layer")
SEED = 3
TINY = {"train": 400, "test": 100, "few": 20, "many": 60, "size": 16, "blocks": 2}
TINY |= {"steps": 20, "tuning_steps": 6, "tuning_rate": 0.05}
CONFIG = EXPERIMENT.config("quick", **TINY)


@pytest.fixture(scope="module")
def made():
    """What a tiny run measures, and what each model was trained with."""
    given = {}
    learn = claim.learn

    def watched(model, **how):
        before = copy.deepcopy(model.state_dict())
        given[how["name"]] = how | {"model": model, "before": before}
        return (yield from learn(model, **how))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim, "learn", watched)
        return outcome(EXPERIMENT, SEED, **TINY), given


@pytest.fixture(scope="module")
def drawn():
    return draws(600, 0, longest=20)


@pytest.fixture(scope="module")
def vocabulary():
    return pretraining.words()


@pytest.fixture(scope="module")
def some(drawn, vocabulary):
    return homonyms([one.pair for one in drawn], vocabulary, 50)


@pytest.fixture(scope="module")
def model(vocabulary):
    return shaken(pretraining.small(vocabulary, 16, 2, 16, 2, 0)).eval()


# --- the vectors


@torch.no_grad()
def test_vectors_are_those_of_bert_at_the_homonym(model, some):
    found = layers(model.bert, some, batch=7)
    assert found.shape == (3, 50, 16)
    texts, places, _ = asked(some, torch.arange(50))
    rows = torch.arange(50)
    x = model.bert.embedding(texts.tokens, texts.segments)[rows, places]
    last = model.bert(texts.tokens, texts.segments, texts.mask)[rows, places]
    torch.testing.assert_close(found[0], x, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[-1], last, rtol=1e-4, atol=1e-4)


def test_the_embedding_knows_the_word_and_its_place_and_no_neighbour(model, some):
    found = layers(model.bert, some)
    words = [SENSES[label][0] for label in some.labels.tolist()]
    alike_at = [
        (i, j)
        for i in range(50)
        for j in range(i)
        if words[i] == words[j] and some.places[i] == some.places[j]
    ]
    assert alike_at
    for i, j in alike_at:
        assert torch.equal(found[0, i], found[0, j])
    assert any(not torch.allclose(found[1, i], found[1, j]) for i, j in alike_at)


# --- the probe


def test_a_probe_is_fitted_on_its_labels_and_asked_about_the_others(some):
    part, g = first(some, 30), generator(0, 0)
    known, other = (torch.randn(2, n, 30, generator=g) for n in (40, 50))
    told = 50.0 * torch.nn.functional.one_hot(some.labels, 30)
    known[1, :30] += told[:30]  # what is beyond the part has no label
    other[1] += told
    nothing, everything = probes(known, other, part, some, 1e-2)
    labels = part.labels.tolist()
    could = sum(label in labels for label in some.labels.tolist()) / 50
    assert everything == pytest.approx(could, abs=0.05)
    assert nothing < 0.5 * could


def test_the_first_labels_are_of_the_same_sentences(some):
    part = first(some, 20)
    assert len(part.texts) == len(part.places) == len(part.labels) == 20
    assert part.texts[-1] is some.texts[19]
    assert torch.equal(part.places, some.places[:20])


# --- the grammar's own knowledge


def test_the_grammar_is_sure_where_all_its_translations_agree(drawn, vocabulary):
    sure, unsure = 0, 0
    for one in drawn:
        try:
            part = homonyms([one.pair], vocabulary, 1)
        except ValueError:
            continue
        place = int(part.places[0]) - 1
        word = one.pair.source[place]
        senses = {sense.split()[-1] for ko, sense in SENSES if ko == word}
        said = [
            senses & {w.removesuffix("s") if w not in senses else w for w in target}
            for target in translations(one)
        ]
        agree = len({frozenset(words) for words in said}) == 1
        chance = surest(one, place)
        assert 0 < chance <= 1 + 1e-9
        if agree:
            assert chance == pytest.approx(1)
        sure += chance > 1 - 1e-9
        unsure += chance < 1 - 1e-9
    assert sure > unsure > 3


def test_what_is_asked_are_all_homonyms_of_the_sentences(drawn, vocabulary):
    test, best = questions(drawn[:300], vocabulary)
    pairs = [one.pair for one in drawn[:300]]
    again = homonyms(pairs, vocabulary, len(test.texts))
    assert torch.equal(test.labels, again.labels)
    assert torch.equal(test.places, again.places)
    with pytest.raises(ValueError, match="at most"):
        homonyms(pairs, vocabulary, len(test.texts) + 1)
    assert 0.8 < best < 1


# --- fine-tuning


@pytest.mark.parametrize("blocks", [1, 2, "all"])
def test_only_what_is_tuned_learns(blocks, model, some):
    before = {name: p.clone() for name, p in model.bert.state_dict().items()}
    tagger = tagger_of(model.bert, blocks, 0)
    start = {name: p.clone() for name, p in tagger.state_dict().items()}
    loss, batch_at = claim.sense_loss, claim.batches(some, 8, 0)
    for _ in train(tagger, loss, batch_at, Training(2, 0.01), claim.Setting(0)):
        pass
    changed = {
        name.split(".")[3] if ".blocks." in name else name.split(".")[1]
        for name, p in tagger.state_dict().items()
        if not torch.equal(p, start[name])
    }
    expected = {1: {"1"}, 2: {"0", "1"}, "all": {"0", "1", "embedding"}}[blocks]
    assert changed - {"weight", "bias"} == expected
    for name, p in model.bert.state_dict().items():
        assert torch.equal(p, before[name]), "the others start from the same BERT"


def test_share_counts_what_is_told_right(model, some, monkeypatch):
    tagger = tagger_of(model.bert, 1, 0)
    monkeypatch.setattr(
        "course_lib.experiments.bert.layers.logits",
        lambda _, one: torch.nn.functional.one_hot(one.labels, len(SENSES)),
    )
    assert share(tagger, some, batch=7) == 1
    monkeypatch.setattr(
        "course_lib.experiments.bert.layers.logits",
        lambda _, one: torch.nn.functional.one_hot(one.labels * 0, len(SENSES)),
    )
    assert share(tagger, some, batch=7) == (some.labels == 0).float().mean().item()


def test_all_start_from_the_pretrained_and_learn_the_same_labels(made):
    _, given = made
    trained = given["pre-training"]["model"].bert.state_dict()
    names = [f"{n} labels, tuned {blocks}" for n in LABELS for blocks in (1, 2, "all")]
    assert list(given) == ["pre-training", *names]
    for place, name in enumerate(names):
        how = given[name]
        assert how["done"] == TINY["steps"] + place * TINY["tuning_steps"]
        for key, value in trained.items():
            assert torch.equal(how["before"][f"bert.{key}"], value)
    few, many = (
        given[f"{n} labels, tuned 1"]["batch_at"](0).labels for n in ("few", "many")
    )
    assert (len(few), len(many)) == (20, 32)


# --- what is counted


def test_metrics_are_what_the_series_show(made):
    metrics, series = made[0].metrics, made[0].series
    for labels in LABELS:
        by_layer, tuned = series["probe"][labels], series["tuned"][labels]
        assert (len(by_layer), len(tuned)) == (3, 3)
        assert metrics[f"embedding_{labels}"] == by_layer[0]
        assert metrics[f"block_1_{labels}"] == by_layer[1]
        assert metrics[f"last_block_{labels}"] == by_layer[2]
        assert metrics[f"probe_{labels}"] == max(by_layer)
        assert by_layer[int(metrics[f"best_layer_{labels}"])] == max(by_layer)
        assert metrics[f"untrained_{labels}"] == max(series["untrained"][labels])
        assert metrics[f"tuned_one_{labels}"] == tuned[0]
        assert metrics[f"tuned_{labels}"] == tuned[-1]
        assert metrics[f"gain_{labels}"] == tuned[-1] - max(by_layer)
    assert series["probe"] != series["untrained"]


def test_what_is_asked_was_never_read(made):
    drawn = draws(TINY["test"] + TINY["train"], SEED, longest=CONFIG.longest)
    vocabulary = pretraining.words()
    train_pairs = [one.pair for one in drawn[TINY["test"] :]]
    test, best = questions(drawn[: TINY["test"]], vocabulary)
    metrics = made[0].metrics
    assert made[0].series["asked"] == len(test.texts)
    assert metrics["best"] == best
    for labels in LABELS:
        part = homonyms(train_pairs, vocabulary, TINY[labels])
        assert metrics[f"majority_{labels}"] == most_frequent(part, test)
    tagger = made[1]["many labels, tuned all"]["model"]
    assert metrics["tuned_many"] == share(tagger, test)
    found = layers(made[1]["pre-training"]["model"].bert, test)
    same, other = alike(found[-1], test.labels)
    assert metrics["alike_same_last"] == pytest.approx(same)
    assert metrics["alike_other_last"] == pytest.approx(other)


def test_alike_compares_one_word_only():
    boat, pear = (SENSES.index(("배", sense)) for sense in ("boat", "pear"))
    car = next(i for i, (ko, sense) in enumerate(SENSES) if sense == "car")
    x = torch.tensor([[1.0, 0], [1.2, 1.6], [0, 1], [0, 3], [-1, 0]])
    labels = torch.tensor([boat, boat, pear, pear, car])
    assert alike(x, labels) == (pytest.approx(0.8), pytest.approx(0.4))
    x[2:4] = torch.tensor([-1.0, 0])
    assert alike(x, labels) == (pytest.approx(0.8), pytest.approx(-0.8))
