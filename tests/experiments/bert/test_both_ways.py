"""Both ways and left to right: who sees what, what both share, and the page."""

from __future__ import annotations

import json

import pytest
import torch

from claims import outcome
from course_lib.bert import next_word_loss, pretraining_loss
from course_lib.data.wordpiece import CLS, MASK, SEP
from course_lib.experiments import find
from course_lib.experiments.bert import both_ways as claim
from course_lib.experiments.bert import pretraining
from course_lib.experiments.bert.both_ways import (
    WAYS,
    answers,
    measure,
    steps_to_half,
)
from course_lib.experiments.bert.clozes import (
    GROUPS,
    Cloze,
    by_guessing,
    candidates,
    clozes,
    scores,
)
from course_lib.figures.weights import unpack
from small_transformers import shaken

EXPERIMENT = find("both-ways")
SEED = 3
TINY = {"train": 300, "test": 200, "size": 16, "steps": 6, "warmup": 1}
TINY |= {"learning_rate": 0.05, "measure_every": 3}  # in few steps far from the start
CONFIG = EXPERIMENT.config("quick", **TINY)
READS = ("나", "는", "책", "을", "읽는다")


@pytest.fixture(scope="module")
def made():
    """What a tiny run measures, and what each model was trained with."""
    given = {}
    learn = claim.learn

    def watched(model, **how):
        before = {name: p.clone() for name, p in model.state_dict().items()}
        given[how["name"]] = how | {"model": model, "before": before}
        return (yield from learn(model, **how))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim, "learn", watched)
        return outcome(EXPERIMENT, SEED, **TINY), given


@pytest.fixture(scope="module")
def vocabulary():
    return pretraining.words()


@pytest.fixture(scope="module")
def model(vocabulary):
    return shaken(pretraining.small(vocabulary, 16, 2, 16, 2, 0)).eval()


def gap(sentence, place):
    return Cloze(tuple(sentence), place, frozenset())


def said(model, way, sentence, place, vocabulary):
    return answers(model, way, [gap(sentence, place)], vocabulary)[0]


# --- who sees what


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", range(len(READS)))
def test_each_way_sees_its_side_and_never_the_hidden_word(
    way, place, model, vocabulary
):
    first = said(model, way, READS, place, vocabulary)
    for changed in range(len(READS)):
        other = [*READS]
        other[changed] = "물"
        second = said(model, way, other, place, vocabulary)
        seen = changed != place if way == "both" else changed < place
        same = torch.allclose(first, second, rtol=1e-4, atol=1e-4)
        assert same != seen, (way, place, changed)


@torch.no_grad()
def test_both_ways_asks_at_the_gap(model, vocabulary):
    ids = [CLS, *(vocabulary.ids[word] for word in READS), SEP]
    ids[3] = MASK
    x = model.bert(torch.tensor([ids]))
    expected = model.words(x[0, 3])
    found = said(model, "both", READS, 2, vocabulary)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("place", range(len(READS)))
def test_left_to_right_asks_for_the_next_word(place, model, vocabulary):
    ids = [CLS, *(vocabulary.ids[word] for word in READS[:place])]
    x = model.bert(torch.tensor([ids]), causal=True)
    expected = model.words(x[0, -1])
    found = said(model, "left", READS, place, vocabulary)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_many_gaps_at_once_are_as_one_by_one(way, model, vocabulary):
    gaps = [gap(READS, 2), gap(("눈", "이", "와서", *READS), 6), gap(READS, 4)]
    together = answers(model, way, gaps, vocabulary)
    alone = torch.cat([answers(model, way, [one], vocabulary) for one in gaps])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


# --- what is the same for all


def test_both_start_alike_and_learn_for_as_many_steps(made):
    given = made[1]
    assert list(given) == list(WAYS)
    first = given["both"]
    for place, how in enumerate(given.values()):
        assert how["training"] == first["training"]
        assert how["done"] == place * TINY["steps"]
        for name, value in first["before"].items():
            assert torch.equal(value, how["before"][name]), name
    assert first["loss"] is pretraining_loss
    assert given["left"]["loss"] is next_word_loss


def test_both_read_the_same_sentences_in_each_step(made):
    given = made[1]
    for step in (0, 2):
        both, left = (how["batch_at"](step) for how in given.values())
        assert torch.equal(both.original, left.tokens)
        assert torch.equal(both.mask, left.mask)
        assert both.chosen.any()


def test_no_sentence_that_is_asked_was_read(made):
    outcome, given = made
    vocabulary = outcome.model.vocabulary
    read = set()
    for step in range(5):  # one epoch
        batch = given["left"]["batch_at"](step)
        for tokens, mask in zip(batch.tokens, batch.mask, strict=True):
            read.add(tuple(tokens[mask][1:-1].tolist()))
    assert len(read) > 200
    for one in outcome.model.gaps["object"]:
        assert tuple(vocabulary.encode(one.sentence).ids.tolist()) not in read


