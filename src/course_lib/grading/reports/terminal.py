"""A grade as text, for the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from course_lib.grading.reports.stored import Grade

_SIGN = {"passed": "✓", "failed": "✗", "not written yet": "○"}
_WIDEST = 100  # characters of a line that can still be read


def line(grade: Grade) -> str:
    """One student in one line."""
    if grade["status"] == "graded":
        return f"{grade['student']}: {grade['points']} of {grade['of']} points"
    return f"{grade['student']}: {grade['status']} ({grade['says']})"


def text(grade: Grade) -> str:
    """Every test of one student, by question: what to do where one failed."""
    return "\n".join(_lines(grade))


def _lines(grade: Grade) -> Iterator[str]:
    def of_question(test: Mapping[str, Any]) -> str:
        return test["name"].partition(".")[0]

    for question, found in groupby(grade["tests"], of_question):
        tests = list(found)
        points = sum(test["points"] for test in tests)
        yield ""
        yield f"{question}: {points} of {sum(test['of'] for test in tests)} points"
        said = ""
        for test in tests:
            yield from _test(test, said)
            said = test["says"] or said
    if grade["cells"]:
        yield "\nCells that did not run:"
        for where, says in grade["cells"].items():
            yield _indented(f"{where}: {says}", 2)
    yield f"\n{line(grade)}"


def _test(test: Mapping[str, Any], said: str) -> Iterator[str]:
    worth = f"{test['points']} of {test['of']}{', hidden' if test['hidden'] else ''}"
    status = "" if test["status"] == "passed" else f"{test['status']}: "
    yield _indented(f"{_SIGN[test['status']]} {status}{test['title']} ({worth})", 2)
    if test["says"] and test["says"] != said:
        yield _indented(test["says"], 6)
    elif test["says"]:
        yield _indented("As above.", 6)
    if test["hint"]:
        yield _indented(hint(test), 6)


def _indented(says: str, by: int) -> str:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    return textwrap.fill(
        says,
        max(width, 40),
        initial_indent=" " * by,
        subsequent_indent=" " * (by + 2),
        break_on_hyphens=False,
    )


def hint(test: Mapping[str, Any]) -> str:
    """The hint of a failed test, as a sentence, or nothing."""
    return f"Hint: {test['hint']}" if test["hint"] else ""
