"""The same exercise for otter-grader and nbgrader, made of our master and our tests.

Both run the tests inside the student's kernel, so each of our tests becomes a cell
there, with the test's points.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from course_lib.grading import build
from course_lib.grading.exercises import Exercise

# One of our tests, in the kernel's own namespace.
TEST = """\
from course_lib.grading import exercise
from course_lib.grading.answers import local
from course_lib.grading.run import run
(case,) = [c for c in exercise("{exercise}").cases if c.name == "{test}"]
(outcome,) = run([case], local(globals()), 7431)
assert outcome.status == "passed", outcome.says"""


@dataclass(frozen=True)
class Peer:
    """Another grader. ``prepare(exercise, bin, folder, count)`` makes its assignment

    and ``count`` right submissions, and returns a function that grades the submission
    of that number and says its points.
    """

    name: str
    prepare: Callable[[Exercise, Path, Path, int], Callable[[int], float]]


def installed(python: str, name: str) -> str | None:
    """The version of ``name`` in the environment of ``python``, or None."""
    if not python:
        return None
    code = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or None


def _cells(exercise: Exercise) -> list[dict[str, Any]]:
    """The master's code cells, without its own checks."""
    cells = [cell for cell in build.master(exercise) if cell["cell_type"] == "code"]
    return [cell for cell in cells if "check(" not in cell["source"]]


def _notebook(cells: list[Any]) -> str:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    language = {"name": "python"}
    metadata = {"kernelspec": kernel, "language_info": language}
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=metadata))


def _run(arguments: list[Any], folder: Path, path: Path) -> None:
    # Both call other programs of their environment by name.
    environment = os.environ | {"PATH": f"{path}:{os.environ['PATH']}"}
    subprocess.run(
        [path / arguments[0], *map(str, arguments[1:])],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )


def _otter(
    exercise: Exercise, path: Path, folder: Path, count: int
) -> Callable[[int], float]:
    raw, code = nbformat.v4.new_raw_cell, nbformat.v4.new_code_cell
    made = [raw("# ASSIGNMENT CONFIG\nname: ours\nrun_tests: false")]
    tags = {f"answer:{question}": question for question in exercise.questions}
    for cell in _cells(exercise):
        question = next((tags[tag] for tag in cell["tags"] if tag in tags), None)
        if question is None:
            made.append(code(cell["source"]))
            continue
        tests = [case for case in exercise.cases if case.question == question]
        made += [
            raw(f"# BEGIN QUESTION\nname: {question}"),
            raw("# BEGIN SOLUTION"),
            code(cell["source"]),
            raw("# END SOLUTION"),
            raw("# BEGIN TESTS"),
        ]
        for case in tests:
            head = f'""" # BEGIN TEST CONFIG\npoints: {case.points}\n'
            head += 'hidden: true\n""" # END TEST CONFIG\n'
            made.append(
                code(head + TEST.format(exercise=exercise.name, test=case.name))
            )
        made += [raw("# END TESTS"), raw("# END QUESTION")]
    folder.mkdir()
    (folder / "master.ipynb").write_text(_notebook(made), encoding="utf-8")
    _run(["otter", "assign", "master.ipynb", "dist"], folder, path)
    (archive,) = (folder / "dist" / "autograder").glob("*.zip")
    right = (folder / "dist" / "autograder" / "master.ipynb").read_text("utf-8")

    def grade(number: int) -> float:
        here = folder / str(number)
        here.mkdir()
        (here / "master.ipynb").write_text(right, encoding="utf-8")
        _run(["otter", "run", "master.ipynb", "-a", archive, "-o", "."], here, path)
        results = json.loads((here / "results.json").read_text(encoding="utf-8"))
        return sum(test.get("score", 0) for test in results["tests"])

    return grade


def _nbgrader(
    exercise: Exercise, path: Path, folder: Path, count: int
) -> Callable[[int], float]:
    code = nbformat.v4.new_code_cell

    def cell(source: str, name: str, points: int | None) -> Any:
        about = {"schema_version": 3, "grade_id": name, "task": False, "locked": True}
        about |= {"grade": points is not None, "solution": points is None}
        about |= {"locked": False} if points is None else {"points": points}
        return code(source, metadata={"nbgrader": about})

    made = []
    for number, one in enumerate(_cells(exercise)):
        answers = [tag[7:] for tag in one["tags"] if tag.startswith("answer:")]
        if not answers:
            made.append(code(one["source"]))
            continue
        made.append(cell(one["source"], f"answer-{number}", None))
        made += [
            cell(
                TEST.format(exercise=exercise.name, test=case.name),
                case.name.replace(".", "-"),
                case.points,
            )
            for case in exercise.cases
            if case.question == answers[0]
        ]
    notebook = _notebook(made)
    students = [f"student{number}" for number in range(count)]
    for place in ("source/ours", *(f"submitted/{name}/ours" for name in students)):
        (folder / place).mkdir(parents=True)
        (folder / place / "ours.ipynb").write_text(notebook, encoding="utf-8")
    (folder / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    _run(["nbgrader", "generate_assignment", "ours"], folder, path)

    def grade(number: int) -> float:
        student = students[number]
        _run(["nbgrader", "autograde", "ours", "--student", student], folder, path)
        _run(["nbgrader", "export", "--to", "grades.csv"], folder, path)
        with (folder / "grades.csv").open(encoding="utf-8") as file:
            rows = {row["student_id"]: row for row in csv.DictReader(file)}
        return float(rows[student]["score"])

    return grade


ALL = (Peer("otter-grader", _otter), Peer("nbgrader", _nbgrader))
