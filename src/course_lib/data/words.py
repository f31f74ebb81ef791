"""Which language is this word? Real words that need no download.

Unicode's CLDR, which Babel carries, names countries, languages, scripts, currencies,
months and weekdays in every language. We take ten languages in Latin letters: four
Germanic, three Romance, one Slavic, one Uralic, one Turkic. So some pairs are close
relatives (Dutch and German, Spanish and Italian), and no language is alone in its
letters.

Words are folded to ``a`` … ``z``. With accents left on, one letter often gives the
language away (``ł`` is Polish), and the order of the letters would hardly matter. A
word that two of the languages share after folding (``april``, ``mongolia``) has no
right answer and is dropped; so is any word under three letters.
"""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from babel import Locale

from course_lib.data.registry import fetch

LANGUAGES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "sv": "Swedish",
    "tr": "Turkish",
}

ALPHABET = "abcdefghijklmnopqrstuvwxyz "

# Letters that Unicode does not take apart into a letter and a mark.
_WHOLE = str.maketrans(
    {"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "đ": "d"}
)


@dataclass(frozen=True)
class Words:
    """Words with their label, an index into ``labels``, in three disjoint parts."""

    labels: tuple[str, ...]
    train: tuple[tuple[str, int], ...]
    valid: tuple[tuple[str, int], ...]
    test: tuple[tuple[str, int], ...]


def fold(text: str) -> str:
    """``text`` in ``a`` … ``z`` and single spaces: ``"Île-de-Ré"`` → ``"ile de re"``.

    Marks are removed; anything else that is not a letter becomes a space.
    """
    plain = unicodedata.normalize("NFKD", text.lower().translate(_WHOLE))
    letters = (c for c in plain if not unicodedata.combining(c))
    return " ".join("".join(c if "a" <= c <= "z" else " " for c in letters).split())


def names(language: str) -> list[str]:
    """Every name that CLDR has in ``language`` (its code), folded, sorted, once."""
    locale = Locale.parse(language)
    said = [
        *(locale.territories.values()),
        *(locale.languages.values()),
        *(locale.scripts.values()),
        *(locale.currencies.values()),
        *(locale.months["stand-alone"]["wide"].values()),
        *(locale.days["stand-alone"]["wide"].values()),
    ]
    return sorted({fold(str(name)) for name in said} - {""})


def languages(seed: int, codes: Sequence[str] = tuple(LANGUAGES)) -> Words:
    """The words of the CLDR names in each language, split by ``seed``.

    Raises ``ValueError`` for a code that is not in :data:`LANGUAGES`.
    """
    if unknown := set(codes) - set(LANGUAGES):
        raise ValueError(
            f"codes: got {sorted(unknown)}, expected some of {', '.join(LANGUAGES)}"
        )
    lists = {
        LANGUAGES[code]: {word for name in names(code) for word in name.split()}
        for code in codes
    }
    return split(lists, seed)


def surnames(seed: int) -> Words:
    """Family names in 17 languages: the ``names`` set of the registry, folded.

    Russian is 47 % of the set, so a plain accuracy says little: use the mean of the
    accuracies per language. The copies in the Arabic file are taken once. The 18th
    language, Scottish, is left out: all but one of its names are in another file too.
    """
    folder = fetch("names")
    lists = {
        path.stem: [fold(line) for line in path.read_text("utf-8").splitlines()]
        for path in sorted(folder.glob("*.txt"))
        if path.stem != "Scottish"
    }
    return split(lists, seed)


def split(
    lists: Mapping[str, Iterable[str]],
    seed: int,
    valid: float = 0.1,
    test: float = 0.2,
) -> Words:
    """Each word once, words of two labels dropped, then a split within each label.

    ``valid`` and ``test`` are fractions of each label's words, at least one word each.
    The same ``seed`` gives the same split on every machine. Raises ``ValueError`` for a
    label with fewer than three words of its own.
    """
    labels = tuple(lists)
    distinct = [{word for word in lists[label] if len(word) >= 3} for label in labels]
    count = Counter(word for words in distinct for word in words)
    shuffle = random.Random(seed).shuffle
    parts: tuple[list, list, list] = ([], [], [])  # train, valid, test
    for label, words in enumerate(distinct):
        own = sorted(word for word in words if count[word] == 1)
        if len(own) < 3:
            raise ValueError(
                f"lists: {labels[label]!r} has {len(own)} words of its own, "
                "expected at least 3"
            )
        shuffle(own)
        first = max(1, round(test * len(own)))
        second = first + max(1, round(valid * len(own)))
        chosen = own[second:], own[first:second], own[:first]
        for part, some in zip(parts, chosen, strict=True):
            part.extend((word, label) for word in some)
    for part in parts:
        shuffle(part)
    return Words(labels, *(tuple(part) for part in parts))
