"""Gaps in sentences that end with an object and its verb, and what could stand there.

    … 책 을 읽는다        … book, particle, reads

The noun's evidence lies to its right: which verb is it that takes it? The verb's lies
to its left. The particle's lies on both sides: its shape is the noun's (을 after a
consonant, 를 after a vowel), that it is an object's the verb tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data.korean_english import Drawn
from course_lib.data.korean_english.choices import derivations
from course_lib.data.korean_english.clauses import PEOPLE
from course_lib.data.korean_english.hangul import conjugate, final
from course_lib.data.korean_english.lexicon import VERBS, select
from course_lib.data.korean_english.sentences import build
from course_lib.data.wordpiece import WordPiece

GROUPS = ("object", "particle", "verb")
CLOSED, OPEN = ("은", "이", "을", "과"), ("는", "가", "를", "와")


class Cloze(NamedTuple):
    """A sentence with one word to be found."""

    sentence: tuple[str, ...]
    place: int  # of the hidden word, from 0
    fitting: frozenset[str]  # the words that could stand there

    @property
    def answer(self) -> str:
        return self.sentence[self.place]


@cache
def takes() -> dict[str, frozenset[str]]:
    """The objects of each verb, in the two forms that end a sentence.

    A form of several verbs takes the objects of all: 쓴다 is writes, wears or uses.
    Verbs that take persons are left out, whose names have no end.
    """
    found: dict[str, set[str]] = {}
    persons = set()
    for verb in VERBS:
        if not (selector := verb.slots.get("object")):
            continue
        forms = {conjugate(verb.ko, verb.kind, ending) for ending in ("다", "past 다")}
        if selector in PEOPLE:
            persons |= forms
        else:
            for form in forms:
                nouns = {noun.ko for noun, _ in select(selector)}
                found[form] = found.get(form, set()) | nouns
    return {
        form: frozenset(nouns)
        for form, nouns in sorted(found.items())
        if form not in persons
    }


@cache
def candidates(group: str) -> tuple[str, ...]:
    """The words among which a gap of ``group`` is filled."""
    if group == "object":
        return tuple(sorted(frozenset().union(*takes().values())))
    return tuple(takes()) if group == "verb" else (*CLOSED, *OPEN)


def clozes(sentences: Iterable[Sequence[str]], group: str) -> list[Cloze]:
    """A gap of ``group`` for each of ``sentences`` that ends as these do.

    Sentences in which a word before the noun describes it are left out.
    """
    found = []
    for sentence in sentences:
        *before, noun, particle, verb = ("", "", "", *sentence)[-4:]
        if particle not in ("을", "를") or noun not in takes().get(verb, ()):
            continue
        if before[-1] not in (*CLOSED, *OPEN):
            continue
        fitting = {
            "object": takes()[verb],
            "particle": OPEN if final(noun) == " " else CLOSED,
            "verb": (form for form, nouns in takes().items() if noun in nouns),
        }[group]
        place = len(sentence) - 3 + GROUPS.index(group)
        found.append(Cloze(tuple(sentence), place, frozenset(fitting)))
    return found


def posterior(drawn: Drawn, cloze: Cloze) -> dict[str, float]:
    """Each object with its probability, given all of the sentence but the object.

    The grammar says each choice again but for the noun; how likely it is to do so is
    what a perfect model would know.
    """
    found: dict[str, float] = {}
    for noun, _ in select(_objects()):
        if noun.ko not in cloze.fitting or noun.ko in found:
            continue
        said = list(cloze.sentence)
        said[cloze.place] = noun.ko
        probability = 0.0
        for i, (name, value) in enumerate(drawn.trace):
            if name != "object of the verb" or value.ko != cloze.answer:
                continue
            trace = [*drawn.trace[:i], (name, noun), *drawn.trace[i + 1 :]]
            for (korean, _, _), chance in derivations(build, trace):
                if [word.text for word in korean] == said:
                    probability += chance
        if probability:
            found[noun.ko] = probability
    total = sum(found.values())
    return {word: chance / total for word, chance in found.items()}


@cache
def _objects() -> str:
    """A selector of all that any verb takes."""
    selectors = (verb.slots.get("object", "") for verb in VERBS)
    return " ".join(s for s in selectors if s not in PEOPLE)


def scores(
    found: Tensor, gaps: Sequence[Cloze], group: str, vocabulary: WordPiece
) -> dict[str, float]:
    """How often the best of the candidates is the word itself, and how often it fits.

    ``found (N, V)``: the larger, the better.
    """
    words = candidates(group)
    ids = torch.tensor([vocabulary.ids[word] for word in words])
    best = [words[i] for i in found[:, ids].argmax(dim=-1).tolist()]
    pairs = list(zip(best, gaps, strict=True))
    return {
        f"fits_{group}": fmean(word in gap.fitting for word, gap in pairs),
        f"exact_{group}": fmean(word == gap.answer for word, gap in pairs),
    }


def by_guessing(
    sentences: Sequence[Sequence[str]], gaps: Mapping[str, Sequence[Cloze]]
) -> dict[str, float]:
    """The scores of who always says the most frequent word of such a place."""
    found: dict[str, float] = {}
    for group, asked in gaps.items():
        counts = Counter(gap.answer for gap in clozes(sentences, group))
        word = max(sorted(counts), key=counts.get)
        found[f"fits_{group}_chance"] = fmean(word in gap.fitting for gap in asked)
        found[f"exact_{group}_chance"] = fmean(word == gap.answer for gap in asked)
    return found
