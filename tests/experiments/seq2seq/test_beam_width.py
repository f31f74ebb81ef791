"""Whose fault is a wrong translation? Counted on made-up ones."""

from __future__ import annotations

import pytest

from claims import outcome, quick
from course_lib.decoding import Hypothesis
from course_lib.experiments import find
from course_lib.experiments.seq2seq.beam_width import WIDTHS, measure, search_errors
from course_lib.experiments.translation import grammar


@pytest.fixture(scope="module")
def corpus():
    return grammar(train=200, valid=10, test=8, seed=0, longest=10)


def found(corpus, wrong: dict[int, float]) -> list[Hypothesis]:
    """References with a log-probability of -5; of those in ``wrong``, another one."""
    return [
        Hypothesis((5, 6), wrong[i], True)
        if i in wrong
        else Hypothesis(tuple(ids.tolist()), -5.0, True)
        for i, ids in enumerate(corpus.test.targets)
    ]


def test_the_search_is_to_blame_where_the_reference_is_more_probable(corpus):
    given = [-5.0] * 8
    wrong = {0: -6.0, 1: -4.0, 2: -9.0, 3: -4.5}
    assert search_errors(corpus, found(corpus, wrong), given, range(8)) == 0.5
    assert search_errors(corpus, found(corpus, wrong), given, [1, 3, 4]) == 0
    assert search_errors(corpus, found(corpus, {}), given, range(8)) == 0


def test_what_is_measured_of_translations(corpus):
    measured = measure(corpus, found(corpus, {0: -13.0}), [-5.0] * 8)
    assert measured["wrong"] == 1 / 8
    assert measured["search_errors"] == 1
    assert measured["score"] == pytest.approx(-6)
    words = sum(len(ids) for ids in corpus.test.targets)
    missing = len(corpus.test.targets[0]) - 2
    assert measured["length"] == pytest.approx(1 - missing / words)


def test_a_wider_beam_finds_more_probable_sentences():
    run = quick("beam-width")[1].runs[0]
    scores = run.series["plain"]["score"]
    assert scores == sorted(scores), "no proof that it must be so, but it is"
    assert run.series["width"] == list(WIDTHS)
    assert run.metrics["score_gain"] == pytest.approx(scores[-1] - scores[0])
    assert run.metrics["length_widest"] <= run.metrics["length_greedy"]


@pytest.mark.data
def test_it_runs_on_captions_as_well():
    tiny = {"corpus": "multi30k", "embedding": 4, "hidden": 4, "steps": 1, "batch": 4}
    series = outcome(find("beam-width"), **tiny, longest=2, measure_every=1).series
    assert series["plain"]["wrong"] == [1.0] * len(WIDTHS)
