"""The running task: Korean into English, generated, with gold word alignments.

Korean puts the verb last and particles after nouns; English puts the verb second and
the relative clause behind its noun. So 나는 집에 간다 is "I home to go", and long
sentences reorder over long distances. A homonym such as 배 (boat, pear, belly) is often
decided by the verb alone, which comes last.

A source token is a word or a particle; :func:`korean` writes them as Korean does. The
English tokens are lower case but for I and names; :func:`english` writes the sentence.
The probabilities lie in ``probabilities.py`` and ``lexicon.py``, the conventions of the
links at the top of ``phrases.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from course_lib.data.korean_english import writing
from course_lib.data.korean_english.choices import Choices, Wishes, derivations
from course_lib.data.korean_english.english import article
from course_lib.data.korean_english.sentences import build
from course_lib.data.korean_english.writing import english, korean, tokens

SPLITS = {"train": range(0, 80), "valid": range(80, 90), "test": range(90, 100)}
LONGEST = 50
_PATIENCE = 5000  # sentences without a new one, before giving up

Link = tuple[int, int]


class Pair(NamedTuple):
    """A sentence and its translation, as tokens, with gold links.

    A link is (source index, target index), both from 0. ``possible`` holds ``sure``.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    sure: frozenset[Link]
    possible: frozenset[Link]


class Drawn(NamedTuple):
    """A pair, and the choices that made it."""

    pair: Pair
    trace: list[tuple[str, object]]


# The sentences that the chapters open with: always in the test split.
_EXAMPLES = {
    "저 새가 예쁘다": [
        *[("predicate", "adjective"), ("who is it", False), ("subject", "새")],
        *[("topic", "이/가"), ("determiner", "저"), ("adjective", "예쁘")],
    ],
    "나는 집에 간다": [
        *[("predicate", "event"), ("verb", "가"), ("topic", "은/는")],
        *[("who", "pronoun"), ("pronoun", "나"), ("to of the verb", "집")],
    ],
    "나는 배가 고프다": [
        *[("shape", "state"), ("state", "고프"), ("topic", "은/는")],
        *[("who", "pronoun"), ("pronoun", "나")],
    ],
}


def examples() -> dict[str, Pair]:
    """The sentences that the chapters open with, by their Korean text."""
    return {text: _drawn(Wishes(wishes)).pair for text, wishes in _EXAMPLES.items()}


def pairs(
    n: int,
    seed: int,
    split: str = "train",
    shortest: int = 2,
    longest: int = LONGEST,
) -> list[Pair]:
    """``n`` pairs with different sources of ``shortest`` … ``longest`` tokens.

    Raises ``ValueError`` for an unknown split, and if there are not that many.
    """
    return [one.pair for one in draws(n, seed, split, shortest, longest)]


def draws(
    n: int,
    seed: int,
    split: str = "train",
    shortest: int = 2,
    longest: int = LONGEST,
) -> list[Drawn]:
    """As :func:`pairs`, each with its choices, for :func:`translations`."""
    if n < 1 or not 1 <= shortest <= longest:
        raise ValueError(
            f"n, shortest, longest: got {n}, {shortest}, {longest}, expected n of at "
            "least 1 and 1 <= shortest <= longest"
        )
    found: dict[tuple[str, ...], Drawn] = {}
    waited = 0
    for one in stream(seed, split):
        waited += 1
        if one.pair.source not in found and shortest <= len(one.pair.source) <= longest:
            found[one.pair.source] = one
            waited = 0
        if len(found) == n:
            return list(found.values())
        if waited == _PATIENCE:
            break
    raise ValueError(
        f"n: got {n}, expected at most about {len(found)} of {shortest} to {longest} "
        "source tokens"
    )


def stream(seed: int, split: str | None = "train") -> Iterator[Drawn]:
    """Pairs without end, of any length, with repetitions: the grammar as it is.

    With ``split=None`` they are of all splits, as they come.
    """
    if split is not None and split not in SPLITS:
        raise ValueError(f"split: got {split!r}, expected one of {', '.join(SPLITS)}")
    number = 0
    while True:
        one = _drawn(Choices(f"{seed}/{number}"))
        number += 1
        if split in (None, split_of(one.pair.source)):
            yield one


def split_of(source: Sequence[str]) -> str:
    """The split of a source sentence: decided by its tokens and nothing else."""
    if korean(source) in _EXAMPLES:
        return "test"
    digest = hashlib.sha256(" ".join(source).encode()).digest()
    place = int.from_bytes(digest[:8], "big") % 100
    return next(name for name, places in SPLITS.items() if place in places)


def translations(drawn: Drawn) -> dict[tuple[str, ...], float]:
    """Every target of a source with its probability, given the source.

    Homonyms that nothing decides and the hidden paraphrases of ``probabilities.py``
    are the branches. Two sentences of different structure that happen to look the same
    are not, so the largest probability is an upper bound for a perfect model.
    """
    found: dict[tuple[str, ...], float] = {}
    for built, probability in derivations(build, drawn.trace):
        pair = _pair(*built)
        if pair.source == drawn.pair.source:
            found[pair.target] = found.get(pair.target, 0.0) + probability
    total = sum(found.values())
    return {target: found[target] / total for target in sorted(found)}


def source_words() -> tuple[str, ...]:
    """Every Korean token of the grammar but the unknown names, sorted."""
    return writing.source_words()


def target_words() -> tuple[str, ...]:
    """Every English token of the grammar but the unknown names, sorted."""
    return writing.target_words()


def _drawn(choices: Choices) -> Drawn:
    return Drawn(_pair(*build(choices)), choices.trace)


def _pair(ko: list, en: list, links: list) -> Pair:
    for word, following in pairwise(en):
        if word.indefinite:
            word.text = article(following.text)
    source = {word: i for i, word in enumerate(ko)}
    target = {word: j for j, word in enumerate(en)}
    possible = {(source[k], target[e]) for k, e, _ in links}
    sure = {(source[k], target[e]) for k, e, is_sure in links if is_sure}
    return Pair(
        tuple(word.text for word in ko),
        tuple(word.text for word in en),
        frozenset(sure),
        frozenset(possible),
    )


__all__ = [
    "LONGEST",
    "SPLITS",
    "Drawn",
    "Pair",
    "draws",
    "english",
    "examples",
    "korean",
    "pairs",
    "source_words",
    "split_of",
    "stream",
    "target_words",
    "tokens",
    "translations",
]
