"""Accuracy over the number of labels: what pre-training saves."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Number, Text
from course_lib.figures.count_curve import CountCurve, List, not_numbers


class LabelCurve(CountCurve):
    """Curves of any number of arms, each a way to learn the same task.

    Each of the ``arms`` has a ``name``, ``accuracy``, a mean for each of the
    ``counts``, and ``sd`` over the seeds: ``{"name": "from scratch", "accuracy":
    [0.3, 0.5], "sd": [0.02, 0.01]}``.
    """

    title = "What a label is worth"
    description = (
        "Curves of accuracy over the number of labels, on a logarithmic axis, one for "
        "each way to learn, each with a band of one standard deviation. First only the "
        "pre-trained curve is there: a handle is moved to where another one is thought "
        "to reach the same accuracy. Then a slider goes along the axis, and a table "
        "has the numbers of all curves at that count."
    )
    caption = (
        "First answer. Then go along the axis: where are labels worth most? A gap that "
        "closes is no failure: with labels enough, the task itself teaches the words. "
        "“Labels saved” is read off the lines between the points."
    )
    reports: ClassVar[dict[str, Any]] = {
        "guess": None,  # how many labels, where the handle stands
        "saved": None,  # how many times as many labels the other arm needs
    }

    arms = List("what is compared", of="mappings with name, accuracy and sd")
    pretrained = Text(
        "the arm that saves labels; the first if empty", default="", longest=60
    )
    against = Text(
        "the arm that needs more; the second if empty", default="", longest=60
    )
    asked = Number(
        "at which of the counts the question is asked; the middle one if None",
        default=None,
        low=1,
        high=10**9,
        whole=True,
    )

    def validate(self) -> None:
        """Check that the parts fit together, and fill in what is not given."""
        self.check_counts()
        count = len(self.counts)
        self.check_arms(
            accuracy=lambda values: not_numbers(values, count, most=1),
            sd=lambda values: not_numbers(values, count),
        )
        self.check_pair("pretrained", "against")
        if self.asked is None:
            self.asked = self.counts[count // 2]
        if self.asked not in self.counts:
            raise ValueError(
                f"asked: got {self.asked}, expected one of {self.counts!r}"
            )
