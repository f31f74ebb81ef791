from __future__ import annotations

from claims import failed, outcome
from course_lib.experiments import find
from course_lib.experiments.rnn import memory_horizon


def test_the_horizon_is_the_longest_lag_with_no_gap_before_it():
    lags = (5, 10, 20, 40)
    learned, not_learned = [1.0, 0.95, 0.2], [1.0, 0.5, 0.2]

    def horizon(*which):
        runs = [learned if yes else not_learned for yes in which]
        return memory_horizon.horizon(lags, dict(zip(lags, runs, strict=True)))

    assert horizon(1, 1, 0, 0) == 10
    assert horizon(1, 0, 1, 1) == 5
    assert horizon(0, 1, 1, 1) == 0
    assert horizon(1, 1, 1, 1) == 40


def test_a_task_that_shows_its_answer_again_has_no_horizon(monkeypatch):
    def shown(batch, lag, symbols, generator):
        x, y = true_task(batch, lag, symbols, generator)
        x[:, -1] = y
        return memory_horizon.Batch(x, y)

    true_task = memory_horizon.delayed_recall
    monkeypatch.setattr(memory_horizon, "delayed_recall", shown)
    experiment = find("memory-horizon")
    found = failed(experiment, outcome(experiment).metrics)
    assert {"horizon_default", "longest_default"} <= found
