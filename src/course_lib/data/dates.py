"""Dates as people write them, in many languages, and their ISO 8601 form.

Unicode's CLDR, which Babel carries, says how each language writes a date: Sunday, 3
February 2013; 3 févr. 2013; 2013년 2월 3일. The short style is left out, and so is any
that has a number for the month unless the year comes first: 3/2/2013 is in February or
in March, and nothing in the text says which.

Texts are folded: lower case, no accents, plain spaces. So a reader may type "fevrier",
and a small model needs few characters.
"""

from __future__ import annotations

import datetime
import hashlib
import random
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from babel import Locale
from babel.dates import format_date

LANGUAGES = {
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "en_GB": "English (Britain)",
    "en_US": "English (United States)",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nb": "Norwegian",
    "nl": "Dutch",
    "pl": "Polish",
    "pt_BR": "Portuguese (Brazil)",
    "ro": "Romanian",
    "sv": "Swedish",
    "tr": "Turkish",
}
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
SPLITS = {"train": range(0, 80), "valid": range(80, 90), "test": range(90, 100)}
TARGET_CHARACTERS = "-0123456789"

# Letters that Unicode does not take apart into a letter and a mark.
_WHOLE = str.maketrans({"ł": "l", "ø": "o", "ı": "i", "ß": "ss", "æ": "ae", "đ": "d"})


class Date(NamedTuple):
    """A date as written (``source``), in ISO 8601 (``target``), and its language."""

    source: str
    target: str
    language: str
    style: str


def fold(text: str) -> str:
    """Lower case, no accents, single plain spaces; Hangul and the like stay whole."""
    apart = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(c for c in apart if not "\u0300" <= c <= "\u036f")
    whole = unicodedata.normalize("NFC", plain).translate(_WHOLE)
    return " ".join(whole.split())


def write(date: datetime.date, language: str, style: str) -> str:
    """``date`` as ``language`` writes it in ``style``, folded.

    Raises ``ValueError`` for a language or a style that :func:`styles` does not have.
    """
    if language not in LANGUAGES or style not in styles()[language]:
        raise ValueError(
            f"language, style: got {language!r}, {style!r}, expected a language of "
            f"{', '.join(LANGUAGES)} and one of its styles, never 'short'"
        )
    return fold(format_date(date, format=style, locale=language))


@cache
def styles() -> dict[str, tuple[str, ...]]:
    """The styles of each language that can be read in one way only."""
    return {
        code: tuple(
            style
            for style in ("medium", "long", "full")
            if _unambiguous(Locale.parse(code).date_formats[style].pattern)
        )
        for code in LANGUAGES
    }


def _unambiguous(pattern: str) -> bool:
    """Is the month a name (MMM), or does the year come first? Is the year whole?"""
    fields = re.sub(r"'[^']*'", "", pattern)
    named = "MMM" in fields or "LLL" in fields
    return "yy" not in fields.replace("yyyy", "y") and (
        named or fields.lstrip().startswith("y")
    )


def pairs(n: int, seed: int, split: str = "train") -> list[Date]:
    """``n`` dates of one split, with repetitions, each in a random language and style.

    Splits share no day: whatever its writing, a day of "test" is in no other split.
    """
    if n < 0:
        raise ValueError(f"n: got {n}, expected at least 0")
    endless = stream(seed, split)
    return [next(endless) for _ in range(n)]


def stream(seed: int, split: str = "train") -> Iterator[Date]:
    """Dates without end. Raises ``ValueError`` for an unknown split."""
    if split not in SPLITS:
        raise ValueError(f"split: got {split!r}, expected one of {', '.join(SPLITS)}")
    chance = random.Random(f"dates {seed}")
    days = (LAST - FIRST).days + 1
    codes = tuple(LANGUAGES)
    while True:
        date = FIRST + datetime.timedelta(days=int(chance.random() * days))
        language = codes[int(chance.random() * len(codes))]
        several = styles()[language]
        style = several[int(chance.random() * len(several))]
        if split_of(date) == split:
            yield Date(write(date, language, style), date.isoformat(), language, style)


def split_of(date: datetime.date) -> str:
    """The split of a day, decided by nothing but the day."""
    digest = hashlib.sha256(date.isoformat().encode()).digest()
    place = int.from_bytes(digest[:8], "big") % 100
    return next(name for name, places in SPLITS.items() if place in places)


@cache
def source_characters() -> str:
    """Every character that a source can have, sorted."""
    found = set("0123456789")
    for month in range(1, 13):
        for day in range(1, 8):  # every weekday
            date = datetime.date(2023, month, day)
            for code, several in styles().items():
                found.update(*(write(date, code, style) for style in several))
    return "".join(sorted(found))
