"""A trained encoder-decoder at work: a growing sentence through one vector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from course_lib.data.korean_english.ladders import for_page
from course_lib.figures.arguments import Number, Text, Weights
from course_lib.figures.base import Figure
from course_lib.figures.seq2seq.network import (
    check_shapes,
    gru,
    last,
    network,
    rung_of,
)

STORED = Path(__file__).with_name("bottleneck_lab.json")


class BottleneckLab(Figure):
    """An encoder-decoder of :mod:`course_lib.seq2seq` translates what the reader types.

    One GRU reads the Korean sentence, its last state is the context, and another GRU
    writes English from it, greedily. Sentences grow rung by rung; the context does not.
    """

    title = "The bottleneck"
    description = (
        "A Korean sentence, each token with its English meaning below. Buttons make it "
        "longer and shorter, tokens can be removed, and another sentence can be typed. "
        "Below, the state of the encoder after each token as a row of coloured cells, "
        "red below zero and blue above, always equally many. Then the translation word "
        "by word with probabilities, and the reference; words that are wrong or "
        "missing are marked. A chart has a dot for each sentence tried: the number of "
        "its tokens, and the share of the words that are right and in order."
    )
    caption = (
        "Climb, and watch the translation. Then step through the reading: each token "
        "changes the state, and none makes it larger. The network knows every word of "
        "these sentences, though it never saw the sentences; what goes wrong is not "
        "the words but their number. Which goes first: the names, the adjectives, or "
        "who did what? A score against one reference is strict, and counts a good "
        "paraphrase as wrong."
    )
    reports: ClassVar[dict[str, Any]] = {
        "translation": "",
        "score": None,
        "bleu": None,
        "tried": [],
    }

    ladder = Number(
        "which sentence grows, counted from 1", default=1, low=1, high=99, whole=True
    )
    rung = Number("how far it has grown", default=1, low=1, high=99, whole=True)
    text = Text("a Korean sentence; the rung's if empty", default="", longest=300)
    reference = Text(
        "what it should say, words between spaces; the rung's if that is the text",
        default="",
        longest=300,
    )
    at = Number(
        "steps shown: tokens read, then words written; all if None",
        default=None,
        low=1,
        high=400,
        whole=True,
    )
    weights = Weights(
        "the network; stored beside the figure if None",
        default=None,
        # it may bring "ladders" of its own, as ``ladders.for_page`` gives them
        parts="source_words, target_words and parameters",
    )

    def validate(self) -> None:
        """Load the stored network, and check that its parts fit together."""
        self.weights = network(self.weights, STORED, "context-bottleneck", for_page())
        _check_shapes(self.weights)
        rung = rung_of(self.weights["ladders"], self.ladder, self.rung)
        self.text = self.text or rung["text"]
        if self.text == rung["text"]:
            self.reference = self.reference or rung["target"]

    def __repr__(self) -> str:
        rung = self.weights["ladders"][self.ladder - 1]["rungs"][self.rung - 1]
        own = f", text={self.text!r}" if self.text != rung["text"] else ""
        return f"BottleneckLab(ladder={self.ladder}, rung={self.rung}{own})"


def _check_shapes(weights: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` unless it is a GRU encoder-decoder with a fed context."""
    parameters = weights["parameters"]
    sources, targets = len(weights["source_words"]), len(weights["target_words"])
    E = last(parameters, "encoder.embedding.weight")
    H = last(parameters, "encoder.layer.W_h")
    D = last(parameters, "decoder.embedding.weight")
    expected = {
        "encoder.embedding.weight": [sources, E],
        **gru("encoder.layer", E, H),
        "bridge.parts.0.weight": [H, H],
        "bridge.parts.0.bias": [H],
        "decoder.embedding.weight": [targets, D],
        **gru("decoder.layer", D + H, H),
        "decoder.output.weight": [targets, H],
        "decoder.output.bias": [targets],
    }
    check_shapes(parameters, expected)
