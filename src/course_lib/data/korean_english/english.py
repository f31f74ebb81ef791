"""English inflection: regular by rule, irregular as the table says."""

from __future__ import annotations

from typing import NamedTuple

VOWELS = "aeiou"

BE = {
    "present": {"1s": "am", "3s": "is"},  # any other person: are
    "past": {"1s": "was", "3s": "was"},  # any other person: were
}


class Forms(NamedTuple):
    """The forms of a verb. ``rest`` follows the verb itself: look | for."""

    base: str
    third: str
    past: str
    participle: str
    ing: str
    rest: tuple[str, ...] = ()


def forms(spec: str) -> Forms:
    """The forms of ``spec``: "walk", "look+for", "go went gone", "sit sat sat sitting".

    One word is a regular verb, three words name base, past and participle; a fourth
    names the form in -ing, for a doubled consonant.
    """
    words, *irregular = spec.split()
    base, *rest = words.split("+")
    past = base + "d" if base.endswith("e") else _y_to_i(base) + "ed"
    ing = (base[:-1] if base.endswith("e") and base[-2:] != "ee" else base) + "ing"
    past, participle, ing, *_ = [*irregular, *[past, past, ing][len(irregular) :]]
    return Forms(base, third_person(base), past, participle, ing, tuple(rest))


def third_person(verb: str) -> str:
    """go → goes, carry → carries, have → has, read → reads."""
    if verb == "have":
        return "has"
    return plural(verb) if verb != "go" else "goes"


def plural(noun: str) -> str:
    """The regular plural: bus → buses, story → stories, book → books."""
    if noun.endswith(("s", "x", "ch", "sh", "z", "potato")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in VOWELS:
        return noun[:-1] + "ies"
    return noun + "s"


def article(following: str) -> str:
    """a or an. The lexicon has no word whose sound and first letter disagree."""
    return "an" if following[0] in VOWELS else "a"


def be(tense: str, person: str) -> str:
    """The form of be in the present or past; ``person`` is one of 1s 2 3s 1p 3p."""
    return BE[tense].get(person, "are" if tense == "present" else "were")


def _y_to_i(verb: str) -> str:
    return verb[:-1] + "i" if verb.endswith("y") and verb[-2] not in VOWELS else verb
