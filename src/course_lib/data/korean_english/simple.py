"""Sentences of one clause: an event, a quality, a place, a profession."""

from __future__ import annotations

from dataclasses import dataclass, field

from course_lib.data.korean_english import probabilities as p
from course_lib.data.korean_english.choices import Table
from course_lib.data.korean_english.clauses import (
    BE,
    Clause,
    action,
    describe,
    predicates_of,
    subject_of,
)
from course_lib.data.korean_english.english import forms
from course_lib.data.korean_english.lexicon import (
    ADJECTIVES,
    NOUNS,
    Noun,
    select,
)
from course_lib.data.korean_english.phrases import (
    PRONOUNS,
    Draft,
    Phrase,
    Word,
    mark,
    noun_phrase,
    person,
    preposition,
)
from course_lib.data.korean_english.predicates import Event


def one_clause(d: Draft, tense: str, main: bool) -> Clause:
    kind = d.pick("predicate", p.PREDICATES if tense != "future" else (("event", 1),))
    match kind:
        case "event":
            return action(d, tense, main)
        case "adjective":
            return quality(d, tense, main)
        case "there":
            return _there(d, tense)
        case "job":
            return profession(d, tense, main)
        case "has":
            return _has(d, tense, main)
        case _:
            return _eyes(d, tense, main)


DESCRIBED = tuple(
    (n, 0.3 if n.classes & {"person"} else 1.0)
    for n in NOUNS
    if predicates_of(n) and not n.classes & {"kin", "friend"} and n.ko != "시장"
)
_CHARACTER = tuple(
    (a, 1.0) for a in ADJECTIVES if a.ko in ("친절하", "똑똑하", "부지런하")
)


def quality(d: Draft, tense: str, main: bool) -> Clause:
    if d.pick("who is it", p.yes(0.3)):
        return character(d, tense, main)
    return described(d, tense, main)[0]


def character(d: Draft, tense: str, main: bool, topic: Table = p.TOPIC) -> Clause:
    subject = subject_of(d, "named", verb=False, main=main, topic=topic)
    rows = tuple(r for r in _CHARACTER if f"scale {r[0].ko}" not in d.used)
    adjective = d.pick("adjective", rows)
    d.used.add(f"scale {adjective.ko}")  # not: you are kind but I am kind
    return Clause(subject, describe(d, subject, adjective, tense))


def described(
    d: Draft, tense: str, main: bool, like: Noun | None = None, topic: Table = p.TOPIC
) -> tuple[Clause, Noun]:
    """Something and its quality; ``like`` asks for a noun of the same class."""
    table = tuple(r for r in DESCRIBED if like is None or like.classes & r[0].classes)
    noun = d.new("subject", table)
    kind = d.pick("topic", topic if main else (("이/가", 1.0),))
    more = len(scales(noun)) > 1
    phrase = noun_phrase(d, noun, definite=True, described=more)
    subject = mark(d, phrase, kind)
    adjective = d.pick("adjective", new_scales(d, noun))
    d.used.add(f"scale {adjective.scale}")
    return Clause(subject, describe(d, subject, adjective, tense)), noun


def new_scales(d: Draft, noun: Noun) -> Table:
    table = predicates_of(noun)
    return tuple(r for r in table if f"scale {r[0].scale}" not in d.used) or table


def scales(noun: Noun) -> set[str]:
    return {adjective.scale for adjective, _ in predicates_of(noun)}


_SURFACE = "text fruit hat watch plate cat umbrella pencil cake bag"
_AROUND = {
    "park": "animal tree flower bicycle child chair",
    "garden": "pet bird tree flower chair table rabbit",
    "room": "pet desk chair bag computer",
    "street": "pet car bicycle taxi child",
    "sea": "boat",
    "river": "boat",
    "village": "school market house hospital",
    "kitchen": "table bread pet fruit",
    "mountain": "bear fox monkey rabbit tree",
}


