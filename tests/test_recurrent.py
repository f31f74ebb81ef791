"""Stacks and both ways equal torch's; padding stays unread in each of them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib.exchange import from_torch, to_torch
from course_lib.lstm_gru import GRU, LSTM
from course_lib.recurrent import Bidirectional, Stacked, reverse
from course_lib.rnn import RNN, LanguageModel, SequenceClassifier, truncated_bptt

B, T, INPUT, H = 3, 7, 4, 5


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def torch_module(kind: type, layers: int, both: bool) -> nn.Module:
    torch.manual_seed(1)
    return kind(INPUT, H, num_layers=layers, bidirectional=both, batch_first=True)


@pytest.mark.parametrize("path", ["steps", "fused"])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_stacks_and_both_ways_equal_torch(kind, layers, both, path):
    reference = torch_module(kind, layers, both)
    ours = from_torch(reference, path)
    x1, x2 = (numbers(B, T, INPUT).requires_grad_() for _ in range(2))
    states, last = ours(x1)
    expected, expected_last = reference(x2)
    close(states, expected)
    h = expected_last[0] if kind is nn.LSTM else expected_last  # (layers x ways, B, H)
    top = torch.cat(list(h[-2:]), dim=-1) if both else h[-1]
    close(ours.hidden(last), top)
    weight = numbers(*states.shape, seed=2)
    (states * weight).mean().backward()
    (expected * weight).mean().backward()
    close(x1.grad, x2.grad)
    close(to_torch(ours)(x1)[0], expected)


@pytest.mark.parametrize("path", ["steps", "fused"])
@pytest.mark.parametrize("both", [False, True])
def test_a_padded_batch_through_a_stack_equals_its_rows(both, path):
    ours = from_torch(torch_module(nn.LSTM, 2, both), path)
    x, lengths = numbers(B, T, INPUT), [T, 3, 1]
    mask = torch.arange(T) < torch.tensor(lengths)[:, None]
    states, last = ours(x, mask=mask)
    for row, length in enumerate(lengths):
        expected, alone = ours(x[row : row + 1, :length])
        close(states[row, :length], expected[0])
        close(ours.hidden(last)[row], ours.hidden(alone)[0])


@given(lengths=st.lists(st.integers(0, T), min_size=B, max_size=B))
def test_reverse_turns_the_tokens_and_leaves_the_padding(lengths):
    x = numbers(B, T, INPUT)
    mask = torch.arange(T) < torch.tensor(lengths)[:, None]
    turned = reverse(x, mask)
    for row, length in enumerate(lengths):
        assert torch.equal(turned[row, :length], x[row, :length].flip(0))
        assert torch.equal(turned[row, length:], x[row, length:])
    assert torch.equal(reverse(turned, mask), x)


def test_dropout_falls_between_the_layers_in_training_only():
    stack = Stacked([LSTM(INPUT, H), LSTM(H, H)], dropout=0.5)
    x = numbers(B, T, INPUT)
    torch.manual_seed(0)
    first, second = stack(x)[0], stack(x)[0]
    assert not torch.allclose(first, second)
    stack.eval()
    assert torch.equal(stack(x)[0], stack(x)[0])
    bottom, _ = stack.layers[0](x)
    close(stack(x)[0], stack.layers[1](bottom)[0])


def test_a_classifier_both_ways_reads_the_last_state_of_each():
    """What `states[:, -1]` would miss: the way back ends at the first token."""
    torch.manual_seed(0)
    model = SequenceClassifier(Bidirectional(GRU(6, H), GRU(6, H)), classes=3)
    tokens = torch.tensor([[0, 1, 2, 3, 4], [4, 2, 0, 0, 0]])
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    close(model(tokens, mask)[1], model(tokens[1:, :2])[0])
    turned = model(torch.tensor([[1, 1, 2, 3, 4]]))
    assert not torch.allclose(model(tokens[:1]), turned)


@pytest.mark.parametrize("make", [LSTM, GRU, RNN])
def test_a_language_model_carries_any_state(make):
    torch.manual_seed(0)
    model = LanguageModel(Stacked([make(6, H), make(H, H)]))
    tokens = torch.randint(0, 6, (2, 9), generator=torch.Generator().manual_seed(0))
    whole, _ = model(tokens)
    first, state = model(tokens[:, :4])
    second, _ = model(tokens[:, 4:], state)
    close(torch.cat([first, second], dim=1), whole)
    written = model.generate(tokens, 5, temperature=0)
    assert written.shape == (2, 5)


def test_truncated_bptt_carries_the_cell_and_cuts_its_gradient():
    torch.manual_seed(0)
    layer = LSTM(INPUT, H, forget_bias=3.0)
    x = numbers(B, T, INPUT).requires_grad_()
    whole, _ = layer(x)
    chunks = list(truncated_bptt(layer, x, 3))
    close(torch.cat(chunks, dim=1), whole)
    (gradient,) = torch.autograd.grad(chunks[1].sum(), x)
    assert (gradient[:, :3] == 0).all()
    assert (gradient[:, 3:6] != 0).all()


def test_layers_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="layers: got none"):
        Stacked([])
    with pytest.raises(ValueError, match="one of input size 4 stands on one of hidden"):
        Stacked([LSTM(INPUT, H), LSTM(INPUT, H)])
    with pytest.raises(ValueError, match="back: got input size 5, expected 4"):
        Bidirectional(GRU(INPUT, H), GRU(H, H))
    with pytest.raises(ValueError, match="all of one hidden size"):
        to_torch(Stacked([LSTM(INPUT, H), LSTM(H, 2)]))
