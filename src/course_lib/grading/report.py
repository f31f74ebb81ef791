"""What grading leaves behind: one JSON per student, ``grades.csv``, ``report.html``."""

from __future__ import annotations

import csv
import html
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from course_lib.grading import remote
from course_lib.grading.exercises import Exercise

Grade = Mapping[str, Any]

_START = ("student", "status", "points", "of")

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 1rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
  border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
.wide { overflow-x: auto; }
"""


def write_student(grade: Grade, path: Path) -> None:
    """Store one grade."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(grade, indent=1, ensure_ascii=False)
    # A student's text may hold half a surrogate pair, which UTF-8 cannot.
    path.write_text(text + "\n", encoding="utf-8", errors="replace")


def write_class(exercise: Exercise, grades: list[Grade], folder: Path) -> None:
    """Write ``grades.csv`` and ``report.html`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = (folder / "grades.csv").open(
        "w", newline="", encoding="utf-8", errors="replace"
    )
    with opened as file:
        writer = csv.writer(file)
        writer.writerow(
            (*_START, *exercise.questions, "flags", "sandbox", "seed", "sha256")
        )
        for grade in grades:
            writer.writerow(map(_cell, _row(exercise, grade)))
    page = _page(exercise, grades)
    (folder / "report.html").write_text(page, encoding="utf-8", errors="replace")


def line(grade: Grade) -> str:
    """One student in one line."""
    if grade["status"] == "graded":
        return f"{grade['student']}: {grade['points']} of {grade['of']} points"
    return f"{grade['student']}: {grade['status']} ({grade['says']})"


def text(grade: Grade) -> str:
    """Every test of one student, for the terminal."""
    lines = []
    for test in grade["tests"]:
        kind = " (hidden)" if test["hidden"] else ""
        lines.append(
            f"  {test['status']:>15}  {test['points']}/{test['of']}  "
            f"{test['name']}{kind}: {test['title']}"
        )
        lines += [f"{'':>24}{part}" for part in (test["says"], _hint(test)) if part]
    lines += [f"  cell {index}: {says}" for index, says in grade["cells"].items()]
    return "\n".join(lines)


def _row(exercise: Exercise, grade: Grade) -> list[Any]:
    return [
        grade["student"],
        grade["status"],
        "" if grade["points"] is None else grade["points"],
        grade["of"],
        *(grade["questions"].get(name, "") for name in exercise.questions),
        "; ".join(grade["flags"]),
        grade["sandbox"],
        grade["seed"],
        grade.get("sha256", ""),
    ]


def _cell(value: Any) -> Any:
    # A spreadsheet would run a file named "=HYPERLINK(…)" as a formula.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value


def _page(exercise: Exercise, grades: list[Grade]) -> str:
    seeds = ", ".join(sorted({str(grade["seed"]) for grade in grades}))
    opened = "".join(f"<li>{_html(item)}</li>" for item in remote.OPEN)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_html(exercise.title)}: grades</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{_html(exercise.title)}: grades</h1>"
        f"<p>Exercise {_html(exercise.name)}, {exercise.points} points, "
        f"seed {seeds}.</p>"
        f"<p>Sandbox level: <strong>{remote.SANDBOX}</strong>. The tests ran in a "
        "process of their own and only numbers came in, so no score was forged by what "
        "an answer returned or patched. But at this level a submission can still:</p>"
        f"<ul>{opened}</ul><p>So grade people whom you trust, or in a container that "
        "you throw away.</p>"
        + _by_test(exercise, grades)
        + _by_student(exercise, grades)
        + "<h2>Each student</h2>"
        + "".join(map(_details, grades))
        + "</main></body></html>\n"
    )


def _by_test(exercise: Exercise, grades: list[Grade]) -> str:
    graded = [grade for grade in grades if grade["status"] == "graded"]
    rows = []
    for index, case in enumerate(exercise.cases):
        passed = sum(g["tests"][index]["status"] == "passed" for g in graded)
        kind = "hidden" if case.hidden else "visible"
        rate = f"{passed} of {len(graded)}"
        rows.append([case.name, case.title, kind, case.points, rate])
    return _table(
        "How many pass each test", ["Test", "Asks", "Kind", "Points", "Passed"], rows
    )


def _by_student(exercise: Exercise, grades: list[Grade]) -> str:
    return _table(
        "Grades",
        [*_START, *exercise.questions, "flags", "sandbox", "seconds"],
        [[*_row(exercise, grade)[:-2], grade["seconds"]] for grade in grades],
    )


def _details(grade: Grade) -> str:
    rows = [
        [
            test["name"] + (" (hidden)" if test["hidden"] else ""),
            test["status"],
            f"{test['points']} of {test['of']}",
            f"{test['says']} {_hint(test)}",
        ]
        for test in grade["tests"]
    ]
    table = _table("Tests", ["Test", "Result", "Points", "Why"], rows) if rows else ""
    cells = "".join(
        f"<li>Cell {_html(index)}: {_html(says)}</li>"
        for index, says in grade["cells"].items()
    )
    cells = f"<p>Cells that failed:</p><ul>{cells}</ul>" if cells else ""
    return f"<details><summary>{_html(line(grade))}</summary>{table}{cells}</details>"


def _hint(test: Mapping[str, Any]) -> str:
    return f"Hint: {test['hint']}" if test["hint"] else ""


def _table(caption: str, head: list[str], rows: Iterable[list[Any]]) -> str:
    header = "".join(f'<th scope="col">{_html(text)}</th>' for text in head)
    body = "".join(
        f'<tr><th scope="row">{_html(row[0])}</th>'
        + "".join(f"<td>{_html(value)}</td>" for value in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_html(caption)}">'
        f"<table><caption>{_html(caption)}</caption><thead><tr>{header}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _html(value: Any) -> str:
    return html.escape(str(value))
