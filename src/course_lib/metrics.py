"""How good is a translation? BLEU, exact matches, and both by length of the source.

BLEU comes from sacrebleu, with its signature, so that a number can be compared with
those of others (Post 2018). :func:`bleu_by_hand` is its formula, for reading.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple


class Bleu(NamedTuple):
    """A corpus BLEU, 0 to 100, and how it was computed."""

    score: float
    signature: str


def bleu(
    translations: Sequence[str], references: Sequence[str], tokenize: str = "13a"
) -> Bleu:
    """Corpus BLEU of whole sentences, one reference each (Papineni et al. 2002).

    ``tokenize`` is sacrebleu's: ``"13a"`` for plain text, ``"none"`` where words and
    signs are set apart by spaces already. The order of the arguments matters.
    Raises ``ValueError`` for lists that are empty or of different lengths.
    """
    from sacrebleu.metrics import BLEU

    _check(translations, references)
    metric = BLEU(tokenize=tokenize)
    score = metric.corpus_score(list(translations), [list(references)]).score
    return Bleu(score, str(metric.get_signature()))


def bleu_by_hand(translations: Sequence[str], references: Sequence[str]) -> float:
    """The same number, 0 to 100, for sentences whose words stand apart by spaces.

    For n = 1 … 4 the precision p_n is the share of the translations' n-grams that their
    reference has too, each at most as often as there; counts are summed over the corpus
    before they are divided. Short output is punished, since precision alone rewards it:

        BLEU = min(1, e^(1 - r/c)) · (p_1 p_2 p_3 p_4)^(1/4)

    with c the words of all translations and r those of all references. (Like sacrebleu,
    a p_n without any match is taken as half a match, then a quarter, and so on.)
    """
    _check(translations, references)
    matched, total = [0] * 4, [0] * 4
    words = [
        (a.split(), b.split()) for a, b in zip(translations, references, strict=True)
    ]
    for translation, reference in words:
        for n in range(1, 5):
            ours, theirs = ngrams(translation, n), ngrams(reference, n)
            matched[n - 1] += (ours & theirs).total()  # the lower of the two counts
            total[n - 1] += ours.total()
    if not total[3] or not matched[0]:
        return 0.0
    halves, precisions = 1.0, []
    for hits, all_ in zip(matched, total, strict=True):
        if not hits:
            halves /= 2
        precisions.append((hits or halves) / all_)
    c = sum(len(translation) for translation, _ in words)
    r = sum(len(reference) for _, reference in words)
    brevity = min(1.0, math.exp(1 - r / c))
    return 100 * brevity * math.prod(precisions) ** 0.25


def ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n words occurs."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def exact_match(translations: Sequence[str], references: Sequence[str]) -> float:
    """The share of translations that are their reference, word for word."""
    _check(translations, references)
    same = [a == b for a, b in zip(translations, references, strict=True)]
    return sum(same) / len(same)


def by_quarter(
    lengths: Sequence[int], score: Callable[[Sequence[int]], float]
) -> list[float]:
    """``score`` of four groups of sentences, from the shortest sources to the longest.

    ``lengths`` are those of the sources; ``score`` is given the indices of a group.
    Equal lengths keep their order, so that the groups are of equal size.
    """
    if len(lengths) < 4:
        raise ValueError(f"lengths: got {len(lengths)} sentences, expected at least 4")
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    cuts = [round(len(order) * quarter / 4) for quarter in range(5)]
    return [score(order[a:b]) for a, b in pairwise(cuts)]


def _check(translations: Sequence[str], references: Sequence[str]) -> None:
    if not translations or len(translations) != len(references):
        raise ValueError(
            f"translations, references: got {len(translations)} and {len(references)} "
            "sentences, expected as many of both, and at least one"
        )
