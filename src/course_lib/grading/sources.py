"""Read the files of an exercise or of an overlay: an error names the file and the cure.

Their authors are people who write tests once a year: what is wrong with a file is said
before the first student is graded, not in each of their reports.
"""

from __future__ import annotations

import ast
import importlib.util
import tomllib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from course_lib.grading.question import Case


@dataclass(frozen=True)
class Manual:
    """A question that is answered in words; a teacher gives up to ``points``."""

    title: str
    points: int


def module(path: Path) -> ModuleType:
    """The Python file at ``path``, run. Raises ``ValueError`` that names the line."""
    # Every exercise has a `tests.py`: a module name of its own keeps them apart.
    name = f"_course_exercise_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ValueError(f"{path}: expected a Python file of tests")
    found = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(found)
    except SyntaxError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error.msg}") from error
    except Exception as error:
        raise ValueError(f"{path}{_line(error, path)}: {_said(error)}") from error
    return found


def cases(path: Path, hidden: bool) -> list[Case]:
    """The tests in the file at ``path``, all of which must be ``hidden`` or none."""
    _no_name_twice(path)
    found = [case for case in vars(module(path)).values() if isinstance(case, Case)]
    if stray := [case.name for case in found if case.hidden is not hidden]:
        raise ValueError(f"{path}: expected hidden={hidden} for {stray}")
    return found


def table(path: Path) -> dict[str, Any]:
    """The TOML file at ``path``."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # also of an encoding that is not UTF-8
        raise ValueError(f"{path}: {error}") from error


def manual(path: Path, about: Mapping[str, Any]) -> dict[str, Manual]:
    """The ``[manual.NAME]`` of ``about``, which was read from ``path``."""
    found = {}
    for name, entry in about.get("manual", {}).items():
        right = isinstance(entry, dict) and set(entry) == {"title", "points"}
        right = right and isinstance(entry["title"], str) and name.isalnum()
        if not right or type(entry["points"]) is not int or entry["points"] < 1:
            raise ValueError(
                f"{path}: manual.{name} is {entry!r}; expected a name such as q6 with "
                'title = "..." and points = a whole number'
            )
        found[name] = Manual(**entry)
    return found


def where(error: BaseException, path: Path) -> int | None:
    """The innermost line of the file at ``path`` that ``error`` came through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == str(path):
            return frame.lineno
    return None


def _line(error: BaseException, path: Path) -> str:
    number = where(error, path)
    return f", line {number}" if number else ""


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _no_name_twice(path: Path) -> None:
    # Python would keep the second of two functions and say nothing of the first.
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # said by `module`, with the line
    seen = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            if node.name in seen:
                raise ValueError(
                    f"{path}, line {node.lineno}: a second function {node.name}; "
                    "give each test a name of its own"
                )
            seen.add(node.name)
