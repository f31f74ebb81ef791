"""Accuracy over the number of labels: what pre-training saves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from course_lib.figures.arguments import Argument, Number, Text
from course_lib.figures.base import Figure


@dataclass(frozen=True)
class _List(Argument):
    """A list; what it holds is checked by the figure."""

    _: KW_ONLY
    of: str

    @property
    def expected(self) -> str:
        return f"a list of {self.of}"

    def allows(self, value: Any) -> bool:
        return isinstance(value, Sequence) and not isinstance(value, str)


class LabelCurve(Figure):
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

    counts = _List("how many labels", of="growing whole numbers, two or more")
    arms = _List("what is compared", of="mappings with name, accuracy and sd")
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
    at = Number(
        "which of the counts is looked at, counted from 1; the asked one if None",
        default=None,
        low=1,
        high=999,
        whole=True,
    )
    chance = Number("the accuracy of a blind guess", default=None, low=0, high=1)
    task = Text("what is learned", default="", longest=80)

    def validate(self) -> None:
        """Check that the parts fit together, and fill in what is not given."""
        counts = self.counts
        whole = all(type(n) is int and n > 0 for n in counts)
        if not whole or len(counts) < 2 or list(counts) != sorted(set(counts)):
            raise ValueError(
                f"counts: got {counts!r}, expected growing whole numbers, two or more"
            )
        if len(self.arms) < 2:
            raise ValueError(f"arms: got {len(self.arms)}, expected two or more")
        for number, arm in enumerate(self.arms, start=1):
            if wrong := _wrong(arm, len(counts)):
                raise ValueError(f"arms: number {number} has {wrong}")
        self.arms = [
            {key: arm[key] for key in ("name", "accuracy", "sd")} for arm in self.arms
        ]
        names = [arm["name"] for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"arms: got the names {names!r}, expected each once")
        self.pretrained = self.pretrained or names[0]
        self.against = self.against or names[1]
        for key in ("pretrained", "against"):
            if (name := getattr(self, key)) not in names:
                raise ValueError(f"{key}: got {name!r}, expected one of {names!r}")
        if self.pretrained == self.against:
            raise ValueError(
                f"against: got {self.against!r}, expected another arm than pretrained"
            )
        if self.asked is None:
            self.asked = counts[len(counts) // 2]
        if self.asked not in counts:
            raise ValueError(f"asked: got {self.asked}, expected one of {counts!r}")
        if self.at is not None and self.at > len(counts):
            raise ValueError(f"at: got {self.at}, expected 1 to {len(counts)} or None")

    def __repr__(self) -> str:
        return f"LabelCurve({len(self.counts)} counts, {len(self.arms)} arms)"


def _wrong(arm: Any, counts: int) -> str | None:
    """What is wrong with one arm, if anything."""
    if not isinstance(arm, Mapping) or not {"name", "accuracy", "sd"} <= set(arm):
        return f"{arm!r}, expected a mapping with name, accuracy and sd"
    if not isinstance(arm["name"], str) or not arm["name"].strip():
        return f"name {arm['name']!r}, expected a string that is not empty"
    for key, most in (("accuracy", 1), ("sd", math.inf)):
        values = arm[key]
        if len(values) != counts or not all(
            isinstance(v, (int, float)) and 0 <= v <= most for v in values
        ):
            return f"{key} {values!r}, expected {counts} numbers from 0 to {most}"
    return None
