"""Grades that nobody was given, for the reports."""

from __future__ import annotations

import dataclasses
from hashlib import sha256
from typing import Any

from course_lib.grading.exercises import Exercise
from course_lib.grading.reports.manual import Sheet
from course_lib.grading.reports.result import Result, results
from course_lib.grading.sources import Manual

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)> =1+1 "
    "\u202edesrever\u202c &amp; \ud800"
)


def with_manual(exercise: Exercise) -> Exercise:
    """``exercise`` with two questions that a teacher grades."""
    manual = {"q6": Manual("Why does it explode?", 4), "q7": Manual("And then?", 2)}
    return dataclasses.replace(exercise, manual=manual)


def graded(
    exercise: Exercise, student: str, passed: int = 99, **more: Any
) -> dict[str, Any]:
    """The grade of a student who passed the first tests, in the form that is stored."""
    tests = [
        {
            "name": case.name,
            "title": case.title,
            "hidden": case.hidden,
            "status": "passed" if at < passed else "failed",
            "points": case.points if at < passed else 0,
            "of": case.points,
            "says": "" if at < passed else f"It failed for {student}.",
            "hint": "" if at < passed else case.hint,
        }
        for at, case in enumerate(exercise.cases)
    ]
    questions = {
        name: sum(t["points"] for t in tests if t["name"].startswith(f"{name}."))
        for name in exercise.questions
    }
    return {
        "exercise": exercise.name, "student": student, "file": "x.ipynb", "seed": 7,
        "version": exercise.version, "sandbox": "bubblewrap", "of": exercise.points,
        "sha256": sha256(student.encode(errors="replace")).hexdigest(),
        "status": "graded", "says": "", "seconds": 1.5,
        "points": sum(questions.values()), "questions": questions, "tests": tests,
        "flags": [], "cells": {}, "answers": {}, "manual": {}, **more,
    }  # fmt: skip


def without_tests(exercise: Exercise, student: str, status: str) -> dict[str, Any]:
    """The grade of a submission whose tests did not run."""
    points = None if status == "GRADER ERROR" else 0
    nothing = {"questions": {}, "tests": [], "sandbox": "", "says": "It was so."}
    return graded(exercise, student) | nothing | {"status": status, "points": points}


def result(exercise: Exercise, *grades: dict[str, Any]) -> list[Result]:
    """The results of ``grades``, with nothing given by hand."""
    return results(exercise, grades, Sheet())
