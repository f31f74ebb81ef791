"""Whole sentences: one clause, or several that belong together.

A unit has ``korean(d, ending, tense)`` and, after it, ``english(d, tense)``; so any of
them can stand alone (다), be joined (고, 지만) or be reported (다고).
"""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.data.korean_english import probabilities as p
from course_lib.data.korean_english.choices import Choices, Table
from course_lib.data.korean_english.clauses import (
    PEOPLE,
    Clause,
    action,
    describe,
    draw_event,
    predicates_of,
    relative_clause,
    subject_of,
    verbs_for,
)
from course_lib.data.korean_english.english import forms
from course_lib.data.korean_english.lexicon import (
    VERBS,
    Verb,
    purpose,
    select,
)
from course_lib.data.korean_english.phrases import (
    Draft,
    Phrase,
    Word,
    mark,
    noun_phrase,
    pronoun_back,
)
from course_lib.data.korean_english.predicates import PAST, Event
from course_lib.data.korean_english.simple import (
    DESCRIBED,
    character,
    described,
    one_clause,
    profession,
    quality,
    scales,
)
from course_lib.data.korean_english.states import StateClause, state_clause


def build(choices: Choices) -> tuple[list[Word], list[Word], list]:
    """One sentence: its Korean words, its English words, and (ko, en, sure) links."""
    d = Draft(choices)
    d.relative_clause = relative_clause
    unit = _unit(d, _shape(d), _tense(d))
    ko = unit.korean(d, "다")
    return ko, unit.english(d), d.links


def _shape(d: Draft, only: tuple[str, ...] = ()) -> str:
    rows = ((s, w[d.richness]) for s, w in p.SHAPES.items() if not only or s in only)
    return d.pick("shape", tuple(rows))


def _tense(d: Draft, *of: str) -> str:
    tense = d.pick("tense", tuple(r for r in p.TENSES if not of or r[0] in of))
    d.past = tense == "past"
    return tense


def _unit(d: Draft, shape: str, tense: str, main: bool = True):
    match shape:
        case "simple":
            return one_clause(d, tense, main)
        case "state":
            return state_clause(d, tense, times=main)
        case "contrast":
            return _contrast(d, tense, main)
        case "chain":
            return _chain(d, tense, main)
        case "parallel":
            return _parallel(d, tense)
        case "quote":
            return _quote(d, tense)
        case _:
            return _adverbial(d, shape, tense, main)


@dataclass
class Chain:
    """One subject, several events, in the tense of the last: 집에 가서 책을 읽었다."""

    subject: Phrase
    events: list[Event]
    joint: str = "고"
    shown: bool = False  # does the first verb show the past too?
    brief: bool = False  # English: small but expensive
    motion: bool = False  # 가서 for 가고
    hidden_subject: bool = False

    @property
    def tense(self) -> str:
        return self.events[-1].tense

    @property
    def last(self) -> list[Word]:
        return self.events[-1].words["last"]

    def korean(
        self, d: Draft, ending: str, tense: str = "", own: bool = True
    ) -> list[Word]:
        words = list(self.subject.ko) if own else []
        for i, event in enumerate(self.events[:-1]):
            joint = "아서" if self.motion and i == 0 else self.joint
            words += event.korean(d, joint, self.tense if self.shown else "present")
        return [*words, *self.events[-1].korean(d, ending, tense)]

    def english(
        self, d: Draft, tense: str = "", progressive=None, subject: list | None = None
    ) -> list[Word]:
        tense = tense or self.tense
        words = list(self.subject.en if subject is None else subject)
        if will := self.events[-1].words.get("will"):  # said once, in English early
            self.events[0].words["will"] = will
        for i, event in enumerate(self.events):
            if i:
                before = self.events[i - 1].words["last"]
                joint = Word("but" if self.joint == "지만" else "and")
                d.link(before, [joint])
                words.append(joint)
            if i and self.brief:
                words += event.complement
                d.link(event.words["verb"], event.complement[-1:])
                continue
            mode = "base" if i and tense in ("future", "would") else ""
            words += event.english(d, self.subject.person, mode, tense)
        return words


def _contrast(d: Draft, tense: str, main: bool) -> Chain:
    """작지만 비싸다: two adjectives of different scales."""
    tense = "present" if tense == "future" else tense
    rows = tuple(r for r in DESCRIBED if len(scales(r[0])) > 1)
    noun = d.new("subject", rows)
    kind = d.pick("topic", p.TOPIC if main else (("이/가", 1.0),))
    phrase = noun_phrase(d, noun, definite=True, described=False)
    subject = mark(d, phrase, kind)
    first = d.pick("adjective", predicates_of(noun))
    rest = tuple(r for r in predicates_of(noun) if r[0].scale != first.scale)
    second = d.pick("adjective", rest)
    joint = d.pick("joint", (("지만", 0.5), ("고", 0.5)))
    if first.good != second.good and first.good * second.good:
        joint = "지만"
    elif first.good == second.good:
        joint = "고"
    events = [describe(d, subject, a, tense) for a in (first, second)]
    return Chain(subject, events, joint, joint == "지만", brief=True)


