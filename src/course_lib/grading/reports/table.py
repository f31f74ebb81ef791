"""``grades.csv``: one row per student, for a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports.stored import Grade


def write(exercise: Exercise, grades: list[Grade], path: Path) -> None:
    """Write the table of ``grades``."""
    opened = path.open("w", newline="", encoding="utf-8", errors="replace")
    with opened as file:
        writer = csv.writer(file)
        before, after = ("student", "status", "points", "of"), ("flags", "sandbox")
        writer.writerow((*before, *exercise.questions, *after, "seed", "sha256"))
        for grade in grades:
            writer.writerow(map(_cell, _row(exercise, grade)))


def _row(exercise: Exercise, grade: Grade) -> list[Any]:
    return [
        grade["student"],
        grade["status"],
        "" if grade["points"] is None else grade["points"],
        grade["of"],
        *(grade["questions"].get(name, "") for name in exercise.questions),
        "; ".join(
            f"{flag['name']}: {flag['where']}, line {flag['line']}"
            for flag in grade["flags"]
        ),
        grade["sandbox"],
        grade["seed"],
        grade.get("sha256", ""),
    ]


def _cell(value: Any) -> Any:
    # A spreadsheet would run a file named "=HYPERLINK(…)" as a formula.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
