"""Sentence pairs as tensors: vocabularies, start and end, padding and masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data.batching import pad

PAD, START, END, UNKNOWN = range(4)  # token ids, the same in every vocabulary
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")


class Vocabulary:
    """Words and their ids. The four special tokens come first, then words by count.

    Words that occur fewer than ``at_least`` times become ``<unk>``. Equal counts are
    ordered by the word itself, so the ids are the same on every machine.
    """

    def __init__(self, sentences: Iterable[Sequence[str]], at_least: int = 1) -> None:
        counts = Counter(word for sentence in sentences for word in sentence)
        if both := sorted(set(SPECIAL) & set(counts)):
            raise ValueError(f"sentences: got the word {both[0]!r}, which is special")
        kept = [word for word, count in counts.items() if count >= at_least]
        self.words = (*SPECIAL, *sorted(kept, key=lambda word: (-counts[word], word)))
        self._ids = {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, sentence: Sequence[str]) -> Tensor:
        """Ids ``(T,)``, without start and end; a word that is not known is UNKNOWN."""
        return torch.tensor([self._ids.get(word, UNKNOWN) for word in sentence])

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The words of ``ids``. Raises ``ValueError`` for an id that is none."""
        ids = [int(i) for i in ids]
        if strange := [i for i in ids if not 0 <= i < len(self)]:
            raise ValueError(f"ids: got {strange[0]}, expected 0 to {len(self) - 1}")
        return [self.words[i] for i in ids]


class Batch(NamedTuple):
    """B sentence pairs. Masks are True where there is a token."""

    source: Tensor  # (B, S)
    source_mask: Tensor  # (B, S)
    previous: Tensor  # (B, T): START, then the target without its end
    target: Tensor  # (B, T): the target, then END
    target_mask: Tensor  # (B, T), of both


def collate(sources: Sequence[Tensor], targets: Sequence[Tensor]) -> Batch:
    """One batch of encoded pairs.

    ``previous[:, t]`` is the token before ``target[:, t]``: shifted by one, and nowhere
    equal to it by position, or the decoder would be shown what it has to say.
    """
    source, source_mask = pad(sources)
    start, end = torch.tensor([START]), torch.tensor([END])
    previous, target_mask = pad([torch.cat([start, target]) for target in targets])
    target, _ = pad([torch.cat([target, end]) for target in targets])
    return Batch(source, source_mask, previous, target, target_mask)
