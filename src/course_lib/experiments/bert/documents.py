"""Documents of two sentences of the running grammar, and pairs that are none.

The grammar knows sentences only. Two of them make a document where they speak of the
same thing: a noun that stands in both, with the same English word. The second calls it
그, "that": 소년 이 배 를 본다. 그 배 는 크다.

So two things tell that B goes on where A ended: the topic, a noun that both share, and
the order, 그 in the second and not in the first. Three kinds of wrong pairs take away
nothing of it, or one, or both:

    random    A, and the second sentence of another document (Devlin et al. 2019)
    swapped   B, then A: the topic is the same, the order is wrong (Lan et al. 2020)
    same      A, and the second sentence of another document on the same thing: it could
              as well have been the one, so that there is nothing to learn
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.data.korean_english import Pair
from course_lib.data.korean_english.lexicon import NOUNS
from course_lib.data.masking import Packed, pack
from course_lib.data.wordpiece import Pieces, WordPiece

WRONG = ("random", "swapped", "same")
THAT = "그"
Thing = tuple[str, str]  # a noun and its English: 배 is a boat, a pear or a belly

_THINGS = frozenset(
    (noun.ko, noun.en[0])
    for noun in NOUNS
    if len(noun.en) == 1 and noun.article != "none" and "body" not in noun.classes
)


def things(pair: Pair) -> dict[Thing, int]:
    """What a sentence speaks of, and where; not what it calls this or that already."""
    return {
        thing: i
        for i, j in sorted(pair.sure)
        if (thing := (pair.source[i], pair.target[j])) in _THINGS
        and pair.source[max(0, i - 1)] not in ("이", THAT, "저")
    }


class Documents:
    """Two sentences about one thing, drawn from ``pairs``; the words are the pieces.

    Raises ``ValueError`` if no two of ``pairs`` speak of the same thing.
    """

    def __init__(self, pairs: Sequence[Pair], vocabulary: WordPiece) -> None:
        self._about: dict[Thing, list[tuple[Pieces, Pieces]]] = defaultdict(list)
        for pair in pairs:
            for thing, place in things(pair).items():
                words = pair.source
                again = (*words[:place], THAT, *words[place:])
                self._about[thing].append(
                    (vocabulary.encode(words), vocabulary.encode(again))
                )
        # Each sentence counts once for each thing in it, if another one has it too.
        self._firsts = [
            (thing, number)
            for thing, all_of_it in self._about.items()
            if len(all_of_it) > 1
            for number in range(len(all_of_it))
        ]
        if not self._firsts:
            raise ValueError("pairs: got no two about one thing, expected some")

    def draw(self, n: int, wrong: str, seed: str) -> tuple[list[Packed], Tensor]:
        """``n`` pairs, exactly half of them ``wrong``; and which are right, ``(n,)``.

        The same ``seed`` gives the same. Raises ``ValueError`` for a ``wrong`` that is
        none of ``WRONG``.
        """
        if wrong not in WRONG:
            raise ValueError(f"wrong: got {wrong!r}, expected one of {WRONG}")
        chance = random.Random(seed)
        follows = [i % 2 == 1 for i in range(n)]
        chance.shuffle(follows)
        drawn = [self._pair(chance, wrong, right) for right in follows]
        return drawn, torch.tensor(follows).long()

    def _pair(self, chance: random.Random, wrong: str, right: bool) -> Packed:
        thing, number = chance.choice(self._firsts)
        first, _ = self._about[thing][number]
        others = [i for i in range(len(self._about[thing])) if i != number]
        _, second = self._about[thing][chance.choice(others)]
        if not right and wrong == "random":
            thing, number = chance.choice(self._firsts)
            _, second = self._about[thing][number]
        if not right and wrong == "swapped":
            first, second = second, first
        return pack(first, second)