def _chain(d: Draft, tense: str, main: bool, topic: Table = p.TOPIC):
    if d.pick("purpose", p.yes(0.3)):
        return _purpose(d, tense, main)
    subject = subject_of(d, "grown", main=main, topic=topic)
    count = 3 if d.yes("three", (0, 0.1, 0.25, 0.4)) else 2
    events, verbs = [], []
    for _ in range(count):
        taken = {verb.ko for verb in verbs}
        table = tuple(
            r for r in verbs_for("grown") if r[0].ko not in taken and not r[0].state
        )
        verb = d.pick("verb", table)
        event, _ = draw_event(d, verb, subject, tense, moods=False, times=False)
        events.append(event)
        verbs.append(verb)
    motion = "to" in verbs[0].slots and verbs[0].ko in ("가", "오", "돌아가")
    motion = d.pick("motion", p.yes(0.8) if motion else p.yes(0))
    past = tense == "past"
    shown = d.pick("shown", p.CONTRACTED_PAST if past and not motion else p.yes(0))
    return Chain(subject, events, "고", shown, motion=motion)


@dataclass
class Purpose:
    """책을 사러 서점에 갔다: went to the bookstore to buy a book."""

    subject: Phrase
    goal: Event
    going: Event
    tense: str

    @property
    def last(self) -> list[Word]:
        return self.going.words["last"]

    def korean(self, d, ending: str, tense: str = "", own: bool = True) -> list[Word]:
        goal = self.goal.korean(d, "러")
        subject = self.subject.ko if own else []
        return [*subject, *goal, *self.going.korean(d, ending, tense or self.tense)]

    def english(
        self, d: Draft, tense: str = "", progressive=None, subject: list | None = None
    ) -> list[Word]:
        going = self.going.english(d, self.subject.person, tense=tense or self.tense)
        to = Word("to")
        d.link(self.goal.words["last"], [to], sure=False)
        goal = self.goal.english(d, "", "base")
        words = self.subject.en if subject is None else subject
        return [*words, *going, to, *goal]


def _purpose(d: Draft, tense: str, main: bool) -> Purpose:
    subject = subject_of(d, "people", main=main)
    going = next(v for v in VERBS if v.ko == "가")
    table = tuple((v, 1.0) for v in VERBS if purpose(v))
    verb: Verb = d.pick("verb", table)
    goal, _ = draw_event(
        d, verb, subject, "present", moods=False, gap="at", times=False
    )
    goal.manner, manner = [], goal.manner
    if manner:
        goal.before += manner
    where = " ".join("_".join(noun.en) for noun in purpose(verb))
    event, _ = draw_event(
        d,
        going,
        subject,
        tense,
        limits=where,
        moods=False,
        gap="companion",
        times=False,
    )
    return Purpose(subject, goal, event, tense)


@dataclass
class Joined:
    """Two units with their own subjects: 나는 …고 너는 …."""

    first: object
    second: object
    joint: str
    shown: bool
    tense: str

    @property
    def last(self) -> list[Word]:
        return self.second.last

    def korean(self, d: Draft, ending: str, tense: str = "") -> list[Word]:
        first = self.first.korean(
            d, self.joint, self.tense if self.shown else "present"
        )
        return [*first, *self.second.korean(d, ending, tense or self.tense)]

    def english(self, d: Draft, tense: str = "") -> list[Word]:
        tense = tense or self.tense
        first = self.first.english(d, tense)
        joint = Word("but" if self.joint == "지만" else "and")
        d.link(self.first.last, [joint])
        return [*first, joint, *self.second.english(d, tense)]


