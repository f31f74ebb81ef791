"""Every probability of the grammar that is not a weight in the lexicon.

A row is (value, weight); weights of a table need not sum to 1. The tables marked HIDDEN
decide what the Korean sentence does not show: only they, and homonyms, keep a perfect
model from 100 % exact match.
"""

from __future__ import annotations


def yes(probability: float) -> tuple[tuple[bool, float], ...]:
    return ((True, probability), (False, 1 - probability))


# How elaborate a sentence is: drawn once, it sets the chances in the tables below.
RICHNESS = ((0, 0.22), (1, 0.22), (2, 0.26), (3, 0.30))

# Shapes of a sentence, by richness.
#            0     1     2     3
SHAPES = {
    "simple": (0.72, 0.34, 0.12, 0.04),
    "state": (0.13, 0.03, 0.00, 0.00),  # 비가 온다; 나는 배가 고프다
    "contrast": (0.04, 0.04, 0.02, 0.00),  # 작지만 무겁다
    "chain": (0.05, 0.12, 0.16, 0.14),  # 집에 가서 책을 읽는다
    "parallel": (0.02, 0.14, 0.20, 0.34),  # 나는 …고 너는 …
    "because": (0.02, 0.12, 0.16, 0.16),
    "although": (0.01, 0.04, 0.06, 0.06),
    "if": (0.01, 0.06, 0.09, 0.10),
    "when": (0.00, 0.03, 0.06, 0.08),
    "before": (0.00, 0.03, 0.05, 0.06),
    "after": (0.00, 0.03, 0.05, 0.06),
    "quote": (0.00, 0.02, 0.05, 0.06),
}

# Chances of what a phrase may have, by richness.
ADJECTIVE = (0.12, 0.25, 0.35, 0.45)  # 예쁜 새
DEGREE = (0.10, 0.15, 0.20, 0.25)  # 아주 예쁜 새
RELATIVE = (0.02, 0.10, 0.25, 0.40)  # 내가 읽은 책
EXTRA = (0.15, 0.30, 0.45, 0.60)  # 공원에서, 친구와 함께, 버스로
TIME = (0.15, 0.30, 0.40, 0.50)  # 어제
FREQUENCY = (0.04, 0.08, 0.10, 0.10)  # 자주
MANNER = (0.08, 0.15, 0.20, 0.25)  # 빨리
THIRD = (0.00, 0.05, 0.15, 0.35)  # a third clause of its own
NUMBER = (0.08, 0.12, 0.15, 0.20)  # 책 두 권

PREDICATES = (("event", 0.62), ("adjective", 0.18), ("there", 0.08), ("job", 0.04))
PREDICATES += (("has", 0.04), ("eyes", 0.04))

PARALLEL = (("event", 0.75), ("quality", 0.12), ("state", 0.08), ("job", 0.05))
REPORTED = (("event", 0.60), ("adjective", 0.30), ("job", 0.10))

TENSES = (("present", 0.45), ("past", 0.40), ("future", 0.15))
MOODS = (
    ("", 0.80),
    ("can", 0.06),
    ("want", 0.05),
    ("must", 0.04),
    ("progressive", 0.05),
)
NEGATION = (("", 0.90), ("안", 0.04), ("지 않", 0.06))  # 안 간다, 가지 않는다

# Who: a pronoun, a name, a relative (우리 할머니), a noun, two people.
WHO = {
    "people": (
        ("pronoun", 0.26),
        ("name", 0.28),
        ("kin", 0.14),
        ("noun", 0.26),
        ("two", 0.06),
    ),
    "grown": (("pronoun", 0.26), ("name", 0.30), ("kin", 0.14), ("noun", 0.30)),
    "gendered": (("pronoun", 0.40), ("name", 0.40), ("kin", 0.12), ("noun", 0.08)),
    "named": (("pronoun", 0.50), ("name", 0.50)),
    "own": (("pronoun", 0.60), ("name", 0.40)),
    ".": (("pronoun", 0.15), ("name", 0.35), ("kin", 0.25), ("noun", 0.25)),
}
UNKNOWN_NAME = yes(0.06)  # of the names: one that no vocabulary has
TOPIC = (("은/는", 0.65), ("이/가", 0.35))  # the subject of a main clause
ONLY_TOPIC = (("은/는", 1.0),)
CONTRAST = (("은/는", 0.9), ("이/가", 0.1))  # of two: 나는 …고 너는 …

# The owner comes last: not everything has one.
DETERMINER = (("", 0.66), ("이", 0.06), ("그", 0.06), ("저", 0.06), ("owner", 0.16))
OWNER = (("나", 0.30), ("너", 0.08), ("그", 0.10), ("그녀", 0.10), ("우리", 0.05))
OWNER += (("그들", 0.03), ("name", 0.24), ("noun", 0.10))
KIN_OWNER = (("우리", 0.55), ("그", 0.10), ("그녀", 0.10), ("name", 0.25))

# Korean paraphrases, which the source shows.
MY = (("내", 0.80), ("나 의", 0.20))
TO_PERSON = (("에게", 0.75), ("한테", 0.25))
OBJECT_FIRST = yes(0.15)  # 책을 공원에서 읽는다 for 공원에서 책을 읽는다
TIME_FIRST = yes(0.40)  # 어제 나는 for 나는 어제
CONTRACTED_PAST = yes(0.30)  # 갔고 for 가고, where the main verb says the tense

# English paraphrases. HIDDEN
GIVE = (("to", 0.75), ("double", 0.25))  # give a book to me, give me a book
THAT = (("that", 0.85), ("", 0.15))  # says (that) it is cold
WHICH = (("that", 0.85), ("", 0.15))  # the book (that) I read
FRONTED = (("front", 0.85), ("end", 0.15))  # if it rains , I stay
THAT_ONE = (("that", 0.85), ("the", 0.15))  # 그
