"""The grade of one submission, a function of its arguments alone."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

from course_lib.grading import notebook, remote
from course_lib.grading.answers import shorten
from course_lib.grading.exercises import Exercise
from course_lib.grading.run import Outcome, run

# Worth a look in any exercise: what plain answers never need.
_SUSPECT = ("ctypes", "inspect", "os", "socket", "subprocess", "sys")
_CODE_LIMIT = 20_000  # characters of an answer that are kept for the report


def grade_one(
    exercise: Exercise, path: Path, seed: int, student: str | None = None
) -> dict[str, Any]:
    """The grade of one submission, as the JSON that is stored. Never raises.

    ``status`` is ``graded``, ``unreadable`` (no notebook: 0 points) or
    ``GRADER ERROR`` (not the student's fault: ``points`` is None).
    """
    started = time.perf_counter()
    grade: dict[str, Any] = {
        "exercise": exercise.name,
        "student": shorten(student or path.stem),
        "file": shorten(path.name),
        "seed": seed,
        "sandbox": remote.SANDBOX,
        "of": exercise.points,
    }
    try:
        if path.is_symlink() or not path.is_file():
            raise notebook.Unreadable("a link or a folder, not a file")
        with path.open("rb") as file:
            data = file.read(notebook.SIZE_LIMIT + 1)
        grade["sha256"] = hashlib.sha256(data).hexdigest()
        grade |= _grade_cells(exercise, notebook.code_cells(data), seed)
    except notebook.Unreadable as error:
        grade |= _nothing(exercise, "unreadable", str(error)) | {"points": 0}
    except Exception as error:  # whatever it was, the next student is graded
        says = f"{type(error).__name__}: {error}"
        grade |= _nothing(exercise, "GRADER ERROR", says)
    return grade | {"seconds": round(time.perf_counter() - started, 1)}


def _grade_cells(exercise: Exercise, cells: list[str], seed: int) -> dict[str, Any]:
    with remote.Remote(exercise, cells) as submission:
        outcomes = run(exercise.cases, submission.answers, seed)
    missing = "".join(f", without {name}" for name in submission.limits_not_set)
    return {
        "status": "graded",
        "says": "",
        "sandbox": remote.SANDBOX + missing,
        "points": sum(outcome.points for outcome in outcomes),
        "questions": _questions(exercise, outcomes),
        "tests": [_test(outcome) for outcome in outcomes],
        "flags": _flags(exercise, cells),
        "cells": {
            notebook.place(index, cells[index - 1], exercise.answers): says
            for index, says in sorted(submission.cell_errors.items())
        },
        "answers": _answers(exercise, cells),
    }


def _flags(exercise: Exercise, cells: list[str]) -> list[dict[str, Any]]:
    reasons = {
        **dict.fromkeys(_SUSPECT, "reaches outside the notebook"),
        **dict.fromkeys(exercise.flag, "can do the work that a question asks for"),
        **dict.fromkeys(exercise.hide, "holds the answers; barred while graded"),
    }
    return [
        {
            "name": use.name,
            "why": reasons[use.name],
            "where": notebook.place(use.cell, cells[use.cell - 1], exercise.answers),
            "line": use.line,
            "code": shorten(cells[use.cell - 1].split("\n")[use.line - 1].strip()),
        }
        for use in notebook.uses(cells, reasons)
    ]


def _answers(exercise: Exercise, cells: list[str]) -> dict[str, str]:
    """For each question the code of the cells that answer it."""
    return {
        question: "\n\n".join(
            cell
            for cell in cells
            if question in notebook.questions(cell, exercise.answers)
        )[:_CODE_LIMIT]
        for question in exercise.questions
    }


def _questions(exercise: Exercise, outcomes: list[Outcome]) -> dict[str, int]:
    return {
        name: sum(o.points for o in outcomes if o.case.question == name)
        for name in exercise.questions
    }


def _test(outcome: Outcome) -> dict[str, Any]:
    case = outcome.case
    return {
        "name": case.name,
        "title": case.title,
        "hidden": case.hidden,
        "status": outcome.status,
        "points": outcome.points,
        "of": case.points,
        "says": outcome.says,
        "hint": case.hint if outcome.status == "failed" else "",
    }


def _nothing(exercise: Exercise, status: str, says: str) -> dict[str, Any]:
    return {
        "status": status,
        "says": says,
        "points": None,
        "questions": {},
        "tests": [],
        "flags": [],
        "cells": {},
        "answers": {},
    }
