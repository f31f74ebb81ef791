from __future__ import annotations

import pytest
import torch

from claims import failed, outcome
from course_lib.experiments import find
from course_lib.experiments.lstm_gru import forget_gate_gradient as claim
from course_lib.lstm_gru import LSTM, LSTMState, lstm_step
from course_lib.recurrent import map_state

T = 9
CONFIG = claim.Config(hidden_size=6, input_size=3, length=T, sequences=2)
X, LAST = claim._error_and_input(CONFIG, seed=0)


def mean_log10(gradients):
    """Of gradients by time, those of the last step first."""
    return torch.stack([g.norm(dim=1).log10().mean() for g in reversed(gradients)])


@pytest.mark.parametrize("kind", claim.KINDS)
def test_gradient_norms_are_those_of_autograd_over_all_steps(kind):
    layer = claim.build(CONFIG, kind, seed=1)
    state, carried = None, []
    for t in range(T):
        _, state = layer(X[:, t : t + 1], state)
        carried.append(state.c if kind in claim.LSTMS else state)
    expected = mean_log10(torch.autograd.grad((LAST * carried[-1]).sum(), carried))
    found = claim.gradient_norms(layer, X, LAST)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", claim.LSTMS)
def test_the_product_of_the_forget_gates_is_autograd_along_the_cell_alone(kind):
    layer = claim.build(CONFIG, kind, seed=1)
    state, cells = LSTMState(*map_state(torch.zeros_like, (LAST, LAST))), []
    for t in range(T):
        before = LSTMState(state.h.detach(), state.c)  # what h says back is not heard
        state = lstm_step(X[:, t], before, layer.W_x, layer.W_h, layer.b)
        cells.append(state.c)
    expected = mean_log10(torch.autograd.grad((LAST * cells[-1]).sum(), cells))
    found = claim.direct_norms(claim.forget_gates(layer, X), LAST)
    torch.testing.assert_close(found, expected)


def test_norms_far_below_double_precision_are_still_numbers():
    config = claim.Config(hidden_size=6, length=2000, sequences=1)
    x, last = claim._error_and_input(config, seed=0)
    layer = claim.build(config, "lstm_default", seed=0)
    alone = claim.direct_norms(claim.forget_gates(layer, x), last)
    for norms in (claim.gradient_norms(layer, x, last), alone):
        assert norms[-1] < -330  # a double ends at 1e-324
        assert norms.isfinite().all()


def test_lstms_of_one_draw_differ_in_their_biases_alone():
    default, *others = (claim.build(CONFIG, kind, seed=3) for kind in claim.LSTMS)
    for name, other in zip(claim.LSTMS[1:], others, strict=True):
        assert torch.equal(other.W_x, default.W_x)
        assert torch.equal(other.W_h, default.W_h)
        assert torch.equal(other.bias_of("o"), default.bias_of("o"))
        assert not torch.equal(other.bias_of("f"), default.bias_of("f"))
        chrono = name == "lstm_chrono"
        assert torch.equal(other.bias_of("i"), default.bias_of("i")) != chrono


def test_a_bias_at_another_gate_fails_its_band(monkeypatch):
    bias_of = LSTM.bias_of

    def as_if_the_order_were_figo(layer, block):
        return bias_of(layer, {"f": "i", "i": "f"}.get(block, block))

    monkeypatch.setattr(LSTM, "bias_of", as_if_the_order_were_figo)
    experiment = find("forget-gate-gradient")
    wrong = failed(experiment, outcome(experiment).metrics)
    assert {"bias_1_gains", "bias_3_gains", "lstm_3", "lstm_chrono"} <= wrong


def test_a_gradient_that_forgets_the_gates_path_fails_its_band(monkeypatch):
    whole = claim.gradient_norms

    def along_the_cell(layer, x, last):
        if isinstance(layer, LSTM):
            return claim.direct_norms(claim.forget_gates(layer, x), last)
        return whole(layer, x, last)

    monkeypatch.setattr(claim, "gradient_norms", along_the_cell)
    experiment = find("forget-gate-gradient")
    wrong = failed(experiment, outcome(experiment).metrics)
    assert {"gates_add_0", "factor_1", "factor_3", "share_0", "share_3"} <= wrong


def test_a_fused_layer_is_refused():
    layer, x = LSTM(2, 3).double(), torch.zeros(1, 4, 2).double()
    with pytest.raises(ValueError, match="layer: got path 'fused', expected 'steps'"):
        claim.gradient_norms(layer, x, torch.ones(1, 3).double())
