"""Experiments: one module per measured claim, found by the name of its chapter."""

from __future__ import annotations

import sys
from functools import cache

from course_lib.experiments.catalogue import collect
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.runner import execute, run_to_end
from course_lib.results import Result, Run, stored
from course_lib.training import Setting

__all__ = [
    "Band",
    "Experiment",
    "Outcome",
    "Progress",
    "Result",
    "Run",
    "Setting",
    "execute",
    "experiments",
    "find",
    "run_to_end",
    "stored",
]


@cache
def experiments() -> dict[str, Experiment]:
    """Every experiment, by name, in the order of the chapters.

    A module ``experiments/CHAPTER/CLAIM.py`` defines one, named ``EXPERIMENT``.
    """
    return collect(sys.modules[__name__])


def find(name: str) -> Experiment:
    """The experiment called ``name``. Raises ``ValueError`` that lists the names."""
    if name not in experiments():
        raise ValueError(
            f"experiment: got {name!r}, expected one of {', '.join(experiments())}"
        )
    return experiments()[name]
