"""What ``check`` shows in a notebook: a small table, and what helps."""

from __future__ import annotations

import html
import sys
from dataclasses import dataclass
from typing import Any

from course_lib.grading.answers import local
from course_lib.grading.exercises import Exercise
from course_lib.grading.run import Outcome, run

# Words beside the signs: neither colour nor shape alone says what happened.
_SIGN = {"passed": "✓", "failed": "✗", "not written yet": "○"}


@dataclass(frozen=True)
class Table:
    """A caption, a header, rows and a closing sentence, as HTML and as text."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    closing: str

    def _repr_html_(self) -> str:
        cell = 'style="text-align:left;vertical-align:top;padding:.3em .8em .3em 0"'
        head = "".join(f'<th scope="col" {cell}>{_html(h)}</th>' for h in self.header)
        body = "".join(
            "<tr>"
            + f'<th scope="row" {cell}>{_html(row[0])}</th>'
            + f'<td {cell[:-1]};white-space:nowrap">{_html(row[1])}</td>'
            + "".join(f"<td {cell}>{_html(text)}</td>" for text in row[2:])
            + "</tr>"
            for row in self.rows
        )
        return (
            '<div role="status" style="max-width:52em;overflow-x:auto">'
            '<table style="border-collapse:collapse">'
            f'<caption style="text-align:left;font-weight:bold;color:inherit">'
            f"{_html(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{_html(self.closing)}</p></div>"
        )

    def __repr__(self) -> str:
        rows = [" | ".join(row).rstrip(" |") for row in self.rows]
        return "\n".join([self.caption, *rows, self.closing])


def show_check(
    exercise: Exercise, question: str | None, namespace: dict[str, Any] | None
) -> None:
    """Run visible tests on ``namespace`` and display their table."""
    if namespace is None:
        namespace = vars(sys.modules["__main__"])
    if question is None:
        table = progress(exercise, namespace)
    elif question in exercise.questions:
        table = one_question(exercise, question, namespace)
    else:
        raise ValueError(
            f"question is {question!r}; expected one of {list(exercise.questions)}"
        )
    try:
        from IPython.display import display
    except ImportError:
        print(table)
    else:
        display(table)


def one_question(exercise: Exercise, question: str, namespace: dict[str, Any]) -> Table:
    """The visible tests of ``question``, one row each."""
    outcomes = _visible(exercise, namespace, question)
    points, of = _sum(outcomes)
    if all(outcome.status == "not written yet" for outcome in outcomes):
        closing = "Not written yet. Replace the line that raises NotImplementedError."
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
            explain(outcome),
        )
        for outcome in outcomes
    )
    caption = f"{question}: {points} of {of} visible points"
    return Table(caption, ("Test", "Result", "Points", "What helps"), rows, closing)


def progress(exercise: Exercise, namespace: dict[str, Any]) -> Table:
    """All questions, one row each."""
    rows, total, total_of = [], 0, 0
    for question in exercise.questions:
        outcomes = _visible(exercise, namespace, question)
        points, of = _sum(outcomes)
        total, total_of = total + points, total_of + of
        statuses = {outcome.status for outcome in outcomes}
        status = statuses.pop() if len(statuses) == 1 else "failed"
        word = "partly passed" if status == "failed" and points else status
        hidden = _hidden_points(exercise, question)
        rows.append((question, f"{_SIGN[status]} {word}", f"{points} of {of}", hidden))
    closing = (
        f"The hidden tests bring the other {exercise.points - total_of} points. "
        "Grade your saved notebook in a new cell: !course grade NOTEBOOK.ipynb"
    )
    caption = f"{exercise.title}: {total} of {total_of} visible points"
    header = ("Question", "Result", "Points", "Hidden tests")
    return Table(caption, header, tuple(rows), closing)


def explain(outcome: Outcome) -> str:
    """What went wrong and the hint, as one text."""
    if outcome.status != "failed":
        return ""
    hint = outcome.case.hint
    return f"{outcome.says} Hint: {hint}" if hint else outcome.says


def _visible(
    exercise: Exercise, namespace: dict[str, Any], question: str
) -> list[Outcome]:
    cases = [c for c in exercise.cases if c.question == question and not c.hidden]
    return run(cases, local(namespace))


def _hidden_points(exercise: Exercise, question: str) -> str:
    cases = [c for c in exercise.cases if c.question == question and c.hidden]
    points = sum(case.points for case in cases)
    return f"{points} point{'s' if points != 1 else ''}" if points else ""


def _sum(outcomes: list[Outcome]) -> tuple[int, int]:
    return sum(o.points for o in outcomes), sum(o.case.points for o in outcomes)


def _html(text: str) -> str:
    return html.escape(text)
