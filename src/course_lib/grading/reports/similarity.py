"""Answers that are more alike than chance makes them: whom to ask about their code.

Short answers to one question are alike among honest people. So a fragment counts by how
rare it is among all the others of the class: fully where nobody else has it, hardly at
all where most do. Two students are listed where what they share is worth ``AMOUNT``
fragments that nobody else has, and

- their answers as wholes are alike: ``ALIKE`` of the shorter one's weight;
- or, in a class of ``CLASS`` or more, where what is usual is known, single questions
  are ``THE_SAME``.

The solution is public too. Beside it every fragment counts fully: if all have copied
it, that makes it no more natural.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.grading.build import stubbed
from course_lib.grading.exercises import Exercise
from course_lib.grading.reports.fragments import Fragment, Mark, fragments, marks
from course_lib.grading.reports.stored import Grade

PUBLISHED = "the published solution"
SHARE = (
    "The share says how much of the shorter one's code in these questions stands in "
    "the other's as well, under whatever names and in whatever layout. Between two "
    "students, what many in the class wrote counts less."
)
ALIKE = 0.75
THE_SAME = 0.9
AMOUNT = 60  # fragments: about eight lines
CLASS = 10  # students
_SHOWN = 3  # examples of one kind in `why`


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


@dataclass(frozen=True)
class _Work:
    """Somebody's answers, without what was handed out."""

    name: str
    fragments: tuple[set[Fragment], ...]  # of each question
    marks: set[Mark]


def pairs(exercise: Exercise, grades: list[Grade]) -> list[Pair]:
    """The suspicious pairs among ``grades``, the most alike first.

    Pairs of students, and students beside the published solution. ``SHARE`` says what
    the share means. The order of ``grades`` changes nothing.
    """
    published = exercise.solutions
    handed_in = [_work(exercise, g["student"], g["answers"], published) for g in grades]
    students = sorted(
        (one for one in handed_in if any(one.fragments)), key=lambda one: one.name
    )
    people = [*students, _work(exercise, PUBLISHED, published, published)]
    shared, sizes = _weigh([one.fragments for one in people])
    shorter = np.minimum(sizes, sizes.transpose(0, 2, 1))
    alike = (shared > 0) & (shared >= ALIKE * shorter)
    wrote = Counter(mark for one in students for mark in one.marks)
    found = []
    for i, j in np.argwhere(np.triu(_listed(shared, sizes), k=1)):
        one, other, these = people[i], people[j], alike[:, i, j]
        size = min(sizes[these, i, j].sum(), sizes[these, j, i].sum())
        # Both like the solution in what they share: both may have it from there.
        public = other is not people[-1] and alike[these, :, -1][:, [i, j]].all()
        own = _in_common(one, other, people[-1], wrote, len(students))
        found.append(
            Pair(
                one.name,
                other.name,
                tuple(q for q, is_one in zip(published, these, strict=True) if is_one),
                round(float(shared[these, i, j].sum() / size), 3),
                _why(own, public),
            )
        )
    return sorted(
        found,
        key=lambda pair: (-pair.share, pair.other == PUBLISHED, pair.one, pair.other),
    )


def _work(
    exercise: Exercise,
    name: str,
    answers: Mapping[str, str],
    published: Mapping[str, str],
) -> _Work:
    """What ``name`` wrote, as far as it was not handed out with the exercise."""
    own, also = [], set()
    for question, solution in published.items():
        source, stub = answers.get(question, ""), stubbed(solution)
        # A cell may answer two questions: each counts its own functions.
        others = {f for f, of in exercise.answers.items() if of != question}
        own.append(fragments(source, without=others) - fragments(stub))
        also |= marks(source) - marks(stub)
    return _Work(name, tuple(own), also)


def _weigh(
    people: list[tuple[set[Fragment], ...]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of fragments, each (questions, people, people); the solution is last.

    Of those that two share, and of all that the first of two has.
    """
    questions, n = len(people[0]), len(people)
    shared, sizes = np.zeros((2, questions, n, n))
    for q in range(questions):
        sets = [one[q] for one in people]
        students = Counter(fragment for own in sets[:-1] for fragment in own)
        # Whatever only one student has needs no column: nobody shares it.
        column = {f: i for i, f in enumerate(f for f, k in students.items() if k > 1)}
        has = np.zeros((n - 1, len(column)))
        for row, own in enumerate(sets[:-1]):
            has[row, [column[fragment] for fragment in own if fragment in column]] = 1
        holders = has.sum(axis=0)
        alone = np.array([len(own) for own in sets[:-1]]) - has.sum(axis=1)
        by_both = has * _rarity(holders - 2, n - 3) @ has.T
        by_one = has * _rarity(holders - 1, n - 3)
        lacks = by_one.sum(axis=1, keepdims=True) - by_one @ has.T
        shared[q, :-1, :-1] = by_both
        sizes[q, :-1, :-1] = by_both + lacks + alone[:, None]
        shared[q, :, -1] = shared[q, -1] = [len(own & sets[-1]) for own in sets]
        sizes[q, :, -1] = [len(own) for own in sets]
        sizes[q, -1] = len(sets[-1])
    return shared, sizes


def _rarity(others_with: NDArray[np.float64], others: int) -> NDArray[np.float64]:
    """1 for a fragment that none of the others has, almost 0 where all of them do."""
    others = max(others, 0)
    # Half a person more: what nobody has yet written is not impossible.
    chance = (np.clip(others_with, 0, others) + 0.5) / (others + 1)
    return np.log(chance) / np.log(0.5 / (others + 1))


def _listed(shared: NDArray, sizes: NDArray) -> NDArray[np.bool_]:
    """Which pairs are suspicious, (people, people)."""
    totals, amount = sizes.sum(axis=0), shared.sum(axis=0)
    listed = (amount >= ALIKE * np.minimum(totals, totals.T)) & (amount >= AMOUNT)
    if len(amount) > CLASS:
        shorter = np.minimum(sizes, sizes.transpose(0, 2, 1))
        single = (shared * (shared >= THE_SAME * shorter)).sum(axis=0) >= AMOUNT
        listed[:-1, :-1] |= single[:-1, :-1]
    return listed


def _in_common(
    one: _Work, other: _Work, reference: _Work, wrote: Mapping[Mark, int], students: int
) -> set[Mark]:
    """The names, comments and constants of both that hardly anybody else wrote."""
    both = one.marks & other.marks
    if other is reference:
        return both
    few = 2 + (students - 2) // 10
    return {mark for mark in both - reference.marks if wrote[mark] <= few}


def _why(own: set[Mark], public: bool) -> str:
    says = ["The same structure"]
    for kind in ("name", "comment", "constant"):
        # A long one is chance least of all.
        texts = sorted((t for k, t in own if k == kind), key=lambda t: (-len(t), t))
        shown = ", ".join(
            f"`{textwrap.shorten(text, 50, placeholder=' …')}`"
            for text in texts[:_SHOWN]
        )
        if texts:
            more = f" and {len(texts) - _SHOWN} more" if texts[_SHOWN:] else ""
            says.append(f"the same {kind}{'s' if texts[1:] else ''} {shown}{more}")
    if public:
        says.append(f"both are like {PUBLISHED}")
    return "; ".join(says) + "."
