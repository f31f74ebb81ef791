"""A beam search through a small table of next words, step by step, as a tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from course_lib.figures.arguments import Choice, Number
from course_lib.figures.base import Figure


class BeamTree(Figure):
    """A beam search, as :func:`course_lib.decoding.beam_search` does it, made visible.

    The model is a table: ten words, and for each last word or two the probabilities of
    the next. So every sequence can be tried, and the figure knows the best of all.
    """

    title = "A beam search, step by step"
    description = (
        "A tree of words that grows from left to right, one column for each step. In a "
        "column stand all continuations of the beam, the most probable on top, each "
        "with its word and its score. Those above a dashed line are kept and go on, "
        "those below are pruned; sequences that have ended are collected in a table "
        "with their score, their score after the length penalty, and their rank. A "
        "table shows the probabilities of the model. Controls step forward and back, "
        "set the width of the beam, the length penalty, the temperature and the "
        "longest length, and draw sequences at random instead."
    )
    caption = (
        "Predict, then step. A score is the sum of the natural logarithms of the "
        "probabilities so far; sequences that have ended are ranked by it divided by "
        "((5 + length) / 6)^α, where the end counts as a token. With α = 0 the best of "
        "all says too little, and a wider beam finds it; then raise α. The table is "
        "written by hand so that greedy search goes wrong; a trained model computes "
        "such a row from everything that was said so far."
    )
    reports: ClassVar[dict[str, Any]] = {"step": 1, "winner": None}

    search = Choice("how it decodes", default="beam", options=("beam", "sample"))
    width = Number("of the beam", default=2, low=1, high=5, whole=True)
    alpha = Number("the length penalty", default=0, low=0, high=2)
    temperature = Number(
        "by which log-probabilities are divided", default=1, low=0.3, high=3
    )
    longest = Number("tokens, the end included", default=7, low=2, high=8, whole=True)
    top_k = Number("words that may be drawn", default=None, low=1, high=10, whole=True)
    top_p = Number(
        "share of the probability that may be drawn", default=None, low=0.05, high=1
    )
    seed = Number("of the draws", default=1, low=0, high=2**31, whole=True)
    redrawn = Number(
        "seed of other probabilities; the table's own if 0",
        default=0,
        low=0,
        high=2**31,
        whole=True,
    )

    @property
    def table(self) -> dict[str, Any]:
        """``source``, ``gloss``, ``words``, ``rows``: of a context, what may come next.

        A row's name is the last two words, or the last one where those two have no row;
        ``"start"`` stands before the first word, and ``"end"`` is the word that ends.
        """
        stored = Path(__file__).with_name("beam_tree.json")
        return json.loads(stored.read_text(encoding="utf-8"))
