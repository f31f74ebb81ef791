"""A grade as text, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.grading.reports.stored import Grade


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
        lines += [f"{'':>24}{part}" for part in (test["says"], hint(test)) if part]
    lines += [f"  {where}: {says}" for where, says in grade["cells"].items()]
    return "\n".join(lines)


def hint(test: Mapping[str, Any]) -> str:
    """The hint of a failed test, as a sentence, or nothing."""
    return f"Hint: {test['hint']}" if test["hint"] else ""
