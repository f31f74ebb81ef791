"""The weather, and how somebody feels: 비가 온다, 나는 배가 고프다."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.data.korean_english.clauses import (
    subject_of,
    time_of,
)
from course_lib.data.korean_english.lexicon import (
    STATES,
    State,
)
from course_lib.data.korean_english.phrases import (
    Draft,
    Phrase,
    Word,
    pronoun_back,
)
from course_lib.data.korean_english.predicates import Event
from course_lib.data.korean_english.simple import make_possessive


@dataclass
class StateClause:
    """비가 온다, 나는 배가 고프다. ``owner`` is whose stomach hurts."""

    state: State
    subject: Phrase | None
    event: Event
    time: tuple | None = None

    @property
    def tense(self) -> str:
        return self.event.tense

    @property
    def last(self) -> list[Word]:
        return self.event.words["last"]

    def korean(
        self, d: Draft, ending: str, tense: str = "", own: bool = True
    ) -> list[Word]:
        subject = self.subject.ko if self.subject and own else []
        time = self.time[0] if self.time else []
        return [*subject, *time, *self.event.korean(d, ending, tense)]

    def english(
        self, d: Draft, tense: str = "", again: bool = False, simple: bool = False
    ) -> list[Word]:
        """``again``: the subject was named before, so it is a pronoun here."""
        state, event = self.state, self.event
        tense = tense or self.tense
        weather = state.subject == "it" and state.en.base != "be"
        going_on = (weather or state.subject == "the") and tense == "present"
        time = self.time[1] if self.time else []
        progressive = going_on and not simple and not self.time
        agreement, before = "3s", []
        if state.subject == "body":
            agreement = state.body[1]
            if again:
                before = [pronoun_back(d, self.subject, possessive=True)]
            else:
                make_possessive(d, self.subject)
                before = self.subject.en
            part = Word(state.body[0])
            d.link(event.idiom[:1], [part])
            d.link(event.idiom[1:], [part], sure=False)
            before = [*before, part]
            event.idiom, kept = [], event.idiom
            words = event.english(d, agreement, tense=tense)
            event.idiom = kept
            return [*before, *words, *time]
        if state.subject == "it":
            before = [Word("it")]
            d.link([*event.idiom, *event.words["verb"]], before, sure=False)
        elif state.subject == "the":
            before = [Word("the"), Word("wind")]
            d.link(event.idiom, before[:1], sure=False)
            d.link(event.idiom[:1], before[1:])
            d.link(event.idiom[1:], before[1:], sure=False)
        elif again:
            before, agreement = [pronoun_back(d, self.subject)], self.subject.person
        else:
            before, agreement = self.subject.en, self.subject.person
        idiom = event.idiom
        if state.subject == "the":
            event.idiom = []
        words = event.english(d, agreement, tense=tense, progressive=progressive)
        event.idiom = idiom
        return [*before, *words, *time]


def state_clause(
    d: Draft, tense: str, times: bool = False, subject: Phrase | None = None,
    people: bool | None = None, main: bool = True,
) -> StateClause:  # fmt: skip
    table = tuple(
        (s, 1.0)
        for s in STATES
        if people is None or people == (s.subject in ("people", "body"))
    )
    fresh = tuple(
        row for row in table if row[0].complement + row[0].en.base not in d.used
    )
    state = d.pick("state", fresh or table)
    d.used.add(state.complement + state.en.base)
    inner = state.subject in ("people", "body")
    if inner and subject is None:
        subject = subject_of(d, "own", verb=False, main=main)
    event = Event(state.ko, state.kind, state.en, tense)
    event.idiom = (
        [Word(state.idiom[0]), Word(state.idiom[1], True)] if state.idiom else []
    )
    event.complement = [Word(state.complement)] if state.complement else []
    time = time_of(d, tense, times and not inner, None)
    return StateClause(state, subject if inner else None, event, time)
