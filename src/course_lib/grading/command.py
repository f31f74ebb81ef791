"""``course grade``: one's own notebook, or a folder of a whole class."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from course_lib.grading import notebook, reports
from course_lib.grading.exercises import Exercise, exercise
from course_lib.grading.grade import grade_one
from course_lib.grading.prove import prove
from course_lib.grading.reports import stored, terminal


def grade_command(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[EXERCISE] SUBMISSION",
            help="The exercise, such as 01_rnn, then a notebook or a folder of them. "
            "A single notebook says itself which exercise it is.",
            show_default=False,
        ),
    ],
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
    exercise_name, submission = _arguments(arguments)
    paths = notebook.submissions(submission)
    if not paths:
        _stop(f"No notebook (*.ipynb) in {submission}.")
    try:
        chosen = exercise(exercise_name or _told_by(submission))
        _ = chosen.cases  # a mistake in the tests stops here, not at each student
    except ValueError as error:
        _stop(f"Which exercise? {error}.")
    try:
        earlier = stored.stored(out)
    except ValueError as error:
        _stop(f"{error} Choose another folder with -o.")
    seed = _seed(chosen, earlier, seed, out)
    try:
        prove(chosen, seed)  # a mistake in a test would cost every student points
    except ValueError as error:
        _stop(f"{error}. Mend the test; nothing was graded.")
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
        stored.write_student(grade, out / "students" / place.with_suffix(".json"))
        typer.echo(f"[{number}/{len(paths)}] {terminal.line(grade)}")
    everyone = stored.stored(out)
    reports.write_class(chosen, everyone, out)
    if len(grades) == 1:
        typer.echo(terminal.text(grades[0]))
    held = f"{len(everyone)} student" + ("s" if len(everyone) != 1 else "")
    typer.echo(f"Seed {seed}. The report on {held} is {out / 'report.html'}.")
    failed = [grade["student"] for grade in grades if grade["points"] is None]
    if failed:
        _stop(f"GRADER ERROR, not a zero, for: {', '.join(failed)}. Grade them again.")


def _arguments(given: list[str]) -> tuple[str, Path]:
    """The exercise's name, empty where none is given, and the submission's path."""
    if len(given) > 2:
        _stop(f"[EXERCISE] SUBMISSION is {given}; expected at most two arguments.")
    *before, submission = given
    name = Path(before[0]).name if before else ""
    if not Path(submission).exists():
        if before and Path(before[0]).exists():
            _stop(f"The exercise comes first: course grade {submission} {before[0]}")
        _stop(f"SUBMISSION is {submission!r}; expected a notebook or a folder of them.")
    return name, Path(submission)


def _seed(
    exercise: Exercise, earlier: list[stored.Grade], seed: int | None, out: Path
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
