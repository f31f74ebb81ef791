"""A translation depends on its own source alone, and on no token to come."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib.decoding import beam_search, evaluating, greedy
from course_lib.exchange import to_d2l
from course_lib.lstm_gru import GRU
from course_lib.recurrent import Stacked
from course_lib.seq2seq import (
    Encoder,
    Seq2SeqConfig,
    scheduled_sampling,
    seq2seq,
    sequence_loss,
    token_losses,
)

B, S, T, V, END = 3, 6, 5, 9, 2
KINDS = {
    "gru": {},
    "lstm": {"cell": "lstm"},
    "one way": {"bidirectional": False},
    "reversed": {"bidirectional": False, "reverse_source": True},
    "context": {"feed_context": True},
    "deep": {"layers": 2, "cell": "lstm", "feed_context": True},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def close(ours, theirs) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def model(kind: str, seed: int = 0, **more):
    torch.manual_seed(seed)
    return seq2seq(Seq2SeqConfig(V, V, 4, 5, **(KINDS[kind] | more)))


def tokens(*shape: int, seed: int = 0):
    return torch.randint(3, V, shape, generator=torch.Generator().manual_seed(seed))


def mask_of(*lengths: int, size: int = S):
    return torch.arange(size) < torch.tensor(lengths)[:, None]


@every_kind
def test_shapes(kind):
    encoded = model(kind).encoder(tokens(B, S), mask_of(6, 3, 1))
    H = 10 if kind in ("gru", "lstm", "context", "deep") else 5
    assert encoded.states.shape == (B, S, H)
    assert encoded.summary.shape == (B, H)
    logits = model(kind)(tokens(B, S), mask_of(6, 3, 1), tokens(B, T))
    assert logits.shape == (B, T, V)


@every_kind
@given(
    lengths=st.lists(st.integers(1, S), min_size=B, max_size=B),
    noise=st.integers(0, V - 1),
)
@settings(max_examples=10, deadline=None)
def test_padding_changes_neither_state_nor_logits_of_anyone(kind, lengths, noise):
    ours = model(kind)
    source, mask, previous = tokens(B, S), mask_of(*lengths), tokens(B, T, seed=1)
    encoded = ours.encoder(source, mask)
    logits = ours(source, mask, previous)
    changed = torch.where(mask, source, torch.full_like(source, noise))
    close(ours(changed, mask, previous), logits)
    for row, length in enumerate(lengths):
        own = slice(row, row + 1)
        alone = ours.encoder(source[own, :length], mask[own, :length])
        close(encoded.summary[own], alone.summary)
        close(encoded.states[own, :length], alone.states)
        close(
            logits[own], ours(source[own, :length], mask[own, :length], previous[own])
        )


@every_kind
def test_each_source_token_matters_and_its_order_too(kind):
    ours = model(kind)
    source, mask, previous = tokens(1, S), mask_of(S), tokens(1, T, seed=1)
    logits = ours(source, mask, previous)
    for place in range(S):
        changed = source.clone()
        changed[0, place] = (changed[0, place] + 1) % V
        assert not torch.allclose(ours(changed, mask, previous), logits, atol=1e-6)
    swapped = source[:, [1, 0, 2, 3, 4, 5]]
    assert not torch.allclose(ours(swapped, mask, previous), logits, atol=1e-6)


@every_kind
@given(place=st.integers(0, T - 2))
@settings(max_examples=8, deadline=None)
def test_a_later_target_token_changes_no_earlier_logits(kind, place):
    ours = model(kind)
    source, mask, previous = tokens(B, S), mask_of(6, 3, 1), tokens(B, T, seed=1)
    changed = previous.clone()
    changed[:, place + 1 :] = (changed[:, place + 1 :] + 1) % V
    before, after = ours(source, mask, previous), ours(source, mask, changed)
    close(after[:, : place + 1], before[:, : place + 1])
    assert not torch.allclose(after[:, place + 1], before[:, place + 1])


@every_kind
def test_token_by_token_equals_teacher_forcing_in_value_and_gradient(kind):
    ours = model(kind)
    source, mask, previous = tokens(B, S), mask_of(6, 3, 1), tokens(B, T, seed=1)
    at_once = ours(source, mask, previous)
    one_by_one = scheduled_sampling(ours, source, mask, previous, own=0.0)
    close(one_by_one, at_once)
    parameters = list(ours.parameters())
    for one, other in zip(
        torch.autograd.grad(at_once.pow(2).sum(), parameters),
        torch.autograd.grad(one_by_one.pow(2).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_fed_with_its_own_tokens_only_it_is_greedy_decoding():
    ours = model("gru")
    source, mask = tokens(B, S), mask_of(6, 3, 1)
    first = torch.ones(B, dtype=torch.long)
    previous = torch.cat([first[:, None], tokens(B, T - 1)], dim=1)
    logits = scheduled_sampling(ours, source, mask, previous, own=1.0)
    with evaluating(ours):
        found = greedy(ours.step, ours.start(source, mask), first, -1, T)
    assert [list(one.tokens) for one in found] == logits.argmax(-1).tolist()
    assert not found[0].ended


def test_scheduled_sampling_takes_its_own_token_as_often_as_it_is_told():
    ours = model("gru")
    seen = []

    def step(token, state):
        seen.append(token)
        return torch.full((len(token), V), 0.0).index_fill(
            1, torch.tensor(7), 1.0
        ), None

    ours.step = step
    previous = torch.zeros(2000, 6, dtype=torch.long)
    random = torch.Generator().manual_seed(0)
    scheduled_sampling(
        ours, tokens(2000, S), mask_of(*[S] * 2000), previous, 0.3, random
    )
    fed = torch.stack(seen, dim=1)  # (B, T)
    assert (fed[:, 0] == 0).all()
    assert (fed[:, 1:] == 7).float().mean().item() == pytest.approx(0.3, abs=0.02)


@every_kind
def test_a_translation_does_not_depend_on_its_neighbours(kind):
    ours = model(kind, dropout=0.5)
    source, mask = tokens(B, S), mask_of(6, 3, 1)
    first = torch.ones(B, dtype=torch.long)
    with evaluating(ours):
        together = beam_search(ours.step, ours.start(source, mask), first, END, 8, 3)
        for row, length in enumerate((6, 3, 1)):
            own = source[row : row + 1, :length]
            state = ours.start(own, torch.ones_like(own, dtype=torch.bool))
            (alone,) = beam_search(ours.step, state, first[:1], END, 8, 3)
            assert [h.tokens for h in alone] == [h.tokens for h in together[row]]


def test_the_loss_is_the_mean_over_real_tokens():
    logits = torch.randn(2, 3, V, generator=torch.Generator().manual_seed(0))
    target, mask = tokens(2, 3), mask_of(3, 1, size=3)
    log_p = logits.log_softmax(-1)
    by_hand = -sum(
        log_p[b, t, target[b, t]] for b, t in ((0, 0), (0, 1), (0, 2), (1, 0))
    )
    close(sequence_loss(logits, target, mask), by_hand / 4)
    moved = logits.clone()
    moved[1, 1:] += 100 * torch.randn(2, V)  # in the padding
    assert torch.equal(
        sequence_loss(moved, target, mask), sequence_loss(logits, target, mask)
    )
    logits.requires_grad_()
    sequence_loss(logits, target, mask).backward()
    assert (logits.grad[1, 1:] == 0).all()
    assert (logits.grad[0] != 0).all()


def test_smoothed_labels_give_epsilon_of_the_truth_to_all_tokens_alike():
    """Szegedy et al. (2016), section 7: cross-entropy with a softer distribution."""
    logits = torch.randn(2, 3, V, generator=torch.Generator().manual_seed(0))
    target, mask, epsilon = tokens(2, 3), mask_of(3, 1, size=3), 0.1
    log_p, by_hand = logits.log_softmax(-1), 0.0
    for b, t in ((0, 0), (0, 1), (0, 2), (1, 0)):
        truth = torch.full((V,), epsilon / V)
        truth[target[b, t]] += 1 - epsilon
        by_hand -= (truth * log_p[b, t]).sum()
    close(sequence_loss(logits, target, mask, epsilon), by_hand / 4)
    close(
        token_losses(logits, target, epsilon)[0].sum()
        + token_losses(logits, target, epsilon)[1, 0],
        by_hand,
    )
    plain = sequence_loss(logits, target, mask)
    assert torch.equal(sequence_loss(logits, target, mask, 0.0), plain)
    # The gradient pulls towards that distribution, and the padding pulls nowhere.
    logits.requires_grad_()
    sequence_loss(logits, target, mask, epsilon).backward()
    pull = (logits.softmax(-1) - F.one_hot(target, V) * (1 - epsilon) - epsilon / V) / 4
    close(logits.grad, pull * mask[..., None])
    moved = torch.where(mask[..., None], logits, 100 * logits.flip(-1))
    assert torch.equal(
        sequence_loss(moved, target, mask, epsilon),
        sequence_loss(logits, target, mask, epsilon),
    )


def test_the_encoder_equals_d2ls_and_unlike_it_ignores_the_padding():
    torch.manual_seed(0)
    ours = Encoder(V, Stacked([GRU(4, 5), GRU(5, 5)]))
    theirs, source = to_d2l(ours), tokens(B, S)
    states, last = theirs(source)  # (S, B, H), (layers, B, H)
    full = mask_of(S, S, S)
    close(ours(source, full).states, states.transpose(0, 1))
    close(ours(source, full).summary, last[-1])
    padded = source.clone()
    padded[:, 3:] = 0
    short = mask_of(3, 3, 3)
    close(ours(padded, short).summary, ours(source[:, :3], short[:, :3]).summary)
    assert not torch.allclose(theirs(padded)[1], theirs(source[:, :3])[1], atol=1e-2)


def test_reversed_means_that_the_last_word_is_read_first():
    torch.manual_seed(0)
    plain = Encoder(V, GRU(4, 5))
    turned = Encoder(V, GRU(4, 5), reverse_source=True)
    turned.load_state_dict(plain.state_dict())
    source, mask = tokens(2, S), mask_of(S, 4)
    other = source.clone()
    other[0], other[1, :4] = source[0].flip(0), source[1, :4].flip(0)
    close(turned(source, mask).summary, plain(other, mask).summary)
    close(turned(source, mask).states[0], plain(other, mask).states[0].flip(0))


def test_the_model_learns_to_copy():
    torch.manual_seed(0)
    ours = seq2seq(Seq2SeqConfig(V, V, 16, 48))
    optimizer = torch.optim.Adam(ours.parameters(), lr=1e-2)
    for n in range(250):
        source = tokens(64, 4, seed=n)
        mask = mask_of(*[4] * 64, size=4)
        previous = torch.cat([torch.ones(64, 1, dtype=torch.long), source], dim=1)
        target = torch.cat([source, torch.full((64, 1), END)], dim=1)
        logits = ours(source, mask, previous)
        loss = sequence_loss(logits, target, torch.ones_like(target).bool())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    source = tokens(50, 4, seed=10**6)
    mask = mask_of(*[4] * 50, size=4)
    with evaluating(ours):
        first = torch.ones(50, dtype=torch.long)
        found = greedy(ours.step, ours.start(source, mask), first, END, 10)
    right = sum(
        list(h.tokens) == row for h, row in zip(found, source.tolist(), strict=True)
    )
    assert right > 40


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="cell: got 'rnn', expected one of gru, lstm"):
        seq2seq(Seq2SeqConfig(V, V, cell="rnn"))
    with pytest.raises(ValueError, match="own: got 2, expected a probability"):
        scheduled_sampling(
            model("gru"), tokens(B, S), mask_of(6, 3, 1), tokens(B, T), own=2
        )
