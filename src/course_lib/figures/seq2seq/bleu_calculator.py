"""BLEU of a translation that the reader edits, with all that it is made of."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Number, Text
from course_lib.figures.base import Figure


class BleuCalculator(Figure):
    """BLEU of one sentence, word by word: matches, precisions, brevity, product.

    The number is that of :func:`course_lib.metrics.bleu_by_hand` for one sentence.
    Beside it stands the variant of d2l's book, which is another number.
    """

    title = "What does BLEU count?"
    description = (
        "Two text fields hold a translation and a reference. Below are their words, "
        "with a bar under each run of n words: filled where it counts as a match, "
        "dashed where the reference has it, but not as often, thin where it has not. "
        "Four "
        "buttons show the precisions for n from 1 to 4 as fractions and choose n. "
        "Lines of text give the brevity penalty, the product, and BLEU beside the "
        "variant of another textbook. Examples can be chosen, the last word removed, "
        "translation and reference exchanged."
    )
    caption = (
        "Edit the translation and see which n-grams still count. BLEU is a measure of "
        "a corpus: there the counts of all sentences are added up before they are "
        "divided, and a lucky or unlucky sentence hardly matters. Of one sentence it "
        "says little, as the examples show. A word is what stands between spaces, so "
        "“birds” and “birds.” are two words."
    )
    reports: ClassVar[dict[str, Any]] = {"bleu": None, "book_variant": None}

    translation = Text(
        "what is scored",
        default="the student gave the teacher a small book about birds",
        longest=200,
    )
    reference = Text(
        "what it is compared with",
        default="the teacher gave the student a small book about birds",
        longest=200,
    )
    n = Number("how long the runs of words are", default=2, low=1, high=4, whole=True)
    at = Number(
        "the run of the translation to explain, counted from 1; none if 0",
        default=2,
        low=0,
        high=100,
        whole=True,
    )
