"""Gaps around an object and its verb: what fits, and how much can be known."""

from __future__ import annotations

from statistics import fmean

import pytest

from course_lib.data.korean_english import draws
from course_lib.data.korean_english.hangul import final
from course_lib.experiments.bert.clozes import (
    GROUPS,
    candidates,
    clozes,
    posterior,
    takes,
)

READS = ("나", "는", "책", "을", "읽는다")


@pytest.fixture(scope="module")
def drawn():
    return {one.pair.source: one for one in draws(4000, 0, longest=20)}


def one(sentence, group):
    (found,) = clozes([sentence], group)
    return found


def test_a_verb_takes_what_the_lexicon_says():
    assert {"책", "소설", "편지"} <= takes()["읽는다"] == takes()["읽었다"]
    assert not {"물", "모자"} & takes()["읽는다"]
    assert {"편지", "모자", "우산"} <= takes()["쓴다"], "writes, wears, uses"


def test_verbs_that_take_persons_are_left_out():
    forms = takes()
    assert not {"만난다", "만났다", "돕는다", "사랑한다"} & forms.keys()
    assert "기다린다" not in forms, "a bus, but also a person"


def test_what_is_hidden_and_what_fits():
    noun, particle, verb = (one(READS, group) for group in GROUPS)
    assert [gap.answer for gap in (noun, particle, verb)] == ["책", "을", "읽는다"]
    assert "소설" in noun.fitting
    assert "물" not in noun.fitting
    assert particle.fitting == {"은", "이", "을", "과"}
    assert {"읽는다", "읽었다", "산다"} <= verb.fitting
    assert "마신다" not in verb.fitting
    coffee = one(("나", "는", "커피", "를", "마신다"), "particle")
    assert coffee.fitting == {"는", "가", "를", "와"}


@pytest.mark.parametrize(
    "sentence",
    [
        "나 는 새 책 을 읽는다",
        "철수 가 산 책 을 읽는다",
        "나 는 도서관 에서 책 을 읽는다",
        "나 는 책 을 읽지 않는다",
        "나 는 책 을 다시 읽는다",
        "나 는 책 두 권 을 읽는다",
        "나 는 철수 를 기다린다",
        "책 을 읽는다",
        "새 가 예쁘다",
    ],
)
def test_sentences_of_another_form_are_left_out(sentence):
    assert all(not clozes([sentence.split()], group) for group in GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_every_answer_is_a_candidate_and_fits(group, drawn):
    found = clozes(drawn, group)
    assert len(found) > 200
    assert all(gap.answer in gap.fitting for gap in found)
    assert all(gap.fitting <= set(candidates(group)) for gap in found)
    assert len(set(candidates(group))) == len(candidates(group))


def test_the_three_groups_are_of_the_same_sentences(drawn):
    asked = [[gap.sentence for gap in clozes(drawn, group)] for group in GROUPS]
    assert asked[0] == asked[1] == asked[2]


# --- what a perfect model would know


@pytest.fixture(scope="module")
def known(drawn):
    gaps = clozes(drawn, "object")
    return [(gap, posterior(drawn[gap.sentence], gap)) for gap in gaps]


def test_what_could_be_meant_is_a_distribution_over_objects_that_fit(known):
    for gap, chances in known:
        assert sum(chances.values()) == pytest.approx(1)
        assert chances[gap.answer] > 0
        assert chances.keys() <= gap.fitting
        shapes = {final(word) == " " for word in chances}
        assert shapes == {gap.sentence[gap.place + 1] == "를"}, "the particle tells"


def test_it_is_as_often_right_as_it_says(known):
    best = [max(chances, key=chances.get) for _, chances in known]
    right = fmean(
        word == gap.answer for word, (gap, _) in zip(best, known, strict=True)
    )
    expected = fmean(max(chances.values()) for _, chances in known)
    assert 0.4 < expected < 0.8
    assert right == pytest.approx(expected, abs=3 * (0.25 / len(known)) ** 0.5)
