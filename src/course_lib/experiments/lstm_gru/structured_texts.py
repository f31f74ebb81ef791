"""Two texts with known structure: to train on, to choose cells on, to measure on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.data import nested, prose
from course_lib.data.batching import pad
from course_lib.data.text import Characters, time_machine_as_printed

PIECES = 16  # of a text to measure on: they are read side by side
BLOCKS = 40  # that the book is cut into: 4 of 40 to choose on, 4 to measure on

# What a place in a text is asked for: yes or no, or a count.
NESTED: dict[str, Callable[[str, nested.Place], float]] = {
    "inside quotes": lambda text, place: place.quoted,
    "inside brackets": lambda text, place: bool(place.brackets),
    "innermost is (": lambda text, place: _innermost(text, place) == "(",
    "innermost is [": lambda text, place: _innermost(text, place) == "[",
    "innermost is {": lambda text, place: _innermost(text, place) == "{",
    "brackets open": lambda text, place: len(place.brackets),
    "length of the item": lambda text, place: place.item,
    "length of the line": lambda text, place: place.line,
}
PROSE: dict[str, Callable[[str, prose.Place], float]] = {
    "inside quotes": lambda text, place: place.quoted,
    "length of the line": lambda text, place: place.line,
    "length of the sentence": lambda text, place: place.sentence,
}


class Closings(NamedTuple):
    """The brackets and quotation marks that close something, in a :class:`Part`."""

    row: Tensor  # (K,)
    step: Tensor  # (K,)
    distance: Tensor  # (K,) characters back to the one that it closes
    last: Tensor  # (K,) bool: it is of the kind of the last bracket opened before it


class Part(NamedTuple):
    """Pieces of text, and what holds after each character."""

    tokens: Tensor  # (B, T)
    mask: Tensor  # (B, T), False where a piece is over
    concepts: dict[str, Tensor]  # each (N,), for the N tokens that are real
    closings: Closings | None


class Corpus(NamedTuple):
    """A text to learn and two that were not learned."""

    characters: Characters
    train: Tensor  # (N,)
    starts: Tensor  # (S,) where in it a window may begin
    choose: Part
    test: Part

    def windows(self, which: Tensor, length: int) -> Tensor:
        """``which (B,)`` of the starts -> windows ``(B, length + 1)``."""
        return self.train[self.starts[which, None] + torch.arange(length + 1)]


def nested_lists(train: int, measured: int, length: int, seed: int) -> Corpus:
    """``train`` characters, whose windows of ``length`` begin with a line.

    ``measured`` is the number of characters to choose on, and to measure on.
    """
    characters = Characters(nested.ALPHABET)
    numbers = iter(range((2 * PIECES + 1) * seed, (2 * PIECES + 1) * (seed + 1)))
    text = nested.nested_lists(train, next(numbers))
    ids = characters.encode(text)
    newline = characters.encode("\n").item()
    starts = (ids[: -length - 1] == newline).nonzero()[:, 0] + 1

    def part() -> Part:
        size = measured // PIECES
        pieces = [nested.nested_lists(size, next(numbers)) for _ in range(PIECES)]
        found = [nested.places(piece) for piece in pieces]
        return _part(characters, pieces, found, NESTED, _closings(pieces, found))

    return Corpus(characters, ids, starts, part(), part())


def the_time_machine(length: int) -> Corpus:
    """The book as printed; every tenth block is to choose on, the next to measure on.

    So all three have dialogue and narration. A window may begin anywhere.
    """
    text = time_machine_as_printed()
    characters = Characters(text)
    blocks = prose.blocks(text, BLOCKS)

    def part(remainder: int) -> Part:
        pieces = blocks[remainder::10]
        return _part(characters, pieces, map(prose.places, pieces), PROSE, None)

    learned = [block for n, block in enumerate(blocks) if n % 10 < 8]
    ids = characters.encode("".join(learned))
    return Corpus(characters, ids, torch.arange(len(ids) - length), part(8), part(9))


def _part(
    characters: Characters,
    pieces: Sequence[str],
    found: Any,
    asked: dict[str, Callable[[str, Any], float]],
    closings: Closings | None,
) -> Part:
    pairs = [
        (piece, place)
        for piece, places in zip(pieces, found, strict=True)
        for place in places
    ]
    concepts = {
        name: torch.tensor([float(ask(*pair)) for pair in pairs])
        for name, ask in asked.items()
    }
    tokens, mask = pad([characters.encode(piece) for piece in pieces])
    return Part(tokens, mask, concepts, closings)


def _innermost(text: str, place: nested.Place) -> str:
    return text[place.brackets[-1]] if place.brackets else ""


def _closings(pieces: Sequence[str], found: Sequence[list[nested.Place]]) -> Closings:
    rows = []
    for row, (piece, places) in enumerate(zip(pieces, found, strict=True)):
        opened = ""
        for step, place in enumerate(places):
            if place.closes is not None:
                same = nested.PAIRS.get(opened) == piece[step]
                rows.append((row, step, step - place.closes, same))
            elif piece[step] in nested.PAIRS and not place.quoted:
                opened = piece[step]
    row, step, distance, last = map(torch.tensor, zip(*rows, strict=True))
    return Closings(row, step, distance, last)
