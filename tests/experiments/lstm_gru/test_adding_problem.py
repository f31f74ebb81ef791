from __future__ import annotations

import math

import pytest
import torch

from claims import failed, outcome
from course_lib.data.batching import generator
from course_lib.data.lags import Batch
from course_lib.experiments import find
from course_lib.experiments.lstm_gru import adding_problem
from course_lib.experiments.lstm_gru.adder import (
    gates_of_units,
    gradient_back,
    probe,
    steps_kept,
)
from course_lib.experiments.lstm_gru.adding_figure import BASELINE
from course_lib.experiments.lstm_gru.adding_problem import (
    Config,
    Job,
    build,
    jobs,
)

EXPERIMENT = find("adding-problem")
SMALL = Config(length=7, hidden_size=5)
true_task = adding_problem.adding_problem
SHORT = {"length": 10, "hidden_size": 16, "steps": 240}  # the GRU solves it in 180


def numbers(rows=3, length=SMALL.length):
    return true_task(rows, length, generator(0, 0)).x


@pytest.mark.parametrize(
    ("kind", "block", "kept"),
    [
        ("lstm", "f", 0.9),
        ("lstm", "f", 1e-9),  # 1e-54 in the end, which float32 does not know
        ("gru", "z", 0.8),
        ("rnn", None, 0.7),
    ],
)
def test_the_gradient_comes_back_by_what_each_step_keeps(kind, block, kept):
    model = build(SMALL, Job(kind, 0.1, 0.0 if kind == "lstm" else None), 0)
    with torch.no_grad():
        for parameter in model.layer.parameters():
            parameter.zero_()  # no other way back than the one that follows
        if block:
            model.layer.bias_of(block).fill_(math.log(kept / (1 - kept)))
        else:
            model.layer.W_h.copy_(kept * torch.eye(SMALL.hidden_size))
    expected = (SMALL.length - 1) * math.log10(kept)
    assert gradient_back(model, numbers()) == pytest.approx(expected, abs=1e-4)


def test_a_gradient_that_is_zero_has_a_logarithm_all_the_same():
    model = build(SMALL, Job("rnn", 0.1), 0)
    with torch.no_grad():
        model.layer.W_h.zero_()
    assert gradient_back(model, numbers()) == -150


def test_a_probe_leaves_the_model_as_it_was():
    model = build(SMALL, Job("lstm", 0.1, 1.0), 0)
    before = [p.clone() for p in model.parameters()]
    probe(model, numbers())
    for p, was in zip(model.parameters(), before, strict=True):
        assert p.dtype == torch.float32
        assert p.grad is None
        assert torch.equal(p, was)


def test_gates_are_the_means_of_units_in_ascending_order():
    layer = build(SMALL, Job("lstm", 0.1, 0.0), 0).layer
    with torch.no_grad():
        layer.W_x.zero_()
        layer.W_h.zero_()
        layer.bias_of("f").copy_(torch.tensor([2.0, -1.0, 0.0, 3.0, 1.0]))
    expected = [1 / (1 + math.exp(-b)) for b in (-1, 0, 1, 2, 3)]
    assert gates_of_units(layer, numbers()) == pytest.approx(expected)


def test_a_gate_of_nine_tenths_keeps_for_ten_steps():
    assert steps_kept(0.9) == pytest.approx(10)
    assert steps_kept(0.0) == 1
    assert steps_kept(1.0) == pytest.approx(1e6)


def test_lstms_of_a_seed_differ_in_their_forget_bias_alone():
    models = {bias: build(SMALL, Job("lstm", 0.1, bias), 3) for bias in (0.0, 3.0)}
    for bias, model in models.items():
        assert (model.layer.bias_of("f") == bias).all()
        model.layer.bias_of("f").zero_()
    first, second = (m.state_dict() for m in models.values())
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_answer_is_read_from_what_is_shown_at_the_end():
    model, x = build(SMALL, Job("lstm", 0.1, 1.0), 0), numbers()
    states, _ = model.layer(x)
    expected = states[:, -1] @ model.output.weight[0] + model.output.bias
    torch.testing.assert_close(model(x), expected)
    assert model(x).shape == (len(x),)


def test_every_network_is_trained_once_and_named():
    names = [job.name for job in jobs(Config())]
    fast = [f"lstm_{bias}" for bias in (0, 1, 3)]
    assert names == ["rnn", "gru", *fast, *(f"slow_{name}" for name in fast)]
    with pytest.raises(ValueError, match=r"forget_biases: got .*, expected also 1"):
        jobs(Config(forget_biases=(0.0, 3.0)))


def test_what_is_tested_is_never_trained_on(monkeypatch):
    drawn = []

    def recorded(batch, length, generator):
        drawn.append((batch, generator.initial_seed()))
        return true_task(batch, length, generator)

    monkeypatch.setattr(adding_problem, "adding_problem", recorded)
    outcome(EXPERIMENT, steps=20, test_sequences=50, length=8)
    test = {seed for batch, seed in drawn if batch == 50}
    train = {seed for batch, seed in drawn if batch != 50}
    assert len(test) == 1  # the same for every network
    assert len(train) == 20
    assert not test & train


def test_a_network_that_does_not_solve_it_has_used_its_budget():
    found = outcome(EXPERIMENT, steps=30, measure_every=20)
    assert found.metrics["steps_gru"] == 30
    assert found.metrics["mse_gru"] > 0.05
    assert found.series["curve"]["gru"]["step"] == [0, 20, 30]
    assert found.tokens == 6 * 30 * 32 * 30
    assert {"mse_lstm_0", "mse_lstm_1", "mse_gru"} <= failed(EXPERIMENT, found.metrics)


def test_marks_that_stand_at_the_end_even_the_rnn_adds(monkeypatch):
    def late(batch, length, generator):
        x, _ = true_task(batch, length, generator)
        x[:, :, 1] = 0
        x[:, -2:, 1] = 1
        return Batch(x, x[:, -2:, 0].sum(1))

    monkeypatch.setattr(adding_problem, "adding_problem", late)
    assert "mse_rnn" in failed(EXPERIMENT, outcome(EXPERIMENT, **SHORT).metrics)


def test_without_marks_nobody_beats_the_baseline(monkeypatch):
    def unmarked(batch, length, generator):
        x, y = true_task(batch, length, generator)
        return Batch(x * torch.tensor([1.0, 0.0]), y)

    monkeypatch.setattr(adding_problem, "adding_problem", unmarked)
    metrics = outcome(EXPERIMENT, **SHORT).metrics
    for name in ("rnn", "gru", "lstm_0", "lstm_1"):
        assert (
            metrics[f"mse_{name}"] > 0.6 * BASELINE
        )  # the mean of all numbers is a hint
    unsolved = {"mse_lstm_0", "mse_lstm_1", "mse_gru", "gru_over_lstm"}
    assert unsolved <= failed(EXPERIMENT, metrics)
