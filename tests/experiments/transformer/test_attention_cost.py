from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from claims import failed, outcome
from course_lib.experiments import find
from course_lib.experiments.transformer import attention_cost as claim
from course_lib.experiments.transformer import layer_costs, race
from course_lib.self_attention import MultiHeadAttention, Seen

FEW = {"counted": (8,), "memory_lengths": (256, 512), "rounds": 1}


@pytest.mark.parametrize("name", layer_costs.FLOP)
def test_the_closed_form_is_what_is_counted(name):
    n, d = 6, 10
    assert layer_costs.count_flop(name, n, d) == layer_costs.FLOP[name](n, d)


def test_flop_of_the_three_layers_by_hand():
    n, d = 1000, 1000
    assert layer_costs.FLOP["core"](n, d) == 4e9
    assert layer_costs.FLOP["attention"](n, d) == 12e9
    assert layer_costs.FLOP["lstm"](n, d) == 16e9
    two_d = [layer_costs.FLOP[name](2 * d, d) for name in ("attention", "lstm")]
    assert two_d[0] == two_d[1]


@pytest.mark.parametrize("name", ["core", "attention", "rnn", "lstm", "convolution"])
def test_the_timed_layer_is_the_counted_one(name):
    x = torch.randn(2, 7, 8)
    fused, written_out = (
        layer_costs.build(name, 8, 2, fused, seed=3) for fused in (True, False)
    )
    torch.testing.assert_close(
        layer_costs.apply(fused, x), layer_costs.apply(written_out, x)
    )


def test_a_chain_is_the_longest_one_and_counts_products_only():
    W = torch.randn(3, 3)
    x = torch.randn(3, 3, requires_grad=True)
    short = (x @ W).tanh()
    long = ((x @ W).relu() @ W) @ W
    assert layer_costs.chain(short) == 1
    assert layer_costs.chain(short + long) == 3
    assert layer_costs.chain(short @ long) == 4
    assert layer_costs.chain(x * 2) == 0


def test_the_chain_of_a_convolution_is_one_and_of_an_lstm_its_length():
    for name, expected in (("convolution", 1), ("lstm", 5), ("core", 2)):
        x = torch.randn(1, 5, 8, requires_grad=True)
        layer = layer_costs.build(name, 8, 2, fused=False)
        assert layer_costs.chain(layer_costs.apply(layer, x)[:, -1]) == expected


def test_reach_is_one_where_nothing_depends_on_distance(monkeypatch):
    class Mean(nn.Module):
        def forward(self, x):
            return x + (x.mean(dim=1, keepdim=True) @ torch.eye(4).to(x),)[0], None

    monkeypatch.setattr(layer_costs, "build", lambda *_, **__: Mean())
    assert layer_costs.path("mean", 9, 4, 1, seed=0).reach == pytest.approx(1)


def test_reach_of_a_linear_recurrence_is_the_power_of_its_factor(monkeypatch):
    class Half(nn.Module):
        def forward(self, x):
            h = 0 * x[:, 0]
            for t in range(x.shape[1]):
                h = 0.5 * h + x[:, t] @ torch.eye(4).to(x)
            return h[:, None], None

    monkeypatch.setattr(layer_costs, "build", lambda *_, **__: Half())
    # The first token is 9 steps away, the last but one is 1 step away.
    assert layer_costs.path("half", 10, 4, 1, seed=0).reach == pytest.approx(0.5**8)


# --- the race


def test_where_two_times_cross():
    n = [1, 2, 4, 8]
    assert race.crossing(n, [1, 4, 16, 64], [3, 6, 12, 24]) == pytest.approx(3)
    assert race.crossing(n, [1, 2, 3, 4], [2, 3, 4, 5]) == 8  # never slower: the last
    assert race.crossing(n, [2, 3, 4, 5], [1, 2, 3, 4]) == 1  # always slower: the first
    again = race.crossing(n, [1, 9, 8, 64], [3, 6, 16, 32])  # a lap at 2 stumbled
    assert again == pytest.approx(4 * 2**0.5)


def test_a_slope_is_the_power():
    n = [1, 3, 10, 20]
    assert race.slope(n, [5 * k**1.5 for k in n]) == pytest.approx(1.5)


def test_layers_take_turns_on_one_thread_and_the_first_lap_is_left_out(monkeypatch):
    turns, threads = [], []
    clock = iter([99.0, 99.0, 1.0, 10.0, 3.0, 20.0, 2.0, 60.0])

    def seconds(work, device):
        threads.append(torch.get_num_threads())
        work()
        return next(clock)

    monkeypatch.setattr(race, "seconds", seconds)
    monkeypatch.setattr(race, "apply", lambda layer, x: turns.append(layer) or x)
    one = race.Race({"a": "A", "b": "B"}, torch.zeros(1, 2, 2))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        laps = [one.lap() for _ in range(4)]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert turns == ["A", "B"] * 4
    assert set(threads) == {1}
    assert laps[1] == {"a": 1.0, "b": 10.0}
    assert one.medians == {"a": 2.0, "b": 20.0}


@pytest.mark.parametrize("backward", [False, True])
def test_the_backward_pass_is_run_where_asked_for(backward):
    ran = []
    layer = layer_costs.build("attention", 8, 2, fused=True)
    layer.W_q.weight.register_hook(lambda gradient: ran.append(gradient))
    race.Race({"attention": layer}, torch.randn(1, 4, 8), backward).lap()
    assert bool(ran) == backward
    assert layer.W_q.weight.grad is None  # nothing is added up from lap to lap


def test_lengths_are_powers_of_two_times_d():
    assert claim.multiples(4) == [0.5, 1, 2, 4]


# --- the claim


def test_at_quick_scale_no_band_depends_on_a_clock():
    for band in find("attention-cost").bands["quick"]:
        if band.metric.startswith(("time_", "crossing_", "rate_")):
            assert math.isinf(band.low)
            assert math.isinf(band.high)


def test_attention_without_two_projections_fails_its_bands(monkeypatch):
    def unprojected(layer, x):
        return Seen(layer._split(x), layer._split(x))

    monkeypatch.setattr(MultiHeadAttention, "look_at", unprojected)
    experiment = find("attention-cost")
    found = failed(experiment, outcome(experiment, **FEW).metrics)
    assert found == {"flop_error", "cheaper_attention"}


def test_a_fused_path_that_writes_out_fails_its_band(monkeypatch):
    build = layer_costs.build
    monkeypatch.setattr(
        layer_costs,
        "build",
        lambda name, size, heads, fused, seed=0: build(name, size, heads, False, seed),
    )
    experiment = find("attention-cost")
    found = failed(experiment, outcome(experiment, **FEW).metrics)
    assert found == {"memory_slope_fused"}
