"""The grades on disk: one JSON file per student, below ``students/``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from course_lib.files import write_whole

Grade = Mapping[str, Any]

# What every report needs, and of which kind.
_KEYS: dict[str, type | tuple[type, ...]] = {
    "exercise": str, "student": str, "sha256": str, "seed": int, "version": str,
    "status": str, "points": (int, type(None)), "of": int, "says": str, "sandbox": str,
    "seconds": (int, float), "questions": dict, "tests": list, "flags": list,
    "cells": dict, "answers": dict, "manual": dict,
}  # fmt: skip
_TEST = {"name", "title", "hidden", "status", "points", "of", "says", "hint"}
_FLAG = {"name", "why", "where", "line", "code"}


def write_student(grade: Grade, path: Path) -> None:
    """Store one grade."""
    write_text(path, json.dumps(grade, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write what students wrote a part of, whole or not at all."""
    # It may hold half a surrogate pair, which UTF-8 cannot.
    write_whole(path, text.encode(encoding, errors="replace"))


def stored(folder: Path) -> list[Grade]:
    """All grades in ``folder``, by student; ``broken`` names the files left out."""
    return [grade for _, grade in _read(folder) if not isinstance(grade, str)]


def broken(folder: Path) -> list[str]:
    """A sentence for each file in ``folder`` that should be a grade and is none."""
    return [
        f"{path} is not a grade ({said}). Delete it, and grade that student again."
        for path, said in _read(folder)
        if isinstance(said, str)
    ]


def _read(folder: Path) -> Iterator[tuple[Path, Grade | str]]:
    """Each file with its grade, or with what is wrong with it."""
    for path in sorted((folder / "students").rglob("*.json")):
        try:
            grade = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            yield path, f"{type(error).__name__}: {error}"
            continue
        wrong = _wrong(grade)
        yield path, f"without a readable {wrong}" if wrong else grade


def _wrong(grade: Any) -> str:
    """The name of the first thing that is not as ``grade_one`` makes it, or nothing."""
    if not isinstance(grade, dict):
        return "beginning"
    for key, kind in _KEYS.items():
        if not isinstance(grade.get(key), kind):
            return key
    for key, names in (("tests", _TEST), ("flags", _FLAG)):
        for one in grade[key]:
            if not isinstance(one, dict) or not names <= one.keys():
                return key
    return ""
