"""Does B follow A? What the seven are trained with, and what each is asked."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from claims import failed, outcome
from course_lib.data.korean_english import pairs
from course_lib.data.masking import Masking
from course_lib.data.wordpiece import MASK
from course_lib.experiments import execute, run_to_end
from course_lib.experiments.bert import next_sentence as claim
from course_lib.experiments.bert.alike import CLASSES, labelled
from course_lib.experiments.bert.documents import WRONG, Documents
from course_lib.experiments.bert.finetuning import accuracy
from course_lib.experiments.bert.kinds import kind_of
from course_lib.experiments.bert.next_sentence import (
    CHANCE,
    NAMES,
    TUNED,
    arms,
    batches,
    held_out,
    judged,
)
from course_lib.experiments.bert.pretraining import filled, words

EXPERIMENT = claim.EXPERIMENT
SEED = 2
TINY = {"steps": 8, "few_steps": 4, "tune_steps": 4, "asked": 40, "warmup": 1}
TINY |= {"learning_rate": 0.01, "tune_rate": 0.01}
CONFIG = EXPERIMENT.config("quick", **TINY)
VOCABULARY = words()
PAIRS = pairs(300, seed=0, longest=8)


@pytest.fixture(scope="module")
def documents():
    return Documents(PAIRS, VOCABULARY)


class Made:
    """A tiny run, and what each of its models was trained with."""

    def __init__(self) -> None:
        self.given, self.true_learn = {}, claim.learn
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(claim, "learn", self.learn)
            self.outcome = outcome(EXPERIMENT, SEED, **TINY)

    def learn(self, model, **given):
        before = copy.deepcopy(model.state_dict())
        self.given[given["name"]] = given | {"model": model, "before": before}
        return (yield from self.true_learn(model, **given))


@pytest.fixture(scope="module")
def made():
    return Made()


# --- how they are trained


def test_d2ls_training_differs_from_two_others_by_one_thing_each():
    plan = arms(EXPERIMENT.scales["cpu"])
    assert tuple(plan) == NAMES
    d2l, few, high = (plan[name] for name in ("d2l", "few_steps", "high_rate"))
    assert (d2l.training.steps, d2l.batch) == (50, 512)
    assert {d2l.training.rate(i) for i in range(50)} == {0.01}
    assert (few.training.steps, few.batch) == (50, 512)
    assert few.training.rate(0) == plan["random"].training.learning_rate < 0.01
    assert high.training.steps == plan["random"].training.steps
    assert high.batch == plan["random"].batch
    assert {high.training.rate(i) for i in range(high.training.steps)} == {0.01}
    assert {arm.wrong for arm in (d2l, few, high, plan["gaps"])} == {"random"}


def test_our_own_differ_by_their_wrong_pairs_only():
    plan = arms(EXPERIMENT.scales["cpu"])
    for wrong in WRONG:
        assert plan[wrong].wrong == wrong
        assert plan[wrong].asked
        assert plan[wrong].training == plan["gaps"].training
    assert not plan["gaps"].asked


def test_who_fills_gaps_only_reads_the_same_pairs(documents):
    plan = arms(CONFIG)
    asked, gaps = (
        batches(documents, plan[name], VOCABULARY, 1)(3) for name in ("random", "gaps")
    )
    assert torch.equal(asked.tokens, gaps.tokens)
    assert torch.equal(asked.segments, gaps.segments)
    assert asked.follows.sum() == CONFIG.batch // 2
    assert gaps.follows is None


@pytest.mark.parametrize("wrong", WRONG)
def test_pairs_are_new_in_each_step_and_have_gaps(wrong, documents):
    batch_at = batches(documents, arms(CONFIG)[wrong], VOCABULARY, 1)
    texts, follows = documents.draw(CONFIG.batch, wrong, "1/3")
    one, other = batch_at(3), batch_at(4)
    assert torch.equal(one.follows, follows)
    assert [row[m].tolist() for row, m in zip(one.original, one.mask, strict=True)] == [
        text.ids.tolist() for text in texts
    ]
    assert one.original.tolist() != other.original.tolist()
    assert (one.tokens[one.chosen] == MASK).any()


def test_all_start_alike_and_are_counted_one_after_another(made):
    done = 0
    tasks = [(name, task) for name in TUNED for task in CLASSES]
    for name, given in made.given.items():
        assert given["done"] == done
        done += given["training"].steps
        if name in NAMES:
            start = made.given["random"]["before"]
            assert all(torch.equal(start[k], p) for k, p in given["before"].items())
    assert done == made.given["random"]["total"]
    assert [n for n in made.given if n not in NAMES] == [" ".join(t) for t in tasks]


def test_each_task_goes_on_from_pre_training_and_leaves_it_as_it_was(made):
    weight = "bert.encoder.blocks.0.feed_forward.W_1.weight"
    for name in TUNED:
        trained = made.given[name]["model"].state_dict()[weight]
        for task in CLASSES:
            tuned = made.given[f"{name} {task}"]
            assert torch.equal(tuned["before"][weight], trained)
            assert not torch.equal(tuned["model"].state_dict()[weight], trained)


# --- what they are asked


class Says(nn.Module):
    """Knows nothing, and says yes with some confidence; or knows it all."""

    def __init__(self, logit: float, knows: bool = False) -> None:
        super().__init__()
        self.logit, self.knows = nn.Parameter(torch.tensor(logit)), knows

    def forward(self, batch):
        yes = torch.ones(len(batch.tokens)).to(self.logit)
        if self.knows:
            yes = batch.follows * 2.0 - 1
        return None, torch.stack([-yes, yes], dim=1) * self.logit


def test_who_knows_nothing_is_never_under_chance(documents):
    asked, _ = held_out(documents, VOCABULARY, CONFIG)
    for pairs_of in asked.values():
        found = judged(Says(0.0), pairs_of)
        assert found["loss"] == pytest.approx(math.log(2)) == CHANCE
        sure = judged(Says(1.0), pairs_of)
        assert sure["accuracy"] == 0.5
        assert sure["loss"] > CHANCE
        assert judged(Says(3.0, knows=True), pairs_of)["accuracy"] == 1


def test_pairs_are_asked_about_without_gaps_and_gaps_are_masked(documents):
    asked, gaps = held_out(documents, VOCABULARY, CONFIG)
    assert set(asked) == set(WRONG)
    for pairs_of in asked.values():
        assert not (pairs_of.tokens == MASK).any()
        assert len(pairs_of.follows) == CONFIG.asked
    assert (gaps.tokens[gaps.chosen] == MASK).all()
    assert torch.equal(gaps.original, asked["random"].tokens)
    share = gaps.chosen.sum() / (gaps.mask.sum() - 3 * CONFIG.asked)
    assert share == pytest.approx(Masking().rate, abs=0.06)


def test_metrics_are_of_each_trained_model_and_what_was_held_out(made):
    metrics, curves = made.outcome.metrics, made.outcome.series["curves"]
    drawn = pairs(CONFIG.train + CONFIG.valid, SEED, longest=CONFIG.longest)
    others = drawn[CONFIG.train :]
    asked, gaps = held_out(Documents(others, VOCABULARY), VOCABULARY, CONFIG)
    test = labelled(others, VOCABULARY, CONFIG.test)
    for name in NAMES:
        model = made.given[name]["model"]
        assert metrics[f"gap_loss_{name}"] == filled(model, gaps)["loss"]
        assert metrics[f"gap_loss_{name}"] == curves[name]["gap_loss"][-1]
        assert (f"loss_{name}" in metrics) == (name != "gaps")
        if name != "gaps":
            wrong = arms(CONFIG)[name].wrong
            assert metrics[f"loss_{name}"] == judged(model, asked[wrong])["loss"]
        for wrong in WRONG if name in WRONG else ():
            found = judged(model, asked[wrong])["accuracy"]
            assert metrics[f"{name}_on_{wrong}"] == found
    for name in TUNED:
        for task in CLASSES:
            tuned = made.given[f"{name} {task}"]["model"]
            assert metrics[f"{task}_{name}"] == accuracy(tuned, test[task], False)
    assert metrics["above_chance_same"] == metrics["loss_same"] - math.log(2)
    assert metrics["lowest_d2l"] == min(curves["d2l"]["loss"])
    assert metrics["gain_kind"] == metrics["kind_random"] - metrics["kind_gaps"]


def test_a_leak_fails_the_floor(monkeypatch):
    class Leaky(Documents):
        """Segments tell which pairs are right."""

        def draw(self, n, wrong, seed):
            texts, follows = super().draw(n, wrong, seed)
            told = [
                text._replace(segment=torch.full_like(text.segment, right))
                for text, right in zip(texts, follows.tolist(), strict=True)
            ]
            return told, follows

    monkeypatch.setattr(claim, "Documents", Leaky)
    quick = {"learning_rate": 0.01, "few_steps": 1, "tune_steps": 1}
    metrics = outcome(EXPERIMENT, **quick).metrics
    assert "above_chance_same" in failed(EXPERIMENT, metrics)


# --- the tasks


def test_labels_are_kinds_and_whether_two_are_of_one():
    told = labelled(PAIRS, VOCABULARY, 40)
    first = [kind_of(pair) for pair in PAIRS if kind_of(pair) is not None][:40]
    assert told["kind"].labels.tolist() == first
    of = {
        tuple(VOCABULARY.encode(pair.source).ids.tolist()): kind_of(pair)
        for pair in PAIRS
    }
    for text, label in zip(told["alike"].texts, told["alike"].labels, strict=True):
        kept = text.word >= 0
        kinds = [
            of[tuple(text.ids[kept & (text.segment == half)].tolist())]
            for half in (0, 1)
        ]
        assert (kinds[0] == kinds[1]) == bool(label)
    assert 10 < told["alike"].labels.sum() < 30


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    unbroken = run_to_end(execute(EXPERIMENT, "quick", (0,), **TINY))
    steps = execute(EXPERIMENT, "quick", (0,), folder=tmp_path, **TINY)
    for progress in steps:
        if progress.done >= 0.6 * progress.total:
            break
    steps.close()
    again = run_to_end(execute(EXPERIMENT, "quick", (0,), folder=tmp_path, **TINY))
    assert again.runs[0].metrics == unbroken.runs[0].metrics
    assert again.runs[0].series == unbroken.runs[0].series
