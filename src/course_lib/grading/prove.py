"""Let the reference answers take the tests before any student does."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from course_lib.grading import sources
from course_lib.grading.answers import Answers, perform
from course_lib.grading.exercises import Exercise
from course_lib.grading.question import Failed, NotWritten, Wrong
from course_lib.grading.run import take


class _NoReference(Exception):
    """There is no such function in the master."""


def prove(exercise: Exercise, seed: int) -> None:
    """Raise ``ValueError`` where the reference fails a test, with the seed's inputs.

    It names the file and the line: a mistake there would cost every student points.
    To a question that only an overlay asks there is no reference; its tests are tried
    up to their first call.
    """
    names: dict[str, Any] = {}
    exec(_without_checks(exercise.master), names)
    answers = Answers(lambda _, message: perform(names, message), _missing)
    for case in exercise.cases:
        try:
            take(case, answers, seed)
        except _NoReference as error:
            if case.question in exercise.answers.values():
                _stop(case.test, error, f"there is no function `{error}` in master.py")
        except (Wrong, Failed, NotWritten) as error:
            _stop(case.test, error, f"the reference answer fails {case.name}: {error}")
        except Exception as error:
            says = f"{type(error).__name__} in {case.name}: {error}"
            _stop(case.test, error, says)


def _missing(name: str) -> str:
    raise _NoReference(name)


def _stop(test: Any, error: Exception, says: str) -> None:
    file = Path(test.__code__.co_filename)
    line = sources.where(error, file)
    raise ValueError(f"{file}, line {line}: {says}") from error


def _without_checks(master: str) -> str:
    tree = ast.parse(master)
    tree.body = [
        node
        for node in tree.body
        if not isinstance(node, ast.Expr) and "exercise(" not in ast.unparse(node)
    ]
    return ast.unparse(tree)
