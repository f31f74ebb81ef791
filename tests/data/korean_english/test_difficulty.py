"""What a perfect model could reach, and what a dictionary does."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest

from course_lib.data import korean_english as task
from course_lib.data.korean_english import difficulty


@pytest.fixture(scope="module")
def drawn():
    return list(itertools.islice(task.stream(1, "test"), 400))


def test_translations_are_a_distribution_with_the_drawn_one(drawn):
    for one in drawn:
        found = task.translations(one)
        assert sum(found.values()) == pytest.approx(1)
        assert found[one.pair.target] > 0


def test_every_translation_of_a_source_gives_the_same_ones():
    """Two draws of one source know the same translations, whichever was drawn."""
    known, again = {}, 0
    for one in itertools.islice(task.stream(2), 15_000):
        if len(one.pair.source) > 8:
            continue
        first = known.setdefault(one.pair.source, one)
        if first.pair.target != one.pair.target:
            again += 1
            assert task.translations(first) == pytest.approx(task.translations(one))
    assert again > 5


def test_the_probabilities_are_those_that_the_grammar_draws_with(drawn):
    """The best translation is drawn as often as it is said to be."""
    said = [difficulty.best(one) for one in drawn]
    expected = sum(p for _, p in said)
    spread = math.sqrt(sum(p * (1 - p) for _, p in said))
    hits = sum(b == d.pair.target for (b, _), d in zip(said, drawn, strict=True))
    assert abs(hits - expected) < 4 * spread
    assert 0.75 < expected / len(drawn) < 0.95


def test_a_homonym_that_nothing_decides_has_two_translations():
    counts = Counter()
    for one in itertools.islice(task.stream(3), 4000):
        source, target = one.pair.source, one.pair.target
        if "배" in source and {"boat", "pear"} & set(target) and len(source) < 12:
            found = task.translations(one)
            senses = {"boat" if "boat" in t else "pear" for t in found}
            decided = any(v[0] in "먹깎따씻고운탄타탔" for v in source)
            counts[len(senses), decided] += 1
    assert counts[2, False] > 2
    assert counts[1, True] > 5
    assert counts[2, True] == 0


def test_long_sentences_have_a_lower_ceiling(drawn):
    short = [difficulty.best(d)[1] for d in drawn if len(d.pair.source) <= 7]
    long = [difficulty.best(d)[1] for d in drawn if len(d.pair.source) >= 17]
    assert sum(short) / len(short) > sum(long) / len(long) + 0.1


def test_a_dictionary_is_far_from_enough(drawn):
    words = difficulty.Dictionary(task.pairs(1500, 0))
    said = words.translate(("나", "는", "사과", "를", "먹는다"))
    assert said in (("I", "apple", "eats"), ("I", "apple", "eat"))  # in Korean order
    assert words.translate(("길동", "은")) == ("길동",)
    right = sum(words.translate(d.pair.source) == d.pair.target for d in drawn)
    assert right / len(drawn) < 0.05


def test_unknown_names_cannot_be_said(drawn):
    share = sum(difficulty.sayable(one.pair) for one in drawn) / len(drawn)
    assert 0.88 < share < 0.99
