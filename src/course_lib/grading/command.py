"""``course grade``: one's own notebook, or a folder of a whole class."""

from __future__ import annotations

import os
import secrets
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from course_lib.cores import cores
from course_lib.grading import (
    batch,
    exports,
    notebook,
    record,
    reports,
    resume,
    sandbox,
)
from course_lib.grading.exercises import Exercise, all_exercises, exercise
from course_lib.grading.grade import Submission
from course_lib.grading.options import Overlay
from course_lib.grading.prove import prove
from course_lib.grading.reports import canvas, stored, terminal
from course_lib.grading.reports.stored import Grade
from course_lib.grading.shown import shown
from course_lib.words import counted

_AT_ONCE = 256  # jobs that a cluster is given; it may still be growing


def grade_command(
    context: typer.Context,
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[EXERCISE] SUBMISSION",
            help="The exercise, such as 01_rnn, then a notebook or a folder of them. "
            "A single notebook says itself which exercise it is.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The folder for the report; by default graded/EXERCISE, for a single "
            "notebook graded/own/EXERCISE.",
            metavar="DIR",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Submissions that are graded at the same time. By default one for "
            "each core.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Of the hidden tests' random inputs. By default that of the grades "
            "in the report's folder, or else a random one."
        ),
    ] = None,
    overlay: Overlay = None,
    roster: Annotated[
        Path | None,
        typer.Option(
            help="The class list that Canvas exports; adds canvas.csv.",
            exists=True,
            dir_okay=False,
            metavar="FILE",
        ),
    ] = None,
    require_sandbox: Annotated[
        bool,
        typer.Option(
            "--require-sandbox", help="Grade inside bubblewrap or not at all."
        ),
    ] = False,
    scheduler: Annotated[
        str, typer.Option(help="Grade on a Dask cluster, such as tcp://HOST:8786.")
    ] = "",
    part: Annotated[
        str,
        typer.Option(
            metavar="K/N",
            help="Grade only the K-th of N parts, K from 0, and write no tables. A "
            "last run without it writes them.",
        ),
    ] = "",
    export: Annotated[
        str,
        typer.Option(
            metavar="gradescope|k8s",
            help="Grade nobody; write into DIR of -o (exported/EXERCISE by default) "
            "what makes Gradescope or Kubernetes grade EXERCISE.",
        ),
    ] = "",
) -> None:
    """Grade a notebook, or a folder of notebooks, with visible and hidden tests.

    What is graded already is kept, so the same command continues after a stop. The
    tables and the report are made from all grades in the report's folder.
    """
    if os.name != "posix":
        _stop("Grading needs Linux or macOS; on Windows, run it inside WSL 2.")
    if scheduler and jobs:
        _stop("-j is for this machine and --scheduler for a cluster: choose one.")
    if export:
        _export(export, arguments, out, seed, overlay)
        return
    name, place = _arguments(arguments)
    everyone = _submissions(place, part, seed)
    if os.geteuid() == 0:
        _root(place)
    best = sandbox.LEVELS[0]
    if require_sandbox and not scheduler and (lacks := sandbox.refusal(best)):
        _stop(
            f"--require-sandbox: there is no {best.name} here ({lacks}). To have it on "
            "Debian or Ubuntu: sudo apt-get install bubblewrap"
        )
    try:
        chosen = exercise(name, overlay)
        # One's own, or a teacher's trial, does not get among the grades of a class.
        out = out or Path("graded", "own" if place.is_file() else "", chosen.name)
        context.with_resource(resume.only_one(out, parts=bool(part)))
        earlier = stored.stored(out)
        if place.is_file():  # the course was updated, say: one's own counts anew
            earlier = resume.by_these_tests(chosen, earlier, everyone)
        seed = resume.seed_for(chosen, earlier, seed, out)
        prove(chosen, seed)  # a mistake in a test would cost every student points
        if place.is_dir():
            _same_exercise(chosen, everyone)
        if roster:
            canvas.read(roster)
    except ValueError as error:
        _stop(f"{str(error).rstrip('.')}. Nothing was graded.")

    if chosen.extra:
        typer.echo(f"The overlay adds, with these points: {_added(chosen)}.")
    # A cluster's machines find out each for itself, unless one level is asked for.
    level = None if scheduler else sandbox.strongest()
    if require_sandbox:
        level = best
    grades = resume.kept(everyone, earlier, best.name if require_sandbox else "")
    todo = {name: path for name, path in everyone.items() if name not in grades}
    if grades:
        typer.echo(f"{len(grades)} of {len(everyone)} graded before.")
    if scheduler:
        where, at_once = batch.cluster(scheduler), _AT_ONCE
    elif place.is_dir():
        count = min(jobs or cores(), len(todo))
        where, at_once = batch.processes(count, chosen), 2 * count
    else:
        where, at_once = batch.here(), 1
    if todo:
        try:
            with where as submit, shown(len(todo)) as show:
                work = batch.jobs(chosen, todo, seed, level)
                for made in batch.grades(chosen, work, submit, at_once):
                    grade = grades[made["student"]] = _store(made, out)
                    show(terminal.line(grade))
        except ValueError as error:
            _stop(f"{error}. Nothing was graded.")
        except KeyboardInterrupt:
            says = f"Stopped: {len(grades)} of {len(everyone)} are graded. "
            typer.echo(says + "The same command continues.", err=True)
            raise typer.Exit(130) from None
    if part:
        typer.echo(f"Part {part}: {len(grades)} graded, seed {seed}.")
    else:
        _report(chosen, list(grades.values()), out, roster, seed, place)
    if place.is_file():  # one's own: a class's grades are nobody's progress
        for grade in grades.values():
            if problem := record.note_grade(chosen, grade):
                typer.echo(problem, err=True)
    failed = [student for student, grade in grades.items() if grade["points"] is None]
    if failed:
        _stop(f"GRADER ERROR, not a zero, for: {', '.join(failed)}. Grade them again.")


