"""Tasks with labels, and text to pre-train on: of the grammar, NSMC, SST-2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch

from course_lib.data import sentiment
from course_lib.data.masking import Packed, pack
from course_lib.data.wordpiece import Pieces, WordPiece
from course_lib.experiments.bert import kinds, pretraining
from course_lib.experiments.bert.finetuning import Examples
from course_lib.experiments.labels import in_turns

Name = Literal["grammar", "nsmc", "sst2"]


class Task(NamedTuple):
    """Texts without labels, and examples in three splits that share no text."""

    vocabulary: WordPiece
    classes: int
    texts: Sequence[Packed]  # to pre-train on; those of ``train`` are among them
    train: Examples  # in an order of which the first n are a fair draw
    valid: Examples
    test: Examples


def grammar(train: int, valid: int, test: int, longest: int, seed: int) -> Task:
    """What kind of thing is a sentence of at most ``longest`` words about?

    In ``valid`` and ``test`` the kinds are equally frequent.
    """
    vocabulary = pretraining.words()
    drawn = kinds.draw(train, valid, test, seed, longest)
    told = {split: examples(vocabulary, of) for split, of in drawn.told.items()}
    return Task(
        vocabulary,
        len(kinds.KINDS),
        pretraining.packed(vocabulary, drawn.sentences),
        first_of_all(told["train"], seed),
        told["valid"],
        told["test"],
    )


def reviews(
    name: Name,
    pieces: int | WordPiece,
    longest: int,
    valid: int,
    test: int,
    seed: int,
) -> Task:
    """Does a sentence speak well of a film?

    ``pieces`` is a vocabulary, or how large one is to be learned from ``train``. Texts
    are cut after ``longest`` pieces. Of the other splits the first are taken.
    """
    read = {"nsmc": sentiment.nsmc, "sst2": sentiment.sst2}[name]
    labelled = {split: read(split) for split in ("train", "valid", "test")}
    vocabulary = pieces
    if isinstance(pieces, int):
        vocabulary = WordPiece.learn(labelled["train"].texts, pieces)

    def packed(split: str, most: int | None = None) -> Examples:
        texts, labels = labelled[split]
        return Examples(
            [pack(_first(vocabulary.encode(text), longest)) for text in texts[:most]],
            torch.tensor(labels[:most]),
        )

    train = packed("train")
    return Task(
        vocabulary,
        2,
        train.texts,
        first_of_all(train, seed),
        packed("valid", valid),
        packed("test", test),
    )


def examples(vocabulary: WordPiece, told: Sequence[kinds.About]) -> Examples:
    """Sentences of the grammar with their kinds."""
    texts = pretraining.packed(vocabulary, [one.words for one in told])
    return Examples(texts, torch.tensor([one.label for one in told]))


def first_of_all(told: Examples, seed: int) -> Examples:
    """The same examples, in an order of which the first n are a fair draw."""
    return told.of(in_turns(told.labels.tolist(), seed))


def _first(pieces: Pieces, n: int) -> Pieces:
    return Pieces(pieces.ids[:n], pieces.word[:n])
