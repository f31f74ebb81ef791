"""A class of 200 submissions to one exercise, ten of them hostile, with their points.

Everyone's points are known before the grading: a planted wrong answer fails exactly the
tests that ``mutants.py`` names.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from course_lib.grading import build
from course_lib.grading.exercises import Exercise

RIGHT, WRONG, STUBS = 60, 120, 10

# What each does in place of one answer; the other answers are right.
HOSTILE = {
    "loop-in-a-cell": "while True: pass",
    "loop-in-a-function": "def {name}(*a, **k):\n    while True: pass",
    "memory-bomb": "heap = []\nwhile True: heap.append(bytes(10**8))",
    "fork-bomb": "import os\nwhile True: os.fork()",
    "exit": "import os\nos._exit(0)",
    "kills-its-parent": "import os\nos.kill(os.getppid(), 9)\nos._exit(1)",
    "large-file": "f = open('big', 'wb', 0)\nwhile True: f.write(bytes(10**8))",
    "large-output": "for _ in range(100): print('x' * 10**6)",
    "patched-torch": "torch.equal = torch.allclose = lambda *a, **k: True",
    "reads-the-solution": (
        "import course_lib, pathlib\n"
        "for root in pathlib.Path(course_lib.__file__).parents:\n"
        "    for file in root.glob('**/exercises/*/master.py'):\n"
        "        exec(file.read_text())"
    ),
}


def write(exercise: Exercise, folder: Path) -> dict[str, int]:
    """Write the notebooks into ``folder``; the points that each student must get."""
    right, answers = build.code(exercise), exercise.solutions
    stubs = [build.stubbed(cell) for cell in right]
    points = {case.name: case.points for case in exercise.cases}
    expected = {}

    def hand_in(student: str, cells: list[str], lost: int = 0) -> None:
        expected[student] = exercise.points - lost
        sources = [{"cell_type": "code", "source": cell} for cell in cells]
        path = folder / f"{student}.ipynb"
        path.write_text(json.dumps({"cells": sources}), encoding="utf-8")

    def instead(question: str, source: str) -> list[str]:
        return [source if cell == answers[question] else cell for cell in right]

    folder.mkdir(parents=True)
    for number in range(RIGHT):
        hand_in(f"right-{number:03}", right)
    mutants = itertools.islice(itertools.cycle(exercise.mutants), WRONG)
    for number, mutant in enumerate(mutants):
        lost = sum(points[name] for name in mutant.fails)
        cells = instead(mutant.question, mutant.source)
        hand_in(f"wrong-{number:03}-{mutant.question}-{mutant.name}", cells, lost)
    for number in range(STUBS):
        hand_in(f"stubs-{number:03}", stubs, exercise.points)
    questions = itertools.cycle(exercise.questions)
    for (name, source), question in zip(HOSTILE.items(), questions, strict=False):
        function = next(n for n, q in exercise.answers.items() if q == question)
        lost = sum(c.points for c in exercise.cases if c.question == question)
        cells = instead(question, source.replace("{name}", function))
        hand_in(f"hostile-{name}", cells, lost)
    return expected
