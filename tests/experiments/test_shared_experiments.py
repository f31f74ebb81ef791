"""Experiments of several chapters run in two processes, which end with the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course_lib import processes

NAMES = (
    "source-reversal",
    "attention-alignment",
    "one-head-averages",
    "attention-distance",
    "position-table",
)
REFUSED = "missing-bias"  # its CNN normalises over the batch


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What each of two processes measured."""
    folder = tmp_path_factory.mktemp("seen")
    program = Path(__file__).with_name("shared_experiments.py")
    words = [program, folder, *NAMES, REFUSED]
    assert processes.launch([str(word) for word in words], 2) == 0
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("name", NAMES)
def test_both_processes_measure_the_same_after_shared_steps(seen, name):
    first, second = (one[name] for one in seen)
    assert first["steps"] >= 3
    assert first["metrics"] == pytest.approx(second["metrics"], nan_ok=True, rel=1e-12)


def test_what_cannot_be_shared_is_refused_before_a_step(seen):
    for one in seen:
        assert "normalises over its batch" in one[REFUSED]["error"]
        assert one[REFUSED]["steps"] == 0
