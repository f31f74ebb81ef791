"""``canvas.csv``: the scores in the form that Canvas's gradebook imports.

The roster is the file that the gradebook exports; Canvas takes it back with a column
more. A student is matched by what the platforms put into the names of files, never by
likeness.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports import spreadsheet
from course_lib.grading.reports.result import Result, number, possible

_IDENTIFY = (
    "Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID",
    "Integration ID", "Root Account", "Section",
)  # fmt: skip
# Canvas: lastfirst[_LATE]_<user id>_<file id>_name; the number is the roster's ID.
_CANVAS_FILE = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<id>\d+)_\d+_.")
# Moodle, in a folder or in the name of a file: Kim Lee_123_assignsubmission_file_
_MOODLE_FILE = re.compile(r"(?P<name>.+?)_\d+_assignsubmission_")


@dataclass(frozen=True)
class Roster:
    """A gradebook's header, its students in order, and what stood under the header."""

    header: list[str]
    students: list[dict[str, str]]
    points_possible: Mapping[str, str] = field(default_factory=dict)


def read(path: Path) -> Roster:
    """The roster at ``path``. Raises ``ValueError`` that says what it lacks."""
    try:
        header, *rows = spreadsheet.read(path) or [[]]
    except (OSError, ValueError) as error:
        raise ValueError(f"The roster {path} cannot be read: {error}.") from error
    header = [name.strip() for name in header]
    named = "Student" in header or {"LastName", "FirstName"} <= set(header)
    if not named or not {"ID", "Section"} <= set(header):
        raise ValueError(
            f"The roster {path} has the columns {header[:8]}; expected the file that "
            "Canvas's gradebook exports, with Student, ID and Section."
        )
    students, possible_row = [], {}
    for row in rows:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        if "Points Possible" in (row or [""])[0]:
            possible_row = cells
        elif cells.get("ID") or any(_names(cells)):  # not the line of posting policies
            students.append(cells)
    if not students:
        raise ValueError(f"The roster {path} has no student in it.")
    return Roster(header, students, possible_row)


def write(
    exercise: Exercise, results: Iterable[Result], roster: Roster, path: Path
) -> list[str]:
    """Write the table, and return what a teacher has to know about it.

    A cell for which there is no score keeps what the roster had, or stays empty.
    """
    says: list[str] = []
    without: dict[str, list[str]] = defaultdict(list)
    scores = {}
    who = _matches(results, roster, says)
    for index, student in enumerate(roster.students):
        found, name = who.get(index, []), _shown(student)
        if not found:
            without["no submission"].append(name)
        elif len(found) > 1:
            files = ", ".join(result.student for result in found)
            without["more than one submission"].append(f"{name} ({files})")
        elif found[0].points is None:
            without["GRADER ERROR"].append(name)
        elif found[0].grade["status"] == "unreadable":
            without["unreadable, ask for another file"].append(name)
        elif found[0].pending:
            without["not yet graded by hand"].append(name)
        else:
            scores[index] = number(found[0].points)
    for why, names in without.items():
        says.append(f"without a score, {why}: {'; '.join(names)}.")
    column = _column(exercise, roster, says)
    identify = [name for name in roster.header if name in _IDENTIFY]
    most = str(possible(exercise))
    rows = [
        [*identify, column],
        ["    Points Possible", *[""] * (len(identify) - 1), most],
        *(
            [
                *(student.get(name, "") for name in identify),
                scores.get(index, student.get(column, "")),
            ]
            for index, student in enumerate(roster.students)
        ),
    ]
    # Without the mark that Excel likes: Canvas would take it for part of a name.
    spreadsheet.write(path, rows, encoding="utf-8")
    return [f"canvas.csv: {said}" for said in says]


def _matches(
    results: Iterable[Result], roster: Roster, says: list[str]
) -> dict[int, list[Result]]:
    """The submissions of each student in the roster, by number."""
    known = _known(roster)
    who: dict[int, list[Result]] = defaultdict(list)
    nobody = []
    for result in results:
        found: set[int] = set()
        for keys in _keys(result.student):
            found = found or set().union(*(known.get(key, ()) for key in keys))
        if len(found) == 1:
            who[next(iter(found))].append(result)
        elif found:
            names = ", ".join(sorted(_shown(roster.students[n]) for n in found))
            says.append(f"{result.student} can be any of {names}; no score is written.")
        else:
            nobody.append(result.student)
    if nobody:
        says.append(f"submissions of nobody in the roster: {'; '.join(nobody)}.")
    return who


def _known(roster: Roster) -> dict[tuple[str, str], set[int]]:
    """The students whom a key can mean."""
    known: dict[tuple[str, str], set[int]] = defaultdict(set)
    for index, student in enumerate(roster.students):
        known["id", student.get("ID", "")].add(index)
        for column in ("SIS Login ID", "SIS User ID"):
            login = student.get(column, "")
            for text in (login, login.partition("@")[0]):
                known["login", _plain(text)].add(index)
        for name in _names(student):
            known["name", _plain(name)].add(index)
    for kind in ("id", "login", "name"):
        known.pop((kind, ""), None)
    return known


def _keys(student: str) -> list[list[tuple[str, str]]]:
    """What the path of a submission may say of its student, the surest first."""
    parts = [unicodedata.normalize("NFC", p) for p in PurePosixPath(student).parts]
    canvas = [found for part in parts if (found := _CANVAS_FILE.match(part))]
    moodle = [found for part in parts if (found := _MOODLE_FILE.match(part))]
    # What stands behind a platform's name was chosen by the student.
    texts = [found["name"] for found in moodle or canvas] or parts
    return [
        [("id", found["id"]) for found in canvas if not moodle],
        [("login", _plain(text)) for text in texts],
        [("name", _plain(text)) for text in texts],
    ]


def _names(student: Mapping[str, str]) -> list[str]:
    """The student's name in both orders."""
    last, comma, first = student.get("Student", "").partition(",")
    if not comma:
        last, first = student.get("LastName", last), student.get("FirstName", first)
    return [f"{last} {first}".strip(), f"{first} {last}".strip()]


def _plain(text: str) -> str:
    """``text`` without case, spaces and signs: what Canvas leaves in a file's name."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", text).casefold())


def _shown(student: Mapping[str, str]) -> str:
    return student.get("Student") or _names(student)[1]


def _column(exercise: Exercise, roster: Roster, says: list[str]) -> str:
    """The roster's column of this exercise, or a name for a new one."""
    wanted = (_plain(exercise.title), _plain(exercise.name))
    found = [
        name
        for name in roster.header
        if name not in _IDENTIFY and any(text in _plain(name) for text in wanted)
    ]
    if len(found) != 1:
        says.append(
            f"the roster has {len(found) or 'no'} column"
            f"{'s' if len(found) else ''} named like “{exercise.title}”, so "
            "Canvas will make a new assignment of that name. To fill one that is "
            "there, call it so, export the gradebook again, and grade with that roster."
        )
        return exercise.title
    there, most = roster.points_possible.get(found[0], ""), possible(exercise)
    if there not in ("", *(f"{most}{tail}" for tail in ("", ".0", ".00", ",00"))):
        says.append(
            f"“{found[0]}” is worth {there} points in Canvas and {most} here; the "
            "import sets it to the latter."
        )
    return found[0]
