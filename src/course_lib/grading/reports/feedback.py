"""``feedback/``: a page for each student, to send back.

It says why a visible test failed, and of a hidden one only that it did: its reason
would show the inputs that are to stay unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports.markup import document, escape, table
from course_lib.grading.reports.page import total, written
from course_lib.grading.reports.result import Result, write_each
from course_lib.grading.reports.stored import write_text
from course_lib.grading.reports.terminal import hint


def write(exercise: Exercise, results: Iterable[Result], folder: Path) -> None:
    """Write each student's page below ``folder``; none where the grader failed.

    Raises ``OSError`` as ``write_each`` does.
    """

    def one(result: Result, path: Path) -> None:
        path = path.with_name(f"{path.name}.html")
        if result.points is None:
            path.unlink(missing_ok=True)
        else:
            write_text(path, _page(exercise, result))

    write_each(results, folder, one)


def _page(exercise: Exercise, result: Result) -> str:
    grade = result.grade
    head = ("Test", "Asks", "Result", "Points", "Why")
    why = f" {grade['status'].capitalize()}: {grade['says']}." if grade["says"] else ""
    return document(
        f"{exercise.title}: {result.student}",
        f"<main><h1>{escape(exercise.title)}</h1>"
        f"<p>{escape(result.student)}: {escape(total(exercise, result))}."
        f"{escape(why)}</p>"
        + table("Tests", head, map(_test, grade["tests"]), text=("Asks", "Why"))
        + table(
            "Cells that failed", ["Cell", "Why"], grade["cells"].items(), text=["Why"]
        )
        + written(exercise, result)
        + "</main>",
    )


def _test(test: Mapping[str, Any]) -> list[str]:
    name = test["name"] + (" (hidden)" if test["hidden"] else "")
    why = "" if test["hidden"] else f"{test['says']} {hint(test)}".strip()
    points = f"{test['points']} of {test['of']}"
    return [name, test["title"], test["status"], points, why]