def _parallel(d: Draft, tense: str) -> Joined:
    parts = ("simple", "chain", "because", "after", "quote")
    parts = parts[: (1, 1, 2, 5)[d.richness]]
    joint = d.pick("joint", (("고", 0.65), ("지만", 0.35)))
    kind = d.pick("parallel", p.PARALLEL if tense != "future" else (("event", 1.0),))
    if kind == "quality":
        if d.pick("who is it", p.yes(0.4)):
            parts = [character(d, tense, True, p.CONTRAST) for _ in range(2)]
        else:
            first, noun = described(d, tense, True, None, p.CONTRAST)
            parts = [first, described(d, tense, True, noun, p.CONTRAST)[0]]
        first, second = parts
        return Joined(first, second, joint, joint == "지만", tense)
    if kind == "job":
        first, second = profession(d, tense, True), profession(d, tense, True)
        return Joined(first, second, joint, joint == "지만", tense)
    if kind == "state":
        first, second = (state_clause(d, tense, people=True) for _ in range(2))
        return Joined(first, second, joint, joint == "지만", tense)
    first = _part(d, _shape(d, parts), tense)
    second = _part(d, _shape(d, parts), tense)
    past = tense == "past"
    shown = joint == "지만" or d.pick("shown", p.CONTRACTED_PAST if past else p.yes(0))
    shown = shown or tense == "future"
    unit = Joined(first, second, joint, shown, tense)
    if not d.yes("third", p.THIRD):
        return unit
    unit.joint = "고"
    third = _part(d, _shape(d, parts), tense)
    return Joined(unit, third, joint, shown, tense)


def _part(d: Draft, shape: str, tense: str):
    if shape == "chain":
        return _chain(d, tense, True, p.CONTRAST)
    if shape != "simple":
        unit = _unit(d, shape, tense)
        d.past, d.fronting = tense == "past", True
        return unit
    return action(d, tense, True, topic=p.CONTRAST)


_JOINTS = {"because": "아서", "although": "지만", "if": "면", "when": "때"}


@dataclass
class Adverbial:
    """A clause before the main one: 비가 와서, 배가 고프면, 밥을 먹기 전에."""

    kind: str
    sub: object
    main: object
    shared: bool  # one subject for both
    front: bool
    tense: str

    @property
    def last(self) -> list[Word]:
        return self.main.last

    def korean(self, d: Draft, ending: str, tense: str = "") -> list[Word]:
        tense = tense or self.tense
        if self.kind in ("before", "after"):
            start = self.main.subject.ko
            sub = self.sub.korean(d, "기" if self.kind == "before" else "ㄴ")
            self.joint = [
                Word("전" if self.kind == "before" else "후"),
                Word("에", True),
            ]
            sub += self.joint
        else:
            joint = _JOINTS[self.kind]
            shown = "past" if joint == "지만" and self.tense == "past" else "present"
            start = self.main.subject.ko if self.shared else []
            own = {"own": False} if self.shared else {}
            sub = self.sub.korean(d, joint, shown, **own)
            self.joint = self.sub.last
        rest = _without_subject(d, self.main, ending, tense, self.shared)
        return [*start, *sub, *rest]

    def english(self, d: Draft, tense: str = "") -> list[Word]:
        tense = tense or self.tense
        said = {"although": "but"}.get(self.kind, self.kind)
        joint = Word(said)
        d.link(self.joint[:1], [joint])
        d.link(self.joint[1:], [joint], sure=False)
        if self.kind in ("before", "after"):
            main = self.main.english(d, tense)
            return [*main, joint, *self.sub.english(d, "", "ing")]
        below = {"future": "present", "would": "past"}.get(tense, tense)
        if self.kind == "if" and tense == "perfect":
            below = "past"
        first_full = self.front or self.kind == "although"
        if isinstance(self.sub, StateClause):
            options = {
                "simple": self.kind == "if",
                "again": self.shared and not first_full,
            }
            sub = self.sub.english(d, below, **options)
        else:
            sub = self.sub.english(d, below, progressive=not self.stative)
        main = self._main(d, tense, again=self.shared and first_full)
        comma = Word(",", bound=True)
        if self.kind == "although":
            return [*sub, joint, *main]
        if not self.front:
            return [*main, joint, *sub]
        d.link(self.joint, [comma], sure=False)
        return [joint, *sub, comma, *main]

    stative: bool = False

    def _main(self, d: Draft, tense: str, again: bool) -> list[Word]:
        if not again:
            return self.main.english(d, tense)
        pronoun = [pronoun_back(d, self.main.subject)]
        if isinstance(self.main, Clause):
            event = self.main.event.english(d, self.main.subject.person, tense=tense)
            return [*pronoun, *event]
        return self.main.english(d, tense, subject=pronoun)


def _without_subject(d, main, ending: str, tense: str, shared: bool) -> list[Word]:
    if not shared:
        return main.korean(d, ending, tense)
    if isinstance(main, Clause):
        return main.event.korean(d, ending, tense)
    return main.korean(d, ending, tense, own=False)


