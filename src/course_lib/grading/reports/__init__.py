"""What grading leaves behind: a JSON per student, and what is made of all of them."""

from __future__ import annotations

from pathlib import Path

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports import page, table
from course_lib.grading.reports.stored import Grade


def write_class(exercise: Exercise, grades: list[Grade], folder: Path) -> None:
    """Write ``grades.csv`` and ``report.html`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    table.write(exercise, grades, folder / "grades.csv")
    (folder / "report.html").write_text(
        page.page(exercise, grades), encoding="utf-8", errors="replace"
    )
