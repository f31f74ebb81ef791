"""The RNN equals torch's in value and gradient and sees neither padding nor future."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.rnn import (
    RNN,
    LanguageModel,
    SequenceClassifier,
    SequenceTagger,
    backward_through_time,
    one_hot,
    rnn_step,
    truncated_bptt,
)

B, T, INPUT, H, V = 3, 7, 4, 5, 6
PAIRS = [
    (path, nonlinearity)
    for path in ("steps", "hoisted", "fused")
    for nonlinearity in ("tanh", "relu")
]


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def inputs(seed: int = 0, steps: int = T) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(B, steps, INPUT, generator=generator),
        torch.randn(B, H, generator=generator),
    )


def layer(nonlinearity: str = "tanh", path: str = "steps", seed: int = 0) -> RNN:
    torch.manual_seed(seed)
    return RNN(INPUT, H, nonlinearity, path)


@pytest.mark.parametrize(("path", "nonlinearity"), PAIRS)
def test_equals_torch_in_value_and_gradient(path, nonlinearity):
    torch.manual_seed(1)
    reference = torch.nn.RNN(INPUT, H, nonlinearity=nonlinearity, batch_first=True)
    ours = RNN.from_torch(reference, path)
    x, h0 = inputs()
    x1, x2 = x.clone().requires_grad_(), x.clone().requires_grad_()
    h1, h2 = h0.clone().requires_grad_(), h0.clone().requires_grad_()
    states, last = ours(x1, h1)
    expected, expected_last = reference(x2, h2[None])
    close(states, expected)
    close(last, expected_last[0])
    weight = torch.randn(states.shape, generator=torch.Generator().manual_seed(2))
    (states * weight).mean().backward()
    (expected * weight).mean().backward()
    close(x1.grad, x2.grad)
    close(h1.grad, h2.grad)
    close(ours.W_x.grad, reference.weight_ih_l0.grad)
    close(ours.W_h.grad, reference.weight_hh_l0.grad)
    close(ours.b.grad, reference.bias_ih_l0.grad)


def test_from_torch_and_back_is_the_same_layer():
    ours = layer()
    x, h0 = inputs()
    close(ours.to_torch()(x, h0[None])[0], ours(x, h0)[0])
    with pytest.raises(ValueError, match=r"module: got .*expected one layer"):
        RNN.from_torch(torch.nn.RNN(INPUT, H, num_layers=2))


def test_linear_layer_is_a_matrix_power():
    ours = layer("linear")
    with torch.no_grad():
        ours.b.zero_()
    _, h0 = inputs()
    _, last = ours(torch.zeros(B, 4, INPUT), h0)
    close(last, h0 @ torch.linalg.matrix_power(ours.W_h, 4).T)


@pytest.mark.parametrize(("path", "nonlinearity"), PAIRS)
def test_padded_batch_equals_its_rows_one_by_one(path, nonlinearity):
    ours = layer(nonlinearity, path)
    x, h0 = inputs()
    lengths = [T, 3, 0]
    mask = torch.arange(T) < torch.tensor(lengths)[:, None]
    states, last = ours(x, h0, mask)
    together = torch.autograd.grad(last.pow(2).sum(), list(ours.parameters()))
    alone = [torch.zeros_like(g) for g in together]
    for row, length in enumerate(lengths):
        if length == 0:
            close(last[row], h0[row])
            continue
        expected, expected_last = ours(x[row : row + 1, :length], h0[row : row + 1])
        close(states[row, :length], expected[0])
        close(last[row], expected_last[0])
        loss = expected_last.pow(2).sum()
        for total, g in zip(
            alone, torch.autograd.grad(loss, list(ours.parameters())), strict=True
        ):
            total += g
    for ours_, theirs in zip(together, alone, strict=True):
        close(ours_, theirs)


@given(
    lengths=st.lists(st.integers(1, T), min_size=B, max_size=B),
    noise=st.floats(-1e3, 1e3),
    path=st.sampled_from(["steps", "hoisted", "fused"]),
)
@settings(max_examples=30, deadline=None)
def test_what_stands_in_the_padding_changes_nothing(lengths, noise, path):
    ours = layer(path=path)
    x, _ = inputs()
    mask = torch.arange(T) < torch.tensor(lengths)[:, None]
    changed = torch.where(mask[..., None], x, torch.full_like(x, noise))
    assert torch.equal(ours(x, mask=mask)[0], ours(changed, mask=mask)[0])


@given(step=st.integers(0, T - 2), path=st.sampled_from(["steps", "hoisted", "fused"]))
@settings(max_examples=20, deadline=None)
def test_the_future_changes_nothing(step, path):
    ours = layer(path=path)
    x, _ = inputs()
    changed = x.clone()
    changed[:, step + 1 :] += 1
    before, after = ours(x)[0], ours(changed)[0]
    close(after[:, : step + 1], before[:, : step + 1])
    assert not torch.allclose(after[:, step + 1], before[:, step + 1])


def test_left_padding_works_step_by_step_and_is_refused_by_the_kernel():
    x, h0 = inputs()
    mask = torch.arange(T) >= torch.tensor([0, 2, 4])[:, None]
    _, last = layer()(x, h0, mask)
    close(last[1], layer()(x[1:2, 2:], h0[1:2])[1][0])
    with pytest.raises(ValueError, match="mask: the fused path expects all padding"):
        layer(path="fused")(x, h0, mask)


@pytest.mark.parametrize("with_h0", [True, False])
def test_gradient_by_hand_equals_autograd(with_h0):
    ours = layer().double()
    x, h0 = (tensor.double() for tensor in inputs())
    h0 = h0.requires_grad_() if with_h0 else torch.zeros_like(h0).requires_grad_()
    states, _ = ours(x, h0)
    states.retain_grad()
    loss = (states.sin() * torch.arange(1, T + 1)[:, None]).sum()
    expected = torch.autograd.grad(loss, [ours.W_x, ours.W_h, ours.b, h0])
    direct = states.detach().cos() * torch.arange(1, T + 1)[:, None]
    with torch.no_grad():
        by_hand = backward_through_time(
            ours, x, states, direct, h0 if with_h0 else None
        )
    for ours_, theirs in zip(by_hand, expected, strict=True):
        torch.testing.assert_close(ours_, theirs, rtol=1e-12, atol=1e-12)


def test_truncated_bptt_keeps_the_state_and_cuts_the_gradient():
    ours = layer()
    x, h0 = inputs()
    x.requires_grad_()
    chunks = list(truncated_bptt(ours, x, 3, h0))
    assert [chunk.shape[1] for chunk in chunks] == [3, 3, 1]
    close(torch.cat(chunks, dim=1), ours(x, h0)[0])
    (reached,) = torch.autograd.grad(chunks[1][:, -1].sum(), x)
    assert (reached[:, :3] == 0).all()
    assert (reached[:, 3:6] != 0).any(dim=-1).all()
    with pytest.raises(ValueError, match="length: got 0, expected at least 1"):
        next(truncated_bptt(ours, x, 0))


def test_truncated_bptt_over_the_whole_length_is_full_bptt():
    ours = layer()
    x, h0 = inputs()
    full = torch.autograd.grad(ours(x, h0)[0].pow(2).sum(), ours.W_h)[0]
    (states,) = truncated_bptt(ours, x, T, h0)
    close(torch.autograd.grad(states.pow(2).sum(), ours.W_h)[0], full)
    cut = sum(
        torch.autograd.grad(chunk.pow(2).sum(), ours.W_h)[0]
        for chunk in truncated_bptt(ours, x, 2, h0)
    )
    assert not torch.allclose(cut, full)


def test_heads_read_the_states_they_say():
    torch.manual_seed(0)
    tokens = torch.randint(V, (B, T))
    classifier = SequenceClassifier(RNN(V, H), 3)
    states, last = classifier.layer(one_hot(tokens, V))
    close(classifier(tokens), classifier.output(last))
    tagger = SequenceTagger(RNN(INPUT, H), 2)
    x, _ = inputs()
    close(tagger(x), tagger.output(tagger.layer(x)[0]))
    model = LanguageModel(RNN(V, H))
    logits, state = model(tokens)
    close(logits, model.output(model.layer(one_hot(tokens, V))[0]))
    close(state, model.layer(one_hot(tokens, V))[1])
    assert logits.shape == (B, T, V)
    assert states.shape == (B, T, H)


def test_one_hot_picks_a_column():
    ours = layer()
    close(one_hot(torch.tensor([2]), INPUT) @ ours.W_x.T, ours.W_x[:, 2][None])


def test_language_model_continues_from_its_state():
    torch.manual_seed(0)
    model = LanguageModel(RNN(V, H))
    tokens = torch.randint(V, (B, T))
    whole, _ = model(tokens)
    first, state = model(tokens[:, :3])
    second, _ = model(tokens[:, 3:], state)
    close(torch.cat([first, second], dim=1), whole)


def test_generate_is_the_same_as_running_the_whole_prefix_again():
    torch.manual_seed(0)
    model = LanguageModel(RNN(V, H))
    prefix = torch.randint(V, (2, 4))
    greedy = model.generate(prefix, 6, temperature=0)
    tokens = prefix
    for n in range(6):
        token = model(tokens)[0][:, -1].argmax(dim=-1)
        assert torch.equal(greedy[:, n], token)
        tokens = torch.cat([tokens, token[:, None]], dim=1)
    seeded = [
        model.generate(prefix, 20, generator=torch.Generator().manual_seed(s))
        for s in (1, 1, 2)
    ]
    assert torch.equal(seeded[0], seeded[1])
    assert not torch.equal(seeded[0], seeded[2])
    assert model.generate(prefix, 0).shape == (2, 0)
    with pytest.raises(ValueError, match="temperature: got -1"):
        model.generate(prefix, 1, temperature=-1)


def test_size_does_not_depend_on_the_length():
    count = sum(p.numel() for p in RNN(128, 128).parameters())
    assert count == 128 * 128 * 2 + 128


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RNN(2, 3, "sigmoid"), "nonlinearity: got 'sigmoid'"),
        (lambda: RNN(2, 3, path="fast"), "path: got 'fast'"),
        (lambda: RNN(2, 3, "linear"), "path: 'fused' has no linear kernel"),
        (lambda: layer()(torch.zeros(2, 3)), r"x: got shape \(2, 3\), expected"),
        (lambda: layer()(torch.zeros(2, 0, INPUT)), "x: got shape"),
        (
            lambda: layer()(torch.zeros(2, 3, INPUT), torch.zeros(H)),
            r"h0: got shape \(5,\), expected \(2, 5\)",
        ),
        (
            lambda: layer()(torch.zeros(2, 3, INPUT), mask=torch.ones(2, 3)),
            "mask: got torch.float32",
        ),
        (
            lambda: backward_through_time(layer("relu"), *[torch.zeros(1, 1, 1)] * 3),
            "layer: got 'relu', expected a tanh layer",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_step_is_equation_one():
    W_x, W_h = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5]])
    h = rnn_step(
        torch.tensor([[0.3, 9.0]]), torch.tensor([[0.4]]), W_x, W_h, torch.tensor([0.1])
    )
    close(h, torch.tanh(torch.tensor([[0.3 + 0.2 + 0.1]])))