# --- what is counted


def test_the_answer_is_the_best_candidate(vocabulary):
    (noun,) = clozes([READS], "object")
    found = torch.zeros(1, len(vocabulary))
    found[0, vocabulary.ids["빨리"]] = 9  # no noun
    found[0, vocabulary.ids["소설"]] = 2
    found[0, vocabulary.ids["책"]] = 1
    fits = {"fits_object": 1.0, "exact_object": 0.0}
    assert scores(found, [noun], "object", vocabulary) == fits
    found[0, vocabulary.ids["책"]] = 3
    fits["exact_object"] = 1.0
    assert scores(found, [noun], "object", vocabulary) == fits
    found[0, vocabulary.ids["물"]] = 4
    none = dict.fromkeys(fits, 0.0)
    assert scores(found, [noun], "object", vocabulary) == none
    assert "빨리" not in candidates("object")


def test_guessing_says_the_most_frequent_word_of_such_a_place():
    train = [
        READS,
        ("나", "는", "물", "을", "마신다"),
        ("너", "는", "물", "을", "마신다"),
    ]
    asked = [
        READS,
        ("그", "는", "커피", "를", "마신다"),
        ("그", "는", "물", "을", "마신다"),
    ]
    gaps = {group: clozes(asked, group) for group in GROUPS}
    found = by_guessing(train, gaps)
    assert found["fits_object_chance"] == pytest.approx(2 / 3)
    assert found["exact_object_chance"] == pytest.approx(1 / 3)
    assert found["exact_particle_chance"] == pytest.approx(2 / 3)
    assert found["exact_verb_chance"] == pytest.approx(2 / 3)
    assert found["fits_verb_chance"] == pytest.approx(2 / 3)


def test_half_is_reached_at_the_first_step_or_never():
    steps = [0, 10, 20, 30]
    assert steps_to_half(steps, [0.1, 0.5, 0.4, 0.9]) == 10
    assert steps_to_half(steps, [0.1, 0.2, 0.4, 0.49]) == 30


def test_metrics_are_of_the_trained_models(made):
    metrics, asked = made[0].metrics, made[0].model
    for way in WAYS:
        for name, value in measure(asked, way).items():
            assert metrics[f"{name}_{way}"] == value
    for group in GROUPS:
        for name in ("fits", "exact"):
            both, left = (metrics[f"{name}_{group}_{way}"] for way in WAYS)
            assert metrics[f"{name}_{group}_gain"] == both - left
    curves = made[0].series["curves"]
    for way in WAYS:
        assert curves[way]["step"] == [0, 3, 6]
        assert curves[way]["fits_object"][-1] == metrics[f"fits_object_{way}"]
        late = steps_to_half(curves[way]["step"], curves[way]["fits_verb"])
        assert metrics[f"steps_verb_{way}"] == late


# --- the page


@pytest.fixture(scope="module")
def exported(made):
    return json.loads(json.dumps(EXPERIMENT.export(CONFIG, made[0])))


@pytest.mark.parametrize("way", WAYS)
def test_the_page_gets_all_that_fills_a_gap_and_nothing_else(way, exported, made):
    trained = made[1][way]["model"].state_dict()
    unused = {"follows.weight", "follows.bias", "words.output.weight"}
    unused |= {"bert.pool.weight", "bert.pool.bias"}
    assert exported[way].keys() == trained.keys() - unused
    for name, packed in exported[way].items():
        half = torch.tensor(unpack(packed))
        assert torch.equal(half, trained[name].half().float()), name
    V = len(exported["pieces"])
    assert exported[way]["bert.embedding.words.weight"]["shape"] == [V, 16]
    assert exported["pieces"][:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert exported["heads"] == CONFIG.heads


def test_the_record_says_what_was_measured_before_and_after(exported, made):
    record, metrics = exported["record"], made[0].metrics
    assert (record["experiment"], record["seed"]) == (EXPERIMENT.name, SEED)
    assert record["scale"] == "changed"
    for way in WAYS:
        for group in GROUPS:
            for name in (f"fits_{group}_{way}", f"exact_{group}_{way}"):
                before = record[f"test_{name}_float32"]
                assert before == pytest.approx(metrics[name], abs=1e-6)
                after = record[f"test_{name}_float16"]
                assert after == pytest.approx(before, abs=0.2)
    assert record["clozes"] == len(made[0].model.gaps["object"])


def test_what_the_record_says_of_half_precision_is_of_the_halves(exported, made):
    asked = made[0].model
    models = {}
    for way in WAYS:
        models[way] = pretraining.small(asked.vocabulary, 16, 2, 32, 1, 0)
        halves = {name: torch.tensor(unpack(p)) for name, p in exported[way].items()}
        models[way].load_state_dict(halves, strict=False)
        for name, value in measure(asked._replace(models=models), way).items():
            recorded = exported["record"][f"test_{name}_{way}_float16"]
            assert recorded == pytest.approx(value, abs=1e-6)
