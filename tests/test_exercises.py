"""Every exercise: the reference is right, stubs are 0, wrong answers are caught."""

from __future__ import annotations

import json
from collections.abc import Iterable

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib.grading import build, notebook
from course_lib.grading.answers import local
from course_lib.grading.exercises import Exercise, all_exercises
from course_lib.grading.grade import grade_one
from course_lib.grading.run import run

EXERCISES = {exercise.name: exercise for exercise in all_exercises()}
MUTANTS = [
    pytest.param(exercise, mutant, id=f"{name}-{mutant.question}-{mutant.name}")
    for name, exercise in EXERCISES.items()
    for mutant in exercise.mutants
]
each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def answers(cells: Iterable[str]):
    """The answers of these cells, run in this process, without their checks."""
    names: dict = {}
    for cell in map(notebook.plain, cells):
        if "check(" not in cell:
            exec(compile(cell, "<cell>", "exec"), names)
    return local(names)


def student(exercise: Exercise):
    path = exercise.folder / "student.ipynb"
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)


@each
@pytest.mark.parametrize("seed", range(5))
def test_the_reference_is_right(exercise, seed):
    outcomes = run(exercise.cases, answers(build.code(exercise)), seed)
    assert {o.case.name: o.says for o in outcomes if o.status != "passed"} == {}


@each
def test_the_reference_is_right_when_graded(exercise, tmp_path):
    path = tmp_path / "reference.ipynb"
    cells = [{"cell_type": "code", "source": cell} for cell in build.code(exercise)]
    path.write_text(json.dumps({"cells": cells}))
    grade = grade_one(exercise, path, seed=1)
    assert (grade["status"], grade["points"]) == ("graded", exercise.points)
    assert grade["cells"] == {}


@each
def test_the_student_notebook_scores_nothing(exercise, tmp_path):
    grade = grade_one(exercise, exercise.folder / "student.ipynb", seed=1)
    assert (grade["status"], grade["points"]) == ("graded", 0)
    assert {test["status"] for test in grade["tests"]} == {"not written yet"}
    assert (grade["cells"], grade["flags"]) == ({}, [])


@pytest.mark.parametrize(("exercise", "mutant"), MUTANTS)
def test_a_wrong_answer_fails_exactly_its_tests(exercise, mutant):
    right = build.solutions(exercise)[mutant.question]
    cells = [mutant.source if c == right else c for c in build.code(exercise)]
    for seed in (1, 2):
        outcomes = run(exercise.cases, answers(cells), seed)
        failed = {o.case.name for o in outcomes if o.status != "passed"}
        assert failed == mutant.fails


@each
def test_the_wrong_answers_cover_every_test(exercise):
    caught = frozenset().union(*(mutant.fails for mutant in exercise.mutants))
    assert caught == {case.name for case in exercise.cases}
    for question in exercise.questions:
        assert sum(m.question == question for m in exercise.mutants) >= 3


@each
def test_every_test_says_what_it_asks_and_how_to_go_on(exercise):
    for case in exercise.cases:
        assert case.hint, case.name
        assert case.test.__doc__, case.name


@each
def test_the_committed_notebook_is_the_built_one(exercise):
    committed = (exercise.folder / "student.ipynb").read_text(encoding="utf-8")
    assert committed == build.student(exercise), "run: course build-exercises"


@each
def test_no_solution_leaks(exercise):
    handed_out = {
        line.strip()
        for cell in student(exercise).cells
        for line in cell.source.splitlines()
    }
    assert build.solution_lines(exercise)
    assert not handed_out & build.solution_lines(exercise)


@each
@pytest.mark.parametrize("written", [False, True], ids=["stubs", "answers"])
def test_the_notebook_in_a_real_kernel(exercise, written, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    nb = student(exercise)
    right = build.solutions(exercise)
    for cell in nb.cells:
        for tag in cell.metadata.get("tags", []):
            if written and tag.startswith("answer:"):
                cell.source = right[tag.removeprefix("answer:")]
    NotebookClient(
        nb, timeout=300, resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [
        output.data["text/plain"]
        for cell in nb.cells
        for output in cell.get("outputs", [])
    ]
    assert len(shown) == len(exercise.questions) + 1
    for text in shown[:-1]:
        assert ("✗" in text, "○" in text, "✓" in text) == (
            (False, False, True) if written else (False, True, False)
        )
    visible = sum(case.points for case in exercise.cases if not case.hidden)
    caption = f"{visible if written else 0} of {visible} visible points"
    assert shown[-1].splitlines()[0].endswith(caption)
