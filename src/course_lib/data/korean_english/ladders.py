"""Sentences that grow, rung by rung, from a bare clause to thirty tokens and more.

Each rung says what the one before it said, and one thing more. Its Korean, its English
and the links between them come from the grammar, so they are right by construction;
none of them is a training sentence, and all words are common ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from course_lib.data.korean_english import Pair, _drawn, korean
from course_lib.data.korean_english.choices import Wishes
from course_lib.data.korean_english.lexicon import VERBS

# What a particle does, where English has no word of its own for it.
_LABELS = {"은": "topic", "는": "topic", "이": "subject", "가": "subject"}
_LABELS |= {"을": "object", "를": "object", "들": "plural", "의": "of", "에": "to"}


class Ladder(NamedTuple):
    """Sentences of growing length, the shortest first."""

    name: str
    rungs: tuple[Pair, ...]


# The choices of a rung, "name=value; …"; a name alone says yes. They are taken in turn,
# and all others are the plainest.
_JOINED = "shape=parallel; parallel=event"
_JOINED_PAST = "shape=parallel; tense=past; parallel=event"
_KITCHEN = "at?; object of the verb={}; described; adjective={}; at of the verb=부엌"


def _home() -> list[str]:
    me = "verb=가; topic=은/는; who=pronoun; pronoun=나"
    soyeon = "who=name; name=소연"
    home, by = "to of the verb=집", "means of the verb=자전거"
    whole = f"{me}; time?; time=저녁 에; means?; companion?; {home}; {by}; {soyeon}"
    she = "verb=씻; topic=은/는; who=kin; person=할머니; owner=우리; at?"
    apple, big = "object of the verb=사과", "described; adjective=크"
    kitchen, clean = "at of the verb=부엌", "described; adjective=깨끗하"
    he = (
        "third; verb=읽; topic=은/는; who=name; name=영호; at?; object of the verb=소설"
    )
    park = "described; adjective=재미있; at of the verb=공원"
    joined = f"{_JOINED}; {whole}; {she}; {apple}"
    return [
        f"{me}; {home}",
        f"{me}; companion?; {home}; {soyeon}",
        f"{me}; means?; companion?; {home}; {by}; {soyeon}",
        whole,
        f"{joined}; {kitchen}",
        f"{joined}; {big}; {kitchen}",
        f"{joined}; {big}; {kitchen}; {clean}",
        f"{joined}; {big}; {kitchen}; {clean}; {he}; {park}",
    ]


def _letter() -> list[str]:
    he, letter = "verb=읽; topic=은/는; who=name; name=태민", "object of the verb=편지"
    short, library = "described; adjective=짧", "at of the verb=도서관"
    minji = "relative?; gap=object; relative verb=쓰; relative tense=past"
    minji += "; who=name; name=민지"
    winter = "relative time; time?; time=겨울 에"
    clause = f"{he}; at?; {letter}; {minji}; {winter}; which=that; {short}; {library}"
    other = "verb=그리; topic=은/는; who=name; name=동현; at?; object of the verb=토끼"
    big, park = "described; adjective=크", "at of the verb=공원"
    father = "third; verb=끓이; topic=은/는; who=kin; person=아버지; owner=우리"
    joined = f"{_JOINED}; {clause}; {other}"
    return [
        f"{he}; {letter}",
        f"{he}; {letter}; {short}",
        f"{he}; at?; {letter}; {short}; {library}",
        f"{he}; at?; {letter}; {minji}; which=that; {short}; {library}",
        clause,
        f"{joined}; {park}",
        f"{joined}; {big}; {park}",
        f"{joined}; {big}; {park}; {father}; {_KITCHEN.format('수프', '맛있')}",
    ]


def _cat() -> list[str]:
    cat = "verb=자 animal; topic=은/는; subject=고양이"
    keeps = "relative?; gap=object; relative verb=키우; who=name; name=영희; which=that"
    big, room = "described; adjective=크", "at?; at of the verb=방"
    whole = f"{cat}; {keeps}; {big}; {room}; manner?; manner=조용히"
    she = "verb=읽; topic=은/는; who=name; name=예린; at?; object of the verb=시"
    uncle = "relative?; gap=object; relative verb=쓰; relative tense=past"
    uncle += "; who=kin; person=삼촌; owner=우리; which=that"
    short = "described; adjective=짧; at of the verb=도서관"
    aunt = "third; verb=끓이; topic=은/는; who=kin; person=이모; owner=우리"
    joined = f"shape=parallel; joint=지만; parallel=event; {whole}; {she}"
    return [
        cat,
        f"{cat}; {big}",
        f"{cat}; {big}; {room}",
        f"{cat}; {keeps}; {big}; {room}",
        whole,
        f"{joined}; {short}",
        f"{joined}; {uncle}; {short}",
        f"{joined}; {uncle}; {short}; {aunt}; {_KITCHEN.format('수프', '맛있')}",
    ]


def _rain() -> list[str]:
    she = (
        "shared=no; topic=은/는; who=name; name=영희; state=오; reaction=read; verb=읽"
    )
    because, past = f"front=front; {she}", "shape=because; tense=past"
    letter, sad = "object of the verb=편지", "described; adjective=슬프"
    room = "at of the verb=방"
    wrote = "relative?; gap=object; relative verb=쓰; relative tense=past"
    wrote += "; who=name; name=동현; which=that"
    whole = f"{because}; at?; {letter}; {wrote}; {sad}; {room}"
    he = "shape=simple; verb=듣; topic=은/는; who=name; name=철수; at?"
    song, at_home = "object of the verb=노래", "at of the verb=집"
    father = "third; verb=씻; topic=은/는; who=kin; person=아버지; owner=우리"
    joined = f"{_JOINED_PAST}; shape=because; {whole}; {he}; {song}"
    return [
        "richness=0; shape=state; tense=past; state=오",
        f"{past}; {because}; {letter}",
        f"{past}; {because}; {letter}; {sad}",
        f"{past}; {because}; at?; {letter}; {sad}; {room}",
        f"{past}; {whole}",
        f"{joined}; {at_home}",
        f"{joined}; {sad}; {at_home}",
        f"{joined}; {sad}; {at_home}; {father}; {_KITCHEN.format('접시', '작')}",
    ]


@cache
def ladders() -> tuple[Ladder, ...]:
    """Four ladders of eight rungs each."""
    grown = {"going home": _home, "a letter": _letter, "a cat": _cat, "rain": _rain}
    return tuple(
        Ladder(name, tuple(_rung(choices) for choices in rungs()))
        for name, rungs in grown.items()
    )


def glosses(pair: Pair) -> tuple[str, ...]:
    """In English what each source token says, by the gold links.

    These are the words that it is surely linked to. A particle without any is called
    by what it does, and another token gets the words that it may be linked to.
    """

    def gloss(i: int) -> str:
        for links in (pair.sure, pair.possible):
            words = [pair.target[j] for k, j in sorted(links) if k == i]
            if links is pair.possible and pair.source[i] in _LABELS:
                return _LABELS[pair.source[i]]
            if words:
                return " ".join(words)
        return ""

    return tuple(gloss(i) for i in range(len(pair.source)))


def for_page(grown: Sequence[Ladder] | None = None) -> list[dict[str, Any]]:
    """The ladders as a live figure reads them.

    Each has ``name`` and ``rungs``, a rung ``text`` (Korean as it is written),
    ``glosses`` of its tokens, and ``target``, the English tokens with spaces.
    """
    return [
        {
            "name": ladder.name,
            "rungs": [
                {
                    "text": korean(pair.source),
                    "glosses": list(glosses(pair)),
                    "target": " ".join(pair.target),
                }
                for pair in ladder.rungs
            ],
        }
        for ladder in (ladders() if grown is None else grown)
    ]


def _rung(choices: str) -> Pair:
    wishes = Wishes(_wishes(choices))
    pair = _drawn(wishes).pair
    if wishes.left:  # the grammar has no such choice there
        raise ValueError(f"choices: got {wishes.left[0]} in {choices!r}, never asked")
    return pair


def _wishes(text: str) -> list[tuple[str, object]]:
    wishes = [] if text.startswith("richness") else [("richness", 3)]
    for item in text.split("; "):
        name, _, value = item.partition("=")
        wishes.append((name, _value(name, value)))
    return wishes


def _value(name: str, text: str) -> object:
    """``"자 animal"`` is the verb 자 that has such a subject."""
    if name == "richness":
        return int(text)
    if name == "time":
        return tuple(text.split())
    if name == "reaction":
        return (text, "")
    stem, _, subject = text.partition(" ")
    if name == "verb" and subject:
        return next(v for v in VERBS if (v.ko, v.subject) == (stem, subject))
    return {"": True, "no": False}.get(text, text)
