"""Korean words by arithmetic on their syllables: particles and conjugation.

A syllable is one Unicode character: 0xAC00 + (initial · 21 + vowel) · 28 + final, where
final 0 means none. So "ends in a consonant", which decides the shape of a
particle and of an ending, is a remainder, and adding a final consonant is an addition.
"""

from __future__ import annotations

FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"

# After a consonant, after a vowel. Written 이/가 as in grammar books.
PARTICLES = ("은/는", "이/가", "을/를", "과/와", "으로/로")


def final(word: str) -> str:
    """The final consonant of the last syllable, or " " if it ends in a vowel."""
    code = ord(word[-1]) - 0xAC00
    if not 0 <= code < 11172:
        raise ValueError(f"word: got {word!r}, expected a word that ends in Hangul")
    return FINALS[code % 28]


def particle(word: str, kind: str) -> str:
    """The shape of ``kind`` after ``word``: 은/는 after 책 is 은; 에 stays 에."""
    if "/" not in kind:
        return kind
    after_consonant, after_vowel = kind.split("/")
    last = final(word)
    if kind == "으로/로" and last == "ㄹ":  # 연필로
        return after_vowel
    return after_vowel if last == " " else after_consonant


def conjugate(stem: str, kind: str, ending: str) -> str:
    """One word: the stem of a verb or adjective with an ending.

    ``kind`` is "verb" or "adjective", and the irregular class after a space, if any:
    "verb ㄷ" for 듣다. Of the regular looking ones 하다, ㅡ and ㄹ need no class. The
    endings are those of :data:`ENDINGS`; an ending that begins with "past " goes onto
    the past stem. Raises ``ValueError`` for another ending.
    """
    word, _, irregular = kind.partition(" ")
    if ending.startswith("past "):
        past = _add(_infinitive(stem, irregular), "ㅆ")
        # 았/었 is a regular stem in ㅆ, but its plain form has no 는.
        return conjugate(past, "adjective", ending.removeprefix("past "))
    if ending not in ENDINGS:
        raise ValueError(f"ending: got {ending!r}, expected one of {ENDINGS}")
    if ending == "다":
        if word == "adjective" or stem[-1] in "있없":
            return stem + "다"
        return _add(_drop_l(stem), "ㄴ") + "다" if _open_or_l(stem) else stem + "는다"
    if ending == "다고":
        return conjugate(stem, kind, "다") + "고"
    if ending in ("고", "지만", "지", "기"):
        return stem + ending
    if ending == "는":  # the attributive present
        if stem[-1] in "있없" or word == "verb":
            return _drop_l(stem) + "는"
        return conjugate(stem, kind, "ㄴ")
    if ending in ("아", "아서", "아야"):
        return _infinitive(stem, irregular) + ending[1:]
    base = _before_eu(stem, irregular)
    if ending == "면" or ending == "러":
        return base + ("" if _open_or_l(base) else "으") + ending
    if ending == "ㄴ":
        base = _drop_l(base)
    if ending == "ㄹ" and final(base) == "ㄹ":
        return base
    return (
        _add(base, ending)
        if final(base) == " "
        else base + {"ㄴ": "은"}.get(ending, "을")
    )


ENDINGS = (
    *("다", "다고", "고", "지만", "지", "기"),
    *("는", "ㄴ", "ㄹ", "아", "아서", "아야", "면", "러"),
)


def _vowel(syllable: str) -> str:
    return VOWELS[(ord(syllable) - 0xAC00) // 28 % 21]


def _with_vowel(syllable: str, vowel: str) -> str:
    shift = VOWELS.index(vowel) - VOWELS.index(_vowel(syllable))
    return chr(ord(syllable) + 28 * shift)


def _add(word: str, consonant: str) -> str:
    """``word``, which ends in a vowel, closed with ``consonant``."""
    return word[:-1] + chr(ord(word[-1]) + FINALS.index(consonant))


def _strip(word: str) -> str:
    return word[:-1] + chr(ord(word[-1]) - FINALS.index(final(word)))


def _drop_l(stem: str) -> str:
    return _strip(stem) if final(stem) == "ㄹ" else stem


def _open_or_l(stem: str) -> bool:
    return final(stem) in " ㄹ"


def _before_eu(stem: str, irregular: str) -> str:
    """What 으 and its endings are added to: 춥 → 추우, 듣 → 들, 빨갛 → 빨가."""
    if irregular == "ㅂ":
        return _strip(stem) + "우"
    if irregular == "ㄷ":
        # This ㄹ does not drop and takes 으 (들으면); the caller sees it as closed.
        return _add(_strip(stem), "ㄹ") + "으"
    if irregular == "ㅎ":
        return _strip(stem)
    return stem


def _infinitive(stem: str, irregular: str) -> str:
    """The stem with 아/어, contracted: 가, 봐, 마셔, 예뻐, 추워, 들어, 불러, 해."""
    body, last = stem[:-1], stem[-1]
    if last == "하":
        return body + "해"
    if irregular == "ㅂ":
        return _strip(stem) + ("와" if stem == "돕" else "워")
    if irregular == "ㄷ":
        stem = _add(_strip(stem), "ㄹ")
        last = stem[-1]
    if irregular == "ㅎ":  # 빨갛 → 빨개
        return body + _with_vowel(_strip(last), "ㅐ")
    if irregular == "르":
        bright = _vowel(body[-1]) in "ㅏㅗ"
        return _add(body, "ㄹ") + ("라" if bright else "러")
    if final(last) != " ":
        return stem + ("아" if _vowel(last) in "ㅏㅑㅗ" else "어")
    vowel = _vowel(last)
    if vowel == "ㅡ":
        bright = bool(body) and _vowel(body[-1]) in "ㅏㅗ"
        return body + _with_vowel(last, "ㅏ" if bright else "ㅓ")
    if vowel == "ㅣ" and not body:  # 피어, not 펴
        return stem + "어"
    contracted = {"ㅗ": "ㅘ", "ㅜ": "ㅝ", "ㅣ": "ㅕ", "ㅚ": "ㅙ"}
    if vowel in contracted:
        return body + _with_vowel(last, contracted[vowel])
    return stem if vowel in "ㅏㅓㅐㅔㅕ" else stem + "어"
