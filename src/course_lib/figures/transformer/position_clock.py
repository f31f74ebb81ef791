"""How a place is told to attention: by clock hands, by a table, or by a turn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from course_lib.figures.arguments import Choice, Number, Text, Weights
from course_lib.figures.base import Figure
from course_lib.figures.weights import unpack

STORED = Path(__file__).with_name("position_clock.json")
PLACES = 50  # that are shown, or as many as the table has


class PositionClock(Figure):
    """The codes of :mod:`course_lib.positions`, a sentence to move and to shuffle.

    Places count from 0. The learned codes are offered where a table is given or stored
    beside the figure. The layer that reads the sentence is random, and not trained.
    """

    title = "The position clock"
    description = (
        "A sentence, and below each word a column of clocks: a pair of numbers of its "
        "place's code is a hand, fast ones above, slow ones below. Lines lead from the "
        "words to their columns in a map of the codes of all places, red below zero, "
        "blue above. A curve under the map shows the product of one place with every "
        "place. Sliders pin a place, move the whole sentence and set the number of "
        "dimensions; buttons choose sinusoidal, rotary and, where there is a table, "
        "learned codes. A table has the products between the words. Below, one head "
        "of attention reads the sentence and a shuffled one, with or without "
        "positions, and each word's two outputs are compared."
    )
    caption = (
        "Move the pinned place and watch the hands. Then move the sentence: which "
        "numbers between the words change, which do not? Last, shuffle the words: "
        "without positions no word notices. Word vectors and weights are random, made "
        "from the letters; nothing here is trained but a learned table."
    )
    reports: ClassVar[dict[str, Any]] = {
        "order": [],  # of the shuffled words, by number from 0; [] for the reverse
        "difference": None,  # the largest, between outputs as typed and shuffled
        "moved": None,  # the largest, of the products, by moving the sentence
    }

    text = Text("the sentence; 8 words are read", default="I go home", longest=80)
    kind = Choice(
        "how places are told",
        default="sinusoidal",
        options=("sinusoidal", "learned", "rotary"),
    )
    size = Number(
        "dimensions C, a multiple of 16; a learned table has its own",
        default=128,
        low=16,
        high=128,
        whole=True,
    )
    at = Number("the place that is pinned", default=10, low=0, high=9999, whole=True)
    shift = Number(
        "the place of the first word", default=0, low=0, high=9999, whole=True
    )
    positions = Choice(
        "whether the layer is told the places", default="off", options=("off", "on")
    )
    weights = Weights(
        "the learned table; the stored one if None, and none without it",
        default=None,
        parts="table",
    )

    def validate(self) -> None:
        """Load the stored table if there is one, and check it and the places."""
        if self.size % 16:
            raise ValueError(f"size: got {self.size}, expected a multiple of 16")
        if self.weights is None and STORED.exists():
            self.weights = json.loads(STORED.read_text(encoding="utf-8"))
        longest = 0
        if self.weights is not None:
            self.weights = {"table": _checked(self.weights)}
            longest = self.weights["table"]["shape"][0]
        if self.kind == "learned" and self.weights is None:
            raise ValueError(
                f"kind: got 'learned', but weights is None and {STORED.name} is not "
                "stored; expected a table, or another kind"
            )
        last = (max(PLACES, longest) if self.kind == "learned" else PLACES) - 1
        for name in ("at", "shift"):
            if getattr(self, name) > last:
                raise ValueError(
                    f"{name}: got {getattr(self, name)}, expected 0 to {last}"
                )

    def __repr__(self) -> str:
        changed = (
            f"{name}={getattr(self, name)!r}"
            for name, argument in self.arguments.items()
            if name != "weights" and getattr(self, name) != argument.default
        )
        return f"PositionClock({', '.join(changed)})"


def _checked(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The table alone. Raises ``ValueError`` where it is none of even width."""
    table = weights.get("table")
    shape = table.get("shape") if isinstance(table, Mapping) else None
    if not shape or len(shape) != 2 or shape[0] < 2 or shape[1] < 2 or shape[1] % 2:
        raise ValueError(
            f"weights: table has shape {shape}, expected [places, an even number]"
        )
    try:
        unpack(table)
    except (KeyError, ValueError) as error:
        raise ValueError(f"weights: table: {error}") from error
    return {"shape": list(shape), "float16": table["float16"]}
