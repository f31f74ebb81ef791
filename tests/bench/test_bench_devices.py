"""One process against two: both are timed at the same work, and missing GPUs named."""

from __future__ import annotations

import pytest
import torch

from course_lib.bench.devices import in_words, one_against
from course_lib.training import Setting


def test_one_and_two_processes_are_timed_in_turns_on_the_same_batch():
    said = one_against(2, "quick", Setting(), rounds=3)
    assert said["sizes"]["B"] == 3
    assert said["tokens"] == 3 * 5
    for which in ("alone", "shared"):
        times = said[which]["ms"]
        assert len(times) == 3
        assert said[which]["tokens_per_second"] == pytest.approx(
            15e3 / sorted(times)[1], rel=1e-4
        )
    alone, shared = (sorted(said[which]["ms"])[1] for which in ("alone", "shared"))
    assert said["speed_up"] == pytest.approx(alone / shared, rel=1e-4)
    assert said["shared"]["devices"] == 2
    assert said["alone"]["threads"] == torch.get_num_threads()
    assert "1 process" in in_words(said)
    assert f"({said['speed_up']:.2f}× as fast)" in in_words(said)


def test_gpus_that_are_not_there_are_named():
    said = one_against(99, "quick", Setting(device="cuda"), rounds=1)
    assert "got 99, but this torch sees" in said["missing"]
    assert "not measured: devices: got 99" in in_words(said)


def test_processes_that_fail_are_an_error(monkeypatch):
    monkeypatch.setattr("course_lib.processes.launch", lambda words, count: 1)
    with pytest.raises(ValueError, match="2 processes ended with exit code 1"):
        one_against(2, "quick", Setting(), rounds=1)
