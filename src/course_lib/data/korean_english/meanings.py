"""What each Korean word of the grammar means in English, alone: a word for a reader.

A homonym has all its meanings, parted by a slash, as far as the grammar has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from course_lib.data.korean_english.english import Forms, forms
from course_lib.data.korean_english.hangul import conjugate
from course_lib.data.korean_english.lexicon import (
    ADJECTIVES,
    DEGREES,
    FREQUENCIES,
    MANNERS,
    NOUNS,
    STATES,
    TIMES,
    VERBS,
)
from course_lib.data.korean_english.names import NAMES
from course_lib.data.korean_english.phrases import NUMERALS, PRONOUNS
from course_lib.data.korean_english.writing import source_words

_PARTICLES = {
    "은 는": "topic",
    "이 가": "subject",
    "을 를": "object",
    "들": "plural",
    "의": "'s",
    "에": "to, at",
    "에서": "in, from",
    "에게 한테 께": "to somebody",
    "에게서 한테서": "from somebody",
    "과 와": "with, and",
    "으로 로": "by, to",
    "이다": "is",
    "이고": "is, and",
    "이지만": "is, but",
    "이라고 라고": "that … is",
    "이었다 였다": "was",
    "이었고 였고": "was, and",
    "이었지만 였지만": "was, but",
    "이었다고 였다고": "that … was",
}
_OTHERS = {
    "내": "my",
    "네": "your",
    "이": "this",
    "그": "that",
    "저": "that over there",
    "함께": "together",
    "아래": "under",
    "위": "on",
    "안": "not",
    "수": "ability",
    "때": "when",
    "전": "before",
    "후": "after",
    "싶어": "want",
    "비": "rain",
    "바람": "wind",
    "목": "throat",
    "주": "week",
    "다음": "next",
    "것이다": "will",
    "것이고": "will, and",
    "것이지만": "will, but",
    "것이라고": "that … will",
}
_ENDINGS = {
    "다": "{present}",
    "고": "{present}, and",
    "지만": "{present}, but",
    "다고": "that … {present}",
    "past 다": "{past}",
    "past 고": "{past}, and",
    "past 지만": "{past}, but",
    "past 다고": "that … {past}",
    "는": "{ing}",
    "ㄴ": "{participle}",
    "ㄹ": "will {base}",
    "지": "{base} (not)",
    "기": "{ing}",
    "러": "to {base}",
    "아야": "{base} (must)",
    "아서": "because … {present}",
    "면": "if … {present}",
}
_OF_VERBS = ("는", "ㄴ", "지", "기", "러", "아야")
_HELPERS = (
    *(("말하", "verb", "say said said"), ("생각하", "verb", "think thought thought")),
    *(("믿", "verb", "believe"), ("않", "verb", "not not not not")),
    *(("하", "verb", "must must must"), ("싶", "adjective", "want")),
)


@cache
def meanings() -> dict[str, str]:
    """Every word of :func:`source_words`, and what it means."""
    found: dict[str, dict[str, None]] = {word: {} for word in source_words()}
    for word, meaning in _all():
        if word in found:
            found[word][meaning] = None
    return {word: " / ".join(every) for word, every in found.items()}


def _all() -> Iterator[tuple[str, str]]:
    """Words and one meaning each; some more than once, and some not in the grammar."""
    for words, meaning in _PARTICLES.items():
        yield from ((word, meaning) for word in words.split())
    yield from ((pronoun.ko, pronoun.nominative) for pronoun in PRONOUNS)
    yield from ((name.ko, name.en) for name in NAMES)
    yield from ((noun.ko, " ".join(noun.en)) for noun in NOUNS)
    for table in (_OTHERS, NUMERALS, FREQUENCIES, DEGREES):
        yield from table.items()
    yield from ((manner, said[0][0]) for manner, said in MANNERS.items())
    for time in TIMES:
        for i, word in enumerate(time.ko):
            english = [text for text, at, sure in time.en if sure and at == i]
            if english and word != "에":
                yield word, " ".join(english)
    for adjective in ADJECTIVES:
        (english, _), *_ = adjective.en
        if adjective.kind.endswith("prenoun"):
            yield adjective.ko, english
        else:
            yield from _adjective(adjective.ko, adjective.kind, english)
    for verb in VERBS:
        yield from _forms(verb.ko, verb.kind, verb.en)
    for state in STATES:
        if state.complement:
            yield from _adjective(state.ko, state.kind, state.complement)
        else:
            yield from _forms(state.ko, state.kind, state.en)
    yield from _adjective("있", "adjective", "there")
    yield from _adjective("없", "adjective", "not there")
    for stem, kind, english in _HELPERS:
        yield from _forms(stem, kind, forms(english))
    yield from ((noun.counter, "counter") for noun in NOUNS)


def _adjective(stem: str, kind: str, english: str) -> Iterator[tuple[str, str]]:
    """예쁜 pretty, 예쁘다 is pretty."""
    yield conjugate(stem, kind, "는"), english
    endings = [name for name in _ENDINGS if name not in _OF_VERBS]
    is_ = Forms("be", "is", "was", "been", "being", (english,))
    yield from _forms(stem, kind, is_, endings)


def _forms(
    stem: str, kind: str, english: Forms, endings: Iterable[str] = _ENDINGS
) -> Iterator[tuple[str, str]]:
    """먹는다 eat, 먹었다 ate, 먹을 will eat."""
    rest = "".join(f" {word}" for word in english.rest)
    said = {name: f"{form}{rest}" for name, form in english._asdict().items()}
    present = "is" + rest if english.base == "be" else said["base"]
    for ending in endings:
        meaning = _ENDINGS[ending].format(present=present, **said)
        yield conjugate(stem, kind, ending), meaning
