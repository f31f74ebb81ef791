"""A digit that the reader draws, cut into patches, and read by small networks."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from course_lib.figures.arguments import Argument, Choice, Number, Weights
from course_lib.figures.vit.models import IMAGE, MOST, NetworkFigure, counts, models

SIDES = (1, 2, 4)
COMPARED = 2  # the side at which there is a network without positions
WITHOUT = f"{COMPARED} without positions"


@dataclass(frozen=True)
class _Points(Argument):
    """A picture as the set of digits has it."""

    _: KW_ONLY

    expected = f"{IMAGE[1] * IMAGE[2]} whole numbers from 0 to {MOST}, or None"

    def allows(self, value: Any) -> bool:
        return value is None or counts(value)


class PatchBench(NetworkFigure):
    """A Vision Transformer reads a digit, and the same patches in another order.

    Four networks of :mod:`course_lib.vit` run in the page: with patches of 1, 2 or 4
    pixels a side, and one with 2 that was trained without positions.
    """

    title = "From a picture to tokens"
    description = (
        "Small pictures of digits to choose from, and a board of 32 x 32 dots to "
        "draw on with a pen and an eraser. Beside it the picture of 8 x 8 pixels that "
        "it becomes, cut into patches; below, the patches in a row, as the tokens "
        "that a Vision Transformer reads. A switch sets the side of a patch to 1, 2 "
        "or 4 pixels, another one takes a network that was trained without positions, "
        "for a side of 2 only. "
        "A table with bars has the probabilities of the ten digits. After a question "
        "the patches are shuffled: the shuffled picture and its probabilities stand "
        "beside the first."
    )
    caption = (
        "Choose a digit, or draw one of your own; once the question is answered, its "
        "patches are shuffled. The number below a token is the position that the "
        "network is told; the network without positions is told none."
    )
    reports: ClassVar[dict[str, Any]] = {
        "answer": "",  # of the network that is chosen
        "shares": [],  # the probabilities of the classes
        "shuffled_answer": "",  # for the same patches in another order, once revealed
        "shuffled_shares": [],
    }

    digit = Number(
        "which stored picture, counted from 1", default=8, low=1, high=99, whole=True
    )
    points = _Points("a picture of your own, row by row, instead", default=None)
    side = Number("pixels along a patch", default=2, low=1, high=4, whole=True)
    positions = Choice(
        "how the network was trained", default="learned", options=("learned", "none")
    )
    shuffle = Number("which of the orders", default=1, low=1, high=9999, whole=True)
    at = Number(
        "the patch that is marked, counted from 1; one in the middle if None",
        default=None,
        low=1,
        high=64,
        whole=True,
    )
    weights = Weights(
        "the networks; stored beside the figure if None",
        default=None,
        parts="heads, image, mean, deviation, classes, models and digits",
    )

    def validate(self) -> None:
        """Load the stored networks, and check that the arguments fit them."""
        if self.side not in SIDES:
            raise ValueError(f"side: got {self.side}, expected 1, 2 or 4")
        if self.positions == "none" and self.side != COMPARED:
            raise ValueError(
                f"side: got {self.side}, expected {COMPARED}: the network without "
                "positions has no other"
            )
        patches = IMAGE[1] * IMAGE[2] // self.side**2
        if (self.at or 1) > patches:
            raise ValueError(f"at: got {self.at}, expected 1 to {patches}")
        self.weights = models(self.weights, (*map(str, SIDES), WITHOUT))
        if self.digit > len(self.weights["digits"]):
            raise ValueError(
                f"digit: got {self.digit}, expected 1 to {len(self.weights['digits'])}"
            )
