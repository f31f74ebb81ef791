"""What ``check`` shows in a notebook: a small table, and what helps."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

from course_lib.grading import record
from course_lib.grading.answers import local
from course_lib.grading.exercises import Exercise
from course_lib.grading.html_table import Table
from course_lib.grading.run import Outcome, run
from course_lib.words import counted

# Words beside the signs: neither colour nor shape alone says what happened.
_SIGN = {"passed": "✓", "failed": "✗", "not written yet": "○", "stopped": "–"}
_STOPPED = (
    "You stopped it before the answer had come back. Look for a loop that never ends."
)


def show_check(
    exercise: Exercise, question: str | None, namespace: dict[str, Any] | None
) -> None:
    """Run visible tests on ``namespace``, note the points and display their table."""
    if namespace is None:
        namespace = vars(sys.modules["__main__"])
    if question is not None and question not in exercise.questions:
        raise ValueError(
            f"question is {question!r}; expected one of {list(exercise.questions)}"
        )
    outcomes = visible(exercise, question, namespace)
    make = all_questions if question is None else one_question
    table = make(exercise, outcomes)
    written = {
        name: _sum(found)
        for name, found in _by_question(outcomes).items()
        # A stub is no answer yet, nor is a cell that was not run: that has no hint.
        if any(outcome.status == "passed" or outcome.hint for outcome in found)
    }
    if written and (problem := record.note(exercise, written)):
        table = dataclasses.replace(table, closing=f"{table.closing} {problem}")
    show(table)


def show(table: Table) -> None:
    """Display ``table`` in a notebook, or print it."""
    try:
        from IPython.display import display
    except ImportError:
        print(table)
    else:
        display(table)


def visible(
    exercise: Exercise, question: str | None, namespace: dict[str, Any]
) -> list[Outcome]:
    """How the visible tests went, of ``question`` or of all.

    Who interrupts the kernel stops the test under way and those that follow.
    """
    cases = [
        case
        for case in exercise.cases
        if not case.hidden and question in (None, case.question)
    ]
    outcomes: list[Outcome] = []
    try:
        for case in cases:
            outcomes += run([case], local(namespace))
    except KeyboardInterrupt:
        says = _STOPPED
        for case in cases[len(outcomes) :]:
            outcomes.append(Outcome(case, "stopped", says))
            says = ""
    return outcomes


def one_question(exercise: Exercise, outcomes: list[Outcome]) -> Table:
    """The visible tests of one question, one row each."""
    question = outcomes[0].case.question
    points, of = _sum(outcomes)
    if all(outcome.status == "not written yet" for outcome in outcomes):
        closing = (
            "Not written yet. Replace the line that raises NotImplementedError, run "
            "the cell, then check again."
        )
    elif points < of:
        closing = "Change the answer, run its cell again, then check again."
    else:
        closing = "All visible tests pass."
        hidden = _hidden_points(exercise, question)
        if hidden:
            closing += f" The hidden ones, at grading, bring {hidden} more."
    rows = tuple(
        (
            outcome.case.title,
            f"{_SIGN[outcome.status]} {outcome.status}",
            f"{outcome.points} of {outcome.case.points}",
        )
        for outcome in outcomes
    )
    caption = f"{question}: {points} of {of} visible points"
    notes = tuple(explain(outcome) for outcome in outcomes)
    return Table(caption, ("Test", "Result", "Points"), rows, closing, notes)


def all_questions(exercise: Exercise, outcomes: list[Outcome]) -> Table:
    """All questions, one row each."""
    rows, shares = [], []
    for question, found in _by_question(outcomes).items():
        points, of = _sum(found)
        statuses = {outcome.status for outcome in found}
        status = statuses.pop() if len(statuses) == 1 else "failed"
        word = "partly passed" if status == "failed" and points else status
        hidden = _hidden_points(exercise, question)
        rows.append((question, f"{_SIGN[status]} {word}", f"{points} of {of}", hidden))
        shares.append(points / of)
    total, total_of = _sum(outcomes)
    closing = (
        f"The hidden tests bring the other {exercise.points - total_of} points. "
        "Grade your saved notebook in a new cell: `!course grade NOTEBOOK.ipynb`"
    )
    caption = f"{exercise.title}: {total} of {total_of} visible points"
    header = ("Question", "Result", "Points", "Hidden tests")
    return Table(caption, header, tuple(rows), closing, shares=tuple(shares))


def explain(outcome: Outcome) -> str:
    """What went wrong, and the hint in a line of its own."""
    return f"{outcome.says}\nHint: {outcome.hint}" if outcome.hint else outcome.says


def _by_question(outcomes: list[Outcome]) -> Mapping[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.case.question, []).append(outcome)
    return found


def _hidden_points(exercise: Exercise, question: str) -> str:
    cases = [c for c in exercise.cases if c.question == question and c.hidden]
    points = sum(case.points for case in cases)
    return counted(points, "point") if points else ""


def _sum(outcomes: list[Outcome]) -> tuple[int, int]:
    return sum(o.points for o in outcomes), sum(o.case.points for o in outcomes)
