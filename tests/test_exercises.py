"""Every exercise: the reference is right, stubs are 0, wrong answers are caught."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib.grading import build, notebook
from course_lib.grading.answers import local
from course_lib.grading.exercises import Exercise, all_exercises
from course_lib.grading.grade import grade_one
from course_lib.grading.remote import Remote
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
def test_the_reference_is_right_in_the_sandbox(exercise):
    with Remote(exercise, build.code(exercise)) as submission:
        for seed in range(5):
            outcomes = run(exercise.cases, submission.answers, seed)
            assert {o.case.name: o.says for o in outcomes if o.status != "passed"} == {}
        assert submission.cell_errors == {}


@each
def test_the_student_notebook_scores_nothing(exercise):
    grade = grade_one(exercise, exercise.folder / "student.ipynb", seed=1)
    assert (grade["status"], grade["points"]) == ("graded", 0)
    assert {test["status"] for test in grade["tests"]} == {"not written yet"}
    assert (grade["cells"], grade["flags"]) == ({}, [])


@pytest.mark.parametrize(("exercise", "mutant"), MUTANTS)
def test_a_wrong_answer_fails_exactly_its_tests(exercise, mutant):
    right = exercise.solutions[mutant.question]
    cells = [mutant.source if c == right else c for c in build.code(exercise)]
    for seed in (1, 2):
        outcomes = run(exercise.cases, answers(cells), seed)
        failed = {o.case.name for o in outcomes if o.status != "passed"}
        assert failed == mutant.fails


@each
def test_wrong_answers_fail_the_same_tests_in_the_sandbox(exercise):
    # One of each question, all in one notebook: their tests do not mix.
    wrong = {mutant.question: mutant for mutant in reversed(exercise.mutants)}
    right = exercise.solutions
    other = {right[question]: mutant.source for question, mutant in wrong.items()}
    with Remote(exercise, [other.get(c, c) for c in build.code(exercise)]) as answers:
        outcomes = run(exercise.cases, answers.answers, seed=1)
    failed = {o.case.name for o in outcomes if o.status != "passed"}
    assert failed == set().union(*(mutant.fails for mutant in wrong.values()))
    assert sorted(wrong) == sorted(exercise.questions)


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


def strings(value) -> Iterator[str]:
    """Every text in JSON, wherever it stands; a list of lines is one text."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            yield "".join(value)
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def leaks(notebook_text: str, solution: set[str]) -> set[str]:
    """The lines of ``solution`` that the notebook holds, however they are spaced."""
    handed_out = "\n".join(
        "".join(text.split()) for text in strings(json.loads(notebook_text))
    )
    found = set()
    for line in solution:
        code = "".join(re.sub(r"\s+#.*", "", line).split())
        # A bracket, or a `return` of many lines, says nothing.
        if len(code) > len("return") and code in handed_out:
            found.add(line)
    return found


@each
def test_no_solution_leaks(exercise):
    lines = build.solution_lines(exercise)
    assert len(lines) > len(exercise.questions)
    text = (exercise.folder / "student.ipynb").read_text(encoding="utf-8")
    assert leaks(text, lines) == set()


@pytest.mark.parametrize(
    "leak",
    [
        lambda nb, line: nb.cells[4].update(source=f"def f():\n        {line}\n"),
        lambda nb, line: nb.cells[0].update(source=f"Hint: `{line}`, and no more."),
        lambda nb, line: nb.cells[0].update(source=line.replace(" ", "\n\t")),
        lambda nb, line: nb.cells[0].update(attachments={"a": {"text/plain": line}}),
        lambda nb, line: nb.cells[0].metadata.update(solution=line),
        lambda nb, line: nb.metadata.update(notes=[{"q1": line}]),
        lambda nb, line: nb.cells[1].outputs.append(
            nbformat.v4.new_output("stream", text=f"{line}\n")
        ),
    ],
    ids=["cell", "text", "spaced", "attachment", "tag", "metadata", "output"],
)
def test_a_leak_would_be_found_wherever_it_is(leak):
    exercise = EXERCISES["04_attention"]
    line = "return h @ W_k.T"  # all there is to this answer
    assert line in build.solution_lines(exercise)
    nb = student(exercise)
    leak(nb, line)
    assert leaks(nbformat.writes(nb), build.solution_lines(exercise)) == {line}


@each
@pytest.mark.parametrize("written", [False, True], ids=["stubs", "answers"])
def test_the_notebook_in_a_real_kernel(exercise, written, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress"))
    nb = student(exercise)
    right = exercise.solutions
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
    noted = (tmp_path / "progress" / f"{exercise.name}.json").exists()
    assert noted is written
