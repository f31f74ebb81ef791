from __future__ import annotations

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from claims import failed, outcome
from course_lib import lstm_gru
from course_lib.experiments import Setting, find
from course_lib.experiments.lstm_gru import recurrent_cost as claim
from course_lib.experiments.lstm_gru import stopwatch
from course_lib.lstm_gru import GRU, LSTM
from course_lib.rnn import RNN


@pytest.mark.parametrize("cell", claim.CELLS)
def test_the_closed_form_is_what_is_counted_for_other_sizes_too(cell):
    B, T, I, H = 3, 5, 7, 11  # noqa: E741
    layer = claim.CELLS[cell](I, H, path="steps")
    x = torch.randn(B, T, I, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        stopwatch.gradients(layer, x, torch.randn(B, T, H))
    expected = B * T * claim.flop(claim.BLOCKS[cell], I, H, T)
    assert counter.get_total_flops() == pytest.approx(expected, rel=1e-12)


def test_parameters_of_a_layer_of_128():
    found = {cell: claim.count(cell, 128, Setting()) for cell in claim.CELLS}
    assert {cell: c["of_torch"] for cell, c in found.items()} == {
        "rnn": 33_024,
        "lstm": 132_096,
        "gru": 99_072,
    }
    fewer = {cell: c["of_torch"] - c["parameters"] for cell, c in found.items()}
    assert fewer == {"rnn": 128, "lstm": 4 * 128, "gru": 2 * 128}  # the GRU has b_n
    assert found["gru"]["weights"] == 3 * 128 * 256


def test_gradients_are_those_of_one_pass_however_often_it_is_made():
    layer = LSTM(4, 4)
    x, d_states = stopwatch.random_batch(4, batch=2, length=3, seed=0)
    x.requires_grad_()
    first = stopwatch.gradients(layer, x, d_states)
    again = stopwatch.gradients(layer, x, d_states)
    expected = torch.autograd.grad(layer(x)[0], (x, *layer.parameters()), d_states)
    for a, b, c in zip(first, again, expected, strict=True):
        torch.testing.assert_close(a, c)
        torch.testing.assert_close(b, c)


def test_a_gpu_is_waited_for_before_and_after(monkeypatch):
    done = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: done.append(device))
    assert stopwatch.seconds(lambda: done.append("work"), "cuda:0") > 0
    assert done == ["cuda:0", "work", "cuda:0"]
    done.clear()
    stopwatch.seconds(lambda: done.append("work"), "cpu")
    assert done == ["work"]


def test_the_median_is_per_time_step_and_sequence_and_leaves_the_first_out(monkeypatch):
    alone, whole = (99.0, 4.0, 1.0, 3.0, 2.0, 5.0), (99.0, 0.1, 0.1, 0.2, 0.3, 0.3)
    clock = iter([time for pair in zip(alone, whole, strict=True) for time in pair])

    def seconds(work, device):
        work()
        return next(clock)

    monkeypatch.setattr(stopwatch, "seconds", seconds)
    layer = RNN(3, 3)
    before = layer.W_h.detach().clone()
    watch = stopwatch.Stopwatch(layer, 2, 5, times=6, setting=Setting())
    shown = [watch.measure() for _ in range(6)]
    assert shown[1] == pytest.approx(4.0 * 1e6 / (2 * 5))
    assert watch.us == pytest.approx(3.0 * 1e6 / (2 * 5))
    assert watch.quartiles == pytest.approx((2.0 * 1e5, 4.0 * 1e5))
    assert watch.training_ms == pytest.approx(200)
    assert not torch.equal(layer.W_h, before)  # it did train


def test_no_claim_depends_on_a_clock():
    timed = ("time_", "us_", "training_ms_", "fused_gains_", "spread")
    for bands in find("recurrent-cost").bands.values():
        for band in bands:
            claimed = math.isfinite(band.low) or math.isfinite(band.high)
            assert claimed != band.metric.startswith(timed)


def test_a_layer_that_multiplies_twice_fails_its_band(monkeypatch):
    step = GRU.step

    def wasteful(layer, x, h):
        step(layer, x, h)
        return step(layer, x, h)

    monkeypatch.setattr(GRU, "step", wasteful)
    experiment = find("recurrent-cost")
    assert {"flop_gru", "flop_error"} == failed(experiment, outcome(experiment).metrics)


def test_a_written_out_path_of_another_layer_fails_its_band(monkeypatch):
    gru_step = lstm_gru.gru_step

    def reset_before(x, h, W_x, W_h, b, b_n=None):
        return gru_step(x, h, W_x, W_h, b) + 0 * b_n

    monkeypatch.setattr(lstm_gru, "gru_step", reset_before)
    experiment = find("recurrent-cost")
    assert "paths_differ" in failed(experiment, outcome(experiment).metrics)
