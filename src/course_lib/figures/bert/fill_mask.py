"""Two small models fill a gap: one sees both its sides, the other only the left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from course_lib.data.korean_english.meanings import meanings
from course_lib.figures.arguments import Argument, Number, Text, Weights
from course_lib.figures.base import Figure
from course_lib.figures.seq2seq.network import (
    block_count,
    check_shapes,
    encoder_blocks,
    linear,
    norm,
)

PARTS = ("pieces", "heads", "longest", "both", "left")
STORED = Path(__file__).with_name("fill_mask.json")
CLAIM = "both-ways"  # its export is the stored file
MOST = 20  # places that an argument can name; a model may know fewer
SPECIAL = {"[UNK]": "an unknown name", "[SEP]": "the end"}  # as far as they are guessed
GAP = "[MASK]"
ENCODER = "bert.encoder"

# The gap and the word that is swapped are places, from 1; the first of `words` is what
# the reader is asked about.
SENTENCES = [
    {
        "name": "I eat an apple",
        "text": "나 는 사과 를 먹는다",
        "gap": 3,
        "swap": {"at": 5, "words": ["읽는다", "마신다", "탄다"]},
    },
    {
        "name": "I go to the park",
        "text": "나 는 공원 에 간다",
        "gap": 4,
        "swap": {"at": 5, "words": ["논다", "걷는다"]},
    },
    {
        "name": "I take that big boat",
        "text": "나 는 저 큰 배 를 탄다",
        "gap": 4,
        "swap": {"at": 7, "words": ["먹는다", "본다"]},
    },
    {
        "name": "The wind blows",
        "text": "바람 이 분다",
        "gap": 1,
        "swap": {"at": 3, "words": ["내린다", "아프다"]},
    },
    {
        "name": "I am hungry",
        "text": "나 는 배 가 고프다",
        "gap": 5,
        "swap": {"at": 3, "words": ["머리", "눈"]},
    },
    {
        "name": "I saw a pretty bird",
        "text": "어제 나 는 공원 에서 예쁜 새 를 봤다",
        "gap": 7,
        "swap": {"at": 6, "words": ["느린", "귀여운"]},
    },
]


@dataclass(frozen=True)
class _Places(Argument):
    """Places in a sentence, each at most once, or ``None``."""

    expected = f"different places from 1 to {MOST}, or None"

    def allows(self, value: Any) -> bool:
        return value is None or (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and all(type(place) is int and 1 <= place <= MOST for place in value)
            and len(set(value)) == len(value)
        )


class FillMask(Figure):
    """Two BERTs of the same size fill gaps in a Korean sentence that the reader edits.

    One was taught by masked words and sees both sides of a gap, the other by the next
    word and sees what stands before it.
    """

    title = "Fill the gap: both ways, and left to right"
    description = (
        "A Korean sentence, word by word, each with its English meaning. Every word "
        "can be masked, replaced, moved or deleted, and words can be added. Below "
        "stand two models side by side, each with the words that it sees and the five "
        "words that it thinks most probable for the gap, as bars with percentages. The "
        "model that reads both ways sees all words; the one that reads left to right "
        "sees those before the gap, and what stands behind it is struck out. A "
        "question asks whose list changes when a word is swapped. A slider shades the "
        "words by how much one head of the attention asks them."
    )
    caption = (
        "Predict, then swap the word. Then mask another one and look again: the first, "
        "the last, a particle. Even that a sentence ends is a clue behind the gap. "
        "Both models have the same parts and as many parameters; they differ in who "
        "may see whom, and so in what they were taught."
    )
    reports: ClassVar[dict[str, Any]] = {
        "both": [],  # the five words with their probabilities, the best one first
        "left": [],
    }

    sentence = Number(
        "which sentence it starts with, counted from 1",
        default=1,
        low=1,
        high=len(SENTENCES),
        whole=True,
    )
    text = Text(
        f"words and particles with spaces between them, a gap is {GAP}; "
        "those of the sentence if empty",
        default="",
        longest=300,
    )
    masked = _Places(
        "the places of the words that are hidden, counted from 1; those of the "
        "sentence if None",
        default=None,
    )
    at = Number(
        "the place that is chosen; the first gap if None",
        default=None,
        low=1,
        high=MOST,
        whole=True,
    )
    head = Number(
        "which head of the attention is shown, counted through all blocks; 0 for none",
        default=0,
        low=0,
        high=99,
        whole=True,
    )
    weights = Weights(
        "the two models; stored beside the figure if None",
        default=None,
        parts="pieces, heads, longest, both and left",
    )

    def validate(self) -> None:
        """Load the stored models, and check that they fit the words."""
        self.weights = _models(self.weights)
        one = SENTENCES[self.sentence - 1]
        if self.masked is None:
            self.masked = [] if self.text else [one["gap"]]
        self.text = self.text or one["text"]
        words = self.text.split()
        longest = self.weights["longest"]
        if not 1 <= len(words) <= longest:
            raise ValueError(f"text: got {len(words)} words, expected 1 to {longest}")
        known = {*self.weights["pieces"][len(_FIRST) :], GAP}
        if unknown := [word for word in words if word not in known]:
            raise ValueError(
                f"text: got {unknown[0]!r}, expected words of the vocabulary"
            )
        for name, places in (("masked", self.masked), ("at", [self.at or 1])):
            if places and max(places) > len(words):
                raise ValueError(
                    f"{name}: got {max(places)}, expected at most {len(words)}"
                )
        heads = self.weights["heads"] * block_count(self.weights["both"], ENCODER)
        if self.head > heads:
            raise ValueError(f"head: got {self.head}, expected 0 to {heads}")

    def state(self) -> dict[str, Any]:
        return {**super().state(), "sentences": SENTENCES}

    def __repr__(self) -> str:
        one = SENTENCES[self.sentence - 1]
        shown = {"sentence": self.sentence}
        if self.text != one["text"]:
            shown["text"] = self.text
        if self.masked != ([] if "text" in shown else [one["gap"]]):
            shown["masked"] = self.masked
        for name in ("at", "head"):
            if getattr(self, name) != self.arguments[name].default:
                shown[name] = getattr(self, name)
        return f"FillMask({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


_FIRST = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", GAP]


def _models(weights: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the page needs of the two models, with the meanings of their words."""
    if weights is None:
        if not STORED.exists():
            raise ValueError(
                f"weights: got None, but {STORED.name} is not stored; expected "
                f"a mapping, or the file that course run {CLAIM} --export writes"
            )
        weights = json.loads(STORED.read_text(encoding="utf-8"))
    # the longest sentence in training: no place beyond has been learned
    weights = {"longest": weights.get("record", {}).get("longest"), **weights}
    parts = {name: weights.get(name) for name in PARTS}
    if missing := [name for name, part in parts.items() if not part]:
        raise ValueError(f"weights: {', '.join(missing)} missing or empty")
    pieces = list(parts["pieces"])
    if pieces[: len(_FIRST)] != _FIRST:
        raise ValueError(
            f"weights: pieces begin with {pieces[: len(_FIRST)]}, expected {_FIRST}"
        )
    for name in ("both", "left"):
        check_shapes(parts[name], _shapes(parts[name], len(pieces), parts["longest"]))
    known = meanings() | SPECIAL
    return parts | {"glosses": [known.get(piece, "") for piece in pieces]}


def _shapes(
    parameters: Mapping[str, Any], pieces: int, longest: int
) -> dict[str, list[int]]:
    """The shapes of all parameters of a model of masked words."""

    def size(name: str, axis: int) -> int:
        return parameters.get(name, {}).get("shape", [0, 0])[axis]

    C = size("bert.embedding.words.weight", 1)
    inner = size("bert.encoder.blocks.0.feed_forward.W_1.weight", 0)
    places = max(longest + 2, size("bert.embedding.places.table.weight", 0))
    shapes = {
        "bert.embedding.words.weight": [pieces, C],
        "bert.embedding.segments.weight": [2, C],
        "bert.embedding.places.table.weight": [places, C],
        "words.output.bias": [pieces],
    }

    blocks = max(1, block_count(parameters, ENCODER))
    return {
        **shapes,
        **norm("bert.embedding.norm", C),
        **encoder_blocks(ENCODER, blocks, C, inner),
        **linear("words.dense", C, C),
        **norm("words.norm", C),
    }
