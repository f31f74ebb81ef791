"""BERT's masking: which tokens are chosen, and what stands there instead."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Choice, Number
from course_lib.figures.base import Figure


class MaskingMachine(Figure):
    """Five sentences, masked anew at each press, and a tally of all draws.

    The rates are those of :class:`course_lib.data.masking.Masking`, in percent. A
    sentence may stay without a gap here, so that the shares are exactly those set.
    """

    title = "The masking machine"
    description = (
        "Five sentences in pieces, four Korean and one English. Under each token is "
        "what the model sees, coloured and signed by its fate: not chosen, shown as "
        "[MASK], as another word, or as itself; and under that what the model must "
        "find. Sliders set how many tokens are chosen and what becomes of them, and "
        "whole words can be chosen at once. A table and a picture compare all draws "
        "so far with the shares that are expected."
    )
    caption = (
        "First answer, then mask again a few times. How many draws does it take until "
        "15 % can be told from 20 %? Then switch whole words on: which gap becomes "
        "harder? [CLS] and [SEP] are never chosen. The chapter's code gives a text "
        "without a gap one; here it stays without, so that the shares are exact."
    )
    reports: ClassVar[dict[str, Any]] = {
        "draws": 0,  # so far, with these rates
        "tokens": 0,  # of all draws
        "chosen": 0,  # of these tokens
    }

    rate = Number(
        "percent of the tokens that are chosen",
        default=15,
        low=1,
        high=60,
        whole=True,
    )
    masked = Number(
        "percent of the chosen that are shown as [MASK]",
        default=80,
        low=0,
        high=100,
        whole=True,
    )
    random = Number(
        "percent of the chosen that are shown as another word; the rest is not changed",
        default=10,
        low=0,
        high=100,
        whole=True,
    )
    whole_words = Choice(
        "whether all pieces of a word are chosen at once",
        default="off",
        options=("off", "on"),
    )
    seed = Number("of the draws", default=1, low=0, high=2**31, whole=True)

    def validate(self) -> None:
        """Check that the shares are together at most 100 %."""
        if self.masked + self.random > 100:
            raise ValueError(
                f"masked, random: got {self.masked} and {self.random}, expected "
                "shares that are together at most 100"
            )
