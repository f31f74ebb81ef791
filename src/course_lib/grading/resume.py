"""What an earlier run left in the report's folder, and what of it still counts."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from course_lib.files import held
from course_lib.grading.exercises import Exercise
from course_lib.grading.grade import Submission
from course_lib.grading.reports.stored import Grade


@contextlib.contextmanager
def only_one(out: Path, parts: bool) -> Iterator[None]:
    """Keep the folder ``out``, which is made, for one command; ``parts`` may share it.

    Two that begin together would draw two seeds. Whatever ends a process gives the
    folder free. Raises ``ValueError`` where another has it or it cannot be made.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(out, shared=parts))
        except BlockingIOError as error:
            raise ValueError(
                f"another command is grading into {out}: wait for it, or choose "
                "another folder with -o"
            ) from error
        except OSError as error:
            raise ValueError(f"{out} cannot be used: {error}") from error
        yield


def by_these_tests(
    exercise: Exercise, earlier: Iterable[Grade], students: Iterable[str]
) -> list[Grade]:
    """``earlier`` without the grades that ``students`` got by other tests than today's.

    Whoever is graded again has nothing that his new grade would not compare with.
    """
    again = set(students)
    return [
        grade
        for grade in earlier
        if grade["exercise"] != exercise.name
        or grade["version"] == exercise.version
        or grade["student"] not in again
    ]


def seed_for(
    exercise: Exercise, earlier: Iterable[Grade], seed: int | None, out: Path
) -> int:
    """The seed to grade with: ``seed``, or else that of ``earlier`` or a random one.

    Raises ``ValueError`` where the grades that ``out`` holds are of another kind.
    """
    for grade in earlier:
        if grade["exercise"] != exercise.name:
            there = f"of {grade['exercise']}, not of {exercise.name}"
        elif grade["version"] != exercise.version:
            there = (
                f"by other tests (version {grade['version']}, now {exercise.version})"
            )
        elif seed is not None and grade["seed"] != seed:
            there = f"with the seed {grade['seed']}, not {seed}"
        else:
            seed = grade["seed"]
            continue
        raise ValueError(f"{out} holds grades {there}. Choose another folder with -o")
    return secrets.randbelow(2**31) if seed is None else seed


def kept(
    everyone: Mapping[str, Path], earlier: Iterable[Grade], level: str
) -> dict[str, Grade]:
    """Those of the ``earlier`` grades that ``everyone``'s notebooks need not get again.

    Such a grade is of the same bytes, no ``GRADER ERROR``, and of the sandbox
    ``level``, unless that is empty.
    """
    before = {grade["student"]: grade for grade in earlier}
    return {
        student: before[student]
        for student, path in everyone.items()
        if student in before
        and before[student]["points"] is not None
        and before[student]["sha256"] == Submission.read(path, student).sha256
        and (before[student]["sandbox"] or level).startswith(level)
    }
