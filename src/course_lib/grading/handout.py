"""``course handout``: the student's notebook as a teacher gives it to a class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from course_lib.files import write_whole
from course_lib.grading import build
from course_lib.grading.exercises import Exercise, exercise
from course_lib.grading.options import Overlay
from course_lib.grading.reports.manual import PLACEHOLDER
from course_lib.grading.requirement import requirement
from course_lib.words import counted


def handout(exercise: Exercise) -> str:
    """The notebook's text. Its first cell installs the course that runs here.

    So a student's checks run the very tests of the grading. Questions that the
    overlay adds for a person to grade stand at the end, each with a cell for the
    answer. Raises ``ValueError`` where the course that runs here cannot be installed
    elsewhere.
    """
    # Not by nbformat, which an installed course does not bring.
    text = (exercise.folder / "student.ipynb").read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells = {"".join(cell["source"]): cell for cell in notebook["cells"]}
    setup = build.INSTALL.replace(build.COURSE, f'"{requirement()}"')
    cells[build.INSTALL]["source"] = setup.splitlines(keepends=True)
    there = "\n".join(cells).casefold()
    for name, manual in exercise.manual.items():
        if f"answer to {name}".casefold() not in there:
            points = counted(manual.points, "point")
            notebook["cells"] += [
                _markdown(name, f"## {name}: {manual.title}\n\n{points}, in words."),
                _markdown(f"{name}-answer", f"**Answer to {name}**\n\n{PLACEHOLDER}"),
            ]
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _markdown(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "markdown",
        "id": f"manual-{name}",
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }


def handout_command(
    name: Annotated[
        str, typer.Argument(metavar="EXERCISE", help="Such as 04_attention.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The folder for the notebook.")
    ] = Path("handout"),
    overlay: Overlay = None,
) -> None:
    """Write the notebook that a class gets: it installs this very version."""
    chosen = exercise(name, overlay)
    path = out / f"{chosen.name}.ipynb"
    write_whole(path, handout(chosen))
    typer.echo(f"{path}: installs {requirement()}")
