"""LSTM and GRU equal torch's in value and gradient, in every form that torch has."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.exchange import from_torch, to_d2l, to_torch
from course_lib.lstm_gru import (
    GRU,
    LSTM,
    LSTMState,
    PeepholeLSTM,
    backward_through_time,
    chrono_,
    gru_step,
    lstm_gates,
    lstm_step,
)
from course_lib.recurrent import Stacked, map_state

B, T, INPUT, H = 3, 7, 4, 5
LAYERS = {
    "LSTM, steps": lambda: LSTM(INPUT, H, path="steps"),
    "LSTM, fused": lambda: LSTM(INPUT, H),
    "peephole": lambda: PeepholeLSTM(INPUT, H),
    "GRU, steps": lambda: GRU(INPUT, H, path="steps"),
    "GRU, fused": lambda: GRU(INPUT, H),
    "GRU, reset before": lambda: GRU(INPUT, H, reset="before", path="steps"),
}
FUSED = [name for name in LAYERS if "fused" in name]


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def layer(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return LAYERS[name]()


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def state_of(one: nn.Module, batch: int = B, seed: int = 5):
    zero = one.zero_state(torch.zeros(batch, 1, INPUT))
    fresh = torch.Generator().manual_seed(seed)
    return map_state(lambda part: torch.randn(part.shape, generator=fresh), zero)


def parts(state) -> tuple[torch.Tensor, ...]:
    return tuple(state) if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("path", ["steps", "fused"])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_equals_torch_in_value_and_gradient(kind, path):
    torch.manual_seed(1)
    reference = kind(INPUT, H, batch_first=True)
    ours = from_torch(reference, path)
    first = state_of(ours)
    x1, x2 = (numbers(B, T, INPUT).requires_grad_() for _ in range(2))
    s1, s2 = (map_state(lambda p: p.clone().requires_grad_(), first) for _ in range(2))
    states, last = ours(x1, s1)
    expected, expected_last = reference(x2, map_state(lambda p: p[None], s2))
    close(states, expected)
    for part, theirs in zip(parts(last), parts(expected_last), strict=True):
        close(part, theirs[0])
    weight = numbers(*states.shape, seed=2)
    for given_states, given_last in ((states, last), (expected, expected_last)):
        of_last = sum(part.pow(2).mean() for part in parts(given_last))
        ((given_states * weight).mean() + of_last).backward()
    close(x1.grad, x2.grad)
    for part, theirs in zip(parts(s1), parts(s2), strict=True):
        close(part.grad, theirs.grad)
    close(ours.W_x.grad, reference.weight_ih_l0.grad)
    close(ours.W_h.grad, reference.weight_hh_l0.grad)
    close(ours.b.grad, reference.bias_ih_l0.grad)
    if kind is nn.GRU:
        close(ours.b_n.grad, reference.bias_hh_l0.grad.chunk(3)[2])


def test_equals_d2l_in_value_and_gradient():
    torch.manual_seed(0)
    ours = Stacked([GRU(INPUT, H), GRU(H, H)])
    theirs = to_d2l(ours)
    x = numbers(B, T, INPUT)
    states, _ = ours(x)
    expected, _ = theirs(x.transpose(0, 1))  # d2l puts time first
    close(states, expected.transpose(0, 1))
    states.pow(2).sum().backward()
    expected.pow(2).sum().backward()
    for depth in (0, 1):
        weight = getattr(theirs.rnn, f"weight_hh_l{depth}").grad
        torch.testing.assert_close(
            ours.layers[depth].W_h.grad, weight, rtol=1e-5, atol=1e-6
        )


def test_lstm_step_on_numbers_that_one_can_follow():
    # One unit. Its gates are 1/2 but for the forget gate, σ(ln 3) = 3/4; g = tanh(1).
    W_x, W_h = torch.tensor([[0.0], [0.0], [1.0], [0.0]]), torch.zeros(4, 1)
    b = torch.tensor([0.0, math.log(3), 0.0, 0.0])
    state = LSTMState(torch.zeros(1, 1), torch.tensor([[2.0]]))
    h, c = lstm_step(torch.ones(1, 1), state, W_x, W_h, b)
    assert c.item() == pytest.approx(0.75 * 2 + 0.5 * math.tanh(1))
    assert h.item() == pytest.approx(0.5 * math.tanh(c.item()))


def test_the_two_resets_differ_unless_nothing_is_reset():
    W_x, W_h = numbers(3 * H, INPUT), numbers(3 * H, H, seed=1)
    x, h, b, none = numbers(B, INPUT), numbers(B, H), torch.zeros(3 * H), torch.zeros(H)
    before, after = gru_step(x, h, W_x, W_h, b), gru_step(x, h, W_x, W_h, b, none)
    assert not torch.allclose(before, after, atol=1e-2)
    b[:H] = 50.0  # r = 1
    before, after = gru_step(x, h, W_x, W_h, b), gru_step(x, h, W_x, W_h, b, none)
    close(before, after)


def test_reset_before_is_what_the_paper_writes():
    """Cho et al. (2014), equations 5 to 8, for one unit after the other."""
    ours = layer("GRU, reset before")
    x, h = numbers(1, INPUT)[0], numbers(1, H, seed=1)[0]
    W_r, W_z, W_n = ours.W_x.chunk(3)
    U_r, U_z, U_n = ours.W_h.chunk(3)
    b_r, b_z, b_n = ours.b.chunk(3)
    r = torch.sigmoid(W_r @ x + U_r @ h + b_r)
    z = torch.sigmoid(W_z @ x + U_z @ h + b_z)
    candidate = torch.tanh(W_n @ x + U_n @ (r * h) + b_n)
    for j in range(H):
        new = z[j] * h[j] + (1 - z[j]) * candidate[j]
        close(ours.step(x[None], h[None])[0, j], new)


def test_peepholes_see_the_old_cell_but_for_the_output_gate():
    """Gers & Schmidhuber (2000); Graves (2013), equations 7 to 11."""
    ours = layer("peephole")
    x, (h, c) = numbers(B, INPUT), state_of(ours)
    a = x @ ours.W_x.T + h @ ours.W_h.T + ours.b
    a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
    i, f = torch.sigmoid(a_i + ours.p_i * c), torch.sigmoid(a_f + ours.p_f * c)
    new = f * c + i * torch.tanh(a_g)
    o = torch.sigmoid(a_o + ours.p_o * new)
    got = ours.step(x, LSTMState(h, c))
    close(got.c, new)
    close(got.h, o * torch.tanh(new))
    with torch.no_grad():
        for p in (ours.p_i, ours.p_f, ours.p_o):
            p.zero_()
    plain = lstm_step(x, LSTMState(h, c), ours.W_x, ours.W_h, ours.b)
    close(ours.step(x, LSTMState(h, c)).h, plain.h)


@pytest.mark.parametrize("name", LAYERS)
def test_padded_batch_equals_its_rows_one_by_one(name):
    ours = layer(name)
    x, first = numbers(B, T, INPUT), state_of(ours)
    lengths = [3, T, 0]
    mask = torch.arange(T) < torch.tensor(lengths)[:, None]
    states, last = ours(x, first, mask)
    loss = sum(part.pow(2).sum() for part in parts(last))
    together = torch.autograd.grad(loss, list(ours.parameters()))
    alone = [torch.zeros_like(g) for g in together]
    for row, length in enumerate(lengths):
        own = map_state(lambda part, row=row: part[row : row + 1], first)
        if length:
            expected, expected_last = ours(x[row : row + 1, :length], own)
            close(states[row, :length], expected[0])
            loss = sum(part.pow(2).sum() for part in parts(expected_last))
            for total, g in zip(
                alone, torch.autograd.grad(loss, list(ours.parameters())), strict=True
            ):
                total += g
            own = expected_last
        for part, theirs in zip(parts(last), parts(own), strict=True):
            close(part[row], theirs[0])
        close(states[row, length:], ours.hidden(own).expand(T - length, H))
    for got, expected in zip(together, alone, strict=True):
        close(got, expected)


@pytest.mark.parametrize("name", LAYERS)
@given(
    lengths=st.lists(st.integers(1, T), min_size=B, max_size=B),
    noise=st.floats(-1e3, 1e3),
)
@settings(max_examples=15, deadline=None)
def test_what_stands_in_the_padding_changes_nothing(name, lengths, noise):
    ours = layer(name)
    x = numbers(B, T, INPUT)
    mask = torch.arange(T) < torch.tensor(lengths)[:, None]
    changed = torch.where(mask[..., None], x, torch.full_like(x, noise))
    before, after = ours(x, mask=mask), ours(changed, mask=mask)
    assert torch.equal(before[0], after[0])
    for part, other in zip(parts(before[1]), parts(after[1]), strict=True):
        assert torch.equal(part, other)


@pytest.mark.parametrize("name", LAYERS)
@given(step=st.integers(0, T - 2))
@settings(max_examples=10, deadline=None)
def test_the_future_changes_nothing(name, step):
    ours = layer(name)
    x = numbers(B, T, INPUT)
    changed = x.clone()
    changed[:, step + 1 :] += 1
    before, after = ours(x)[0], ours(changed)[0]
    close(after[:, : step + 1], before[:, : step + 1])
    assert not torch.allclose(after[:, step + 1], before[:, step + 1])


@pytest.mark.parametrize("name", LAYERS)
def test_a_sequence_in_two_parts_equals_the_whole(name):
    ours = layer(name)
    x = numbers(B, T, INPUT)
    whole, last = ours(x)
    one, state = ours(x[:, :3])
    two, state = ours(x[:, 3:], state)
    close(torch.cat([one, two], dim=1), whole)
    for part, other in zip(parts(state), parts(last), strict=True):
        close(part, other)


@pytest.mark.parametrize("with_state", [True, False])
def test_gradient_by_hand_equals_autograd(with_state):
    ours = layer("LSTM, steps").double()
    x, d_states = numbers(B, T, INPUT).double(), numbers(B, T, H, seed=3).double()
    first = map_state(lambda p: p.double().requires_grad_(), state_of(ours))
    if not with_state:
        first = map_state(lambda p: torch.zeros_like(p).requires_grad_(), first)
    states, _ = ours(x, first)
    (states * d_states).sum().backward()
    by_hand = backward_through_time(ours, x, d_states, first if with_state else None)
    expected = (ours.W_x.grad, ours.W_h.grad, ours.b.grad, first.h.grad, first.c.grad)
    for got, wanted in zip(by_hand, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)


def test_along_the_cell_alone_the_gradient_is_the_product_of_the_forget_gates():
    """With h cut out of the gates, dc_T/dc_0 is Π f_t, and no matrix stands in it."""
    ours = layer("LSTM, steps").double()
    x = numbers(B, T, INPUT).double()
    first = map_state(torch.Tensor.double, state_of(ours))
    c0 = first.c.clone().requires_grad_()
    state, product = LSTMState(first.h, c0), torch.ones_like(c0)
    for t in range(T):
        shown = state.h.detach()
        product = product * lstm_gates(x[:, t], shown, ours.W_x, ours.W_h, ours.b).f
        state = ours.step(x[:, t], LSTMState(shown, state.c))
    error = numbers(B, H, seed=4).double()
    (got,) = torch.autograd.grad((state.c * error).sum(), c0)
    torch.testing.assert_close(got, error * product.detach(), rtol=0, atol=1e-12)


def test_the_forget_bias_is_set_and_the_rest_is_drawn_as_in_torch():
    torch.manual_seed(0)
    ours = LSTM(INPUT, 64, forget_bias=3.0)
    i, f, g, o = ours.b.detach().chunk(4)
    assert (f == 3).all()
    for drawn in (i, g, o, ours.W_x.detach(), ours.W_h.detach()):
        assert 0.8 / 8 < drawn.abs().max() <= 1 / 8  # U(-1/sqrt(64), 1/sqrt(64))
    assert LSTM(INPUT, 64).bias_of("f").abs().max() <= 1 / 8


@pytest.mark.parametrize(("kind", "gate"), [(LSTM, "f"), (GRU, "z")])
def test_chrono_spreads_the_memories_from_one_step_to_the_longest(kind, gate):
    ours = kind(INPUT, 4000)
    chrono_(ours, 100, torch.Generator().manual_seed(0))
    steps = ours.bias_of(gate).exp()  # u, uniform on (1, 99)
    assert 1 <= steps.min() < 2
    assert 98 < steps.max() <= 99.001
    assert steps.mean().item() == pytest.approx(50, abs=2)
    if kind is LSTM:
        assert torch.equal(ours.bias_of("i"), -ours.bias_of("f"))
    with pytest.raises(ValueError, match="longest: got 2, expected at least 3"):
        chrono_(ours, 2, torch.Generator())


def test_parameters_count_one_four_three():
    def weights(one):
        return one.W_x.numel() + one.W_h.numel()

    four, three = weights(LSTM(INPUT, H)), weights(GRU(INPUT, H))
    assert (four, three) == (4 * (H * INPUT + H * H), 3 * (H * INPUT + H * H))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="path: got 'quick', expected one of steps"):
        LSTM(INPUT, H, path="quick")
    with pytest.raises(ValueError, match="reset: got 'never', expected one of after"):
        GRU(INPUT, H, reset="never")
    with pytest.raises(ValueError, match="path: got 'fused' with reset='before'"):
        GRU(INPUT, H, reset="before")
    with pytest.raises(ValueError, match="block: got 'z', expected one of ifgo"):
        LSTM(INPUT, H).bias_of("z")
    with pytest.raises(ValueError, match=r"x: got shape \(3, 7, 2\), expected \(B, T"):
        LSTM(INPUT, H)(torch.zeros(B, T, 2))
    with pytest.raises(ValueError, match=r"state: got shape \(3, 5\), expected \(\(3"):
        LSTM(INPUT, H)(torch.zeros(B, T, INPUT), torch.zeros(B, H))
    with pytest.raises(ValueError, match=r"state: got shape \(3, 2\), expected \(3, 5"):
        GRU(INPUT, H)(torch.zeros(B, T, INPUT), torch.zeros(B, 2))
    with pytest.raises(ValueError, match=r"mask: got torch\.int64"):
        GRU(INPUT, H)(torch.zeros(B, T, INPUT), mask=torch.ones(B, T).long())


@pytest.mark.parametrize("name", FUSED)
def test_padding_before_a_token_is_refused_by_the_kernel_and_done_by_the_loop(name):
    x = numbers(B, T, INPUT)
    mask = torch.arange(T) >= torch.tensor([0, 2, 4])[:, None]
    with pytest.raises(ValueError, match="mask: the fused path expects all padding"):
        layer(name)(x, mask=mask)
    loop = layer(name.replace("fused", "steps"))
    together, alone = loop(x, mask=mask)[1], loop(x[1:2, 2:])[1]
    close(loop.hidden(together)[1], loop.hidden(alone)[0])


def test_to_torch_refuses_what_torch_has_not():
    with pytest.raises(ValueError, match="layer: got PeepholeLSTM of 5, expected"):
        to_torch(PeepholeLSTM(INPUT, H))
    with pytest.raises(ValueError, match="reset: got 'before', expected 'after'"):
        to_torch(GRU(INPUT, H, reset="before", path="steps"))
    with pytest.raises(ValueError, match="expected biases and no projection"):
        from_torch(nn.LSTM(INPUT, H, proj_size=2))
