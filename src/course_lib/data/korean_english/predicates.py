"""Verbs in both languages: the Korean chain of endings, the English auxiliaries."""

from __future__ import annotations

from dataclasses import dataclass, field

from course_lib.data.korean_english.english import Forms, be
from course_lib.data.korean_english.hangul import conjugate, final
from course_lib.data.korean_english.phrases import Draft, Word

# What becomes of an English tense below a verb in the past.
PAST = {"present": "past", "past": "perfect", "future": "would"}


@dataclass
class Event:
    """What is said of a subject, before it gets an ending.

    ``before`` and ``after`` are the words around the verb: Korean before, English
    after. ``idiom`` (배 가) belongs to the verb. ``complement`` follows English be.
    """

    stem: str
    kind: str
    en: Forms
    tense: str = "present"
    mood: str = ""
    negation: str = ""
    progressive: bool = False  # in English, where Korean has the plain form
    before: list[Word] = field(default_factory=list)
    after: list[Word] = field(default_factory=list)
    manner: list[Word] = field(default_factory=list)
    idiom: list[Word] = field(default_factory=list)
    complement: list[Word] = field(default_factory=list)
    frequency: list[Word] = field(default_factory=list)
    noun: bool = False  # the predicate is a noun with 이다
    words: dict[str, list[Word]] = field(default_factory=dict)

    def korean(self, d: Draft, ending: str, tense: str = "") -> list[Word]:
        """Its Korean words with ``ending``: 다 고 지만 다고 면 아서 때 는 러 기 or ㄴ.

        ``tense`` replaces the event's own, where a later verb says it.
        """
        chain, last = self._chain(d, tense or self.tense, ending)
        self.words = {}
        for role, word in chain:
            self.words.setdefault(role, []).append(word)
        self.words["last"] = [last]
        verbs = [word for _, word in chain]
        if self.noun:
            verbs[0].bound = True
        return [*self.before, *self.manner, *self.idiom, *verbs]

    def _chain(self, d: Draft, tense: str, ending: str) -> tuple[list, Word]:
        stem, kind, role = self.stem, self.kind, "verb"
        chain: list[tuple[str, Word]] = []

        def close(before_next: str, following: str, kind_next: str, role_next: str):
            nonlocal stem, kind, role
            chain.append((role, Word(_inflect(stem, kind, before_next))))
            stem, kind, role = following, kind_next, role_next

        if self.negation == "안" and self.mood != "can":
            chain.append(("not", Word("안")))
        elif self.negation and self.mood != "can":
            close("지", "않", kind.split()[0], "not")
        if self.mood == "progressive":
            close("고", "있", "adjective", "be")
        elif self.mood == "must":
            close("아야", "하", "verb", "mood")
        elif self.mood in ("want", "wants"):
            following = "싶" if self.mood == "want" else "싶어"
            close("고", following, "adjective", "mood")
            if self.mood == "wants":
                chain.append((role, Word(stem)))
                stem, kind = "하", "verb"
        elif self.mood == "can":
            close("ㄹ", "수", "", "mood")
            chain.append((role, Word(stem)))
            stem, kind = ("없" if self.negation else "있"), "adjective"
        if tense == "future" and ending in ("다", "고", "지만", "다고"):
            close("ㄹ", "것이", "adjective", "will")
            tense = "present"
        when = ending == "때"
        if when or ending == "ㄴ":
            ending = "ㄹ" if when else ending
        elif ending == "는" and tense == "future":
            ending = "ㄹ"
        elif ending == "는" and tense == "past":
            ending = "ㄴ"
        past = tense == "past" and ending in ("다", "고", "지만", "다고", "ㄹ")
        word = Word(_inflect(stem, kind, ("past " if past else "") + ending))
        if self.noun and not final_consonant(self):
            word.text = {"이었": "였", "이라": "라"}.get(
                word.text[:2], word.text[:2]
            ) + (word.text[2:])
        chain.append((role, word))
        if when:
            word = Word("때")
            chain.append(("when", word))
        return chain, word

    def english(
        self,
        d: Draft,
        person: str,
        mode: str = "",
        tense: str = "",
        progressive: bool | None = None,
    ) -> list[Word]:
        """Its English words, linked; :meth:`korean` comes first.

        ``mode`` is "" for a finite verb, else "base" or "ing"; ``tense`` is present,
        past, future, perfect or would, and is the event's own if left out.
        """
        tense = tense or self.tense
        if progressive is None:
            progressive = self.progressive
        progressive = progressive or self.mood == "progressive"
        verb, rest = self.en, [(w, "verb") for w in self.en.rest]
        negated = bool(self.negation)
        said: list[tuple[str, str]]  # (word, role)
        past = tense in ("past", "perfect")
        if mode:
            said = [(verb.base if mode == "base" else verb.ing, "verb")]
        elif self.mood == "can":
            said = [("could" if past else "cannot" if negated else "can", "mood")]
            said += [("not", "mood")] * (negated and past)
            said.append((verb.base, "verb"))
        elif self.mood == "must" and not past:
            said = [("must", "mood"), (verb.base, "verb")]
        elif self.mood == "must":
            said = [("had", "mood"), ("to", "mood?"), (verb.base, "verb")]
        elif self.mood in ("want", "wants"):
            third = "wants" if person == "3s" else "want"
            said = [("wanted" if past else third, "mood")]
            said += [("to", "mood?"), (verb.base, "verb")]
        elif tense in ("future", "would"):
            said = [("will" if tense == "future" else "would", "will")]
            said += [("not", "not")] * negated
            said += [("be", "be")] * progressive
            said.append((verb.ing if progressive else verb.base, "verb"))
        elif progressive:
            said = [(be("past" if past else "present", person), "be")]
            said += [("not", "not")] * negated + [(verb.ing, "verb")]
        elif tense == "perfect":
            said = [("had", "do")] + [("not", "not")] * negated
            said.append((verb.participle, "verb"))
        elif verb.base == "be":
            said = [(be(tense, person), "be")] + [("not", "not")] * negated
        elif negated:
            does = "does" if person == "3s" else "do"
            said = [("did" if past else does, "do"), ("not", "not")]
            said.append((verb.base, "verb"))
        elif past:
            said = [(verb.past, "verb")]
        else:
            said = [(verb.third if person == "3s" else verb.base, "verb")]
        words = [self._linked(d, text, role) for text, role in said + rest]
        if self.complement:
            d.link([*self._of("verb"), *self.idiom[:1]], self.complement[-1:])
            d.link(self.idiom[1:], self.complement[-1:], sure=False)
        # often goes; is often; will often go
        at = 1 if len(said) > 1 or verb.base == "be" else 0
        if mode:
            at = 0
        words[at:at] = self.frequency
        return [*words, *self.complement, *self.after]

    def _of(self, role: str) -> list[Word]:
        return self.words.get(role, [])

    def _linked(self, d: Draft, text: str, role: str) -> Word:
        word = Word(text)
        verb, own = self._of("verb"), self._of(role.rstrip("?"))
        lexical = role == "verb" and text not in ("be", *be_forms)
        if lexical:
            d.link([*verb, *self.idiom[:1]], [word])
            d.link(self.idiom[1:], [word], sure=False)
        elif role == "be" or (role == "verb"):
            copula = self.noun and role in ("be", "verb")
            d.link(self._of("be") if self.mood else verb, [word], sure=copula)
        elif role == "do":
            d.link([*verb, *self._of("not")], [word], sure=False)
        elif role == "will":
            d.link(own or verb, [word], sure=bool(own))
        else:
            d.link(own, [word], sure=not role.endswith("?"))
        return word


be_forms = ("am", "are", "is", "was", "were", "been", "being")


def final_consonant(event: Event) -> bool:
    return bool(event.before) and final(event.before[-1].text) != " "


def _inflect(stem: str, kind: str, ending: str) -> str:
    if stem == "것이" or stem == "이":  # the copula
        if ending == "다고":
            return stem + "라고"
        if ending.startswith("past "):
            return conjugate(stem + "었", "adjective", ending.removeprefix("past "))
    return conjugate(stem, kind, ending)
