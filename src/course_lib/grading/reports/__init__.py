"""What grading leaves behind: a JSON per student, and what is made of all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports import (
    canvas,
    feedback,
    gradescope,
    manual,
    page,
    similarity,
    spreadsheet,
    stored,
    table,
)
from course_lib.grading.reports.result import results
from course_lib.grading.reports.similarity import Pair
from course_lib.grading.reports.stored import Grade

_NAMED = 10  # in one sentence


def write_class(
    exercise: Exercise,
    grades: list[Grade],
    folder: Path,
    roster: Path | None = None,
    known: Sequence[str] = (),
) -> list[str]:
    """Write all reports on ``grades`` into ``folder``.

    Returns a sentence for each thing that a teacher has to know, after those ``known``
    already: a file that is no grade or could not be written, a row that does not
    count, a student whom the roster does not have.
    """
    says = [*known, *stored.broken(folder), *_notable(grades)]
    # It takes long. What a teacher saves meanwhile must be read before it is written.
    pairs = similarity.pairs(exercise, grades)
    sheet = manual.read(exercise, grades, folder / "manual.csv")
    says += sheet.refused
    everyone = results(exercise, grades, sheet)

    def write(name: str, write_to: Callable[[Path], object]) -> None:
        try:
            write_to(folder / name)
        except OSError as error:  # open in Excel, say; the others are still written
            says.append(f"{folder / name} could not be written: {error}.")

    if exercise.manual and sheet.readable:
        write("manual.csv", lambda path: manual.write(exercise, grades, sheet, path))
    write("grades.csv", lambda path: table.write(exercise, everyone, path))
    write("gradescope", lambda path: gradescope.write(exercise, everyone, path))
    write("feedback", lambda path: feedback.write(exercise, everyone, path))
    write("similarity.csv", lambda path: spreadsheet.write(path, _pairs(pairs)))
    if roster is not None:
        try:
            gradebook = canvas.read(roster)
        except ValueError as error:
            says.append(f"{error} So there is no canvas.csv.")
        else:
            write(
                "canvas.csv",
                lambda path: says.extend(
                    canvas.write(exercise, everyone, gradebook, path)
                ),
            )
    says += _left_over(folder, {result.student for result in everyone})
    # Last: it says what became of the others.
    text = page.page(exercise, everyone, pairs, says)
    write("report.html", lambda path: stored.write_text(path, text))
    return says


def _notable(grades: list[Grade]) -> list[str]:
    """Whom to ask for another file, and who handed in the same one."""
    says = [
        f"{grade['student']} is unreadable: {grade['says']}."
        for grade in grades
        if grade["status"] == "unreadable"
    ]
    same = defaultdict(list)
    for grade in grades:
        if grade["points"]:  # the untouched notebook is alike for honest reasons
            same[grade["sha256"]].append(grade["student"])
    return says + [
        f"The same file, byte for byte: {_named(students)}."
        for digest, students in same.items()
        if len(students) > 1
    ]


def _left_over(folder: Path, graded: set[str]) -> list[str]:
    """Pages of earlier runs, whose students have no grade here any more."""
    pages = {
        path: path.relative_to(folder / "feedback").as_posix().removesuffix(".html")
        for path in (folder / "feedback").rglob("*.html")
    }
    pages |= {
        path: path.parent.relative_to(folder / "gradescope").as_posix()
        for path in (folder / "gradescope").rglob("results.json")
    }
    old = sorted(str(path) for path, student in pages.items() if student not in graded)
    return [f"Of an earlier run, to be deleted: {_named(old)}."] if old else []


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _pairs(pairs: list[Pair]) -> list[list[str]]:
    rows = [
        [pair.one, pair.other, " ".join(pair.questions), f"{pair.share:.2f}", pair.why]
        for pair in pairs
    ]
    return [["one", "other", "questions", "share", "why"], *rows]
