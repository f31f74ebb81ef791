"""A task with labels, made of the running grammar: what kind of thing is this about?

A sentence counts if exactly one noun of :data:`KINDS` stands in it; its label is the
kind of that noun. 배 can be a boat, a pear or a belly, and 차 is a tea or a car: the
gold alignment tells which was meant, and a reader must find it out from the rest.

Neutral sentences are of one form, subject, noun, verb, and every noun may have every
subject and verb: 철수 는 우유 를 좋아한다. So all but the noun tells nothing, by
construction. For that their nouns end in a vowel: else 을 or 를 would tell something.
Some are odd to say; none has a word that the grammar has not.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from course_lib.data import korean_english
from course_lib.data.korean_english import Pair
from course_lib.data.korean_english.hangul import conjugate, final, particle
from course_lib.data.korean_english.lexicon import ADJECTIVES, NOUNS, Noun, select
from course_lib.data.korean_english.names import NAMES, Name

KINDS = {  # and the nouns of each, as the lexicon selects them
    "food": "food",
    "drink": "drink",
    "animal": "animal small",
    "reading": "text newspaper",
    "vehicle": "car bicycle boat bus train airplane taxi",
    "outfit": "clothes shoes bag watch umbrella",
}
VERBS = ("좋아하", "싫어하", "사", "팔", "보", "찾", "그리")  # of neutral sentences

_KIND = {
    noun: label
    for label, selector in enumerate(KINDS.values())
    for noun, _ in select(selector)
}
_FORMS = {noun.ko for noun in _KIND}


class About(NamedTuple):
    """A sentence, and the kind that it is about."""

    words: tuple[str, ...]
    label: int  # index into KINDS


def nouns(pair: Pair) -> list[Noun]:
    """The nouns of all :data:`KINDS` that stand in ``pair``, in the source's order."""
    found = []
    for i, word in enumerate(pair.source):
        if word in _FORMS:
            english = {pair.target[j] for place, j in pair.possible if place == i}
            found += [
                noun
                for noun in _KIND
                if noun.ko == word and english & {noun.en[-1], noun.plural[-1]}
            ]
    return found


def kind_of(pair: Pair) -> int | None:
    """The kind of the only noun of any kind; None if there is none, or another."""
    found = nouns(pair)
    return _KIND[found[0]] if len(found) == 1 else None


class Drawn(NamedTuple):
    """Sentences of the grammar, and what the labelled ones of each split are about."""

    sentences: list[tuple[str, ...]]  # of the training split, with a label or without
    told: dict[str, list[About]]  # by split; valid and test have each kind as often


def draw(train: int, valid: int, test: int, seed: int, longest: int) -> Drawn:
    """``train`` different sentences of at most ``longest`` words, and labelled ones.

    All that have a kind are in ``told["train"]``; ``valid`` and ``test`` are the sizes
    of the other two. The splits are the grammar's own.

    Raises ``ValueError`` if these can't be shared out evenly.
    """
    for name, n in (("valid", valid), ("test", test)):
        if n < 1 or n % len(KINDS):
            raise ValueError(f"{name}: got {n}, expected a multiple of {len(KINDS)}")
    each = {"valid": valid // len(KINDS), "test": test // len(KINDS)}
    left = Counter({(name, k): each[name] for name in each for k in range(len(KINDS))})
    known: set[tuple[str, ...]] = set()
    drawn = Drawn([], {name: [] for name in korean_english.SPLITS})
    for pair, _ in korean_english.stream(seed, split=None):
        source = pair.source
        if len(source) > longest or source in known:
            continue
        known.add(source)
        split, kind = korean_english.split_of(source), kind_of(pair)
        if split == "train" and len(drawn.sentences) < train:
            drawn.sentences.append(source)
        elif left[split, kind]:
            left[split, kind] -= 1
        else:
            continue
        if kind is not None:
            drawn.told[split].append(About(source, kind))
        if len(drawn.sentences) == train and not left.total():
            break
    return drawn


def plain_nouns() -> tuple[Noun, ...]:
    """The nouns of neutral sentences: they end in a vowel, and mean one thing only."""
    meanings = Counter(noun.ko for noun in NOUNS)
    meanings.update({noun.counter for noun in NOUNS})  # 개 is a dog, and counts hats
    meanings.update({adjective.ko for adjective in ADJECTIVES})  # 새 is a bird, or new
    alone = (noun for noun in _KIND if meanings[noun.ko] == 1)
    return tuple(noun for noun in alone if final(noun.ko) == " ")


def halves(seed: int) -> tuple[list[Noun], list[Noun]]:
    """The plain nouns in two halves, each kind by itself: seen, and not seen."""
    chance = random.Random(seed)
    seen, unseen = [], []
    for label in range(len(KINDS)):
        of = [noun for noun in plain_nouns() if _KIND[noun] == label]
        chance.shuffle(of)
        middle = (len(of) + 1) // 2
        seen, unseen = seen + of[:middle], unseen + of[middle:]
    return seen, unseen


def neutral(of: Sequence[Noun], n: int, seed: int) -> list[About]:
    """``n`` different neutral sentences about the nouns ``of``, in a random order.

    As many of each kind, and within a kind of each noun, give or take one.

    Raises ``ValueError`` if ``n`` can't be shared out evenly, or there are not so many.
    """
    if n < 1 or n % len(KINDS):
        raise ValueError(f"n: got {n}, expected a multiple of {len(KINDS)}")
    chance, found = random.Random(f"neutral/{seed}"), []
    around = list(product(NAMES, _verbs()))
    for label in range(len(KINDS)):
        own = [noun for noun in of if _KIND[noun] == label]
        each = -(-n // len(KINDS) // len(own))  # sentences of a noun, rounded up
        if each > len(around):
            raise ValueError(
                f"n: got {n}, expected at most {len(KINDS) * len(own) * len(around)}"
            )
        frames = [chance.sample(around, each) for _ in own]
        rows = [
            About(_say(noun, *frame), label)
            for turn in zip(*frames, strict=True)  # one sentence of each noun
            for noun, frame in zip(own, turn, strict=True)
        ]
        found += rows[: n // len(KINDS)]
    chance.shuffle(found)
    return found


def _verbs() -> list[str]:
    return [
        conjugate(stem, "verb", ending)
        for stem in VERBS
        for ending in ("다", "past 다")
    ]


def _say(noun: Noun, name: Name, verb: str) -> tuple[str, ...]:
    topic, mark = particle(name.ko, "은/는"), particle(noun.ko, "을/를")
    return name.ko, topic, noun.ko, mark, verb
