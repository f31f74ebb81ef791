"""``grades.csv``: one row per student, for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports import spreadsheet
from course_lib.grading.reports.result import Result, number, possible

PENDING = "pending"


def write(exercise: Exercise, results: Iterable[Result], path: Path) -> None:
    """Write the table. ``points`` are those so far, where a question is pending."""
    before, after = ("student", "status", "points", "of"), ("flags", "seconds")
    questions = (*exercise.questions, *exercise.manual)
    header = (*before, *questions, *after, "sandbox", "seed", "version", "sha256")
    rows = [_row(exercise, result) for result in results]
    spreadsheet.write(path, [header, *rows])


def points(exercise: Exercise, result: Result) -> list[str]:
    """What the student has for each question, those given by hand last."""
    given = [
        PENDING if name in result.pending else _number(mark.points)
        for name, mark in result.marks.items()
    ]
    tested = [_number(result.grade["questions"].get(q)) for q in exercise.questions]
    return [*tested, *given]


def _row(exercise: Exercise, result: Result) -> list[Any]:
    grade = result.grade
    return [
        result.student,
        grade["status"],
        _number(result.points),
        possible(exercise),
        *points(exercise, result),
        "; ".join(
            f"{flag['name']}: {flag['where']}, line {flag['line']}"
            for flag in grade["flags"]
        ),
        grade["seconds"],
        result.sandbox,
        grade["seed"],
        grade["version"],
        grade["sha256"],
    ]


def _number(value: float | None) -> str:
    return "" if value is None else number(value)
