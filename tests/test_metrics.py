"""BLEU by hand is sacrebleu's, and d2l's is another number."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.metrics import bleu, bleu_by_hand, by_quarter, exact_match
from course_lib.peers import import_d2l

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=9)
CORPUS = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5)


@given(corpus=CORPUS)
@settings(max_examples=200, deadline=None)
def test_by_hand_equals_sacrebleu(corpus):
    ours = [" ".join(a) for a, _ in corpus]
    theirs = [" ".join(b) for _, b in corpus]
    expected = bleu(ours, theirs, tokenize="none").score
    assert bleu_by_hand(ours, theirs) == pytest.approx(expected, abs=1e-6)


def test_a_worked_example():
    # 5 of 6 words, 4 of 5 pairs, 3 of 4 triples, 2 of 3 quadruples; no brevity penalty
    score = bleu_by_hand(["a b c d e f"], ["a b c d e x"])
    assert score == pytest.approx(100 * (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)
    assert import_d2l().bleu("a b c d e f", "a b c d e x", k=4) * 100 > score + 4


def test_precision_alone_would_like_short_output():
    whole, cut = "a b c d e f g h", "a b c d e"
    assert bleu_by_hand([whole], [whole]) == pytest.approx(100)
    assert bleu_by_hand([cut], [whole]) == pytest.approx(
        100 * 2.718281828 ** (1 - 8 / 5)
    )


def test_a_word_counts_at_most_as_often_as_in_the_reference():
    assert bleu(["the", "the", "the", "the", "the"], ["the cat sat"] * 5).score < 10
    assert bleu_by_hand(["the the the the"], ["the cat on the mat"]) < 30


def test_swapped_arguments_give_another_number():
    short, long = ["a b c d"], ["a b c d e f g h"]
    assert bleu(short, long).score != pytest.approx(bleu(long, short).score)


def test_the_signature_says_how():
    assert "tok:13a" in bleu(["a b c d"], ["a b c d"]).signature
    assert "tok:none" in bleu(["a b c d"], ["a b c d"], tokenize="none").signature


def test_exact_match():
    assert exact_match(["a b", "c"], ["a b", "d"]) == 0.5


def test_quarters_are_of_equal_size_and_in_order():
    groups = []
    by_quarter([5, 1, 9, 3, 3, 3, 7, 2], lambda chosen: groups.append(chosen) or 0.0)
    assert groups == [[1, 7], [3, 4], [5, 0], [6, 2]]
    assert by_quarter([4, 3, 2, 1], lambda chosen: float(chosen[0])) == [3, 2, 1, 0]


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="translations, references: got 1 and 2"):
        bleu(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="translations, references: got 0 and 0"):
        exact_match([], [])
    with pytest.raises(ValueError, match="lengths: got 3 sentences"):
        by_quarter([1, 2, 3], len)
