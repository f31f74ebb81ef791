"""One clause: who does what, where and when, drawn by what goes with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from course_lib.data.korean_english import probabilities as p
from course_lib.data.korean_english.choices import Table
from course_lib.data.korean_english.english import forms
from course_lib.data.korean_english.lexicon import (
    FREQUENCIES,
    MANNERS,
    TIMES,
    VERBS,
    Adjective,
    Noun,
    Verb,
    adjectives,
    select,
)
from course_lib.data.korean_english.phrases import (
    NO,
    Draft,
    Phrase,
    Word,
    degree,
    mark,
    noun_phrase,
    person,
    preposition,
    pronoun_back,
)
from course_lib.data.korean_english.predicates import Event

PEOPLE = ("people", "grown", "gendered", "named", "own", ".")
BE = forms("be was been being")

# Where a slot stands in English; Korean takes them in the order of this table.
AFTER = {
    **{
        "double": 0,
        "object": 1,
        "recipient": 2,
        "giver": 2,
        "to": 3,
        "toward": 3,
        "from": 3,
    },
    **{
        "in": 3,
        "on": 3,
        "under": 3,
        "arrival": 3,
        "means": 4,
        "tool": 4,
        "at": 5,
        "companion": 6,
    },
}
KOREAN = (
    *("companion", "at", "under", "means", "tool", "from", "giver", "recipient"),
    *("in", "on", "arrival", "to", "toward", "object"),
)


@dataclass
class Clause:
    """An event with its subject, and the adverb of time if it comes first."""

    subject: Phrase
    event: Event
    front: tuple[list[Word], list[Word]] = ((), ())

    @property
    def tense(self) -> str:
        return self.event.tense

    @property
    def last(self) -> list[Word]:
        return self.event.words["last"]

    def korean(self, d: Draft, ending: str, tense: str = "") -> list[Word]:
        event = self.event.korean(d, ending, tense)
        return [*self.front[0], *self.subject.ko, *event]

    def english(self, d: Draft, tense: str = "", progressive=None) -> list[Word]:
        event = self.event.english(
            d, self.subject.person, tense=tense, progressive=progressive
        )
        return [*self.front[1], *self.subject.en, *event]


def slot(
    d: Draft, name: str, selector: str, verb: Verb, subject: Phrase | None
) -> Phrase:
    """The words of one slot in both languages, particle and preposition included."""
    if selector in PEOPLE:
        return _somebody(d, name, selector)
    noun: Noun = d.new(f"{name} of the verb", select(selector))
    if name == "object":
        if verb.own:
            phrase = _own(d, noun, subject)
        elif verb.generic:
            phrase = noun_phrase(d, noun, modifiers=False, plural=noun.article == "a")
        else:
            phrase = noun_phrase(d, noun, relatives=not verb.creates)
        return mark(d, phrase, "을/를")
    if name in ("recipient", "giver"):
        return _to_person(d, noun_phrase(d, noun, relatives=False), name, noun)
    if name == "means":
        ko, en = Word(noun.ko), [Word(word) for word in noun.en]
        d.link([ko], en)
        return preposition(d, Phrase([ko], en, en), "으로/로", "by")
    plain = name in ("on", "tool")
    phrase = noun_phrase(d, noun, modifiers=not plain, relatives=name != "at")
    if name == "tool":
        return preposition(d, phrase, "으로/로", "with")
    if name == "under":
        below = Word("아래")
        phrase.ko.append(below)
        phrase = preposition(d, phrase, "에서", "under")
        d.link([below], phrase.en[:1])
        return phrase
    if name == "on":
        return preposition(d, phrase, "에", "on")
    kind = {"at": "에서", "from": "에서", "toward": "으로/로"}.get(name, "에")
    if name in ("to", "toward") and noun.en == ("home",):
        return mark(d, phrase, kind)
    text = {"to": "to", "toward": "to", "from": "from"}.get(name, noun.place)
    if name == "arrival":
        text = "in" if "town" in noun.classes else "at"
    return preposition(d, phrase, kind, text)


def _somebody(d: Draft, name: str, selector: str) -> Phrase:
    if name == "object":
        return person(d, selector, "을/를")
    if name == "companion":
        phrase = person(d, selector, "", relatives=False)
        phrase = preposition(d, phrase, "과/와", "with")
        together = Word("함께")
        d.link([together], phrase.en[:1])
        phrase.ko.append(together)
        return phrase
    phrase = person(d, selector, "", relatives=name == "recipient")
    return _to_person(d, phrase, name, None)


def _to_person(d: Draft, phrase: Phrase, name: str, noun: Noun | None) -> Phrase:
    kind = d.pick("to a person", p.TO_PERSON)
    elder = phrase.head.text in ELDERS
    if name == "recipient" and elder:
        kind = "께"
    word = "to" if name == "recipient" else "from"
    return preposition(d, phrase, kind + "서" * (name == "giver"), word)


ELDERS = {noun.ko for noun, _ in select("elder")}


def _own(d: Draft, noun: Noun, subject: Phrase) -> Phrase:
    """His hands: Korean leaves out whose."""
    ko, en = Word(noun.ko), [Word(word) for word in noun.en]
    d.link([ko], en)
    whose = pronoun_back(d, subject, possessive=True)
    d.link([ko], [whose], sure=False)
    return Phrase([ko], [whose, *en], en)


@cache
def verbs_for(group: str) -> Table:
    """The verbs that a subject of ``group`` may have, and all with group ""."""
    fits = {"": None, "people": ("people",), "grown": ("people", "grown")}
    fits["gendered"] = ("people",)
    fits["own"] = ("people", "gendered", "grown")
    allowed = fits[group]
    return tuple((v, 1.0) for v in VERBS if allowed is None or v.subject in allowed)


def draw_event(
    d: Draft,
    verb: Verb,
    subject: Phrase | None,
    tense: str,
    limits: str = "",
    moods: bool = True,
    gap: str = "",
    times: bool = True,
) -> tuple[Event, tuple[list[Word], list[Word]]]:
    """The event of ``verb`` and, if it comes first, its adverb of time.

    ``limits`` restricts the nouns of the object or place (a selector), ``gap`` is the
    slot that a relative clause leaves open.
    """
    agent = verb.subject in ("people", "grown", "gendered")  # not "named": love
    free = moods and agent and not verb.state and tense != "future"
    mood = d.pick("mood", p.MOODS if free else (("", 1.0),))
    if mood == "want" and subject and subject.person not in ("1s", "1p"):
        mood = "wants"
    may = moods and mood in ("", "can")
    table = p.NEGATION if may and agent else (("", 1.0),)
    if verb.ko.endswith("하") and len(verb.ko) > 1:
        table = tuple(row for row in table if row[0] != "안")
    if mood == "can":  # one way to say no: 수 없다
        table = tuple(row for row in table if row[0] != "안")
    negation = d.pick("negation", table)
    d.used.add(f"verb {verb.ko}")
    event = Event(verb.ko, verb.kind, verb.en, tense, mood, negation)
    time = time_of(d, tense, times and not mood and not negation, verb)
    event.progressive = bool(time and time[2]) and not verb.state
    plain = not negation
    how = times and agent and plain and not mood and not time
    how = d.yes("frequency", p.FREQUENCY, how)
    if how:
        said = d.pick("often", tuple((word, 1.0) for word in FREQUENCIES))
        event.frequency = [Word(FREQUENCIES[said])]
        often = [Word(said)]
        d.link(often, event.frequency)
    names = [name for name in verb.slots if name != gap]
    wanted = [n for n in verb.extras if (n != gap and "companion" not in n) or agent]
    room = 3 - len(names)
    for name in wanted:
        allowed = room > 0 and name != gap
        if d.yes(f"{name}?", p.EXTRA, allowed):
            names.append(name)
            room -= 1
    slots: dict[str, Phrase] = {}
    outer, d.richness = d.richness, max(0, d.richness - (gap != ""))
    for name in names:
        selector = {**verb.extras, **verb.slots}[name]
        if limits and name in ("object", "to", "toward", "at"):
            selector = _limited(selector, limits)
        slots[name] = slot(d, name, selector, verb, subject)
    d.richness = outer
    if "recipient" in slots and "object" in slots:
        given = slots["recipient"]
        if d.pick("give", p.GIVE, hidden=True) == "double":
            to = given.en.pop(0)
            d.links = [link for link in d.links if link[1] is not to]
            d.link(given.ko[-1:], given.en[-1:], sure=False)
            slots["double"] = slots.pop("recipient")
    _order(d, event, slots, time, often if how else [])
    manners = tuple((word, 1.0) for word in verb.manner)
    alone = "companion" in slots
    taken = d.used | ({"혼자"} if alone else set())
    manners = tuple(row for row in manners if row[0] not in taken)
    allowed = bool(manners) and plain and not how
    if d.yes("manner?", p.MANNER, allowed):
        said = d.pick("manner", manners)
        d.used.add(said)
        event.manner = [Word(said)]
        words = [Word(d.pick("English", MANNERS[said], hidden=True))]
        d.link(event.manner, words)
        event.after += words
    if time and not time[3]:
        event.after += time[1]
    front = (time[0], time[1]) if time and time[3] else ([], [])
    return event, front


def _order(d: Draft, event: Event, slots: dict, time, often: list[Word]) -> None:
    """Korean: heavy phrases first, so that an adverb of place or time after them can
    only be said of the verb. English: by :data:`AFTER`."""
    order = [n for n in ("double", *KOREAN) if n in slots]
    scrambled = "object" in slots and len(order) > 1
    first = d.pick("object first", p.OBJECT_FIRST if scrambled else NO)
    if first and not any(slots[name].heavy for name in order):
        order.remove("object")
        order.insert(0, "object")
    heavy = [name for name in order if slots[name].heavy]
    order = heavy + [name for name in order if name not in heavy]
    ko: list[Word] = []
    when = list(time[0]) if time and not time[3] else []
    if not heavy:
        ko += when + often
    for name in order:
        ko += slots[name].ko
        if heavy and name == heavy[-1]:
            ko += when + often
    event.before = ko
    for name in sorted(slots, key=AFTER.get):
        event.after = [*event.after, *slots[name].en]


def _limited(selector: str, limits: str) -> str:
    within = {noun for noun, _ in select(selector)} if selector not in PEOPLE else set()
    names = ["_".join(n.en) for n, _ in select(limits) if n in within]
    return " ".join(names) or selector


def time_of(d: Draft, tense: str, allowed: bool, verb: Verb | None):
    """(Korean, English, now?, first?) or None."""
    if not d.yes("time?", p.TIME, allowed):
        return None
    state = verb is None or verb.state
    fits = tuple(
        (t, 0.5 if len(t.ko) > 1 else 1.0)
        for t in TIMES
        if tense in t.tenses and not (t.now and state)
    )
    time = d.pick("time", fits)
    ko = [Word(text) for text in time.ko]
    if len(ko) > 1 and ko[-1].text == "에":
        ko[-1].bound = True
    en = [Word(text) for text, _, _ in time.en]
    for word, (_, index, sure) in zip(en, time.en, strict=True):
        d.link([ko[index]], [word], sure)
    linked = {link[0] for link in d.links}
    d.link([k for k in ko if k not in linked], en[-1:], sure=False)
    first = d.pick("time first", p.TIME_FIRST if d.fronting else NO)
    return ko, en, time.now, first


def subject_of(
    d: Draft,
    selector: str,
    verb: bool = True,
    main: bool = True,
    topic: Table = p.TOPIC,
) -> Phrase:
    """The subject, with 은/는 or 이/가, which in a main clause is news: a bird."""
    kind = d.pick("topic", topic if main else (("이/가", 1.0),))
    definite = kind == "은/는" or not verb or not main
    if selector in PEOPLE:
        return person(d, selector, kind, objective=False, definite=definite)
    noun = d.new("subject", select(selector))
    return mark(d, noun_phrase(d, noun, definite=definite), kind)


_ACTIONS = tuple((v, 1.0 if v.subject in PEOPLE else 0.5) for v in VERBS)


def action(
    d: Draft,
    tense: str,
    main: bool = True,
    wanted: Callable[[Verb], bool] | None = None,
    times: bool = True,
    topic: Table = p.TOPIC,
) -> Clause:
    """Somebody or something does something."""
    table = _ACTIONS
    if wanted:
        table = tuple(row for row in table if wanted(row[0]))
    verb = d.pick("verb", table)
    selector = "own" if verb.own else verb.subject
    subject = subject_of(d, selector, main=main, topic=topic)
    if subject.heavy:
        times = False
    event, front = draw_event(d, verb, subject, tense, times=times)
    return Clause(subject, event, front)


@cache
def _relatives(noun: Noun) -> dict[str, Table]:
    """The verbs of which ``noun`` may be the subject, the object or the place."""
    fits = {"subject": [], "object": [], "at": []}
    for verb in VERBS:
        if not verb.relative:
            continue
        people = verb.subject in ("people", "grown")
        if _is_subject(verb, noun):
            fits["subject"].append((verb, 1.0))
        object_ = verb.slots.get("object", "")
        kept = not (verb.generic or verb.consumes)
        if people and kept and _among(noun, object_):
            fits["object"].append((verb, 1.0))
        if people and "at" in verb.extras and _among(noun, verb.extras["at"]):
            fits["at"].append((verb, 1.0))
    return {gap: tuple(rows) for gap, rows in fits.items()}


def relative_clause(d: Draft, noun: Noun) -> tuple[list[Word], list[Word]] | None:
    """What 읽은 or 내가 읽은 says of ``noun``; None if nothing fits."""
    fits = {
        gap: tuple(row for row in rows if f"verb {row[0].ko}" not in d.used)
        for gap, rows in _relatives(noun).items()
    }
    weights = {"subject": 1.0, "object": 1.0, "at": 0.6}
    gaps = tuple((gap, weights[gap]) for gap in fits if fits[gap])
    gap = d.pick("gap", gaps or (("", 1.0),))
    if not gap:
        return None
    verb = d.pick("relative verb", fits[gap])
    animate = bool(noun.classes & {"person"})
    above = d.past
    tense = d.pick("relative tense", (("present", 0.35), ("past", 0.65)))
    outer, d.richness = d.richness, d.richness - 1
    subject = None
    if gap != "subject":
        subject = subject_of(d, verb.subject, main=False)
    event, _ = draw_event(d, verb, subject, tense, moods=False, gap=gap, times=False)
    if d.yes("relative time", (0.0, 0.1, 0.2, 0.25), tense == "past"):
        _late_time(d, event)
    d.richness = outer
    ko = event.korean(d, "는")
    # Korean tense is relative: 읽는 under a past verb was going on then.
    said, progressive = tense, False
    if tense == "present" and above:
        said, progressive = "past", not verb.state
    person_ = subject.person if subject else "3s"
    en = event.english(d, person_, tense=said, progressive=progressive)
    last = event.words["last"]
    subject_en = subject.en if subject else []
    if gap == "at":
        which = [Word("where")]
    elif gap == "subject":
        which = [Word("who" if animate else "that")]
    else:
        that = d.pick("which", p.WHICH, hidden=True)
        which = [Word("that")] if that else []
    d.link(last, which, sure=False)
    return [*(subject.ko if subject else []), *ko], [*which, *subject_en, *en]


def _late_time(d: Draft, event: Event) -> None:
    """An adverb of time right before the verb: there it belongs to no other one."""
    time = time_of(d, event.tense, True, None)
    if time:
        event.manner = [*time[0], *event.manner]
        event.after += time[1]


def _is_subject(verb: Verb, noun: Noun) -> bool:
    if verb.subject == "people":
        return bool(noun.classes & {"person"})
    if verb.subject == "grown":
        return {"person", "adult"} <= noun.classes
    return _among(noun, verb.subject)


def _among(noun: Noun, selector: str) -> bool:
    if not selector or selector in ("named", "gendered"):
        return False
    if selector == ".":
        return bool(noun.classes & {"person"})
    return any(noun is other for other, _ in select(selector))


def describe(d: Draft, subject: Phrase, adjective: Adjective, tense: str) -> Event:
    """… is (very) pretty."""
    word = Word(d.pick("English", adjective.en, hidden=True))
    before, said = degree(d, [], [word])
    event = Event(adjective.ko, adjective.kind, BE, tense)
    event.before, event.complement = before, said
    return event


def predicates_of(noun: Noun) -> Table:
    return tuple(r for r in adjectives(noun) if not r[0].kind.endswith("prenoun"))
