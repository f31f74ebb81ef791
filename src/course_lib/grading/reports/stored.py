"""The grades on disk: one JSON file per student, below ``students/``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Grade = Mapping[str, Any]

_KEYS = {
    "exercise", "student", "seed", "status", "points", "of", "says", "sandbox",
    "seconds", "questions", "tests", "flags", "cells", "answers",
}  # fmt: skip


def write_student(grade: Grade, path: Path) -> None:
    """Store one grade."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(grade, indent=1, ensure_ascii=False)
    # A student's text may hold half a surrogate pair, which UTF-8 cannot.
    path.write_text(text + "\n", encoding="utf-8", errors="replace")


def stored(folder: Path) -> list[Grade]:
    """All grades in ``folder``, by student; none where there is no such folder.

    Raises ``ValueError`` that names a file that is no grade.
    """
    grades = []
    for path in sorted((folder / "students").rglob("*.json")):
        try:
            grade = json.loads(path.read_text(encoding="utf-8"))
            missing = _KEYS - set(grade)
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{path} is not a grade: {error}.") from error
        if missing:
            raise ValueError(f"{path} is not a grade: without {sorted(missing)}.")
        grades.append(grade)
    return grades
