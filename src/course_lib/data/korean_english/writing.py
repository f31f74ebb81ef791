"""Tokens and written text: Korean spacing, English capitals; and the vocabularies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from course_lib.data.korean_english.hangul import conjugate, final
from course_lib.data.korean_english.lexicon import (
    ADJECTIVES,
    DEGREES,
    FREQUENCIES,
    MANNERS,
    NOUNS,
    STATES,
    TIMES,
    VERBS,
    purpose,
    select,
)
from course_lib.data.korean_english.names import NAMES, UNKNOWN
from course_lib.data.korean_english.phrases import NUMERALS, PRONOUNS

_COPULA = (
    "이다",
    "이고",
    "이지만",
    "이라고",
    "라고",
    "이었다",
    "였다",
    "이었고",
    "였고",
)
_COPULA += ("이었지만", "였지만", "이었다고", "였다고")
# Longest first, so that a word is never cut too late.
PARTICLES = tuple(
    sorted(
        {
            *("은", "는", "이", "가", "을", "를", "과", "와", "으로", "로", "의", "들"),
            *("에", "에서", "에게", "에게서", "한테", "한테서", "께"),
            *_COPULA,
        },
        key=lambda particle: (-len(particle), particle),
    )
)
_PRONOUNS = {pronoun.ko for pronoun in PRONOUNS} | {"내", "네"}


@cache
def _hosts() -> frozenset[str]:
    """What a particle may follow."""
    words = {noun.ko for noun in NOUNS} | _PRONOUNS | {"아래", "위", "전", "후"}
    words |= {name.ko for name in (*NAMES, *UNKNOWN)}
    words |= {noun.counter for noun in NOUNS if noun.counter}
    words |= {state.idiom[0] for state in STATES if state.idiom}
    words |= {time.ko[-2] for time in TIMES if time.ko[-1] == "에"}
    return frozenset(words)


def _is_bound(word: str, before: Sequence[str]) -> bool:
    """Does ``word`` attach to the tokens ``before`` it? 이 is a particle or "this"."""
    if word not in PARTICLES or not before:
        return False
    last = before[-1]
    if last == "들":
        return True
    # 내가, 네가, but 내 이 …: what follows "my" is no particle, except 가.
    if last in ("내", "네"):
        return word == "가"
    return last in _hosts() and _may_follow(word, last)


def _may_follow(particle: str, host: str) -> bool:
    open_ = final(host) == " "
    shapes = {"은": False, "는": True, "이": False, "가": True, "을": False, "를": True}
    shapes |= {"과": False, "와": True}
    if particle in shapes:
        return shapes[particle] == open_
    if particle in ("으로", "로"):
        return (particle == "로") == (open_ or final(host) == "ㄹ")
    return True


def korean(tokens: Sequence[str]) -> str:
    """Korean tokens with natural spaces: 저 새 가 예쁘다 → 저 새가 예쁘다."""
    text = ""
    for i, word in enumerate(tokens):
        text += word if not i or _is_bound(word, tokens[:i]) else " " + word
    return text


def english(tokens: Sequence[str]) -> str:
    """English tokens as a sentence: capital first letter, no space before 's."""
    text = ""
    for word in tokens:
        text += word if word in (",", "'s") or not text else " " + word
    return text[:1].upper() + text[1:]


def tokens(text: str) -> tuple[str, ...]:
    """The tokens of a Korean sentence, written with spaces: undoes :func:`korean`.

    A word that the grammar does not know is cut at a particle that fits its final
    consonant, so a new name keeps its particle apart; else it stays whole.
    """
    found: list[str] = []
    for word in text.split():
        found += _cut(word, _known()) or [word]
    return tuple(found)


@cache
def _known() -> frozenset[str]:
    return frozenset(set(source_words()) - set(PARTICLES) | {"이"})


def _cut(word: str, known: frozenset[str]) -> list[str]:
    if word in known:
        return [word]
    hosts = _hosts()
    for strict in (True, False):
        for particle in PARTICLES:
            host = word.removesuffix(particle)
            if host in (word, ""):
                continue
            if strict and host in hosts and _may_follow(particle, host):
                return [host, particle]
            if strict and host in ("내", "네") and particle == "가":
                return [host, particle]
            inner = _cut(host, hosts) if host.endswith("들") else []
            if len(inner) == 2:
                return [*inner, particle]
            if not strict and _hangul(host) and _may_follow(particle, host):
                return [host, particle]
    return []


def _hangul(word: str) -> bool:
    return all("가" <= c <= "힣" for c in word)


_FINITE = ("다", "고", "지만", "다고")
_FINITE += tuple(f"past {ending}" for ending in _FINITE)


