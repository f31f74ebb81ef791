"""Where a model looks, beside the gold links of the grammar."""

from __future__ import annotations

import pytest
import torch

from course_lib.attention import Additive, Attention, AttentionDecoder, AttentionSeq2Seq
from course_lib.data.korean_english import Pair, examples
from course_lib.data.translation import START
from course_lib.experiments.aligning import (
    agreement,
    best_agreement,
    diagonal_agreement,
    forced_weights,
    gold,
)
from course_lib.experiments.translation import Part, grammar
from course_lib.lstm_gru import GRU
from course_lib.recurrent import Bidirectional
from course_lib.seq2seq import Encoder

LONGEST = 12


@pytest.fixture(scope="module")
def corpus():
    return grammar(train=300, valid=20, test=24, seed=1, longest=LONGEST)


@pytest.fixture(scope="module")
def pairs():
    return gold(24, LONGEST)


@pytest.fixture(scope="module")
def model(corpus):
    torch.manual_seed(1)
    encoder = Encoder(len(corpus.source), Bidirectional(GRU(8, 8), GRU(8, 8)))
    decoder = AttentionDecoder(
        len(corpus.target), GRU(8 + 16, 16), Attention(Additive(16, 16, 8)), dropout=0.5
    )
    model = AttentionSeq2Seq(encoder, decoder)
    with torch.no_grad():  # or every weight would be about 1/S
        for parameter in model.parameters():
            parameter.mul_(4)
    return model


def looks(pair, link_of):
    """Weights that look where ``link_of[j]`` says, and with END at the first token."""
    weights = torch.full((len(pair.target) + 1, len(pair.source)), 0.01)
    for j, i in [*link_of.items(), (len(pair.target), 0)]:
        weights[j, i] = 1
    return weights / weights.sum(-1, keepdim=True)


def test_gold_is_the_test_part_in_its_order(corpus, pairs):
    assert [" ".join(pair.target) for pair in pairs] == corpus.test.references
    encoded = [corpus.source.encode(pair.source) for pair in pairs]
    for ours, theirs in zip(encoded, corpus.test.sources, strict=True):
        assert torch.equal(ours, theirs)


def test_weights_are_those_of_each_pair_alone_and_of_the_true_words(corpus, model):
    part = corpus.test
    found = forced_weights(model.train(), part, batch=5)
    assert model.training
    model.eval()
    for source, target, weights in zip(part.sources, part.targets, found, strict=True):
        previous = torch.cat([torch.tensor([START]), target])[None]
        mask = torch.ones_like(source, dtype=torch.bool)[None]
        alone = model.weights(source[None], mask, previous)[0]
        assert weights.shape == (len(target) + 1, len(source))
        torch.testing.assert_close(weights, alone)
        torch.testing.assert_close(weights.sum(-1), torch.ones(len(target) + 1))
    assert max(weights.max() for weights in found) > 0.5


def test_looking_where_the_links_are_is_the_best_and_one_step_late_is_not(pairs):
    best = best_agreement(pairs)
    right = [
        looks(pair, dict((j, i) for i, j in [*pair.possible, *pair.sure]))
        for pair in pairs
    ]
    assert agreement(right, pairs) == best
    assert best.precision == 1
    assert 0 < best.error_rate < 0.05
    late = [weights.roll(1, dims=0) for weights in right]
    assert agreement(late, pairs).error_rate > 0.5


def test_the_best_is_by_hand_where_a_word_has_two_sure_links():
    pair = examples()["나는 배가 고프다"]  # I am hungry
    assert {(2, 2), (4, 2)} < pair.sure  # 배 and 고프다 are both hungry
    # Of 4 sure links 3 are found, with am possible only: hungry has room for one.
    rate, precision, recall = best_agreement([pair])
    sure = len(pair.sure)
    assert sure == 3
    assert (precision, recall) == (1, (sure - 1) / sure)
    assert rate == pytest.approx(1 - ((sure - 1) + 3) / (3 + sure))


def test_no_choice_of_one_link_each_beats_the_best():
    sure, possible = {(0, 0), (1, 0)}, {(0, 0), (1, 0), (1, 1)}
    pair = Pair(("a", "b"), ("x", "y", "z"), frozenset(sure), frozenset(possible))
    best = best_agreement([pair])
    rates = []
    for x in range(2):
        for y in range(2):
            for z in range(2):
                weights = looks(pair, {0: x, 1: y, 2: z})
                rates.append(agreement([weights], [pair]).error_rate)
                weights[2] = 0  # z stands for nothing: best to look nowhere
                rates.append(agreement([weights], [pair]).error_rate)
    assert best.error_rate == pytest.approx(min(rates)) == pytest.approx(1 - 3 / 4)


def test_the_diagonal_is_right_where_the_order_is_the_same():
    links = frozenset({(0, 0), (1, 1)})
    same = Pair(("a", "b"), ("x", "y"), links, links)
    turned = frozenset({(0, 1), (1, 0)})
    other = Pair(("a", "b"), ("x", "y"), turned, turned)
    assert diagonal_agreement([same]).error_rate == 0
    assert diagonal_agreement([other]).error_rate == 1
    longer = frozenset({(0, 0), (0, 1), (1, 2), (1, 3)})
    stretched = Pair(("a", "b"), ("x", "y", "z", "w"), longer, longer)
    assert diagonal_agreement([stretched]).error_rate == 0


def test_a_threshold_gives_up_recall(corpus, model, pairs):
    weights = forced_weights(model, corpus.test)
    every, sure_only = agreement(weights, pairs), agreement(weights, pairs, 0.9)
    assert sure_only.recall < every.recall


def test_weights_of_other_pairs_are_refused(corpus, model, pairs):
    weights = forced_weights(model, corpus.test)
    with pytest.raises(ValueError, match="weights, pairs: got 24 and 23"):
        agreement(weights, pairs[1:])
    with pytest.raises(ValueError, match=r"weights: got shape \(\d+, \d+\) for pair 0"):
        agreement(weights, pairs[::-1])
    of_none = Part([], [], [])
    assert forced_weights(model, of_none) == []
