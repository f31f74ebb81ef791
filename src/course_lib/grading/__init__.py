"""Graded exercises: check an answer in the notebook, grade submissions outside it.

In a notebook::

    from course_lib.grading import exercise

    check = exercise("01_rnn").check
    check("q1")

``progress()`` shows all exercises at a glance. In an exercise's ``tests.py`` and
``hidden.py``: ``question`` and ``expect``.
"""

from course_lib.grading.exercises import Mutant, exercise
from course_lib.grading.overview import progress
from course_lib.grading.question import expect, question

__all__ = ["Mutant", "exercise", "expect", "progress", "question"]
