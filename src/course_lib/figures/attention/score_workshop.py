"""One query, five keys, five values: scores, weights and a mean, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from course_lib.figures.arguments import Argument, Choice, Number
from course_lib.figures.base import Figure

WORDS = 5  # 나 는 배 가 고프다, in words.js
LARGEST = 3  # a coordinate: what the planes show


@dataclass(frozen=True)
class _Vector(Argument):
    """A point of the plane, as a list of two numbers."""

    expected = f"2 numbers from -{LARGEST} to {LARGEST}"

    def allows(self, value: Any) -> bool:
        return (
            isinstance(value, Sequence)
            and len(value) == 2
            and all(
                isinstance(x, (int, float))
                and not isinstance(x, bool)
                and -LARGEST <= x <= LARGEST
                for x in value
            )
        )

    def check(self, name: str, value: Any) -> list[float]:
        return list(super().check(name, value))  # the default is not handed out


@dataclass(frozen=True)
class _Vectors(_Vector):
    """A point for each word."""

    expected = f"{WORDS} vectors of {_Vector.expected}"

    def allows(self, value: Any) -> bool:
        return (
            isinstance(value, Sequence)
            and len(value) == WORDS
            and all(super(_Vectors, self).allows(vector) for vector in value)
        )

    def check(self, name: str, value: Any) -> list[list[float]]:
        return [list(vector) for vector in super().check(name, value)]


@dataclass(frozen=True)
class _Places(Argument):
    """Some of the words, each by its number."""

    _: KW_ONLY

    expected = f"whole numbers from 1 to {WORDS}, each at most once"

    def allows(self, value: Any) -> bool:
        return (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and all(type(place) is int and 1 <= place <= WORDS for place in value)
            and len(set(value)) == len(value)
        )

    def check(self, name: str, value: Any) -> list[int]:
        return sorted(super().check(name, value))


class ScoreWorkshop(Figure):
    """A query is compared with keys, and the values are averaged with the weights.

    The scores are those of :mod:`course_lib.attention`, in two dimensions, and so are
    the softmax with its mask and the mean.
    """

    title = "The score workshop"
    description = (
        "Two planes with arrows. In the first a query and the keys of five Korean "
        "words, over a ground that is blue where a key would score above zero and red "
        "where below. In the second the values of the words and their weighted mean. "
        "Arrows can be dragged, or chosen from a list and moved by two sliders. A "
        "table has for each word its score, its weight as a bar and a number, and a "
        "button that masks it; below stands the mean as a sum of the values, and as a "
        "mixture of the words' colours. Controls choose the score, its matrix, the "
        "temperature, and whether the keys serve as values. A chart shows for random "
        "vectors of 2 to 512 dimensions how large the greatest weight and the slope "
        "of the softmax are, with and without division by the square root of the "
        "dimension."
    )
    caption = (
        "Predict, then drag. A key decides how much of a word is taken, its value "
        "what is taken: move a value, and no weight changes. Can you make the mean "
        "leave the area between the values? Then mask words, turn the temperature, "
        "and try the other scores: the ground shows where each of them would like a "
        "key to be. The vectors were set by hand; a trained model has hundreds of "
        "dimensions, which is why the last chart matters."
    )
    reports: ClassVar[dict[str, Any]] = {"scores": [], "weights": [], "mean": None}

    score = Choice(
        "how the query and a key are compared",
        default="dot",
        options=("dot", "scaled", "general", "additive"),
    )
    query = _Vector("what is looked for", default=[1.6, 1.0])
    key_vectors = _Vectors(
        "what each word is found by",
        default=[[-1.2, 1.6], [-1.8, -0.6], [0.8, 0.6], [0.4, -1.4], [2.2, -0.1]],
    )
    value_vectors = _Vectors(
        "what each word gives",
        default=[[-2.2, 1.4], [-1.2, -1.6], [0.4, 2.4], [0.6, -2.3], [2.4, -0.8]],
    )
    averaged = Choice(
        "of what the mean is taken", default="values", options=("values", "keys")
    )
    masked = _Places("the words that are left out, counted from 1", default=[])
    turn = Number(
        "the matrix of the general score: degrees by which it turns a key",
        default=90,
        low=-180,
        high=180,
    )
    stretch_x = Number("by which it multiplies x before", default=1, low=-2, high=2)
    stretch_y = Number("by which it multiplies y before", default=1, low=-2, high=2)
    temperature = Number("by which scores are divided", default=1, low=0.1, high=5)
    width = Number(
        "dimensions of the random vectors, a power of 2",
        default=64,
        low=2,
        high=512,
        whole=True,
    )
    seed = Number("of the random vectors", default=1, low=0, high=2**31, whole=True)

    def validate(self) -> None:
        """Check that the width is one of those that the chart has."""
        if self.width & (self.width - 1):
            raise ValueError(
                f"width: got {self.width}, expected a power of 2 from 2 to 512"
            )