@dataclass
class There:
    """책상 위에 책이 있다: there is a book on the desk."""

    place: Phrase
    thing: Phrase
    tense: str
    words: list[Word] = field(default_factory=list)

    @property
    def last(self) -> list[Word]:
        return self.words

    def korean(self, d: Draft, ending: str, tense: str = "") -> list[Word]:
        event = Event("있", "adjective", BE)
        self.event, words = event, event.korean(d, ending, tense or self.tense)
        self.words = words[-1:]
        return [*self.place.ko, *self.thing.ko, *words]

    def english(self, d: Draft, tense: str = "", progressive=None) -> list[Word]:
        verb = self.event.english(d, self.thing.person, tense=tense or self.tense)
        there = Word("there")
        d.link(self.words, [there], sure=False)
        return [there, *verb, *self.thing.en, *self.place.en]


def _there(d: Draft, tense: str) -> There:
    where = d.pick("where", (("surface", 1.0), ("around", 1.0)))
    if where == "surface":
        surface = d.new("place", select("surface"))
        place = noun_phrase(d, surface, definite=True, relatives=False)
        side = d.pick("side", (("위", 0.8), ("아래", 0.2)))
        ko = Word(side)
        place.ko.append(ko)
        text = {"위": "on", "아래": "under"}[side]
        place = preposition(d, place, "에", text)
        d.link([ko], place.en[:1])
        things = _SURFACE if side == "위" else "cat puppy bag ball umbrella shoes"
    else:
        noun = d.new("place", select(" ".join(_AROUND)))
        place = noun_phrase(d, noun, definite=True, relatives=False)
        text = "on" if noun.en[0] in ("sea", "river") else noun.place
        place = preposition(d, place, "에", text)
        things = _AROUND[noun.en[0]]
    thing = d.new("subject", select(things))
    return There(place, mark(d, noun_phrase(d, thing, simple=True), "이/가"), tense)


def profession(d: Draft, tense: str, main: bool) -> Clause:
    kind = d.pick("topic", (("은/는", 1.0),) if main else (("이/가", 1.0),))
    subject = person(d, "own", kind, objective=False)
    noun = d.pick("job", select("job student teacher"))
    job = noun_phrase(d, noun, relatives=main, modifiers=True, simple=True)
    event = Event("이", "adjective", BE, tense, noun=True)
    event.before, event.complement = job.ko, job.en
    return Clause(subject, event)


def _has(d: Draft, tense: str, main: bool) -> Clause:
    kind = d.pick("topic", (("은/는", 1.0),) if main else (("이/가", 1.0),))
    subject = person(d, "own", kind, objective=False)
    noun = d.new(
        "object", select("car house pet bicycle computer boat:0.5 horse:0.5 umbrella")
    )
    thing = mark(d, noun_phrase(d, noun, simple=True), "이/가")
    event = Event("있", "adjective", forms("have had had"), tense)
    event.before, event.after = thing.ko, thing.en
    return Clause(subject, event)


_LOOKS = (
    ("눈", "eyes", "크", "big"),
    ("눈", "eyes", "예쁘", "pretty"),
    ("다리", "legs", "길", "long"),
)


def _eyes(d: Draft, tense: str, main: bool) -> Clause:
    """그 소녀는 눈이 크다: that girl 's eyes are big."""
    kind = d.pick("topic", (("은/는", 1.0),) if main else (("이/가", 1.0),))
    subject = person(
        d, "gendered", kind, objective=False, definite=True, relatives=False
    )
    ko, en, stem, quality = d.pick("looks", tuple((row, 1.0) for row in _LOOKS))
    part = Phrase([Word(ko)], [Word(en)], [])
    part.anchors = part.en
    d.link(part.ko, part.en)
    mark(d, part, "이/가")
    event = Event(stem, "adjective", BE, tense)
    event.idiom, event.complement = [], [Word(quality)]
    event.before = part.ko
    make_possessive(d, subject)
    subject.en = [*subject.en, *part.en]
    subject.person = "3p"
    return Clause(subject, event)


def make_possessive(d: Draft, subject: Phrase) -> None:
    pronoun = next((q for q in PRONOUNS if q.nominative == subject.en[0].text), None)
    if pronoun:
        subject.en[0].text = pronoun.possessive
        return
    word = Word("'s", bound=True)
    d.link(subject.ko[-1:], [word], sure=False)
    subject.en = [*subject.en, word]