@cache
def source_words() -> tuple[str, ...]:
    """Every Korean token but the unknown names, sorted."""
    words = {*PARTICLES, *_PRONOUNS, *NUMERALS, *MANNERS, *FREQUENCIES, *DEGREES}
    words |= {
        "이",
        "그",
        "저",
        "함께",
        "아래",
        "위",
        "안",
        "수",
        "때",
        "전",
        "후",
        "싶어",
    }
    words |= {noun.ko for noun in NOUNS} | {name.ko for name in NAMES}
    words |= {noun.counter for noun in NOUNS if noun.counter}
    words |= {word for time in TIMES for word in time.ko}
    words |= {"것이" + ending for ending in ("다", "고", "지만", "라고")}
    for adjective in ADJECTIVES:
        if adjective.kind.endswith("prenoun"):
            words.add(adjective.ko)
        else:
            words |= _forms(adjective.ko, adjective.kind, (*_FINITE, "는"))
    for verb in VERBS:
        endings = [*_FINITE, "ㄹ"]
        anybody = verb.subject in ("people", "grown")
        if verb.relative and (anybody or verb.subject not in _AGENTS):
            endings += ["는", "ㄴ"]
        endings += ["지"] if verb.subject in _AGENTS else []
        if verb.subject in _AGENTS and not verb.state:
            endings += ["아야"]
            endings += ["기", "ㄴ"] if anybody else []
        if purpose(verb):
            endings.append("러")
        if verb.ko in ("가", "오", "돌아가"):
            endings.append("아서")
        words |= _forms(verb.ko, verb.kind, endings)
    for state in STATES:
        words |= {*state.idiom}
        words |= _forms(state.ko, state.kind, (*_FINITE, "면", "아서", "ㄹ"))
    for stem, kind in (("말하", "verb"), ("생각하", "verb"), ("믿", "verb")):
        words |= _forms(stem, kind, (*_FINITE, "ㄹ"))
    words |= _forms("않", "verb", (*_FINITE, "ㄹ"))
    for stem in ("있", "없", "싶"):
        words |= _forms(stem, "adjective", _FINITE)
    words |= _forms("하", "verb", _FINITE)
    return tuple(sorted(words))


_AGENTS = ("people", "grown", "gendered", "named")


def _forms(stem: str, kind: str, endings: Sequence[str]) -> set[str]:
    return {conjugate(stem, kind, ending) for ending in endings}


@cache
def target_words() -> tuple[str, ...]:
    """Every English token but the unknown names, sorted."""
    words = {*NUMERALS.values(), *FREQUENCIES.values(), *DEGREES.values()}
    words |= set(
        [
            "a",
            "an",
            "the",
            "this",
            "that",
            "these",
            "those",
            ",",
            "'s",
            "and",
            "but",
            "because",
            "if",
            "when",
        ]
    )
    words |= set(
        ["before", "after", "who", "where", "there", "it", "wind", "cup", "cups", "of"]
    )
    words |= set(
        [
            "to",
            "from",
            "with",
            "by",
            "at",
            "in",
            "on",
            "under",
            "will",
            "would",
            "not",
            "do",
            "does",
            "did",
            "had",
        ]
    )
    words |= set(
        [
            "can",
            "could",
            "cannot",
            "must",
            "want",
            "wants",
            "wanted",
            "be",
            "is",
            "am",
            "are",
            "was",
            "were",
        ]
    )
    words |= set(["been", "has", "have", "big", "pretty", "long", "eyes", "legs"])
    words |= set(["say", "says", "said", "saying", "think", "thinks", "thought"])
    for pronoun in PRONOUNS:
        words |= {pronoun.nominative, pronoun.objective, pronoun.possessive}
    generic = (verb.slots["object"] for verb in VERBS if verb.generic)
    kinds = {noun for nouns in generic for noun, _ in select(nouns)}
    kinds = {noun for noun in kinds if noun.article == "a"}
    for noun in NOUNS:
        words |= {*noun.en}
        several = noun.classes & {"person", "animal"} or noun.counter
        several = several and "friend" not in noun.classes
        if noun in kinds or (several and noun.article == "a"):
            words |= {*noun.plural}
    words |= {name.en for name in NAMES}
    words |= {word for time in TIMES for word, _, _ in time.en}
    words |= {word for said in MANNERS.values() for word, _ in said}
    words |= {word for adjective in ADJECTIVES for word, _ in adjective.en}
    for state in STATES:
        words |= {state.complement, state.body[0]}
    for verb in (*VERBS, *STATES):
        if verb.en.base != "be":
            words |= {*verb.en[:4], *verb.en.rest}
            words |= set() if getattr(verb, "state", False) else {verb.en.ing}
    return tuple(sorted(words - {""}))
