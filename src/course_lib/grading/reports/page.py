"""``report.html``: the grades first, then the tests, then each student.

One file without scripts. All that a student wrote is escaped.
"""

from __future__ import annotations

import html
import statistics
from collections.abc import Iterable
from typing import Any

from course_lib.grading import remote
from course_lib.grading.exercises import Exercise
from course_lib.grading.reports.stored import Grade
from course_lib.grading.reports.terminal import hint

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 1rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
  border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
section { margin: 2rem 0;
  border-top: 2px solid color-mix(in srgb, currentColor 50%, transparent); }
.wide, pre { overflow-x: auto; }
.bar { display: inline-block; height: .8em; background: currentColor; }
"""

_STATUSES = (
    ("graded", "the tests ran; the points are theirs"),
    ("unreadable", "the file is no notebook: 0 points"),
    ("GRADER ERROR", "not the student's fault: no points are given; grade again"),
)
_BINS = 5


class _Markup(str):
    """Text that is HTML already."""


def page(exercise: Exercise, grades: list[Grade]) -> str:
    """The report on all ``grades``, as HTML."""
    seeds = ", ".join(sorted({str(grade["seed"]) for grade in grades}))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_html(exercise.title)}: grades</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{_html(exercise.title)}: grades</h1>"
        f"<p>Exercise {_html(exercise.name)}, {exercise.points} points, "
        f"seed {_html(seeds)}.</p>"
        '<h2 id="grades">Grades</h2>'
        + _summary(exercise, grades)
        + _by_student(exercise, grades)
        + "<p>What a status says:</p><ul>"
        + "".join(f"<li><em>{word}</em>: {says}.</li>" for word, says in _STATUSES)
        + "</ul><p>A flag marks code that deserves a look, and takes no points. Which "
        "line it is, and the answer around it, stand under the student's name.</p>"
        "<h2>Tests</h2>"
        + _by_test(exercise, grades)
        + "<h2>How safe the grading was</h2>"
        + _sandbox()
        + "<h2>Each student</h2>"
        + "".join(_details(number, grade) for number, grade in enumerate(grades))
        + "</main></body></html>\n"
    )


def _summary(exercise: Exercise, grades: list[Grade]) -> str:
    points = [grade["points"] for grade in grades if grade["status"] == "graded"]
    without = len(grades) - len(points)
    left_out = f" {without} without a graded notebook left out." if without else ""
    if not points:
        return f"<p>Nobody is graded yet.{left_out}</p>"
    spread = f"{statistics.stdev(points):.1f}" if len(points) > 1 else "–"
    numbers = (
        f"<p>{len(points)} graded.{left_out} Mean {statistics.mean(points):.1f}, "
        f"median {statistics.median(points):g}, standard deviation {spread}, "
        f"lowest {min(points)}, highest {max(points)} of {exercise.points} points.</p>"
    )
    rows = []
    for index in range(_BINS):
        # Whole points from `low` to `high`; the first part holds 0 as well.
        low = exercise.points * index // _BINS + (index > 0)
        high = exercise.points * (index + 1) // _BINS
        count = sum(low <= one <= high for one in points)
        bar = (
            f'<span class="bar" style="width:{15 * count / len(points):.2f}em"></span>'
        )
        rows.append([f"{low} to {high}", _Markup(f"{bar} {count}")])
    return numbers + _table("Distribution", ["Points", "Students"], rows)


def _by_student(exercise: Exercise, grades: list[Grade]) -> str:
    rows = [
        [
            _Markup(f'<a href="#student-{number}">{_html(grade["student"])}</a>'),
            grade["status"],
            "" if grade["points"] is None else f"{grade['points']} of {grade['of']}",
            *(grade["questions"].get(name, "") for name in exercise.questions),
            len(grade["flags"]) or "",
            grade["seconds"],
        ]
        for number, grade in enumerate(grades)
    ]
    head = ["Student", "Status", "Points", *exercise.questions, "Flags", "Seconds"]
    return _table("All students", head, rows)


def _by_test(exercise: Exercise, grades: list[Grade]) -> str:
    graded = [grade for grade in grades if grade["status"] == "graded"]
    passed = [
        test["name"]
        for grade in graded
        for test in grade["tests"]
        if test["status"] == "passed"
    ]
    rows = [
        [
            case.name,
            case.title,
            "hidden" if case.hidden else "visible",
            case.points,
            f"{passed.count(case.name)} of {len(graded)}",
        ]
        for case in exercise.cases
    ]
    return _table(
        "How many pass each test", ["Test", "Asks", "Kind", "Points", "Passed"], rows
    )


def _sandbox() -> str:
    opened = "".join(f"<li>{_html(item)}</li>" for item in remote.OPEN)
    return (
        f"<p>Sandbox level: <strong>{remote.SANDBOX}</strong>. The tests ran in a "
        "process of their own and only numbers came in, so no score was forged by what "
        "an answer returned or patched. But at this level a submission can still:</p>"
        f"<ul>{opened}</ul><p>So grade people whom you trust, or in a container that "
        "you throw away.</p>"
    )


def _details(number: int, grade: Grade) -> str:
    tests = [
        [
            test["name"] + (" (hidden)" if test["hidden"] else ""),
            test["status"],
            f"{test['points']} of {test['of']}",
            f"{test['says']} {hint(test)}".strip(),
        ]
        for test in grade["tests"]
    ]
    flags = [
        [
            flag["name"],
            flag["why"],
            flag["where"],
            flag["line"],
            _Markup(f"<code>{_html(flag['code'])}</code>"),
        ]
        for flag in grade["flags"]
    ]
    points = "" if grade["points"] is None else f", {grade['points']} of {grade['of']}"
    return (
        f'<section id="student-{number}">'
        f"<h3>{_html(grade['student'])}: {_html(grade['status'])}{points}</h3>"
        f"<p>{_html(grade['says'])}</p>"
        + _table("Tests", ["Test", "Result", "Points", "Why"], tests)
        + _table("Cells that failed", ["Cell", "Why"], grade["cells"].items())
        + _table("Flags", ["Use of", "Which", "Where", "Line", "Code"], flags)
        + "".join(
            f"<details><summary>Code of {_html(question)}</summary>"
            f"<pre><code>{_html(code)}</code></pre></details>"
            for question, code in grade["answers"].items()
            if code
        )
        + '<p><a href="#grades">Back to the grades</a></p></section>'
    )


def _table(caption: str, head: list[str], rows: Iterable[Iterable[Any]]) -> str:
    """A table, or nothing where it has no rows."""
    body = ""
    for first, *others in rows:
        cells = "".join(f"<td>{_html(value)}</td>" for value in others)
        body += f'<tr><th scope="row">{_html(first)}</th>{cells}</tr>'
    header = "".join(f'<th scope="col">{_html(text)}</th>' for text in head)
    if not body:
        return ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_html(caption)}">'
        f"<table><caption>{_html(caption)}</caption><thead><tr>{header}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _html(value: Any) -> str:
    return value if isinstance(value, _Markup) else html.escape(str(value))
