"""How hard the task is: the best that any model can do, and the least."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from course_lib.data.korean_english import Drawn, Pair, target_words, translations


def best(drawn: Drawn) -> tuple[tuple[str, ...], float]:
    """The most probable target of a source, and how often it is right.

    The mean of the second over sentences bounds the exact match of any model.
    """
    found = translations(drawn)
    target = max(found, key=found.get)
    return target, found[target]


def sayable(pair: Pair) -> bool:
    """Is every target word in the closed vocabulary: no unknown name?"""
    return _vocabulary().issuperset(pair.target)


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(target_words())


class Dictionary:
    """Word by word, in Korean order: what needs neither context nor reordering.

    Each Korean word gives the English words that it is most often surely linked to in
    ``pairs``; a word without a link gives none, and an unknown one itself.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        counts: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
        for pair in pairs:
            linked: dict[int, list[int]] = defaultdict(list)
            for i, j in pair.sure:
                linked[i].append(j)
            for i, word in enumerate(pair.source):
                said = tuple(pair.target[j] for j in sorted(linked[i]))
                counts[word][said] += 1
        self._said = {
            word: max(sorted(said), key=said.get) for word, said in counts.items()
        }

    def translate(self, source: Sequence[str]) -> tuple[str, ...]:
        """The target tokens of ``source``."""
        return tuple(w for word in source for w in self._said.get(word, (word,)))
