"""Answers that are more alike than chance makes them: pairs to talk about.

Not a proof of anything: a list of whom to ask about their code.
"""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports.stored import Grade

PUBLISHED = "the published solution"
SHARE = (
    "The share says how much of the shorter one's code stands, with other names and "
    "another layout, in the other's as well; what many in the class wrote counts less."
)


@dataclass(frozen=True)
class Pair:
    """``one``'s answers are like those of ``other``, a student or ``PUBLISHED``.

    ``questions`` are those whose answers are alike, ``share`` is between 0 and 1, and
    ``why`` says in words what is the same.
    """

    one: str
    other: str
    questions: tuple[str, ...]
    share: float
    why: str


def pairs(exercise: Exercise, grades: list[Grade]) -> list[Pair]:
    """The suspicious pairs among ``grades``, the most alike first.

    Pairs of students, and students beside the published solution. ``SHARE`` says what
    the share means.
    """
    return []
