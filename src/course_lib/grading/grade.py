"""The grade of one submission, a function of its arguments alone."""

from __future__ import annotations

import hashlib
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.grading import notebook, remote
from course_lib.grading.answers import shorten
from course_lib.grading.exercises import Exercise
from course_lib.grading.overdue import stopped_in_time
from course_lib.grading.reports.manual import written_answers
from course_lib.grading.run import Outcome, run
from course_lib.grading.sandbox import Level

# Worth a look in any exercise: what plain answers never need.
_SUSPECT = ("ctypes", "inspect", "os", "socket", "subprocess", "sys")
_CODE_LIMIT = 20_000  # characters of an answer that are kept for the report


@dataclass(frozen=True)
class Submission:
    """What ``student`` handed in: the bytes of a file, to be graded on any machine.

    ``data`` is None for a link or a folder, which is never followed, and for what
    could not be read; then ``error`` says why.
    """

    student: str
    file: str
    data: bytes | None
    error: str = ""

    @classmethod
    def read(cls, path: Path, student: str) -> Submission:
        """The file at ``path``, up to a size that is refused."""
        data, says = None, ""
        try:
            # Not `is_file`, which says no of a file that is gone: a disk may be.
            if stat.S_ISREG(path.lstat().st_mode):
                with path.open("rb") as file:
                    data = file.read(notebook.SIZE_LIMIT + 1)
        except OSError as error:
            says = str(error)
        return cls(student, path.name, data, says)

    @property
    def sha256(self) -> str:
        """Of the bytes, in hexadecimal digits; empty where there are none."""
        return "" if self.data is None else hashlib.sha256(self.data).hexdigest()


def grade_one(
    exercise: Exercise, path: Path, seed: int, student: str | None = None
) -> dict[str, Any]:
    """The grade of the notebook at ``path``, as ``grade``. Never raises."""
    return grade(exercise, Submission.read(path, student or path.stem), seed)


def grade(
    exercise: Exercise,
    submission: Submission,
    seed: int,
    level: Level | None = None,
) -> dict[str, Any]:
    """The grade of one submission, as the JSON that is stored. Never raises.

    ``level`` of the sandbox is by default the strongest that this machine offers.
    ``status`` is ``graded``, ``unreadable`` (no notebook: 0 points) or
    ``GRADER ERROR`` (not the student's fault: ``points`` is None).
    """
    started = time.perf_counter()
    made = not_graded(exercise, submission, seed, submission.error)
    if submission.error:
        return made
    try:
        made |= _grade_cells(exercise, _data(submission), seed, level)
    except notebook.Unreadable as error:
        made |= {"status": "unreadable", "says": str(error), "points": 0}
    except Exception as error:  # whatever it was, the next student is graded
        made |= {"says": f"{type(error).__name__}: {error}"}
    return made | {"seconds": round(time.perf_counter() - started, 1)}


def not_graded(
    exercise: Exercise, submission: Submission, seed: int, says: str
) -> dict[str, Any]:
    """The ``GRADER ERROR`` of one submission; ``says`` is what happened."""
    return {
        "exercise": exercise.name,
        "version": exercise.version,
        "student": submission.student,
        "file": shorten(submission.file),
        "sha256": submission.sha256,
        "seed": seed,
        "sandbox": "",
        "status": "GRADER ERROR",
        "says": says,
        "points": None,
        "of": exercise.points,
        "questions": {},
        "tests": [],
        "flags": [],
        "cells": {},
        "answers": {},
        "manual": {},
        "seconds": 0.0,
    }


def _data(submission: Submission) -> bytes:
    if submission.data is None:
        raise notebook.Unreadable("a link or a folder, not a file")
    return submission.data


def _grade_cells(
    exercise: Exercise, data: bytes, seed: int, level: Level | None
) -> dict[str, Any]:
    cells, limits = notebook.code_cells(data), exercise.limits
    told = notebook.exercise_name(cells) or exercise.name
    if told != exercise.name and not any(_answers(exercise, cells).values()):
        raise notebook.Unreadable(f"answers to {told}, not to {exercise.name}")
    with remote.Remote(exercise, cells, level) as answering:
        cases = [
            stopped_in_time(case, limits.test_seconds, answering.stop)
            for case in exercise.cases
        ]
        outcomes = run(cases, answering.answers, seed)
    return {
        "status": "graded",
        "sandbox": answering.sandbox,
        "points": sum(outcome.points for outcome in outcomes),
        "questions": _questions(exercise, outcomes),
        "tests": [_test(outcome) for outcome in outcomes],
        "flags": _flags(exercise, cells),
        "cells": {
            notebook.place(index, cells[index - 1], exercise.answers): says
            for index, says in sorted(answering.cell_errors.items())
        },
        "answers": _answers(exercise, cells),
        "manual": written_answers(data, exercise.manual),
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
        "hint": outcome.hint,
    }
