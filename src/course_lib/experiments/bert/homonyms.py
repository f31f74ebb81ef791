"""A word with two meanings: which one is meant? A task with labels, for trained BERTs.

배 is a boat, a pear or a belly; the Korean is the same, and what else stands in the
sentence tells. The gold links know it: the label is the English word.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.bert import TokenTagger
from course_lib.data.batching import Sampler
from course_lib.data.korean_english import Pair
from course_lib.data.korean_english.lexicon import NOUNS
from course_lib.data.masking import Packed, Texts, collate, pack
from course_lib.data.wordpiece import WordPiece


def _senses() -> dict[tuple[str, str], str]:
    """(Korean, English form) -> its sense, for nouns that look the same in Korean."""
    alike = defaultdict(list)
    for noun in NOUNS:
        alike[noun.ko].append(noun)
    return {
        (noun.ko, form[-1]): " ".join(noun.en)
        for nouns in alike.values()
        if len(nouns) > 1
        for noun in nouns
        for form in (noun.en, noun.plural)
        if noun.ko != "집"  # at home and in a house: one word in Korean
    }


_SENSES = _senses()
SENSES = tuple(sorted({(ko, sense) for (ko, _), sense in _SENSES.items()}))


class Homonyms(NamedTuple):
    """Sentences with one asked place each."""

    texts: list[Packed]
    places: Tensor  # (N,), [CLS] counts
    labels: Tensor  # (N,), numbers of SENSES


def homonyms(
    pairs: Sequence[Pair], vocabulary: WordPiece, n: int | None = None
) -> Homonyms:
    """The first ``n`` of ``pairs`` with a homonym, or all, and its first one.

    Raises ``ValueError`` if there are fewer.
    """
    texts, places, labels = [], [], []
    for pair in pairs:
        found = [
            (i, (pair.source[i], sense))
            for i, j in sorted(pair.sure)
            if (sense := _SENSES.get((pair.source[i], pair.target[j])))
        ]
        if found and (n is None or len(texts) < n):
            place, sense = found[0]
            texts.append(pack(vocabulary.encode(pair.source)))
            places.append(place + 1)
            labels.append(SENSES.index(sense))
    if n is not None and len(texts) < n:
        raise ValueError(f"n: got {n}, expected at most {len(texts)} for these pairs")
    return Homonyms(texts, torch.tensor(places), torch.tensor(labels))


class Asked(NamedTuple):
    """A batch: where is asked, and what is right."""

    texts: Texts
    places: Tensor  # (B,)
    labels: Tensor  # (B,)


def asked(one: Homonyms, which: Tensor) -> Asked:
    """Those with the numbers ``which (B,)``, as one batch."""
    texts = collate([one.texts[i] for i in which.tolist()])
    return Asked(texts, one.places[which], one.labels[which])


def batches(one: Homonyms, batch: int, seed: int) -> Callable[[int], Asked]:
    """``batch_at(step)``."""
    sampler = Sampler(len(one.texts), batch, seed)
    return lambda step: asked(one, sampler(step))


def logits(model: TokenTagger, batch: Asked) -> Tensor:
    """At the asked places, ``(B, K)``."""
    rows = torch.arange(len(batch.places), device=batch.places.device)
    return model(batch.texts)[rows, batch.places]  # (B, T, K) -> (B, K)


def sense_loss(model: TokenTagger, batch: Asked) -> Tensor:
    """Cross-entropy at the asked places."""
    return F.cross_entropy(logits(model, batch), batch.labels)


def most_frequent(train: Homonyms, test: Homonyms) -> float:
    """Accuracy of always naming the sense that a word mostly has in ``train``."""
    counts = Counter(SENSES[label] for label in train.labels.tolist())
    right = 0
    for label in test.labels.tolist():
        word = SENSES[label][0]
        best = max((s for s in SENSES if s[0] == word), key=lambda s: counts[s])
        right += best == SENSES[label]
    return right / len(test.labels)
