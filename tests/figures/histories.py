"""A small history for the figure of a growing alignment."""

from __future__ import annotations

from typing import Any

from course_lib.figures.attention import AlignmentGrowth

FIRST = {
    "source": ["나", "는", "집", "에", "간다"],
    "target": ["I", "go", "home", "</s>"],
    "links": [[0, 0], [4, 1], [2, 2]],
    "weights": [
        [[0.2] * 5] * 4,
        [
            [0.7, 0.1, 0.1, 0.05, 0.05],
            [0.5, 0.125, 0.125, 0.125, 0.125],
            [0.1, 0.1, 0.1, 0.6, 0.1],
            [0.2] * 5,
        ],
        [
            [0.96, 0.01, 0.01, 0.01, 0.01],
            [0.05, 0.05, 0.0, 0.0, 0.9],
            [0.0, 0.0, 0.75, 0.25, 0.0],
            [0.0, 0.0, 0.0, 0.0, 1],
        ],
    ],
}
SECOND = {
    "source": ["배", "가", "고프다"],
    "target": ["hungry", "</s>"],
    "links": [[0, 0], [2, 0]],
    "weights": [
        [[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]],
        [[0.25, 0.25, 0.5], [0.25, 0.5, 0.25]],
        [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]],
    ],
}
HISTORY = {
    "step": [0, 50, 400],
    "error_rate": [0.9, 0.625, 0.25],
    "bleu": [0, 12.34, 80.5],
    "sentences": [FIRST, SECOND],
}


def growth(**arguments: Any) -> AlignmentGrowth:
    return AlignmentGrowth(**{"history": HISTORY, **arguments})
