"""Grade submissions: one of one's own, or a folder of a whole class.

The unit is ``grade_one(exercise, path, seed)``, a function of its arguments alone.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from course_lib.grading import notebook, remote, report
from course_lib.grading.answers import shorten
from course_lib.grading.exercises import Exercise, exercise
from course_lib.grading.run import Outcome, run

# Worth a look in any exercise: what plain answers never need.
_SUSPECT = ("ctypes", "inspect", "os", "socket", "subprocess", "sys")


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
        "flags": notebook.flags(cells, (*_SUSPECT, *exercise.hide, *exercise.flag)),
        "cells": {str(i): text for i, text in sorted(submission.cell_errors.items())},
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
    }


def grade_command(
    submission: Annotated[
        Path, typer.Argument(help="A notebook, or a folder of them.", exists=True)
    ],
    exercise_name: Annotated[
        str,
        typer.Argument(
            metavar="[EXERCISE]",
            help="Such as 01_rnn. A single notebook says itself which it is.",
        ),
    ] = "",
    seed: Annotated[
        int | None,
        typer.Option(help="Of the hidden tests' random inputs; random by default."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The folder for the report.")
    ] = Path("graded"),
) -> None:
    """Grade a notebook, or a folder of notebooks, with visible and hidden tests."""
    if os.name != "posix":
        _stop("Grading needs Linux or macOS; on Windows, run it inside WSL 2.")
    paths = notebook.submissions(submission)
    if not paths:
        _stop(f"No notebook (*.ipynb) in {submission}.")
    try:
        chosen = exercise(Path(exercise_name or _told_by(submission)).name)
        _ = chosen.cases  # a mistake in the tests stops here, not at each student
    except ValueError as error:
        _stop(f"Which exercise? {error}.")
    if seed is None:
        seed = secrets.randbelow(2**31)
    grades = []
    for number, path in enumerate(paths, start=1):
        place = path.relative_to(submission) if submission.is_dir() else Path(path.name)
        name = place.with_suffix("").as_posix()
        grade = grade_one(chosen, path, seed, name)
        grades.append(grade)
        report.write_student(grade, out / "students" / place.with_suffix(".json"))
        typer.echo(f"[{number}/{len(paths)}] {report.line(grade)}")
    report.write_class(chosen, grades, out)
    if len(grades) == 1:
        typer.echo(report.text(grades[0]))
    typer.echo(f"Seed {seed}. The report is {out / 'report.html'}.")
    failed = [grade["student"] for grade in grades if grade["points"] is None]
    if failed:
        _stop(f"GRADER ERROR, not a zero, for: {', '.join(failed)}. Grade them again.")


def _told_by(submission: Path) -> str:
    if submission.is_dir():
        return ""
    try:
        cells = notebook.code_cells(submission.read_bytes())
    except notebook.Unreadable:
        return ""
    return notebook.exercise_name(cells) or ""


def _stop(says: str) -> None:
    typer.echo(says, err=True)
    raise typer.Exit(1)
