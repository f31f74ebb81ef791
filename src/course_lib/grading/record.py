"""How far a learner has come: a record on his own disk, and what it says.

``check`` in a notebook and ``course grade`` of one's own notebook write the record, one
small file per exercise, into the user's data folder or into that of the environment
variable ``COURSE_PROGRESS`` (such as a folder of a mounted drive). The best of each
question is kept: a kernel that has just been restarted takes nothing away.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from course_lib.chapters import chapter
from course_lib.files import write_whole
from course_lib.grading.exercises import Exercise, all_exercises

FOLDER = "COURSE_PROGRESS"
_GRADED = "graded"  # beside the questions: all points, the hidden tests' included


@dataclass(frozen=True)
class Best:
    """``points`` of ``of``, reached at the time ``when`` (ISO 8601, UTC)."""

    points: int
    of: int
    when: str

    def __post_init__(self) -> None:
        right = type(self.points) is type(self.of) is int
        if not right or not 0 <= self.points <= self.of:
            raise ValueError(f"{self.points!r} of {self.of!r} points")
        datetime.fromisoformat(self.when)


@dataclass(frozen=True)
class Standing:
    """One exercise: the best of each question's visible tests, and of a grading."""

    exercise: Exercise
    visible: Mapping[str, Best]
    graded: Best | None

    @property
    def of(self) -> dict[str, int]:
        """The points of the visible tests of each question."""
        found = dict.fromkeys(self.exercise.questions, 0)
        for case in self.exercise.cases:
            found[case.question] += 0 if case.hidden else case.points
        return found

    @property
    def points(self) -> int:
        """The visible points that were reached."""
        return sum(best.points for best in self.visible.values())

    @property
    def when(self) -> str:
        """When it was last checked or graded better than before; "" for never."""
        known = [*self.visible.values(), *filter(None, [self.graded])]
        return max((best.when for best in known), default="")

    @property
    def left(self) -> str:
        """What is still to be done, as the end of a sentence; "" for nothing."""
        number = chapter(self.exercise.name).number
        this = f"exercise {number}, {self.exercise.title}"
        if self.graded and self.graded.points == self.graded.of:
            return ""
        if not self.when:
            return f"begin {this} (about {self.exercise.minutes} minutes)"
        for question, of in self.of.items():
            best = self.visible.get(question)
            if of and (best is None or best.points < of):
                return f"go on with {question} of {this}"
        if self.graded is None:
            return f"run the hidden tests of {this}: `course grade NOTEBOOK.ipynb`"
        return (
            f"look at the hidden tests of {this}, which has {self.graded.points} of "
            f"{self.graded.of} points: `course grade NOTEBOOK.ipynb`"
        )


def folder() -> Path:
    """Where the record is kept."""
    chosen = os.environ.get(FOLDER)
    return Path(chosen).expanduser() if chosen else user_data_path("course_lib")


def note(exercise: Exercise, reached: Mapping[str, tuple[int, int]]) -> str:
    """Keep what was reached, ``{"q1": (points, of)}``, where it is the best so far.

    Returns why it could not be kept, as a sentence, or "". Never raises.
    """
    try:
        best = _read(exercise.name)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for name, (points, of) in reached.items():
            old = best.get(name)
            if old is None or old.of != of or old.points < points:
                best[name] = Best(points, of, now)
        entries = {name: vars(entry) for name, entry in sorted(best.items())}
        write_whole(_file(exercise.name), json.dumps(entries, indent=1) + "\n")
    except Exception as error:  # a full disk must not stop a check
        return f"Your progress could not be noted ({error})."
    return ""


def note_grade(exercise: Exercise, grade: Mapping[str, Any]) -> str:
    """Keep the grade of one's own notebook, as ``note`` does.

    A notebook of stubs, and one that could not be graded, are no progress.
    """
    if all(test["status"] == "not written yet" for test in grade["tests"]):
        return ""
    reached = {_GRADED: (grade["points"], grade["of"])}
    for question in exercise.questions:
        visible = [
            test
            for test in grade["tests"]
            if test["name"].startswith(f"{question}.") and not test["hidden"]
        ]
        reached[question] = (
            sum(test["points"] for test in visible),
            sum(test["of"] for test in visible),
        )
    return note(exercise, reached)


def standings(exercises: Iterable[Exercise] | None = None) -> list[Standing]:
    """All exercises of the course, in order, each with what the record says of it.

    What was reached in tests that have changed since counts for nothing.
    """
    found = []
    for exercise in exercises or all_exercises():
        nothing = Standing(exercise, {}, None)
        try:
            best = _read(exercise.name)
        except OSError:
            best = {}
        visible = {
            question: best[question]
            for question, of in nothing.of.items()
            if question in best and best[question].of == of
        }
        graded = best.get(_GRADED)
        if graded and graded.of != exercise.points:
            graded = None
        found.append(Standing(exercise, visible, graded))
    return found


def what_is_next(standings: Iterable[Standing]) -> str:
    """A sentence: finish what is begun, then begin the first of the others."""
    left = [standing for standing in standings if standing.left]
    left.sort(key=lambda standing: not standing.when)
    return f"Next: {left[0].left}." if left else "You have the full points everywhere."


def local_time(when: str) -> str:
    """``when`` on the clock of this machine, to the minute."""
    if not when:
        return ""
    return f"{datetime.fromisoformat(when).astimezone():%Y-%m-%d %H:%M}"


def _file(name: str) -> Path:
    return folder() / f"{name}.json"


def _read(name: str) -> dict[str, Best]:
    """What is noted of the exercise ``name``. A broken file is put aside."""
    path = _file(name)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {entry: Best(**best) for entry, best in stored.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError, RecursionError):
        os.replace(path, path.with_suffix(".broken"))
        return {}
