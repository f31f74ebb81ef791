"""Real sentences whose words people have linked: 447 pairs of the Canadian Hansards.

English and French, as said in parliament; linked by Och and Ney, and the test set of
the shared task of Mihalcea and Pedersen (2003).
"""

from __future__ import annotations

import re

from course_lib.data.korean_english import Link, Pair
from course_lib.data.registry import fetch

_NAME = "word_alignment_gold"
_LINK = re.compile(r"(\d+)([-p])(\d+)")  # 3-4 is sure, 3p4 only possible


def hansards() -> list[Pair]:
    """English, French, and their gold links, whose indices are counted from 0 here."""
    pairs = []
    for text, gold in zip(_lines("enfr.src-tgt"), _lines("enfr.gold"), strict=True):
        english, french = (tuple(side.split()) for side in text.split("|||"))
        links = [
            ((int(i) - 1, int(j) - 1), kind == "-")  # the file counts from 1
            for i, kind, j in (_LINK.fullmatch(one).groups() for one in gold.split())
        ]
        sure = frozenset(link for link, is_sure in links if is_sure)
        pairs.append(Pair(english, french, sure, frozenset(link for link, _ in links)))
    return pairs


def awesome_align() -> list[frozenset[Link]]:
    """The links that one aligner found in the same pairs (Dou & Neubig 2021)."""
    found = []
    for line in _lines("enfr.awesome-align.out"):
        ends = (one.split("-") for one in line.split())  # this file counts from 0
        found.append(frozenset((int(i), int(j)) for i, j in ends))
    return found


def _lines(name: str) -> list[str]:
    return (fetch(_NAME) / name).read_text(encoding="utf-8").splitlines()
