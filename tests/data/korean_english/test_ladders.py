"""Ladders grow, keep out of training, and their glosses are what the links say."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from course_lib.data import korean_english as task
from course_lib.data.korean_english import ladders as module
from course_lib.data.korean_english.difficulty import sayable
from course_lib.data.korean_english.ladders import for_page, glosses, ladders

RUNGS = [pair for ladder in ladders() for pair in ladder.rungs]


def test_they_grow_from_a_bare_clause_to_thirty_tokens() -> None:
    assert len(ladders()) == 4
    for ladder in ladders():
        lengths = [len(pair.source) for pair in ladder.rungs]
        assert 6 <= len(lengths) <= 8
        assert lengths[0] <= 5
        assert lengths[-1] >= 30
        assert all(one < other for one, other in pairwise(lengths))


def test_a_rung_says_what_the_one_before_it_said() -> None:
    """But for the form of the verb and an article, or a name of the past."""
    for ladder in ladders():
        for one, other in pairwise(ladder.rungs):
            lost = Counter(one.source) - Counter(other.source)
            assert lost.total() <= 2, lost
            said = Counter(one.target) - Counter(other.target)
            assert set(said) <= {"a", "an", "but"}, said


def test_none_is_a_training_sentence() -> None:
    assert all(task.split_of(pair.source) != "train" for pair in RUNGS)
    assert sum(task.split_of(pair.source) == "test" for pair in RUNGS) >= 12


def test_every_word_is_one_of_the_grammar() -> None:
    known = set(task.source_words())
    assert {word for pair in RUNGS for word in pair.source} <= known
    assert all(sayable(pair) for pair in RUNGS)


def test_korean_can_be_written_and_read_again() -> None:
    for pair in RUNGS:
        assert task.tokens(task.korean(pair.source)) == pair.source


def test_some_of_them() -> None:
    home, letter, _, rain = ladders()
    assert home.rungs[0] == task.examples()["나는 집에 간다"]
    assert task.korean(letter.rungs[4].source) == (
        "태민은 민지가 겨울에 쓴 짧은 편지를 도서관에서 읽는다"
    )
    assert task.english(rain.rungs[4].target) == (
        "Because it rained, Yeonghui read the sad letter that Donghyeon wrote in the "
        "room"
    )


def test_glosses() -> None:
    home, _, cat, rain = ladders()
    assert glosses(home.rungs[2]) == (
        *("I", "topic", "Soyeon", "with", "with", "bicycle", "by"),
        *("home", "to", "go"),
    )
    assert glosses(cat.rungs[0]) == ("cat", "topic", "sleeps")
    assert glosses(cat.rungs[5])[9] == "sleeps but"
    assert glosses(rain.rungs[1])[:3] == ("rained", "subject", "because rained")


def test_every_token_has_a_gloss_that_its_links_allow() -> None:
    labels = {"topic", "subject", "object", "to"}
    for pair in RUNGS:
        for i, gloss in enumerate(glosses(pair)):
            assert gloss
            linked = {pair.target[j] for k, j in pair.possible if k == i}
            assert gloss in labels or set(gloss.split()) <= linked, (pair, i, gloss)


def test_what_a_page_gets() -> None:
    (name, rungs), *_ = (one.values() for one in for_page())
    assert name == "going home"
    assert rungs[0] == {
        "text": "나는 집에 간다",
        "glosses": ["I", "topic", "home", "to", "go"],
        "target": "I go home",
    }


def test_a_choice_that_is_never_asked_is_named() -> None:
    with pytest.raises(ValueError, match=r"choices: got \('adjective', '크'\)"):
        module._rung("verb=가; topic=은/는; who=pronoun; pronoun=나; adjective=크")
