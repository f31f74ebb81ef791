"""Decoding finds what brute force finds; a beam of one is greedy; rows don't mix."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from course_lib.decoding import (
    Hypothesis,
    beam_search,
    evaluating,
    greedy,
    length_penalty,
    normalised,
    restrict,
    sample,
)

V, END, LONGEST = 4, 0, 4


def model(seed: int):
    """A model with memory: its logits depend on all tokens so far, in their order."""
    table = torch.randn(97, V, generator=torch.Generator().manual_seed(seed)) * 2

    def step(tokens: Tensor, state: tuple[Tensor, Tensor]):
        own, (count,) = state
        own = (own * 31 + tokens * 7 + count + 1) % 97  # (N,)
        return table[own], (own, (count + 1,))

    return step


def start(*rows: int):
    first = torch.tensor(rows)
    return first % V, (first, (torch.zeros_like(first),))


def score(step, row: int, tokens: tuple[int, ...]) -> float:
    token, state = start(row)
    total = 0.0
    for chosen in tokens:
        logits, state = step(token, state)
        total += logits.log_softmax(-1)[0, chosen].item()
        token = torch.tensor([chosen])
    return total


def all_sequences(step, row: int) -> list[Hypothesis]:
    found = []
    for length in range(1, LONGEST + 1):
        for tokens in itertools.product(range(V), repeat=length):
            ended = tokens[-1] == END
            if END in tokens[:-1] or not (ended or length == LONGEST):
                continue
            content = tokens[:-1] if ended else tokens
            found.append(Hypothesis(content, score(step, row, tokens), ended))
    return found


def search(step, rows, width, alpha=0.0):
    first, state = start(*rows)
    return beam_search(step, state, first, END, LONGEST, width, alpha)


def same(one: Hypothesis, other: Hypothesis) -> None:
    assert one.tokens == other.tokens
    assert one.ended == other.ended
    assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)


@given(seed=st.integers(0, 10**6), row=st.integers(0, 96))
@settings(max_examples=40, deadline=None)
def test_a_beam_of_one_is_greedy_whatever_the_penalty(seed, row):
    step = model(seed)
    first, state = start(row)
    (expected,) = greedy(step, state, first, END, LONGEST)
    for alpha in (0.0, 1.0):
        ((found,),) = search(step, [row], 1, alpha)
        same(found, expected)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.5])
@given(seed=st.integers(0, 10**6), row=st.integers(0, 96))
@settings(max_examples=15, deadline=None)
def test_a_beam_that_holds_everything_finds_what_brute_force_finds(alpha, seed, row):
    step = model(seed)
    every = sorted(all_sequences(step, row), key=lambda h: -normalised(h, alpha))
    (found,) = search(step, [row], (V - 1) ** (LONGEST - 1) * V, alpha)
    for one, expected in zip(found[:10], every[:10], strict=True):
        same(one, expected)


def test_a_beam_as_wide_as_the_vocabulary_finds_the_best_of_two_tokens():
    # After the first token every continuation is still in the beam.
    for seed in range(20):
        step = model(seed)
        first, state = start(seed)
        (found,) = beam_search(step, state, first, END, 2, V)
        best = max(
            [score(step, seed, (END,))]
            + [
                score(step, seed, pair)
                for pair in itertools.product(range(1, V), range(V))
            ]
        )
        assert found[0].log_probability == pytest.approx(best, abs=1e-4)


def test_a_wider_beam_can_beat_greedy_and_is_never_worse_when_it_holds_all():
    better = 0
    for seed in range(60):
        step = model(seed)
        (narrow,), (wide,) = search(step, [1], 1), search(step, [1], 108)
        assert wide[0].log_probability >= narrow[0].log_probability - 1e-4
        better += wide[0].log_probability > narrow[0].log_probability + 1e-4
    assert better > 5


@given(
    seed=st.integers(0, 10**6),
    rows=st.lists(st.integers(0, 96), min_size=2, max_size=5),
    width=st.integers(1, 5),
    alpha=st.sampled_from([0.0, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_sentences_searched_together_get_what_they_get_alone(seed, rows, width, alpha):
    step = model(seed)
    together = search(step, rows, width, alpha)
    for row, of_one in zip(rows, together, strict=True):
        (alone,) = search(step, [row], width, alpha)
        assert len(alone) == len(of_one) <= width
        for one, expected in zip(of_one, alone, strict=True):
            same(one, expected)


@given(
    seed=st.integers(0, 10**6),
    row=st.integers(0, 96),
    width=st.integers(1, 6),
    alpha=st.sampled_from([0.0, 0.7, 2.0]),
)
@settings(max_examples=60, deadline=None)
def test_stopping_early_changes_nothing(seed, row, width, alpha):
    from course_lib import decoding

    step = model(seed)
    early = search(step, [row], width, alpha)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_nothing_can_win", lambda *_: False)
        full = search(step, [row], width, alpha)
    for one, expected in zip(early[0], full[0], strict=True):
        same(one, expected)


def test_it_does_stop_early():
    calls = []

    def step(tokens, state):
        calls.append(len(tokens))
        logits = torch.full((len(tokens), V), -10.0)
        logits[:, END] = 10.0  # ends at once, and nothing else comes near
        return logits, state

    first, state = start(1, 2)
    beam_search(step, state, first, END, 50, 1)
    assert len(calls) == 1
    greedy(step, state, first, END, 50)
    assert len(calls) == 2


def test_a_finished_row_of_greedy_keeps_its_score_while_others_go_on():
    seeds = [seed for seed in range(200)]
    for seed in seeds[:20]:
        step = model(seed)
        first, state = start(1, 2, 3)
        together = greedy(step, state, first, END, LONGEST)
        for row, one in zip((1, 2, 3), together, strict=True):
            tokens = (*one.tokens, END) if one.ended else one.tokens
            assert one.log_probability == pytest.approx(
                score(step, row, tokens), abs=1e-4
            )


def test_the_length_penalty_is_the_papers_and_can_turn_the_order():
    assert length_penalty(1, 0.7) == 1
    assert length_penalty(7, 1.0) == 2
    # The end is a token too: one word and the end are two.
    assert normalised(Hypothesis((1,), -1.0, True), 1.0) == pytest.approx(-6 / 7)
    assert normalised(Hypothesis((1,), -1.0, False), 1.0) == -1
    short = Hypothesis((1,), -1.0, True)
    long = Hypothesis((1, 1, 1, 1, 1, 1), -1.5, True)
    assert normalised(short, 0.0) > normalised(long, 0.0)
    assert normalised(short, 1.0) < normalised(long, 1.0)


def test_restrict_keeps_the_most_probable():
    logits = torch.log(torch.tensor([[0.1, 0.5, 0.15, 0.25]]))
    kept = restrict(logits, top_k=2).isfinite()
    assert kept.tolist() == [[False, True, False, True]]
    kept = restrict(logits, top_p=0.75).isfinite()  # .5 + .25 reach it
    assert kept.tolist() == [[False, True, False, True]]
    kept = restrict(logits, top_p=0.76).isfinite()
    assert kept.tolist() == [[False, True, True, True]]
    assert restrict(logits, top_p=1e-9).isfinite().sum() == 1
    tied = restrict(torch.zeros(1, 4), top_k=1).isfinite()
    assert tied.tolist() == [[True, False, False, False]]
    p = restrict(logits, temperature=0.5).softmax(-1)
    torch.testing.assert_close(p, (logits.exp() ** 2) / (logits.exp() ** 2).sum())


def test_samples_come_as_often_as_the_model_says():
    logits = torch.log(torch.tensor([0.2, 0.5, 0.3]))

    def step(tokens, state):
        return logits.expand(len(tokens), 3), state

    first = torch.zeros(20_000, dtype=torch.long)
    drawn = sample(step, first, first, 0, 1, generator=torch.Generator().manual_seed(0))
    for token, p in ((1, 0.5), (2, 0.3)):
        share = sum(one.tokens == (token,) for one in drawn) / len(drawn)
        assert share == pytest.approx(p, abs=0.015)
    assert sum(one.ended for one in drawn) / len(drawn) == pytest.approx(0.2, abs=0.015)
    assert drawn[0].log_probability == pytest.approx(
        math.log({(): 0.2, (1,): 0.5, (2,): 0.3}[drawn[0].tokens]), abs=1e-5
    )
    cut = sample(step, first[:500], first[:500], 0, 1, top_k=1)
    assert {one.tokens for one in cut} == {(1,)}


def test_evaluating_turns_dropout_and_gradients_off_and_back():
    layer = torch.nn.Dropout(0.5).train()
    with evaluating(layer):
        assert not layer.training
        assert torch.equal(layer(torch.ones(9)), torch.ones(9))
        assert not torch.is_grad_enabled()
    assert layer.training
    with pytest.raises(RuntimeError), evaluating(layer):
        raise RuntimeError
    assert layer.training


def test_bad_arguments_are_named():
    first, state = start(1)
    step = model(0)
    with pytest.raises(ValueError, match="width: got 0, expected at least 1"):
        beam_search(step, state, first, END, 3, 0)
    with pytest.raises(ValueError, match=r"alpha: got -1, expected 0 or more"):
        beam_search(step, state, first, END, 3, 1, -1)
    with pytest.raises(ValueError, match="longest: got 0"):
        greedy(step, state, first, END, 0)
    with pytest.raises(ValueError, match="temperature: got 0"):
        sample(step, state, first, END, 3, temperature=0)
    with pytest.raises(ValueError, match="top_k: got 0"):
        restrict(torch.zeros(1, 2), top_k=0)
    with pytest.raises(ValueError, match=r"top_p: got 1\.5"):
        restrict(torch.zeros(1, 2), top_p=1.5)
