"""The alignment error rate, by hand and by its properties; links and entropy."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from course_lib.alignment import (
    Agreement,
    alignment_error_rate,
    entropy,
    links_from_weights,
)

LINKS = st.frozensets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=9)
# Of each sentence pair: the links found, the sure ones, and more that are possible.
CORPUS = st.lists(st.tuples(LINKS, LINKS, LINKS), min_size=1, max_size=4).map(
    lambda corpus: [(found, sure, sure | more) for found, sure, more in corpus]
)


def judge(corpus):
    return alignment_error_rate(*zip(*corpus, strict=True))


def some_links(corpus):
    return any(found or sure for found, sure, _ in corpus)


# -- the error rate --------------------------------------------------------------------


def test_by_hand():
    sure = {(0, 0), (1, 2)}
    possible = sure | {(2, 1), (1, 1)}
    found = {(0, 0), (2, 1), (3, 3)}  # one sure, one possible, one wrong
    assert judge([(found, sure, possible)]) == pytest.approx(
        (1 - (1 + 2) / (3 + 2), 2 / 3, 1 / 2)
    )


def test_counts_are_summed_over_the_corpus_before_they_are_divided():
    one = {(0, 0)}
    four = {(i, i) for i in range(4)}
    right, wrong = (four, four, four), ({(0, 1)}, one, one)
    assert judge([right]).error_rate == 0
    assert judge([wrong]).error_rate == 1
    # Not the mean of the two: 8 of 10, for the long one weighs more.
    assert judge([right, wrong]) == pytest.approx((1 - 8 / 10, 4 / 5, 4 / 5))


def test_a_link_belongs_to_its_sentence_and_its_direction():
    one, other = {(0, 1)}, {(2, 3)}
    assert judge([(one, one, one), (other, other, other)]).error_rate == 0
    assert judge([(other, one, one), (one, other, other)]).error_rate == 1
    assert judge([({(1, 0)}, one, one)]).error_rate == 1


@given(CORPUS)
def test_anything_that_holds_the_sure_links_and_only_possible_ones_is_perfect(corpus):
    assume(any(sure for _, sure, _ in corpus))
    perfect = [(sure | (found & all_), sure, all_) for found, sure, all_ in corpus]
    assert judge(perfect) == Agreement(0.0, 1.0, 1.0)


@given(CORPUS, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(corpus, random):
    assume(some_links(corpus))
    shuffled = random.sample(corpus, len(corpus))
    assert repr(judge(shuffled)) == repr(judge(corpus))  # repr: NaN is NaN


@given(CORPUS, st.integers(0, 3), st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_a_right_link_more_never_raises_it_and_a_wrong_one_never_lowers_it(
    corpus, which, link
):
    assume(some_links(corpus))
    before = judge(corpus).error_rate
    found, sure, possible = corpus[which % len(corpus)]
    assume(link not in found)
    corpus[which % len(corpus)] = (found | {link}, sure, possible)
    after = judge(corpus).error_rate
    if link not in possible:
        assert after >= before
        assert after > before or before == 1
    else:
        assert after <= before
        assert after < before or before == 0


@given(CORPUS)
def test_without_doubtful_links_it_is_one_minus_f1(corpus):
    corpus = [(found, sure, sure) for found, sure, _ in corpus]
    assume(any(found for found, _, _ in corpus))
    assume(any(sure for _, sure, _ in corpus))
    rate, precision, recall = judge(corpus)
    assert 0 <= rate <= 1
    if precision + recall == 0:
        assert rate == 1
    else:
        f1 = 2 * precision * recall / (precision + recall)
        assert rate == pytest.approx(1 - f1, abs=1e-12)


def test_nothing_found_is_all_wrong_and_nothing_sure_is_nothing_to_recall():
    one, none = {(0, 0)}, set()
    rate, precision, recall = judge([(none, one, one)])
    assert (rate, recall) == (1, 0)
    assert math.isnan(precision)
    rate, precision, recall = judge([(one, none, one)])
    assert (rate, precision) == (0, 1)
    assert math.isnan(recall)


def test_bad_links_are_named():
    one, none = {(0, 0)}, set()
    with pytest.raises(ValueError, match="possible: got 1, 1 and 2 sentence pairs"):
        alignment_error_rate([one], [one], [one, one])
    with pytest.raises(ValueError, match=r"sure: got \(0, 0\) in sentence pair 1"):
        judge([(one, one, one), (one, one, {(1, 1)})])
    with pytest.raises(ValueError, match="found, sure: got no link in either"):
        judge([(none, none, one)])
    with pytest.raises(ValueError, match="found, sure: got no link in either"):
        alignment_error_rate([], [], [])
    # One pair's links where a list of them belongs: a number would come out of it.
    with pytest.raises(ValueError, match=r"found: got \(0, 0\) for sentence pair 0"):
        alignment_error_rate([(0, 0)], [one], [one])
    with pytest.raises(ValueError, match=r"possible: got \[\(0, 0\)\] for sentence"):
        alignment_error_rate([one], [one], [[(0, 0)]])


# -- links of weights ------------------------------------------------------------------

# 저 새 가 예쁘다 -> that bird is pretty, and END, which looks at the particle.
WEIGHTS = torch.tensor(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.1, 0.4, 0.3, 0.2],
        [0.0, 0.1, 0.3, 0.6],
        [0.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 0.9, 0.1],
    ]
)


def test_each_target_token_gets_the_source_token_it_looks_at_most_and_end_none():
    assert links_from_weights(WEIGHTS) == {(0, 0), (1, 1), (3, 2), (3, 3)}


def test_a_threshold_drops_the_doubtful_and_is_itself_not_enough():
    assert links_from_weights(WEIGHTS, 0.5) == {(0, 0), (3, 2), (3, 3)}
    half = torch.tensor([[0.5, 0.25, 0.25], [1, 0, 0]])
    assert links_from_weights(half, 0.5) == set()
    assert links_from_weights(half, 0.49) == {(0, 0)}


def test_a_row_that_looks_nowhere_makes_no_link():
    # Local-m beyond the end of the source.
    weights = torch.tensor([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    assert links_from_weights(weights) == {(1, 0)}


def test_of_equal_weights_the_first_counts_and_only_end_is_no_target():
    assert links_from_weights(torch.tensor([[0.5, 0.5], [0.0, 1.0]])) == {(0, 0)}
    assert links_from_weights(torch.tensor([[0.5, 0.5]])) == set()


def test_bad_weights_are_named():
    with pytest.raises(ValueError, match=r"weights: got shape \(1, 5, 4\)"):
        links_from_weights(WEIGHTS[None])
    with pytest.raises(ValueError, match=r"weights: got shape \(0, 4\)"):
        links_from_weights(WEIGHTS[:0])
    with pytest.raises(ValueError, match="threshold: got 1, expected 0 <= threshold"):
        links_from_weights(WEIGHTS, 1)
    for function in (links_from_weights, entropy):
        with pytest.raises(ValueError, match=r"weights: got -1.0, .* not scores"):
            function(torch.tensor([[2.0, -1.0], [0.0, 0.0]]))
        with pytest.raises(ValueError, match="weights: got nan"):
            function(torch.tensor([[1.0, math.nan], [0.0, 1.0]]))


# -- entropy ---------------------------------------------------------------------------


def test_entropy_by_hand():
    weights = torch.tensor([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]])
    expected = torch.tensor([0, math.log(4), math.log(2)])
    torch.testing.assert_close(entropy(weights), expected)


@given(st.integers(0, 100), st.floats(0.01, 1))
def test_entropy_is_that_of_the_distribution_whatever_its_sum(seed, scale):
    made = torch.Generator().manual_seed(seed)
    weights = torch.randn(2, 3, 7, generator=made, dtype=torch.float64).softmax(-1)
    expected = torch.distributions.Categorical(weights).entropy()
    assert expected.shape == entropy(weights).shape == (2, 3)
    torch.testing.assert_close(entropy(weights * scale), expected)


def test_a_row_of_zeros_has_no_entropy():
    found = entropy(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
    assert found[0].isnan()
    assert found[1] == 0
