"""Hostile and broken notebooks, as text: what each tries, and what it must get.

A notebook is the reference's, with the answers to some questions replaced and cells
put in front or at the end. Whatever was not replaced is honest work and must keep its
points. Nothing here harms the machine where the walls fail: a bomb stops by itself, a
signal to everybody is signal 0, and what is written goes into the batch's own folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FULL = {"q1": 3, "q2": 5, "q3": 6, "q4": 3, "q5": 3}  # of exercise 01_rnn


@dataclass(frozen=True)
class Hostile:
    """One submission of the class.

    ``answers`` replace the reference's; ``first`` and ``last`` are cells around them.
    ``points`` is what each question must get. ``says`` holds for a question a pattern
    that the sentence of one of its tests must match, ``errors`` are patterns for the
    sentences on cells, ``flags`` the names that must be flagged. A ``file`` writes the
    submission itself, from the reference's cells; ``status`` is what the grade says of
    it, and empty where there must be no grade.
    """

    name: str
    tries: str
    points: Mapping[str, int]
    answers: Mapping[str, str] = field(default_factory=dict)
    first: str = ""
    last: str = ""
    says: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[str] = ()
    flags: frozenset[str] = frozenset()
    file: Callable[[Path, list[str]], None] | None = None
    status: str = "graded"

    def cells(self, right: list[str], reference: Mapping[str, str]) -> list[str]:
        """The code cells, made of the ``right`` ones."""
        other = {reference[name]: source for name, source in self.answers.items()}
        cells = [other.get(cell, cell) for cell in right]
        return [cell for cell in (self.first, *cells, self.last) if cell]


def hostile(
    name: str,
    tries: str,
    *,
    first: str = "",
    last: str = "",
    keeps: str | None = None,
    partly: Mapping[str, int] | None = None,
    says: Mapping[str, str] | None = None,
    errors: Sequence[str] = (),
    flags: str = "",
    **answers: str,
) -> Hostile:
    """A notebook that ``keeps`` the points of these questions, and of no other.

    By default it keeps those that it did not replace. ``partly`` are points for what
    is right in a wrong answer, such as a shape.
    """
    kept = set(FULL) - set(answers) if keeps is None else set(keeps.split())
    return Hostile(
        name=name,
        tries=tries,
        points={q: points if q in kept else 0 for q, points in FULL.items()}
        | (partly or {}),
        answers=answers,
        first=first,
        last=last,
        says=says or {},
        errors=errors,
        flags=frozenset(flags.split()),
    )
