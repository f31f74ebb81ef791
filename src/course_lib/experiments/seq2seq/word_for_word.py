"""Two languages that differ in their words alone, or in their words and their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data.batching import generator
from course_lib.data.translation import SPECIAL, Batch, collate
from course_lib.experiments.translation import Part


@dataclass(frozen=True)
class WordForWord:
    """Word n of the target is the translation of word n of the source.

    With ``mirrored`` word n is counted from the end of the source. Source words are
    drawn independently, so that nothing but the source tells what the target is.
    """

    words: int  # of each language; the special tokens come before them
    shortest: int  # words in a sentence
    longest: int
    seed: int  # decides the dictionary and every sentence
    mirrored: bool = False

    @property
    def vocabulary(self) -> int:
        """The number of token ids, special ones included."""
        return len(SPECIAL) + self.words

    def dictionary(self) -> Tensor:
        """``(V,)``: the target word of every source word."""
        special = torch.arange(len(SPECIAL))
        mixed = torch.randperm(self.words, generator=generator(self.seed, -1))
        return torch.cat([special, len(SPECIAL) + mixed])

    def target(self, source: Tensor) -> Tensor:
        """The translation of ``source (T,)``."""
        words = self.dictionary()[source]
        return words.flip(0) if self.mirrored else words

    def part(self, sentences: int, step: int, length: int | None = None) -> Part:
        """That many pairs; with another ``step`` others, with ``length`` of that one.

        The sources are the same whether the targets are mirrored or not.
        """
        drawn = generator(self.seed, step)
        lengths: Sequence[int] = [length] * sentences  # type: ignore[list-item]
        if length is None:
            span = self.shortest, self.longest + 1
            lengths = torch.randint(*span, (sentences,), generator=drawn).tolist()
        first = len(SPECIAL)
        sources = [
            torch.randint(first, first + self.words, (n,), generator=drawn)
            for n in lengths
        ]
        return Part(sources, [self.target(one) for one in sources], [""] * sentences)

    def batches(self, batch: int) -> Callable[[int], Batch]:
        """``batch_at(step)``: fresh pairs at every step."""

        def batch_at(step: int) -> Batch:
            part = self.part(batch, step)
            return collate(part.sources, part.targets)

        return batch_at
