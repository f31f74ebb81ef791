"""A student's grade and what a teacher gave by hand, as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports.manual import Mark, Sheet
from course_lib.grading.reports.stored import Grade


@dataclass(frozen=True)
class Result:
    """``marks`` has each manual question, those that are still open too."""

    grade: Grade
    marks: dict[str, Mark]

    @property
    def student(self) -> str:
        """The name that the reports give."""
        return self.grade["student"]

    @property
    def sandbox(self) -> str:
        """At which level the code ran."""
        return self.grade["sandbox"] or "nothing ran"

    @property
    def points(self) -> float | None:
        """All points so far; None where the grader failed."""
        if self.grade["points"] is None:
            return None
        return self.grade["points"] + sum(m.points or 0 for m in self.marks.values())

    @property
    def pending(self) -> list[str]:
        """The questions that wait for a teacher's points."""
        if self.grade["status"] != "graded":
            return []  # there is no answer to give them for
        return [name for name, mark in self.marks.items() if mark.points is None]


def results(exercise: Exercise, grades: Iterable[Grade], sheet: Sheet) -> list[Result]:
    """The result of each grade."""
    return [
        Result(grade, {name: sheet.mark(grade, name) for name in exercise.manual})
        for grade in grades
    ]


def write_each(
    everyone: Iterable[Result], folder: Path, write: Callable[[Result, Path], None]
) -> None:
    """Call ``write`` with each result and the student's own path below ``folder``.

    Raises ``OSError`` that names those who failed, after all others are written.
    """
    failed = []
    for result in everyone:
        parts = PurePosixPath(result.student).parts
        path = folder.joinpath(*(p for p in parts if p not in ("/", "..")))
        try:
            write(result, path)
        except OSError as error:
            failed.append(f"{result.student} ({error})")
    if failed:
        raise OSError("; ".join(failed))


def possible(exercise: Exercise) -> int:
    """The most points there are, those given by hand included."""
    return exercise.points + sum(one.points for one in exercise.manual.values())


def number(points: float) -> str:
    """``points`` as people write them: 3, 2.5."""
    return f"{points:.10g}"
