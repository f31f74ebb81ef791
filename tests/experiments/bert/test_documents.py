"""Documents: what the two sentences of a right pair share, and those of a wrong one."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from course_lib.data.korean_english import Pair, pairs
from course_lib.experiments.bert.documents import THAT, WRONG, Documents, things
from course_lib.experiments.bert.pretraining import words

VOCABULARY = words()
DRAWN = pairs(300, seed=0, longest=8)


@pytest.fixture(scope="module")
def documents():
    return Documents(DRAWN, VOCABULARY)


def pair(source, target, *sure):
    links = frozenset(sure)
    return Pair(tuple(source.split()), tuple(target.split()), links, links)


def test_things_are_nouns_with_the_english_that_was_meant():
    boat = pair("나 는 배 를 산다", "I buy a boat", (0, 0), (2, 3), (4, 1))
    pear = pair("나 는 배 를 산다", "I buy a pear", (0, 0), (2, 3), (4, 1))
    assert things(boat) == {("배", "boat"): 2}
    assert things(pear) == {("배", "pear"): 2}


def test_a_thing_that_is_called_that_already_is_none():
    said = pair("그 배 는 크다", "that boat is big", (0, 0), (1, 1), (3, 3))
    assert things(said) == {}
    first = pair("배 는 크다", "the boat is big", (0, 1), (2, 3))
    assert things(first) == {("배", "boat"): 0}


def test_places_that_have_no_article_and_parts_of_a_body_are_none():
    seoul = pair("나 는 서울 에 간다", "I go to Seoul", (2, 3))
    eyes = pair("나 는 눈 을 감는다", "I close my eyes", (2, 3))
    assert things(seoul) == things(eyes) == {}


def halves(text):
    """The words of the two sentences of a packed pair."""
    kept = text.word >= 0
    return [
        VOCABULARY.decode(text.ids[kept & (text.segment == half)]).split()
        for half in (0, 1)
    ]


def told(text):
    """The nouns that the second sentence calls that, and the first does not."""
    first, second = halves(text)
    return {
        noun
        for that, noun in pairwise(second)
        if that == THAT and noun in first and (THAT, noun) not in pairwise(first)
    }


@pytest.mark.parametrize("wrong", WRONG)
def test_right_pairs_speak_of_one_thing_and_half_are_right(documents, wrong):
    texts, follows = documents.draw(101, wrong, "a")
    assert len(texts) == len(follows) == 101
    assert follows.sum() == 50
    assert follows.tolist() != sorted(follows.tolist())
    assert all(told(text) for text, right in zip(texts, follows, strict=True) if right)


def wrong_ones(documents, kind, n=200):
    texts, follows = documents.draw(n, kind, "b")
    return [text for text, right in zip(texts, follows, strict=True) if not right]


def test_random_pairs_seldom_speak_of_one_thing(documents):
    shared = [bool(told(text)) for text in wrong_ones(documents, "random")]
    assert sum(shared) < 0.15 * len(shared)


def test_the_second_sentences_of_random_pairs_call_something_that(documents):
    assert all(THAT in halves(text)[1] for text in wrong_ones(documents, "random"))


def test_swapped_pairs_are_documents_read_backwards(documents):
    for text in wrong_ones(documents, "swapped"):
        first, second = halves(text)
        backwards = {
            noun for that, noun in pairwise(first) if that == THAT and noun in second
        }
        assert backwards
    assert sum(bool(told(text)) for text in wrong_ones(documents, "swapped")) < 10


def test_pairs_about_the_same_thing_are_as_good_as_right_ones(documents):
    assert all(told(text) for text in wrong_ones(documents, "same"))


@pytest.mark.parametrize("wrong", WRONG)
def test_no_sentence_is_paired_with_itself(documents, wrong):
    texts, follows = documents.draw(300, wrong, "c")
    for text, right in zip(texts, follows, strict=True):
        first, second = map(sorted, halves(text))
        if right or wrong != "random":
            assert sorted([*first, THAT]) != second
            assert first != sorted([*second, THAT])


def test_the_seed_decides(documents):
    (one, right), (again, same), (other, _) = (
        documents.draw(20, "random", seed) for seed in ("a", "a", "b")
    )
    ids = [[text.ids.tolist() for text in texts] for texts in (one, again, other)]
    assert ids[0] == ids[1] != ids[2]
    assert torch.equal(right, same)


def test_what_cannot_be_is_named(documents):
    with pytest.raises(ValueError, match="wrong: got 'none'"):
        documents.draw(4, "none", "a")
    alone = pair("배 는 크다", "the boat is big", (0, 1), (2, 3))
    with pytest.raises(ValueError, match="no two about one thing"):
        Documents([alone], VOCABULARY)
