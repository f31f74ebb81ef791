"""One digit: where attention goes, and which patches the answer needs."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Number, Weights
from course_lib.figures.vit.models import IMAGE, NetworkFigure, blocks, models

SIDES = (1, 2)


class AttentionRollout(NetworkFigure):
    """Three maps of the patches of a digit, made by a small Vision Transformer.

    What the class token looks at in one head, what it has of each patch after all
    blocks (:func:`course_lib.vit.rollout`), and how the answer's probability changes
    where a patch is covered. None of the three is an explanation by itself.
    """

    title = "Where it looks, and what it needs"
    description = (
        "Small pictures of digits to choose from, and two networks, with patches of 1 "
        "or 2 pixels a side. Four pictures of the chosen digit: as the network reads "
        "it, with one patch covered by mouse, touch or keys; the attention of the "
        "class token in one block and head; the attention rollout over all blocks; "
        "and the change of the answer's probability for each patch that was covered, "
        "with the range of the shares or the largest fall below. "
        "After a question every patch is covered in turn, and the rank correlation of "
        "rollout and fall is shown. A table with bars has the probabilities of the "
        "ten digits."
    )
    caption = (
        "Cover patches one by one; once the question is answered, all are covered in "
        "turn. An attention weight says how much of a token's value is taken; the "
        "rollout combines such weights over the blocks. To cover a patch asks the "
        "network itself, but with a picture unlike those it learned from."
    )
    reports: ClassVar[dict[str, Any]] = {
        "answer": "",  # the class that the network says
        "attention": [],  # of the class token, in the chosen head, for each patch
        "rollout": [],  # the same after all blocks
        "changes": [],  # of the answer's probability, once every patch was covered
        "agreement": None,  # the rank correlation of rollout and fall
    }

    digit = Number(
        "which stored picture, counted from 1", default=18, low=1, high=99, whole=True
    )
    side = Number("pixels along a patch", default=2, low=1, high=2, whole=True)
    block = Number(
        "whose attention is shown, counted from 1",
        default=1,
        low=1,
        high=99,
        whole=True,
    )
    head = Number("which head of it", default=1, low=1, high=99, whole=True)
    covered = Number(
        "the patch that is covered, counted from 1; 0 for none",
        default=0,
        low=0,
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
        self.weights = models(self.weights, [str(side) for side in SIDES])
        most = {
            "digit": len(self.weights["digits"]),
            "block": min(blocks(one) for one in self.weights["models"].values()),
            "head": self.weights["heads"],
            "covered": IMAGE[1] * IMAGE[2] // self.side**2,
        }
        for name, high in most.items():
            if getattr(self, name) > high:
                low = self.arguments[name].low
                raise ValueError(
                    f"{name}: got {getattr(self, name)}, expected {low} to {high}"
                )
