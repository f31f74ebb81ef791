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
        typer.Option(
            help="Of the hidden tests' random inputs. By default that of the grades "
            "in the report's folder, or else a random one."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The folder for the report.")
    ] = Path("graded"),
) -> None:
    """Grade a notebook, or a folder of notebooks, with visible and hidden tests.

    The table and the report are made from all grades in the report's folder; who is
    graded again replaces his row.
    """
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
    try:
        earlier = report.stored(out)
    except ValueError as error:
        _stop(f"{error} Choose another folder with -o.")
    seed = _seed(chosen, earlier, seed, out)
    if os.geteuid() == 0:
        typer.echo(
            "Warning: you grade as root, so a submission may change anything on this "
            "machine. Grade as an ordinary user.",
            err=True,
        )
    grades = []
    for number, path in enumerate(paths, start=1):
        place = path.relative_to(submission) if submission.is_dir() else Path(path.name)
        name = place.with_suffix("").as_posix()
        grade = grade_one(chosen, path, seed, name)
        grades.append(grade)
        report.write_student(grade, out / "students" / place.with_suffix(".json"))
        typer.echo(f"[{number}/{len(paths)}] {report.line(grade)}")
    everyone = report.stored(out)
    report.write_class(chosen, everyone, out)
    if len(grades) == 1:
        typer.echo(report.text(grades[0]))
    held = f"{len(everyone)} student" + ("s" if len(everyone) != 1 else "")
    typer.echo(f"Seed {seed}. The report on {held} is {out / 'report.html'}.")
    failed = [grade["student"] for grade in grades if grade["points"] is None]
    if failed:
        _stop(f"GRADER ERROR, not a zero, for: {', '.join(failed)}. Grade them again.")


def _seed(
    exercise: Exercise, earlier: list[report.Grade], seed: int | None, out: Path
) -> int:
    """The seed to grade with. Stops where ``out`` holds grades of another kind."""
    for grade in earlier:
        if grade["exercise"] != exercise.name:
            there = f"of {grade['exercise']}, not of {exercise.name}"
        elif seed is not None and grade["seed"] != seed:
            there = f"with the seed {grade['seed']}, not {seed}"
        else:
            continue
        _stop(f"{out} holds grades {there}. Choose another folder with -o.")
    if seed is None:
        seed = earlier[0]["seed"] if earlier else secrets.randbelow(2**31)
    return seed


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
