"""What grading leaves behind: one JSON per student, and of all of them two tables.

``grades.csv`` is for a spreadsheet, ``report.html`` (``page.py``) for the eye.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.grading.exercises import Exercise

Grade = Mapping[str, Any]

_KEYS = {
    "exercise", "student", "seed", "status", "points", "of", "says", "sandbox",
    "seconds", "questions", "tests", "flags", "cells", "answers",
}  # fmt: skip


def write_student(grade: Grade, path: Path) -> None:
    """Store one grade."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(grade, indent=1, ensure_ascii=False)
    # A student's text may hold half a surrogate pair, which UTF-8 cannot.
    path.write_text(text + "\n", encoding="utf-8", errors="replace")


def stored(folder: Path) -> list[Grade]:
    """All grades in ``folder``, by student; none where there is no such folder.

    Raises ``ValueError`` that names a file that is no grade.
    """
    grades = []
    for path in sorted((folder / "students").rglob("*.json")):
        try:
            grade = json.loads(path.read_text(encoding="utf-8"))
            missing = _KEYS - set(grade)
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{path} is not a grade: {error}.") from error
        if missing:
            raise ValueError(f"{path} is not a grade: without {sorted(missing)}.")
        grades.append(grade)
    return grades


def write_class(exercise: Exercise, grades: list[Grade], folder: Path) -> None:
    """Write ``grades.csv`` and ``report.html`` into ``folder``."""
    from course_lib.grading.page import page

    folder.mkdir(parents=True, exist_ok=True)
    opened = (folder / "grades.csv").open(
        "w", newline="", encoding="utf-8", errors="replace"
    )
    with opened as file:
        writer = csv.writer(file)
        before, after = ("student", "status", "points", "of"), ("flags", "sandbox")
        writer.writerow((*before, *exercise.questions, *after, "seed", "sha256"))
        for grade in grades:
            writer.writerow(map(_cell, _row(exercise, grade)))
    (folder / "report.html").write_text(
        page(exercise, grades), encoding="utf-8", errors="replace"
    )


def line(grade: Grade) -> str:
    """One student in one line."""
    if grade["status"] == "graded":
        return f"{grade['student']}: {grade['points']} of {grade['of']} points"
    return f"{grade['student']}: {grade['status']} ({grade['says']})"


def text(grade: Grade) -> str:
    """Every test of one student, for the terminal."""
    lines = []
    for test in grade["tests"]:
        kind = " (hidden)" if test["hidden"] else ""
        lines.append(
            f"  {test['status']:>15}  {test['points']}/{test['of']}  "
            f"{test['name']}{kind}: {test['title']}"
        )
        lines += [f"{'':>24}{part}" for part in (test["says"], hint(test)) if part]
    lines += [f"  {where}: {says}" for where, says in grade["cells"].items()]
    return "\n".join(lines)


def hint(test: Mapping[str, Any]) -> str:
    """The hint of a failed test, as a sentence, or nothing."""
    return f"Hint: {test['hint']}" if test["hint"] else ""


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
