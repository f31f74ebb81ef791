"""``results.json`` for Gradescope, as its autograder documentation describes it.

https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports.result import Result, write_each
from course_lib.grading.reports.stored import write_text
from course_lib.grading.reports.terminal import hint

# Until the grades are published a student sees neither a hidden test nor the total:
# the inputs that failed would otherwise be there for the next try.
_HIDDEN = "after_published"


def write(exercise: Exercise, results: Iterable[Result], folder: Path) -> None:
    """Write each student's ``results.json`` into his folder below ``folder``.

    Where the grader failed there is none: Gradescope then says so to the teacher,
    and gives no zero. Raises ``OSError`` as ``write_each`` does.
    """

    def one(result: Result, path: Path) -> None:
        path /= "results.json"
        if result.points is None:
            path.unlink(missing_ok=True)
            return
        found = _results(exercise, result)
        write_text(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")

    write_each(results, folder, one)


def _results(exercise: Exercise, result: Result) -> dict[str, Any]:
    grade = result.grade
    return {
        "score": result.points,
        "execution_time": grade["seconds"],
        "output": _overall(result),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [
            *(_test(test) for test in grade["tests"]),
            *(_manual(exercise, result, name) for name in exercise.manual),
        ],
    }


def _overall(result: Result) -> str:
    lines = [result.grade["says"]] if result.grade["says"] else []
    lines += [f"{where}: {said}" for where, said in result.grade["cells"].items()]
    if result.pending:
        names = ", ".join(result.pending)
        lines.append(f"Still to be graded by hand, and not in the score yet: {names}.")
    return "\n".join(lines)


def _test(test: dict[str, Any]) -> dict[str, Any]:
    passed = test["status"] == "passed"
    return {
        "number": test["name"],
        "name": test["title"],
        "score": test["points"],
        "max_score": test["of"],
        "status": "passed" if passed else "failed",
        "output": "Passed." if passed else _why(test),
        "visibility": _HIDDEN if test["hidden"] else "visible",
    }


def _why(test: dict[str, Any]) -> str:
    said = test["says"] or test["status"].capitalize() + "."
    return f"{said} {hint(test)}".strip()


def _manual(exercise: Exercise, result: Result, name: str) -> dict[str, Any]:
    question, mark = exercise.manual[name], result.marks[name]
    graded = {"score": mark.points} if mark.points is not None else {}
    return {
        "number": name,
        "name": question.title,
        **graded,
        "max_score": question.points,
        "output": mark.comment or ("Graded." if graded else "Not graded yet."),
        "visibility": "visible",
    }