def _adverbial(d: Draft, kind: str, tense: str, main: bool) -> Adverbial:
    front = True
    if kind in ("before", "after"):
        subject = subject_of(d, "grown", main=main, topic=p.ONLY_TOPIC)
        first = d.pick("verb", tuple(r for r in verbs_for("grown") if not r[0].state))
        table = tuple(
            r for r in verbs_for("grown") if not r[0].state and r[0].ko != first.ko
        )
        sub, _ = draw_event(d, first, subject, "present", moods=False, times=False)
        clause = _react(d, table, subject, tense, "")
        return Adverbial(kind, sub, clause, True, True, tense)
    if kind == "if":
        tense = d.pick("tense", (("future", 0.6), ("present", 0.4)))
        d.past = False
    if kind != "although":
        front = d.pick("front", p.FRONTED, hidden=True) == "front"
    if kind == "when":
        sub = action(
            d, tense, False, lambda v: v.subject in PEOPLE and not v.state, times=False
        )
        sub.event.mood = sub.event.negation = ""
        second = action(d, tense, True, lambda v: v.subject in PEOPLE, times=False)
        return Adverbial(kind, sub, second, False, front, tense)
    shared = d.pick("shared", p.yes(0.6))
    subject = subject_of(
        d,
        "own" if shared else "grown",
        main=main,
        topic=p.ONLY_TOPIC if shared else p.TOPIC,
    )
    sub = state_clause(
        d, "present" if tense == "future" else tense, subject=subject, people=shared
    )
    reactions = sub.state.but if kind == "although" else sub.state.so
    verb_name, limits = d.pick("reaction", tuple((r, 1.0) for r in reactions))
    table = tuple(
        r for r in verbs_for("own" if shared else "grown")
        if r[0].en.base == verb_name and _fits(r[0], limits)
    )  # fmt: skip
    clause = _react(d, table, subject, tense, limits)
    unit = Adverbial(kind, sub, clause, shared, front, tense)
    return unit


def _fits(verb: Verb, limits: str) -> bool:
    if not limits:
        return True
    slots = {**verb.extras, **verb.slots}
    places = ("object", "to", "toward", "at")
    selectors = [slots[name] for name in places if name in slots]
    nouns = {n for s in selectors if s not in PEOPLE for n, _ in select(s)}
    return bool(nouns & {noun for noun, _ in select(limits)})


def _react(d: Draft, table, subject: Phrase, tense: str, limits: str) -> Clause:
    verb = d.pick("verb", table)
    event, _ = draw_event(
        d, verb, subject, tense, limits=limits, moods=False, times=False
    )
    return Clause(subject, event)


@dataclass
class Quote:
    """민수는 비가 온다고 말했다. In the past English shifts what was said back."""

    subject: Phrase
    verb: Event
    inner: object
    that: bool
    tense: str

    @property
    def last(self) -> list[Word]:
        return self.verb.words["last"]

    def korean(self, d: Draft, ending: str, tense: str = "") -> list[Word]:
        inner = self.inner.korean(d, "다고")
        return [*self.subject.ko, *inner, *self.verb.korean(d, ending, tense)]

    def english(self, d: Draft, tense: str = "") -> list[Word]:
        said = self.verb.english(d, self.subject.person, tense=tense or self.tense)
        that = [Word("that")] if self.that else []
        d.link(self.inner.last, that, sure=False)
        past = self.tense == "past"
        inner = self.inner.english(d, PAST[self.inner.tense] if past else "")
        return [*self.subject.en, *said, *that, *inner]


_SAYING = (
    ("말하", "say said said"),
    ("생각하", "think thought thought"),
    ("믿", "believe"),
    ("듣", "hear heard heard"),
)


def _quote(d: Draft, tense: str) -> Quote:
    tense = "present" if tense == "future" else tense
    table = tuple((row, 1.0) for row in _SAYING if row[0] != "듣" or tense == "past")
    stem, en = d.pick("saying", table)
    subject = subject_of(d, "people")
    shape = _shape(d, ("simple", "state", "chain", "because", "if"))
    inner_tense = d.pick("tense inside", p.TENSES)
    d.fronting = False
    d.past = tense == "past"
    if shape == "simple":
        table = p.REPORTED if inner_tense != "future" else (("event", 1.0),)
        kind = d.pick("predicate", table)
        said = {"adjective": quality, "job": profession}.get(kind, action)
        inner = said(
            d, inner_tense, False, **({} if kind != "event" else {"times": False})
        )
    else:
        inner = _unit(d, shape, inner_tense, False)
    that = d.pick("said that", p.THAT, hidden=True) == "that"
    kind = "verb ㄷ" if stem == "듣" else "verb"
    return Quote(subject, Event(stem, kind, forms(en), tense), inner, that, tense)
