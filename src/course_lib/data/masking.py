"""Gaps to fill: text without labels becomes a task (Devlin et al. 2019, section 3.1).

Of every 100 places 15 are chosen. A chosen token is to be found again; in its place the
model sees [MASK] (80 %), another token (10 %) or the token itself (10 %), so that it
cannot trust what it sees, nor wait for a [MASK] that no later task has.

Shapes: B batch, T length. Masks are True where there is a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data.batching import pad
from course_lib.data.wordpiece import CLS, MASK, SEP, SPECIAL, Pieces


class Packed(NamedTuple):
    """One or two texts as BERT reads them: [CLS] first [SEP] second [SEP]."""

    ids: Tensor  # (T,)
    segment: Tensor  # (T,) 0 up to the first [SEP], then 1
    word: Tensor  # (T,) which word each piece is of; -1 for [CLS] and [SEP]


def pack(first: Pieces, second: Pieces | None = None) -> Packed:
    """Put ``first``, and ``second`` if there is one, between the special tokens."""
    ids, words = [torch.tensor([CLS])], [torch.tensor([-1])]
    segments, before = [torch.tensor([0])], 0
    for number, text in enumerate((first, second)):
        if text is None:
            continue
        ids += [text.ids, torch.tensor([SEP])]
        words += [text.word + before, torch.tensor([-1])]
        segments.append(torch.full((len(text.ids) + 1,), number))
        before += 0 if len(text.word) == 0 else int(text.word[-1]) + 1
    return Packed(torch.cat(ids), torch.cat(segments), torch.cat(words))


class Texts(NamedTuple):
    """B packed texts of different lengths, as one batch."""

    tokens: Tensor  # (B, T)
    segments: Tensor  # (B, T)
    mask: Tensor  # (B, T)
    words: Tensor  # (B, T), -1 where no word may be chosen: special tokens, padding


def collate(texts: Sequence[Packed]) -> Texts:
    """One batch of ``texts``."""
    tokens, mask = pad([text.ids for text in texts])
    segments, _ = pad([text.segment for text in texts])
    words, _ = pad([text.word for text in texts])
    return Texts(tokens, segments, mask, words.masked_fill(~mask, -1))


@dataclass(frozen=True)
class Masking:
    """How places are chosen, and what stands there instead."""

    rate: float = 0.15  # of the tokens are chosen
    masked: float = 0.8  # of the chosen become [MASK]
    random: float = 0.1  # become another token; the rest stay what they are
    whole_words: bool = False  # all pieces of a word are chosen, or none

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise ValueError(f"rate: got {self.rate}, expected between 0 and 1")
        if min(self.masked, self.random) < 0 or self.masked + self.random > 1:
            raise ValueError(
                f"masked, random: got {self.masked} and {self.random}, "
                "expected shares that are together at most 1"
            )


class Gapped(NamedTuple):
    """A batch with gaps: ``original`` counts only where ``chosen`` is True."""

    tokens: Tensor  # (B, T), what the model sees
    segments: Tensor  # (B, T)
    mask: Tensor  # (B, T)
    chosen: Tensor  # (B, T), True where the token is to be found
    original: Tensor  # (B, T), the tokens as they were
    follows: Tensor | None = None  # (B,) 1 if the second text follows the first, else 0


def with_gaps(
    texts: Texts, masking: Masking, vocabulary: int, generator: torch.Generator
) -> Gapped:
    """Choose places anew, at each call: no epoch has the gaps of the one before.

    At least one place of every text is chosen, if it has a word. A random token is
    never a special one.
    """
    tokens, segments, mask, words = texts
    draw = torch.rand(tokens.shape, generator=generator)  # (B, T)
    if masking.whole_words:  # one draw for all pieces of a word
        changes = words[:, 1:] != words[:, :-1]  # (B, T - 1): does another word begin?
        draw[:, 1:] = draw.gather(1, changes.cumsum(dim=1))
    draw = draw.masked_fill(words < 0, 2.0)
    chosen = draw < masking.rate
    chosen |= (draw == draw.min(dim=1, keepdim=True).values) & (words >= 0)

    fate = torch.rand(tokens.shape, generator=generator)
    other = torch.randint(len(SPECIAL), vocabulary, tokens.shape, generator=generator)
    seen = tokens.masked_fill(chosen & (fate < masking.masked), MASK)
    swapped = chosen & (fate >= masking.masked)
    swapped &= fate < masking.masked + masking.random
    seen = torch.where(swapped, other, seen)
    return Gapped(seen, segments, mask, chosen, tokens)
