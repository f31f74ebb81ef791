"""Make the student's notebook of an exercise from its master.

The master is a jupytext percent script with the solutions in it. A solution stands
between ``# BEGIN SOLUTION`` and ``# END SOLUTION``; the student finds a line that
raises ``NotImplementedError`` in its place.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from course_lib.grading.exercises import Exercise, all_exercises, exercise

REPOSITORY = "https://github.com/recurrence-to-attention/course"
COURSE = f"git+{REPOSITORY}@main"
# As in the chapters: only where it is missing, and nothing else of Colab is touched.
INSTALL = f"""\
import importlib.util

if importlib.util.find_spec("course_lib") is None:
    %pip install -q {COURSE}"""
STUB = 'raise NotImplementedError("write your answer here")'
_SOLUTION = re.compile(
    r"^(?P<indent>[ ]*)# BEGIN SOLUTION\n(?P<code>.*?)^[ ]*# END SOLUTION$",
    re.MULTILINE | re.DOTALL,
)


def master(exercise: Exercise) -> list[dict[str, Any]]:
    """The master's cells in nbformat's form: ``cell_type``, ``source``, ``tags``."""
    import jupytext  # only who writes exercises needs it

    text = (exercise.folder / "master.py").read_text(encoding="utf-8")
    return [
        {
            "cell_type": cell.cell_type,
            "source": cell.source,
            "tags": list(cell.metadata.get("tags", [])),
        }
        for cell in jupytext.reads(text, fmt="py:percent").cells
    ]


def code(exercise: Exercise) -> list[str]:
    """The code cells of the master, solutions included."""
    return [c["source"] for c in master(exercise) if c["cell_type"] == "code"]


def solution_lines(exercise: Exercise) -> set[str]:
    """The lines between the markers, stripped: what no student may be handed."""
    return {
        line.strip()
        for cell in code(exercise)
        for found in _SOLUTION.finditer(cell)
        for line in found["code"].splitlines()
        if line.strip()
    }


def stubbed(source: str) -> str:
    """``source`` with each solution replaced by the line that says it is missing."""
    return _SOLUTION.sub(lambda found: found["indent"] + STUB, source)


def student(exercise: Exercise) -> str:
    """The student's notebook, as the bytes of its file; always the same.

    Raises ``ValueError`` where the master has a question without its one answer cell.
    """
    import nbformat

    cells = master(exercise)
    if sorted(exercise.solutions) != sorted(exercise.questions):
        raise ValueError(
            f"{exercise.folder / 'master.py'}: answer cells for "
            f"{sorted(exercise.solutions)}; expected {sorted(exercise.questions)}"
        )
    install = {"cell_type": "code", "source": INSTALL, "tags": ["setup"]}
    made = []
    for number, cell in enumerate([cells[0], install, *cells[1:]]):
        new = (
            nbformat.v4.new_code_cell
            if cell["cell_type"] == "code"
            else nbformat.v4.new_markdown_cell
        )
        source = stubbed(cell["source"])
        metadata = {"tags": cell["tags"]} if cell["tags"] else {}
        # nbformat would draw a random id at each build.
        made.append(new(source, id=f"cell-{number:02d}", metadata=metadata))
    notebook = nbformat.v4.new_notebook(
        cells=made,
        metadata={
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
    )
    return nbformat.writes(notebook, version=4) + "\n"


def build_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Such as 01_rnn; all of them by default."),
    ] = None,
) -> None:
    """Make the student notebooks from the masters."""
    chosen = [exercise(name) for name in names] if names else all_exercises()
    for one in chosen:
        path: Path = one.folder / "student.ipynb"
        path.write_text(student(one), encoding="utf-8")
        typer.echo(f"{path}: {len(one.questions)} questions, {one.points} points")
