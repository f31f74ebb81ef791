"""A trained translator with attention, and a reader who tells it where to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar

from course_lib.data.korean_english.ladders import for_page, ladders
from course_lib.figures.arguments import Argument, Number, Text, Weights
from course_lib.figures.base import Figure
from course_lib.figures.seq2seq.network import (
    check_shapes,
    gru,
    last,
    network,
    rung_of,
)

STORED = Path(__file__).with_name("attention_lab.json")


@dataclass(frozen=True)
class _Forced(Argument):
    """Pairs of a target step and a source token."""

    _: KW_ONLY

    expected = (
        "pairs [target step, source token], whole numbers from 1, each step at most "
        "once"
    )

    def allows(self, value: Any) -> bool:
        return (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and all(
                isinstance(pair, Sequence)
                and len(pair) == 2
                and all(type(place) is int and place >= 1 for place in pair)
                for pair in value
            )
            and len({step for step, _ in value}) == len(value)
        )

    def check(self, name: str, value: Any) -> list[list[int]]:
        return sorted(list(pair) for pair in super().check(name, value))


class AttentionLab(Figure):
    """A Bahdanau model of :mod:`course_lib.attention` translates what the reader types.

    It shows where each word looked, and writes anew when the reader forces the
    attention of a step onto one source word.
    """

    title = "Where it looks"
    description = (
        "A Korean sentence, each token with its English meaning, in a column; beside "
        "it the translation in another, and lines between them as wide as the "
        "attention weights. The same weights as a grid: a row for each English word, a "
        "column for each Korean token. A word that is pointed at or chosen shows its "
        "own weights alone, with numbers. When an English word is chosen, a Korean "
        "token can be given all of its attention: the sentence is then written anew "
        "from there, and words that have changed are marked. A table compares the "
        "probabilities of that word before and after. Buttons make the sentence longer "
        "and shorter, and another one can be typed."
    )
    caption = (
        "Point at the English words one by one: which of them look at a word, which at "
        "a particle beside it, which at the end? Then choose a word and force it to "
        "look elsewhere. Sometimes the word changes and the rest follows, sometimes "
        "nothing happens: the state of the decoder knows much, and an encoder state "
        "knows its neighbours. Which words can you exchange, and which not?"
    )
    reports: ClassVar[dict[str, Any]] = {
        "translation": "",
        "free": "",  # what it says when nothing is forced
        "attention": [],
    }

    ladder = Number(
        "which sentence is read, counted from 1", default=1, low=1, high=99, whole=True
    )
    rung = Number("how far it has grown", default=1, low=1, high=99, whole=True)
    text = Text("a Korean sentence; the rung's if empty", default="", longest=300)
    at = Number(
        "the target step that is chosen, counted from 1",
        default=None,
        low=1,
        high=400,
        whole=True,
    )
    forced = _Forced("where some steps must look", default=[])
    weights = Weights(
        "the network; stored beside the figure if None",
        default=None,
        # it may bring "ladders" of its own, as ``ladders.for_page`` gives them
        parts="source_words, target_words and parameters",
    )

    def validate(self) -> None:
        """Load the stored network, and check that its parts fit together."""
        self.weights = network(
            self.weights, STORED, "attention-alignment", _linked_ladders()
        )
        _check_shapes(self.weights)
        rung = rung_of(self.weights["ladders"], self.ladder, self.rung)
        self.text = self.text or rung["text"]

    def __repr__(self) -> str:
        rung = rung_of(self.weights["ladders"], self.ladder, self.rung)
        own = f", text={self.text!r}" if self.text != rung["text"] else ""
        forced = f", forced={self.forced}" if self.forced else ""
        return f"AttentionLab(ladder={self.ladder}, rung={self.rung}{own}{forced})"


def _linked_ladders() -> list[dict[str, Any]]:
    """The ladders with ``links``, the sure ones, in every rung."""
    grown = for_page()
    for page, ladder in zip(grown, ladders(), strict=True):
        for rung, pair in zip(page["rungs"], ladder.rungs, strict=True):
            rung["links"] = sorted(map(list, pair.sure))
    return grown


def _check_shapes(weights: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` unless it is the "bahdanau" of chapter 4's decoders."""
    parameters = weights["parameters"]
    sources, targets = len(weights["source_words"]), len(weights["target_words"])
    E = last(parameters, "encoder.embedding.weight")
    half = last(parameters, "encoder.layer.forth.W_h")
    M = 2 * half  # of an encoder state
    D = last(parameters, "decoder.embedding.weight")
    H = last(parameters, "decoder.layer.W_h")
    A = last(parameters, "decoder.attention.score.v.weight")
    expected = {
        "encoder.embedding.weight": [sources, E],
        **gru("encoder.layer.forth", E, half),
        **gru("encoder.layer.back", E, half),
        "bridge.parts.0.weight": [H, M],
        "bridge.parts.0.bias": [H],
        "decoder.embedding.weight": [targets, D],
        **gru("decoder.layer", D + M, H),
        "decoder.attention.score.W_q.weight": [A, H],
        "decoder.attention.score.W_k.weight": [A, M],
        "decoder.attention.score.v.weight": [1, A],
        "decoder.combine.weight": [H, M + H],
        "decoder.output.weight": [targets, H],
        "decoder.output.bias": [targets],
    }
    check_shapes(parameters, expected)