def _arguments(given: list[str]) -> tuple[str, Path]:
    """The exercise, which one notebook says itself, and the submission's path."""
    if len(given) > 2:
        _stop(f"[EXERCISE] SUBMISSION is {given}; expected at most two arguments.")
    names = [one.name for one in all_exercises()]
    name, submission = given if len(given) == 2 else ("", given[0])
    if Path(name).name not in names and name and Path(submission).name in names:
        _stop(f"The exercise comes first: course grade {submission} {name}")
    place = Path(submission)
    if not place.is_dir() and (place.suffix != ".ipynb" or not place.exists()):
        _stop(
            f"SUBMISSION is {submission!r}; expected a notebook (*.ipynb) or a folder "
            "of them. A zip has to be unpacked first."
        )
    name = name or ("" if place.is_dir() else _told_by(place))
    if not name:
        _stop(f"Which exercise? Name it first: course grade {names[0]} {submission}")
    return name, place


def _export(
    kind: str,
    arguments: list[str],
    out: Path | None,
    seed: int | None,
    overlay: Path | None,
) -> None:
    """Write the files that make another service grade the exercise."""
    if len(arguments) != 1:
        _stop(f"--export: EXERCISE is {arguments}; expected one exercise, no notebook.")
    seed = secrets.randbelow(2**31) if seed is None else seed
    try:
        chosen = exercise(arguments[0], overlay)
        prove(chosen, seed)
        out = out or Path("exported", chosen.name)
        files = exports.export(kind, chosen, out, seed)
    except ValueError as error:
        _stop(f"--export: {error}.")
    for path in files:
        typer.echo(str(path))
    typer.echo(f"Seed {seed}. {out / 'README.md'} says what to do with these files.")


def _submissions(place: Path, part: str, seed: int | None) -> dict[str, Path]:
    """The notebooks of ``part`` by student."""
    try:
        found = notebook.submissions(place)
    except OSError as error:
        _stop(f"Not all of {place} can be read: {error}.")
    if not found:
        _stop(f"No notebook (*.ipynb) in {place}.")
    if not part:
        return found
    if seed is None:
        _stop("--part needs --seed: all parts have to draw the same inputs.")
    try:
        index, count = map(int, part.split("/"))
    except ValueError:
        index, count = 0, 0
    if not 0 <= index < count:
        _stop(f"--part is {part!r}; expected K/N with K from 0 to N - 1, such as 0/8.")
    return dict(list(found.items())[index::count])


def _root(place: Path) -> None:
    """Say what is wrong with grading as root, and do not grade a class so."""
    says = "you are root, and what a submission does to this machine is done as root"
    if place.is_dir():
        course = Path(sys.executable).with_name("course")  # sudo has a PATH of its own
        _stop(
            f"Not graded: {says}. Grade a class as an ordinary user, such as with: "
            f"sudo -u NAME {course} grade ..."
        )
    typer.echo(f"Warning: {says}. Grade nobody's notebook but your own.", err=True)


def _store(grade: Grade, out: Path) -> Grade:
    """Write ``grade`` at once: what is stored is not lost by what happens next.

    Returns it, or a ``GRADER ERROR`` where it cannot be written.
    """
    try:
        stored.write_student(grade, out / "students" / f"{grade['student']}.json")
    except OSError as error:
        typer.echo(f"The grade of {grade['student']} is not stored: {error}", err=True)
        lost = {"status": "GRADER ERROR", "points": None, "says": "it is not stored"}
        return {**grade, **lost}
    return grade


def _report(
    exercise: Exercise,
    grades: list[Grade],
    out: Path,
    roster: Path | None,
    seed: int,
    place: Path,
) -> None:
    """Write the class's reports and say where they are."""
    everyone = stored.stored(out)
    known = []
    if others := notebook.other_files(place):
        known = [f"Not graded, because it is no notebook: {', '.join(others)}."]
    for says in reports.write_class(exercise, everyone, out, roster, known):
        typer.echo(says, err=True)
    if len(grades) == 1:
        typer.echo(terminal.text(grades[0]))
    held = counted(len(everyone), "student")
    typer.echo(f"Seed {seed}. The report on {held} is {out / 'report.html'}.")


def _told_by(submission: Path) -> str:
    """The exercise that a notebook says it is; empty where it says none."""
    data = Submission.read(submission, "").data
    try:
        cells = notebook.code_cells(data or b"")
    except notebook.Unreadable:
        return ""
    return notebook.exercise_name(cells) or ""


def _added(exercise: Exercise) -> str:
    """The overlay's tests; a question that nobody else asks may be a slip."""
    own = set(exercise.answers.values())
    return ", ".join(
        f"{case.name} ({case.points}"
        f"{'' if case.question in own else ', a new question'})"
        for case in exercise.extra
    )


def _same_exercise(exercise: Exercise, everyone: Mapping[str, Path]) -> None:
    """Stop where most notebooks answer another one: a class of zeros helps nobody."""
    told = Counter(_told_by(path) for path in everyone.values())
    other, count = told.most_common(1)[0]
    if other not in ("", exercise.name) and 2 * count > len(everyone):
        _stop(
            f"{count} of {len(everyone)} notebooks say that they are answers to "
            f"{other}, not to {exercise.name}. Nothing was graded."
        )


def _stop(says: str) -> NoReturn:
    typer.echo(says, err=True)
    raise typer.Exit(1)
