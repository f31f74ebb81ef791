"""What is special about this claim; what holds for every one is tested already."""

from __future__ import annotations

import pytest

from claims import failed, outcome
from course_lib.experiments.a_chapter.new_name import EXPERIMENT


def test_the_error_is_that_of_the_noise():
    metrics = outcome(EXPERIMENT, noise=0.0).metrics
    assert metrics["error"] == pytest.approx(0.0, abs=0.02)
    assert failed(EXPERIMENT, metrics) == {"error"}


def test_without_training_the_claim_does_not_hold():
    assert failed(EXPERIMENT, outcome(EXPERIMENT, steps=1).metrics) == {"error"}
