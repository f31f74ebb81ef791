from __future__ import annotations

from claims import failed, outcome
from course_lib.experiments import find
from course_lib.experiments.rnn import gradient_clipping

true_training = gradient_clipping.Training


def test_without_clipping_there_is_no_gain(monkeypatch):
    monkeypatch.setattr(
        gradient_clipping,
        "Training",
        lambda steps, lr, kind, clip: true_training(steps, lr, kind, None),
    )
    experiment = find("gradient-clipping")
    metrics = outcome(experiment, runs=2, steps=100).metrics
    assert metrics["gain"] == 0
    assert "gain" in failed(experiment, metrics)
