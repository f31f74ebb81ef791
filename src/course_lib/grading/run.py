"""Run tests on answers and say, for each, how it went."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch

from course_lib.grading.answers import Answers, describe, giving
from course_lib.grading.question import Case, Failed, Missing, NotWritten, Wrong

# In a notebook only: "stopped" by hand.
Status = Literal["passed", "failed", "not written yet", "stopped"]


@dataclass(frozen=True)
class Outcome:
    """How one test went; ``says`` and ``hint`` are for the learner, or empty."""

    case: Case
    status: Status
    says: str = ""
    hint: str = ""

    @property
    def points(self) -> int:
        """The points it brings."""
        return self.case.points if self.status == "passed" else 0


class GraderError(RuntimeError):
    """The grader itself failed. Never a reason for a zero."""


def run(cases: Iterable[Case], answers: Answers, seed: int = 0) -> list[Outcome]:
    """Run ``cases`` on ``answers``; the same seed gives the same inputs.

    Raises ``GraderError`` only.
    """
    return [_run(case, answers, seed) for case in cases]


def take(case: Case, answers: Answers, seed: int) -> None:
    """Let ``answers`` take one test. Raises whatever the test does."""
    case.test(giving(answers, case.given), _generator(seed, case.name))


def _run(case: Case, answers: Answers, seed: int) -> Outcome:
    try:
        take(case, answers, seed)
    except NotWritten:
        return Outcome(case, "not written yet")
    except Missing as error:  # what to write is not the question then
        return Outcome(case, "failed", str(error))
    except (Wrong, Failed) as error:
        return Outcome(case, "failed", str(error), case.hint)
    except GraderError:
        raise
    except OSError as error:  # of this machine: an answer's own comes as `Failed`
        raise GraderError(f"{type(error).__name__}: {error}") from error
    except Exception as error:  # an answer of a form that the test did not foresee
        says = f"The answer has an unexpected form ({describe(error)})."
        return Outcome(case, "failed", says, case.hint)
    return Outcome(case, "passed")


def _generator(seed: int, name: str) -> torch.Generator:
    # From the test's name as well: a new test leaves the others' inputs alone.
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7]))
