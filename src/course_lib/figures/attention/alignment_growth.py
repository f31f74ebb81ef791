"""Alignment emerging over training: where each word looks, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from course_lib.figures.arguments import Argument, Number
from course_lib.figures.base import Figure


@dataclass(frozen=True)
class _History(Argument):
    """What was seen of a model at some steps of its training."""

    _: KW_ONLY

    expected = "a mapping with step, error_rate, bleu and sentences"

    def allows(self, value: Any) -> bool:
        return isinstance(value, Mapping) and {
            "step",
            "error_rate",
            "bleu",
            "sentences",
        } <= set(value)


class AlignmentGrowth(Figure):
    """The attention of a model on a few sentences, scrubbed through its training.

    ``history`` has ``step``, the training steps, and for each of them ``error_rate``
    (AER, 0 to 1) and ``bleu`` (0 to 100). Each of its ``sentences`` has ``source``,
    ``target``, the sure gold ``links`` [source index, target index], and ``weights``,
    for each step a row of numbers from 0 to 1 for each target token.
    """

    title = "An alignment grows"
    description = (
        "A grid of attention weights: a row for each English word, a column for each "
        "Korean token, and a frame round the cells that gold links join. A slider and "
        "a button go through the training steps, another slider shows the row of one "
        "word alone, and a list has other sentences. Two curves over the training "
        "steps show the alignment error rate and BLEU, with a mark at the current step."
    )
    caption = (
        "Nobody told the model which word stands for which: it was only made to "
        "predict the next word. Press play. Which words find their cell first, and "
        "which never do? Watch the two curves: does the model translate before it "
        "aligns, or align before it translates?"
    )
    reports: ClassVar[dict[str, Any]] = {"found": None}

    history = _History("what was seen of the model at some steps of its training")
    sentence = Number(
        "which of the sentences, counted from 1", default=1, low=1, high=99, whole=True
    )
    at = Number(
        "which of the steps, counted from 1; the last if None",
        default=None,
        low=1,
        high=9999,
        whole=True,
    )
    word = Number(
        "whose row is shown alone, counted from 1; 0 for all rows",
        default=0,
        low=0,
        high=999,
        whole=True,
    )

    def validate(self) -> None:
        """Check that the parts of the history fit together, and what is chosen."""
        _check(self.history)
        keys = ("step", "error_rate", "bleu", "sentences")
        self.history = {key: self.history[key] for key in keys}
        steps, sentences = self.history["step"], self.history["sentences"]
        if self.sentence > len(sentences):
            raise ValueError(
                f"sentence: got {self.sentence}, expected 1 to {len(sentences)}"
            )
        if self.at is not None and self.at > len(steps):
            raise ValueError(f"at: got {self.at}, expected 1 to {len(steps)} or None")
        words = len(sentences[self.sentence - 1]["target"])
        if self.word > words:
            raise ValueError(f"word: got {self.word}, expected 0 to {words}")

    def __repr__(self) -> str:
        return f"AlignmentGrowth({len(self.history['step'])} steps)"


def _check(history: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` that says which part of ``history`` is wrong."""
    steps = history["step"]
    whole = _listed(steps) and all(type(step) is int for step in steps)
    if not whole or list(steps) != sorted(set(steps)) or not steps:
        raise ValueError(f"history: step is {steps!r}, expected growing whole numbers")
    for name, most in (("error_rate", 1), ("bleu", 100)):
        if not _numbers(history[name], len(steps), most):
            raise ValueError(
                f"history: {name} is {history[name]!r}, expected {len(steps)} numbers "
                f"from 0 to {most}, one for each step"
            )
    if not _listed(history["sentences"]) or not history["sentences"]:
        raise ValueError("history: sentences has none, expected at least one")
    for number, sentence in enumerate(history["sentences"], start=1):
        if wrong := _wrong(sentence, len(steps)):
            raise ValueError(f"history: sentence {number} has {wrong}")


def _wrong(sentence: Mapping[str, Any], steps: int) -> str | None:
    """What is wrong with one sentence, if anything."""
    if missing := {"source", "target", "links", "weights"} - set(sentence):
        return f"no {min(missing)}, expected source, target, links and weights"
    for side in ("source", "target"):
        tokens = sentence[side]
        texts = _listed(tokens) and all(isinstance(token, str) for token in tokens)
        if not texts or not tokens:
            return f"{side} {tokens!r}, expected a list of tokens"
    S, T = len(sentence["source"]), len(sentence["target"])
    for link in sentence["links"]:
        if len(link) != 2 or not (0 <= link[0] < S and 0 <= link[1] < T):
            return f"link {link!r}, expected [0 to {S - 1}, 0 to {T - 1}]"
    if len(sentence["weights"]) != steps:
        return f"weights of {len(sentence['weights'])} steps, expected {steps}"
    for n, rows in enumerate(sentence["weights"], start=1):
        if len(rows) != T or not all(_numbers(row, S, 1) for row in rows):
            return f"weights at step {n} that are not {T} rows of {S} numbers, 0 to 1"
    return None


def _listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _numbers(values: Any, count: int, most: float) -> bool:
    return (
        _listed(values)
        and len(values) == count
        and all(
            isinstance(value, (int, float)) and 0 <= value <= most for value in values
        )
    )
