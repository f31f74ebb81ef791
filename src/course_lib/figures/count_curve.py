"""What the figures share that show accuracy over how much there is to learn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from course_lib.figures.arguments import Argument, Number, Text
from course_lib.figures.base import Figure


@dataclass(frozen=True)
class List(Argument):
    """A list; what it holds is checked by the figure."""

    _: KW_ONLY
    of: str

    @property
    def expected(self) -> str:
        return f"a list of {self.of}"

    def allows(self, value: Any) -> bool:
        return isinstance(value, Sequence) and not isinstance(value, str)


class CountCurve(Figure):
    """Base of the figures that ``kit/count_curve.js`` draws."""

    counts = List("how many to learn from", of="growing whole numbers, two or more")
    arms = List("what is compared", of="mappings")
    at = Number(
        "which of the counts is looked at, counted from 1; the asked one if None",
        default=None,
        low=1,
        high=999,
        whole=True,
    )
    chance = Number("the accuracy of a blind guess", default=None, low=0, high=1)
    task = Text("what is learned", default="", longest=80)

    def check_counts(self) -> None:
        """``counts`` grow, and ``at`` is a place of them."""
        counts = self.counts
        whole = all(type(n) is int and n > 0 for n in counts)
        if not whole or len(counts) < 2 or list(counts) != sorted(set(counts)):
            raise ValueError(
                f"counts: got {counts!r}, expected growing whole numbers, two or more"
            )
        if self.at is not None and self.at > len(counts):
            raise ValueError(f"at: got {self.at}, expected 1 to {len(counts)} or None")

    def check_arms(self, **keys: Any) -> None:
        """Each arm has a name and ``keys``, of which each value says what is wrong.

        A value of ``keys`` is a function of what the arm has: None if it is right, or
        what was expected. Other keys of an arm are dropped.
        """
        if len(self.arms) < 2:
            raise ValueError(f"arms: got {len(self.arms)}, expected two or more")
        wanted = ["name", *keys]
        for number, arm in enumerate(self.arms, start=1):
            where = f"arms: number {number} has"
            if not isinstance(arm, Mapping) or not set(wanted) <= set(arm):
                raise ValueError(
                    f"{where} {arm!r}, expected a mapping with "
                    f"{', '.join(wanted[:-1])} and {wanted[-1]}"
                )
            for key, wrong in {"name": _no_name, **keys}.items():
                if expected := wrong(arm[key]):
                    raise ValueError(f"{where} {key} {arm[key]!r}, expected {expected}")
        self.arms = [{key: arm[key] for key in wanted} for arm in self.arms]
        names = [arm["name"] for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"arms: got the names {names!r}, expected each once")

    def check_pair(self, first: str, second: str) -> None:
        """Two arguments that name two arms; where they are empty, the first two."""
        names = [arm["name"] for arm in self.arms]
        for key, name in ((first, names[0]), (second, names[1])):
            if not getattr(self, key):
                setattr(self, key, name)
            if (given := getattr(self, key)) not in names:
                raise ValueError(f"{key}: got {given!r}, expected one of {names!r}")
        if getattr(self, first) == (other := getattr(self, second)):
            raise ValueError(
                f"{second}: got {other!r}, expected another arm than {first}"
            )

    def __repr__(self) -> str:
        counts, arms = len(self.counts), len(self.arms)
        return f"{type(self).__name__}({counts} counts, {arms} arms)"


def _no_name(name: Any) -> str | None:
    if not isinstance(name, str) or not name.strip():
        return "a string that is not empty"
    return None


def not_numbers(values: Any, count: int, most: float = math.inf) -> str | None:
    """What was expected if ``values`` are not ``count`` numbers from 0 to ``most``."""
    fits = isinstance(values, Sequence) and len(values) == count
    if fits and all(isinstance(v, (int, float)) and 0 <= v <= most for v in values):
        return None
    return f"{count} numbers from 0 to {most}"
