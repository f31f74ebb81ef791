"""Made-up accuracies over the number of labels, for the figure that shows them."""

from __future__ import annotations

from typing import Any

from course_lib.figures.bert import LabelCurve

COUNTS = [4, 16, 64, 256, 1024, 4096]
ARMS = [
    {
        "name": "pre-trained, both ways",
        "accuracy": [0.3, 0.55, 0.8, 0.9, 0.95, 0.97],
        "sd": [0.06, 0.05, 0.03, 0.02, 0.01, 0.005],
    },
    {
        "name": "pre-trained, left to right",
        "accuracy": [0.29, 0.5, 0.75, 0.88, 0.94, 0.96],
        "sd": [0.05, 0.05, 0.03, 0.02, 0.01, 0.01],
    },
    {
        "name": "from scratch",
        "accuracy": [0.25, 0.26, 0.35, 0.7, 0.9, 0.96],
        "sd": [0.02, 0.02, 0.05, 0.06, 0.02, 0.01],
    },
    {
        "name": "bag of words",
        "accuracy": [0.25, 0.3, 0.4, 0.52, 0.58, 0.6],
        "sd": [0.02, 0.03, 0.02, 0.02, 0.01, 0.0],
    },
]


def curve(**changes: Any) -> LabelCurve:
    given = {
        "counts": COUNTS,
        "arms": ARMS,
        "against": "from scratch",
        "asked": 64,
        "chance": 0.25,
    }
    return LabelCurve(**{**given, **changes})
