"""What can be seen in this figure, in one line."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Number
from course_lib.figures.base import Figure


class NewName(Figure):
    """A line through five points, whose slope the reader sets.

    What it computes, on what, and where that is tested.
    """

    title = "New name"
    description = (
        "Five points, and a line through the origin whose slope a slider sets. Dashed "
        "lines lead from the points to the line; a number says the mean of their "
        "squared lengths, once the reader has guessed where it is smallest."
    )
    caption = (
        "What to look for: on both sides of the best slope the error grows, and twice "
        "as far from it, it has grown by four times as much."
    )
    reports: ClassVar[dict[str, Any]] = {"guess": None}

    slope = Number("of the line", default=1.5, low=-2, high=2)
