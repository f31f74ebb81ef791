"""Submissions to the first exercise: right answers, with some of them replaced."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib.grading import build, exercise
from course_lib.grading.exercises import Exercise, Limits

LIMITS = Limits(
    cell_seconds=4,
    call_seconds=3,
    total_seconds=120,
    start_seconds=120,  # a busy machine takes long to import torch
    memory_mb=1500,
    file_mb=4,
)


@pytest.fixture(autouse=True)
def _own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the record of whoever runs it."""
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress"))


@pytest.fixture(scope="session")
def rnn() -> Exercise:
    """Exercise 1 with limits that keep the tests short."""
    return dataclasses.replace(exercise("01_rnn"), limits=LIMITS)


@pytest.fixture(scope="session")
def cells(rnn: Exercise) -> Callable[..., list[str]]:
    """``cells(q1="…")``: the right notebook's code cells, answers replaced."""
    right, answers = build.code(rnn), rnn.solutions

    def replaced(**sources: str) -> list[str]:
        other = {answers[name]: source for name, source in sources.items()}
        return [other.get(cell, cell) for cell in right]

    return replaced


@pytest.fixture
def names(cells: Callable[..., list[str]]) -> Callable[..., dict[str, Any]]:
    """The namespace of such a notebook, its checks not run."""

    def of(**answers: str) -> dict[str, Any]:
        found = {"torch": torch}
        for cell in cells(**answers):
            if "check" not in cell:
                exec(compile(cell, "<cell>", "exec"), found)
        return found

    return of


@pytest.fixture
def submit(tmp_path: Path) -> Callable[[str, list[str]], Path]:
    """Write code cells as a notebook and return its path."""

    def write(name: str, sources: list[str]) -> Path:
        path = tmp_path / "submissions" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        cells = [{"cell_type": "code", "source": source} for source in sources]
        path.write_text(json.dumps({"cells": cells}))
        return path

    return write
