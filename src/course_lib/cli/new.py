"""``course new``: write a skeleton into the checkout, and say what is left to do."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from course_lib.files import write_whole

_CHECKOUT = Path(__file__).resolve().parents[3]


def new_command(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="chapter, experiment, figure or exercise."),
    ],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A new chapter's name; CHAPTER/NAME of an experiment or a figure; "
            "the chapter of an exercise.",
        ),
    ],
) -> None:
    """Make a skeleton that passes the tests: rnn/long_memory, say, of an experiment.

    Nothing that is there is overwritten. It is added where such pieces are listed.
    """
    from course_lib.new import skeleton

    _refuse_elsewhere()
    made = skeleton(kind, name, _CHECKOUT)
    for path, text in {**made.new, **made.changed}.items():
        write_whole(path, text)
    _tidy([*made.new, *made.changed])
    built = _built(name) if kind == "exercise" else []
    for said, paths in (("made", [*made.new, *built]), ("listed in", made.changed)):
        for path in paths:
            typer.echo(f"{said} {path.relative_to(_CHECKOUT)}")
    typer.echo("Next, as CONTRIBUTING.md says at more length:")
    for number, step in enumerate(made.then, 1):
        typer.echo(f"{number}. {step}")


def _refuse_elsewhere() -> None:
    if not (_CHECKOUT / "CONTRIBUTING.md").is_file():
        raise ValueError(
            "course new: works in a checkout of the course, and this one is installed "
            "without; clone the repository and say make test there first"
        )
    for needed in ("ruff", "jupytext"):
        if not importlib.util.find_spec(needed):
            raise ValueError(f"course new: needs {needed}; make test installs it")


def _tidy(paths: Iterable[Path]) -> None:
    """Sort and format what the longer or shorter names moved."""
    python = [str(path) for path in paths if path.suffix == ".py"]
    ruff = [sys.executable, "-m", "ruff"]
    sort = ["check", "--fix-only", "--select", "I,RUF022"]
    for command in (sort, ["format"]):
        subprocess.run([*ruff, *command, "--quiet", *python], check=True)


def _built(name: str) -> list[Path]:
    """The student's notebook of a new exercise."""
    from course_lib.chapters import chapter
    from course_lib.grading import build
    from course_lib.grading.exercises import exercise

    made = exercise(chapter(name).folder)
    path = made.folder / "student.ipynb"
    write_whole(path, build.student(made))
    return [path]
