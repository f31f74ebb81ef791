"""Nouns, names and pronouns in both languages at once, with the links between them.

Conventions of the links, here and in the whole grammar (Och & Ney 2003: S sure,
P possible, S is part of P):

- a word and its translation are sure, each word of a translation with each of the
  original (배 고프다 → hungry; 잔 → cup);
- a particle with a preposition or 's of its own is sure (에 → to, 의 → 's); any other
  particle may go with the noun and its article (는 → the, bird);
- articles, plural 들, counters, auxiliaries (is, do, has), that, who, it, "to" before a
  verb, and commas are only possible: with the word that asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from course_lib.data.korean_english import probabilities as p
from course_lib.data.korean_english.choices import Choices, Table
from course_lib.data.korean_english.hangul import conjugate, particle
from course_lib.data.korean_english.lexicon import (
    DEGREES,
    Adjective,
    Noun,
    adjectives,
    select,
)
from course_lib.data.korean_english.names import NAMES, UNKNOWN, Name

# What somebody may have: no hospital, no snow, no fox.
OWNABLE = frozenset(
    noun
    for noun, _ in select(
        "clothes pair thing dish vehicle ridden pet cow text story art gift "
        "house room garden"
    )
)
NO: Table = ((False, 1.0),)


class Word:
    """A token, until the sentence is complete; two equal texts are two words."""

    __slots__ = ("bound", "indefinite", "text")

    def __init__(self, text: str, bound: bool = False, indefinite: bool = False):
        self.text, self.bound, self.indefinite = text, bound, indefinite


class Draft:
    """What the parts of one sentence share: choices, links, and who was mentioned."""

    def __init__(self, choices: Choices) -> None:
        self.pick = choices.pick
        self.links: list[tuple[Word, Word, bool]] = []
        self.used: set[str] = set()
        self.richness = self.pick("richness", p.RICHNESS)
        self.past = False  # is the verb above in the past?
        self.relative_clause = None  # set by the sentence: clauses build on phrases
        self.fronting = True  # may an adverb of time come first?

    def yes(self, name: str, chances: tuple[float, ...], allowed: bool = True) -> bool:
        table = p.yes(chances[self.richness]) if allowed else NO
        return self.pick(name, table)

    def new(self, name: str, table: Table) -> object:
        """Pick what was not mentioned yet, if there is any."""
        fresh = tuple(row for row in table if row[0].ko not in self.used)
        chosen = self.pick(name, fresh or table)
        self.used.add(chosen.ko)
        return chosen

    def link(self, ko: Iterable[Word], en: Iterable[Word], sure: bool = True) -> None:
        en = list(en)
        self.links += [(k, e, sure) for k in ko for e in en]


@dataclass
class Phrase:
    """``anchors`` are the English words that a particle may go with."""

    ko: list[Word]
    en: list[Word]
    anchors: list[Word]
    person: str = "3s"
    back: tuple[str, str] = ("", "")  # the pronoun that refers to it: he, his
    heavy: bool = False
    possessive: list[Word] = field(default_factory=list)

    @property
    def head(self) -> Word:
        """The word that a particle follows."""
        return self.ko[-1]


def mark(d: Draft, phrase: Phrase, kind: str) -> Phrase:
    """Add a particle without a preposition in English."""
    word = Word(particle(phrase.head.text, kind), bound=True)
    d.link([word], phrase.anchors, sure=False)
    phrase.ko.append(word)
    return phrase


def preposition(d: Draft, phrase: Phrase, kind: str, text: str) -> Phrase:
    """Add a particle that English says with a preposition."""
    word, before = Word(particle(phrase.head.text, kind), bound=True), Word(text)
    d.link([word], [before])
    phrase.ko.append(word)
    phrase.en.insert(0, before)
    return phrase


@dataclass(frozen=True)
class Pronoun:
    ko: str
    nominative: str
    objective: str
    possessive: str
    person: str


PRONOUNS = (
    Pronoun("나", "I", "me", "my", "1s"),
    Pronoun("너", "you", "you", "your", "2"),
    Pronoun("그", "he", "him", "his", "3s"),
    Pronoun("그녀", "she", "her", "her", "3s"),
    Pronoun("우리", "we", "us", "our", "1p"),
    Pronoun("그들", "they", "them", "their", "3p"),
)
_BACK = {"m": ("he", "his"), "f": ("she", "her"), "": ("", "")}
_PRONOUNS = {"own": (("나", 3), ("너", 1), ("그", 2), ("그녀", 2))}
_EVERY = (("나", 4), ("너", 1), ("그", 2), ("그녀", 2), ("우리", 1.5), ("그들", 1))
NUMERALS = {"한": "one", "두": "two", "세": "three", "네": "four", "다섯": "five"}
_COUNTS = (("한", 1), ("두", 3), ("세", 2), ("네", 1), ("다섯", 1))


def person(
    d: Draft,
    selector: str,
    kind: str,
    objective: bool = True,
    definite: bool = False,
    relatives: bool = True,
) -> Phrase:
    """Somebody, with the particle ``kind``; "" gives none.

    ``selector`` is a row of ``probabilities.WHO``.
    """
    who = d.pick("who", p.WHO[selector])
    if who == "pronoun":
        table = tuple(
            (pronoun, dict(_PRONOUNS.get(selector, _EVERY)).get(pronoun.ko, 0))
            for pronoun in PRONOUNS
        )
        table = tuple(row for row in table if row[1])
        chosen = d.new("pronoun", table)
        text = chosen.objective if objective else chosen.nominative
        ko, en = Word(chosen.ko), Word(text)
        if kind == "이/가":
            ko.text = {"나": "내", "너": "네"}.get(chosen.ko, chosen.ko)
        d.link([ko], [en])
        back = (chosen.nominative, chosen.possessive)
        phrase = Phrase([ko], [en], [en], chosen.person, back)
        if kind == "이/가" and ko.text != chosen.ko:
            phrase.ko.append(Word("가", bound=True))
            d.link(phrase.ko[1:], [en], sure=False)
            return phrase
    elif who == "two":
        first, second = _name(d, False), _name(d, False)
        both = Word(particle(first.head.text, "과/와"), bound=True)
        conjunction = Word("and")
        d.link([both], [conjunction])
        ko = [*first.ko, both, *second.ko]
        en = [*first.en, conjunction, *second.en]
        phrase = Phrase(ko, en, en, "3p", ("they", "their"))
    elif who == "name":
        phrase = _name(d, selector not in ("gendered", "own"))
    else:
        classes = {"people": "person", "grown": "adult", ".": "person friend:4"}
        if who == "kin":
            classes = {".": "kin:1 friend:4", "people": "kin:1 friend:3"}
            classes["grown"] = classes["people"]
        default = "kin" if who == "kin" else "gendered"
        table = select(classes.get(selector, default))
        if who == "noun":
            table = tuple(r for r in table if not r[0].classes & {"kin", "friend"})
        elif selector == "grown":
            table = tuple(r for r in table if "adult" in r[0].classes)
        noun = d.new("person", table)
        phrase = noun_phrase(d, noun, definite=definite, relatives=relatives)
    return mark(d, phrase, kind) if kind else phrase


def _name(d: Draft, unknown: bool) -> Phrase:
    rare = d.pick("unknown", p.UNKNOWN_NAME if unknown else NO)
    name: Name = d.new("name", tuple((n, 1.0) for n in (UNKNOWN if rare else NAMES)))
    ko, en = Word(name.ko), Word(name.en)
    d.link([ko], [en])
    return Phrase([ko], [en], [en], "3s", _BACK[name.gender])


def pronoun_back(d: Draft, phrase: Phrase, possessive: bool = False) -> Word:
    """The English pronoun for someone whom Korean does not mention again."""
    word = Word(phrase.back[possessive])
    d.link([k for k in phrase.ko if not k.bound][-1:], [word], sure=False)
    return word


def noun_phrase(
    d: Draft,
    noun: Noun,
    definite: bool = False,
    modifiers: bool = True,
    relatives: bool = True,
    plural: bool = False,
    simple: bool = False,
    described: bool = True,
) -> Phrase:
    """A noun with what may stand before it.

    ``plural`` asks for the kind (apples); ``simple`` for no owner, no "this".
    """
    classes = noun.classes
    owned = bool(classes & {"kin", "friend", "owned"})
    bare = not modifiers or (noun.article == "none" and not owned)
    clause = None
    free = not (bare or owned)
    deep = relatives and free and not simple and d.richness > 0
    if d.yes("relative?", p.RELATIVE, deep):
        clause = d.relative_clause(d, noun)
    full = free and clause is None and not simple
    table = p.DETERMINER if noun in OWNABLE else p.DETERMINER[:-1]
    table = table if full else (("owner", 1),) if owned else (("", 1),)
    determiner = d.pick("determiner", table)
    ko, en, anchors = [], [], []
    if determiner == "owner":
        ko, en = _owner(d, noun)
    many = full and determiner == "" and bool(classes & {"person", "animal"})
    several = d.yes("several", (0.08,) * 4, many)
    countable = full and not several and determiner == "" and bool(noun.counter)
    counted = d.yes("counted", p.NUMBER, countable)
    some = adjectives(noun) if described and not bare and not owned else ()
    described = d.yes("described", p.ADJECTIVE, bool(some))
    adjective = attribute(d, noun, some) if described else None
    cup = counted and "cup" in classes
    number = d.pick("count", _COUNTS) if counted else ""
    many = several or plural or number not in ("", "한")
    many = many and (noun.article != "mass") and noun.article != "none"
    if noun.plural == noun.en and noun.article == "a":  # shoes, eyes
        many = True
    head_ko = Word(noun.ko)
    head_en = [Word(w) for w in (noun.plural if many else noun.en)]
    d.link([head_ko], head_en)
    anchors = list(head_en)

    if determiner in ("이", "그", "저"):
        this = {"이": ("this", "these"), "저": ("that", "those")}
        said = this.get(determiner, ("that", "those"))[many]
        if determiner == "그":
            said = said if d.pick("that", p.THAT_ONE, hidden=True) == "that" else "the"
        ko, en = [Word(determiner)], [Word(said)]
        d.link(ko, en)
    elif determiner == "" and not bare:
        known = definite or noun.article == "the" or clause is not None
        known = known and noun.article != "none" and not counted
        if known or (noun.article == "a" and not many and not counted):
            en = [Word("the") if known else Word("a", indefinite=True)]
            d.link([head_ko], en, sure=False)
            anchors += en
    elif bare and noun.article in ("a", "the") and not plural:
        known = definite or noun.article == "the"
        en = [Word("the") if known else Word("a", indefinite=True)]
        d.link([head_ko], en, sure=False)
        anchors += en
    if many and en and en[0].indefinite:  # no article before shoes
        d.links = [link for link in d.links if link[1] is not en[0]]
        anchors.remove(en[0])
        en = []
    tail: list[Word] = []
    if several:
        tail = [Word("들", bound=True)]
        d.link(tail, head_en, sure=False)
    if counted:
        numeral, counter = Word(number), Word(noun.counter)
        tail = [numeral, counter]
        if cup:
            one = number == "한"
            said = Word("a", indefinite=True) if one else Word(NUMERALS[number])
            of = [Word("cup" if one else "cups"), Word("of")]
            d.link([counter], of[:1])
            d.link([counter], of[1:], sure=False)
            en = [*en, said, *of]
        else:
            said = Word(NUMERALS[number])
            d.link([counter], head_en, sure=False)
            en = [*en, said]
        d.link([numeral], [said])
    if adjective:
        ko, en = [*ko, *adjective[0]], [*en, *adjective[1]]
    ko, en = [*ko, head_ko, *tail], [*en, *head_en]
    if clause:
        ko, en = [*clause[0], *ko], [*en, *clause[1]]
    several_of_them = many and not plural
    back = ("they", "their") if several_of_them else _BACK[noun.gender]
    return Phrase(ko, en, anchors, "3p" if many else "3s", back, clause is not None)


def _owner(d: Draft, noun: Noun) -> tuple[list[Word], list[Word]]:
    """내, 우리 or 민수 의, and my or Minsu 's."""
    kin = "kin" in noun.classes
    who = d.pick("owner", p.KIN_OWNER if kin else p.OWNER)
    if who == "나":
        ko = [Word(w) for w in d.pick("my", p.MY).split()]
        en = [Word("my")]
    elif who in ("name", "noun"):
        if who == "name":
            phrase = _name(d, True)
        else:
            owner = d.new("owner noun", select("job student teacher child"))
            phrase = noun_phrase(d, owner, True, modifiers=False)
        ko, en = [*phrase.ko, Word("의", bound=True)], [*phrase.en, Word("'s", True)]
        d.link(ko[-1:], en[-1:])
        return ko, en
    else:
        said = next(pronoun for pronoun in PRONOUNS if pronoun.ko == who)
        text = "my" if who == "우리" and kin else said.possessive
        en = [Word(text)]
        if who == "너":
            ko = [Word("네")]
        else:
            ko = [Word(who)] if who == "우리" else [Word(who), Word("의")]
    d.link(ko[:1], en)
    if len(ko) > 1:
        ko[1].bound = True
        d.link(ko[1:], en, sure=False)
    return ko, en


def attribute(d: Draft, noun: Noun, table: Table) -> tuple[list[Word], list[Word]]:
    """An adjective before its noun, perhaps with a degree."""
    adjective: Adjective = d.pick("adjective", table)
    d.used.add(f"scale {adjective.scale}")  # no "the hot soup is hot"
    prenoun = adjective.kind.endswith("prenoun")
    text = adjective.ko if prenoun else conjugate(adjective.ko, adjective.kind, "는")
    ko, en = [Word(text)], [Word(d.pick("English", adjective.en, hidden=True))]
    d.link(ko, en)
    return degree(d, ko, en, not prenoun)


def degree(
    d: Draft, ko: list[Word], en: list[Word], allowed: bool = True
) -> tuple[list[Word], list[Word]]:
    """아주 예쁜, very pretty: sometimes."""
    if not d.yes("degree?", p.DEGREE, allowed):
        return ko, en
    said = d.pick("degree", tuple((word, 1.0) for word in DEGREES))
    before, very = Word(said), Word(DEGREES[said])
    d.link([before], [very])
    return [before, *ko], [very, *en]
