"""Questions that a person grades: what a student wrote, and what it is worth.

The answers go into ``manual.csv`` beside the grades. Whoever fills in its points and
comments finds both in the next run's reports; no run takes them away.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading import notebook
from course_lib.grading.exercises import Exercise
from course_lib.grading.reports import spreadsheet
from course_lib.grading.reports.stored import Grade

PLACEHOLDER = "Write here."  # what a student finds in the cell of an answer
_COLUMNS = ("student", "question", "of", "points", "comment", "answer")
# "Answer to q6", whatever marks it as a heading; what follows in its line is text.
_NAMED = re.compile(
    r"[\s#*_>`]*answer\s+to\s+([^\W_](?:\w*[^\W_])?)[\s#*_`:.]*", re.IGNORECASE
)
_TEXT_LIMIT = 20_000  # characters of an answer that are kept; Excel takes 32,767


def written_answers(data: bytes, questions: Iterable[str]) -> dict[str, str]:
    """What the notebook's text cells say to each of ``questions``; "" for nothing.

    An answer is a markdown cell that begins with ``Answer to q6``, wherever it stands.
    If there are two, the text holds both. Raises ``notebook.Unreadable``.
    """
    found: dict[str, list[str]] = {name: [] for name in questions}
    known = {name.casefold(): name for name in found}
    for cell in notebook.markdown_cells(data):
        title = _NAMED.match(cell)
        name = known.get(title[1].casefold()) if title else None
        if title and name:
            text = _printable(cell[title.end() :]).strip()
            text = text.removeprefix(PLACEHOLDER).strip()
            if text and text not in found[name]:
                found[name].append(text)
    return {name: "\n\n".join(texts)[:_TEXT_LIMIT] for name, texts in found.items()}


@dataclass(frozen=True)
class Mark:
    """What a teacher gave; ``points`` is None while that is open."""

    points: float | None = None
    comment: str = ""


@dataclass(frozen=True)
class Sheet:
    """``manual.csv`` as it was found.

    ``refused`` has a sentence for each row that does not count. Where ``readable`` is
    false the file is left as it is.
    """

    rows: tuple[Mapping[str, str], ...] = ()
    marks: Mapping[tuple[str, str], Mark] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    readable: bool = True

    def mark(self, grade: Grade, question: str) -> Mark:
        """What ``grade``'s student got for ``question``."""
        return self.marks.get((_same(grade["student"]), question), Mark())


def read(exercise: Exercise, grades: Iterable[Grade], path: Path) -> Sheet:
    """What is filled in at ``path``; an empty sheet where there is no file."""
    if not path.exists():
        return Sheet()
    try:
        rows = _rows(path)
    except (OSError, ValueError) as error:
        says = f"{path} is left as it is, and no points are taken from it: {error}."
        return Sheet(refused=(says,), readable=False)
    students = {_same(grade["student"]) for grade in grades}
    marks: dict[tuple[str, str], Mark] = {}
    refused = []
    for number, row in rows.items():
        key = _key(row)
        try:
            mark = _mark(exercise, row, students)
            if mark != Mark() and marks.get(key, mark) != mark:
                raise ValueError("another row says something else; neither counts")
            marks[key] = mark if mark != Mark() else marks.get(key, mark)
        except ValueError as error:
            marks[key] = Mark(comment=row["comment"])
            refused.append(
                f"{path}, row {number} ({row['student']}, {row['question']}) is kept "
                f"and does not count: {error}."
            )
    return Sheet(tuple(rows.values()), marks, tuple(refused))


def write(
    exercise: Exercise, grades: Iterable[Grade], sheet: Sheet, path: Path
) -> None:
    """Write a row per student and manual question, with what ``sheet`` holds."""
    left: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for row in sheet.rows:
        left.setdefault(_key(row), []).append(row)
    rows = []
    for grade in grades:
        for name, question in exercise.manual.items():
            now = {
                "student": grade["student"],
                "question": name,
                "of": str(question.points),
                "answer": grade["manual"].get(name, ""),
            }
            before = left.pop((_same(grade["student"]), name), [{}])
            rows += [{**row, **now} for row in before]
    # Of students or questions that are not there now: they may come back.
    rows += [row for kept in left.values() for row in kept]
    added = {name: None for row in sheet.rows for name in row if name not in _COLUMNS}
    header = (*_COLUMNS, *added)
    cells = dict.fromkeys(tuple(row.get(name, "") for name in header) for row in rows)
    spreadsheet.write(path, [header, *cells])


def _rows(path: Path) -> dict[int, dict[str, str]]:
    """The rows below the header, by their number in a spreadsheet, empty ones left out.

    Raises ``ValueError`` where something in the table would be lost.
    """
    header, *rows = spreadsheet.read(path) or [[]]
    names = [name.strip().casefold() for name in header]
    if missing := [name for name in _COLUMNS if name not in names]:
        raise ValueError(f"it has no column {', '.join(missing)}")
    if len(set(names)) < len(names):
        raise ValueError("two of its columns have the same name")
    found = {}
    for number, row in enumerate(rows, start=2):
        if any(row[len(names) :]):
            raise ValueError(f"its row {number} has more cells than there are columns")
        cells = row + [""] * (len(names) - len(row))
        if any(cells):
            found[number] = dict(zip(names, cells, strict=False))
    return found


def _mark(exercise: Exercise, row: Mapping[str, str], students: set[str]) -> Mark:
    """The mark in ``row``. Raises ``ValueError`` that says why it does not count."""
    student, question = _key(row)
    text = row["points"].strip()
    if not text and not row["comment"].strip():
        return Mark()
    if student not in students:
        raise ValueError("there is no submission of that name")
    if question not in exercise.manual:
        raise ValueError(f"expected a question of {list(exercise.manual)}")
    if not text:
        return Mark(comment=row["comment"])
    most = exercise.manual[question].points
    try:
        points = float(text.replace(",", "."))
    except ValueError:
        points = -1
    if not 0 <= points <= most:
        raise ValueError(f"points is {text!r}; expected a number from 0 to {most}")
    return Mark(points, row["comment"])


def _key(row: Mapping[str, str]) -> tuple[str, str]:
    return _same(row["student"]), row["question"].strip()


def _same(name: str) -> str:
    # macOS takes letters and their accents apart in the names of files.
    return unicodedata.normalize("NFC", name).strip()


def _printable(text: str) -> str:
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"
        else c
        for c in text.replace("\r\n", "\n")
    )
