"""One process against two: both are timed at the same work, and missing GPUs named."""

from __future__ import annotations

import pytest
import torch

from course_lib.bench.devices import in_words, one_against
from course_lib.training import Setting


@pytest.fixture
def four_threads(monkeypatch):
    """What a user asked for; those of several processes are as many together."""
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
def test_one_and_two_processes_are_timed_in_turns_on_the_same_batch():
    said = one_against(2, "quick", Setting(), rounds=3)
    assert said["sizes"]["B"] == 3
    assert said["tokens"] == 3 * 5
    alone, shared = said["alone"], said["shared"]
    for one in (alone, shared):
        low, high = one["quartiles"]
        assert 0 < low <= one["ms"] <= high
        assert one["tokens_per_second"] == pytest.approx(15e3 / one["ms"], rel=1e-4)
        assert one["speed_up"] == pytest.approx(one["ms"] / alone["ms"], rel=1e-4)
    assert (alone["devices"], shared["devices"]) == (1, 2)
    words = in_words(said)
    assert "1 process of 4 threads" in words
    assert "2 processes of 2 threads" in words
    assert f"({1 / shared['speed_up']:.2f}× as fast)" in words


def test_gpus_that_are_not_there_are_named():
    said = one_against(99, "quick", Setting(device="cuda"), rounds=1)
    assert "got 99, but this torch sees" in said["missing"]
    assert "not measured: devices: got 99" in in_words(said)


def test_processes_that_fail_are_an_error_and_find_the_gpus_memory_free(monkeypatch):
    done = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: done.append("freed"))
    monkeypatch.setattr(
        "course_lib.processes.launch", lambda words, count: done.append("launched") or 1
    )
    with pytest.raises(ValueError, match="2 processes ended with exit code 1"):
        one_against(2, "quick", Setting(), rounds=1)
    assert done == ["freed", "launched"]
