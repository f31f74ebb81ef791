"""Nobody sees a token to come, nor padding: bit for bit, in training and evaluation."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib.self_attention import PATHS, MultiHeadAttention
from course_lib.transformer import Stack, Transformer
from small_transformers import (
    NORMS,
    POSITIONS,
    V,
    close,
    config,
    gpt,
    logits_of,
    sentences,
    translator,
)

T = 7
models = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 20),
        "positions": st.sampled_from(POSITIONS),
        "norm": st.sampled_from(NORMS),
        "path": st.sampled_from(PATHS),
        "dropout": st.sampled_from([0.0, 0.3]),
    }
)
moments = st.sampled_from([True, False])  # training, evaluation
lengths = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)
by_model = pytest.mark.parametrize("build", [translator, gpt])


def run(model, train, *data):
    """The logits, with the same dropout in every call."""
    torch.manual_seed(5)
    with torch.no_grad():
        return logits_of(model.train(train), *data)


def assert_no_look_ahead(build, how, train, first_change, data):
    """Other tokens from ``first_change`` on leave all logits before it as they are."""
    model, (source, mask, previous) = build(**how), data
    other = previous.clone()
    other[:, first_change:] = (other[:, first_change:] + 1) % V
    one, two = (run(model, train, source, mask, p) for p in (previous, other))
    assert torch.equal(one[:, :first_change], two[:, :first_change])
    assert not torch.equal(one[:, first_change:], two[:, first_change:])


@by_model
@settings(max_examples=40)
@given(how=models, train=moments, first_change=st.integers(1, T - 1), n=lengths)
def test_no_logit_depends_on_a_token_to_come(build, how, train, first_change, n):
    assert_no_look_ahead(build, how, train, first_change, sentences(n, T))


def blind(monkeypatch):
    """A mutant: no stack is causal any more."""
    forward = Stack.forward
    monkeypatch.setattr(
        Stack,
        "forward",
        lambda self, x, mask=None, causal=False, **more: forward(self, x, mask, **more),
    )


def one_too_far(monkeypatch):
    """A mutant: a query also sees the token after its own."""
    forward = MultiHeadAttention.forward

    def shifted(self, x, seen, mask=None, causal=False):
        if not causal:
            return forward(self, x, seen, mask)
        ahead = torch.ones(x.shape[1], seen.keys.shape[2]).bool().tril(1)
        pieces = [
            forward(self, x[:, t : t + 1], seen, row.expand(len(x), -1))
            for t, row in enumerate(ahead)
        ]
        return torch.cat(pieces, dim=1)

    monkeypatch.setattr(MultiHeadAttention, "forward", shifted)


@by_model
@pytest.mark.parametrize("mutant", [blind, one_too_far])
@pytest.mark.parametrize("train", [True, False])
def test_a_model_that_looks_ahead_is_caught(monkeypatch, build, mutant, train):
    assert_no_look_ahead(build, {}, train, 4, sentences(T=T))
    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        assert_no_look_ahead(build, {}, train, 4, sentences(T=T))


def assert_padding_is_not_there(how, train, data, ignore_mask=False):
    model, (source, mask, previous) = translator(**how), data
    other = torch.where(mask, source, (source + 1) % V)
    if ignore_mask:
        mask = torch.ones_like(mask)
    one, two = (run(model, train, s, mask, previous) for s in (source, other))
    assert torch.equal(one, two)


@settings(max_examples=40)
@given(how=models, train=moments, n=lengths)
def test_no_logit_depends_on_what_stands_in_the_padding(how, train, n):
    assert_padding_is_not_there(how, train, sentences(n, T))


def test_a_model_that_looks_at_padding_is_caught():
    with pytest.raises(AssertionError):
        assert_padding_is_not_there({}, False, sentences(T=T), ignore_mask=True)


@settings(max_examples=40)
@given(how=models, n=lengths, more=st.integers(0, 3))
def test_a_sentence_alone_and_in_a_batch_gets_the_same_logits(how, n, more):
    model = translator(**how).double()  # these weights make errors of rounding large
    assert_same_alone(model, sentences(n, T), more, 1e-8)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("path", PATHS)
def test_so_it_is_in_single_precision_with_weights_as_they_begin(norm, path):
    torch.manual_seed(0)
    model = Transformer(config(norm=norm, path=path), V, V)
    assert_same_alone(model, sentences((6, 3, 1), T), 2, 1e-5)


def assert_same_alone(model, data, more, atol):
    source, mask, previous = data
    wide, wide_mask = F.pad(source, (0, more), value=7), F.pad(mask, (0, more))
    together = run(model, False, wide, wide_mask, previous)
    for b, length in enumerate(mask.sum(dim=1)):
        one = slice(b, b + 1)
        first = (source[one, :length], mask[one, :length], previous[one])
        close(run(model, False, *first)[0], together[b], atol)


@by_model
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("norm", NORMS)
def test_no_gradient_flows_from_a_logit_to_a_token_to_come(build, norm, path):
    model, (source, mask, previous) = build(norm=norm, path=path), sentences(T=T)
    embedding = model.target if build is translator else model.embedding
    kept = []
    embedding.register_forward_hook(lambda *found: kept.append(found[-1]))
    logits = logits_of(model, source, mask, previous)
    for t in range(T):
        (of_x,) = torch.autograd.grad(logits[:, t].sum(), kept[0], retain_graph=True)
        assert (of_x[:, t + 1 :] == 0).all()
        assert (of_x[:, : t + 1] != 0).any(dim=-1).all()
