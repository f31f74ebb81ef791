"""What a sentence is about: found through the gold alignment, and never given away."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from course_lib.data import korean_english
from course_lib.data.korean_english import Pair
from course_lib.data.korean_english.lexicon import NOUNS
from course_lib.experiments.bert.kinds import (
    KINDS,
    VERBS,
    draw,
    halves,
    kind_of,
    neutral,
    nouns,
    plain_nouns,
)

NAMES = list(KINDS)


def pair(source, target, *links):
    found = frozenset(links)
    return Pair(tuple(source.split()), tuple(target.split()), found, found)


@pytest.mark.parametrize(
    ("source", "target", "links", "kind"),
    [
        ("나 는 배 를 탄다", "I take a boat", [(2, 3), (2, 2)], "vehicle"),
        ("나 는 배 를 먹는다", "I eat pears", [(2, 2)], "food"),
        ("나 는 배 가 고프다", "I am hungry", [(2, 2)], None),
        ("나 는 차 를 마신다", "I drink tea", [(2, 2)], "drink"),
        ("나 는 차 로 간다", "I go by car", [(2, 3)], "vehicle"),
        ("새 책 이 쉽다", "the new book is easy", [(0, 1), (1, 2)], "reading"),
        ("새 가 날아간다", "the birds fly away", [(0, 1), (0, 0)], "animal"),
        ("모자 세 개 를 산다", "buy three hats", [(0, 2), (2, 2)], "outfit"),
        ("그 기사 는 젊다", "that driver is young", [(0, 0), (1, 1)], None),
        ("말 을 믿는다", "believe words", [(0, 1)], None),
        ("개 가 고기 를 먹는다", "a dog eats meat", [(0, 1), (2, 3)], None),
    ],
)
def test_the_alignment_tells_what_a_homonym_is(source, target, links, kind):
    expected = None if kind is None else NAMES.index(kind)
    assert kind_of(pair(source, target, *links)) == expected


def test_no_noun_of_the_grammar_is_missed_and_none_is_of_two_kinds():
    forms = Counter(noun.ko for noun in NOUNS)
    counters = {noun.counter for noun in NOUNS}
    clear = {n for n in NOUNS if forms[n.ko] == 1 and n.ko not in counters | {"새"}}
    of_a_kind = set()
    for one in korean_english.pairs(3000, seed=0, longest=20):
        found = nouns(one)
        of_a_kind.update(found)
        for noun in clear & set(found):
            assert found.count(noun) == one.source.count(noun.ko)
    for noun in clear & of_a_kind:
        assert (
            noun in plain_nouns()
            or korean_english.korean((noun.ko, "을")) == noun.ko + "을"
        ), "only those that take 을 are left out"
    said = {" ".join(noun.en) for noun in of_a_kind}
    assert {"apple", "tea", "mouse", "newspaper", "taxi", "shoes", "pear"} <= said
    assert not said & {"student", "chair", "mountain", "stomach", "driver", "words"}


@cache
def drawn():
    return draw(train=900, valid=18, test=36, seed=0, longest=20)


def test_the_splits_are_the_grammars_own_and_share_no_sentence():
    assert len(set(drawn().sentences)) == len(drawn().sentences) == 900
    seen = []
    for split, told in drawn().told.items():
        seen += [one.words for one in told]
        for one in told:
            assert korean_english.split_of(one.words) == split
            assert len(one.words) <= 20
    assert len(set(seen)) == len(seen)
    assert {one.words for one in drawn().told["train"]} < set(drawn().sentences)
    assert 300 < len(drawn().told["train"]) < 500  # not all, and not few


def test_valid_and_test_have_each_kind_as_often():
    for split, each in (("valid", 3), ("test", 6)):
        labels = Counter(one.label for one in drawn().told[split])
        assert labels == dict.fromkeys(range(len(KINDS)), each)
    assert {one.label for one in drawn().told["train"]} == set(range(len(KINDS)))


def test_the_seed_draws_the_sentences():
    assert draw(900, 18, 36, 0, 20) == drawn()
    other = draw(900, 18, 36, 1, 20)
    assert other.sentences[0] != drawn().sentences[0]
    assert other.told["test"] != drawn().told["test"]


@pytest.mark.parametrize(("valid", "test"), [(7, 6), (6, 0)])
def test_sizes_that_cannot_be_shared_out_are_named(valid, test):
    name, n = ("valid", valid) if valid == 7 else ("test", test)
    with pytest.raises(ValueError, match=f"{name}: got {n}, expected a multiple of 6"):
        draw(10, valid, test, 0, 20)


# --- neutral sentences


def test_each_kind_has_nouns_in_both_halves_and_none_is_in_both():
    for seed in range(3):
        seen, unseen = halves(seed)
        assert sorted(n.ko for n in seen + unseen) == sorted(
            n.ko for n in plain_nouns()
        )
        for half in (seen, unseen):
            assert {_kind(noun) for noun in half} == set(NAMES)
        assert 0 <= len(seen) - len(unseen) <= len(KINDS)
    assert halves(0) == halves(0) != halves(1)


def _kind(noun):
    return next(name for name in KINDS if noun in _nouns_of(name))


@cache
def _nouns_of(name):
    from course_lib.data.korean_english.lexicon import select

    return [noun for noun, _ in select(KINDS[name])]


def test_but_for_the_noun_a_neutral_sentence_tells_nothing():
    told = neutral(plain_nouns(), 600, seed=0)
    assert len({one.words for one in told}) == 600
    assert Counter(one.label for one in told) == dict.fromkeys(range(6), 100)
    shapes = {(len(one.words), one.words[3]) for one in told}
    assert shapes == {(5, "를")}, "을 would tell how the noun ends"
    by_kind = [{(w[0], w[4]) for w, label in told if label == k} for k in range(6)]
    possible = 16 * 2 * len(VERBS)
    assert all(len(frames) > 0.3 * possible for frames in by_kind)
    known = set(korean_english.source_words())
    assert all(set(one.words) <= known for one in told)


def test_each_noun_of_a_kind_is_asked_as_often():
    for n in (6, 66, 300):
        told = neutral(halves(0)[0], n, seed=1)
        assert len(told) == n
        for noun_counts in _by_kind(told).values():
            assert max(noun_counts.values()) - min(noun_counts.values()) <= 1
    assert len(_by_kind(told)) == 6


def _by_kind(told):
    found = {}
    for words, label in told:
        found.setdefault(label, Counter())[words[2]] += 1
    return found


def test_neutral_sentences_have_the_label_of_their_noun():
    labels = {noun.ko: NAMES.index(_kind(noun)) for noun in plain_nouns()}
    assert all(labels[w[2]] == label for w, label in neutral(plain_nouns(), 120, 0))


def test_neutral_sentences_come_in_a_random_order_that_the_seed_draws():
    of = plain_nouns()
    assert neutral(of, 60, 0) == neutral(of, 60, 0) != neutral(of, 60, 1)
    labels = [one.label for one in neutral(of, 60, 0)]
    assert labels != sorted(labels)


def test_too_many_neutral_sentences_are_refused():
    few = [
        n for n in plain_nouns() if n.ko in ("수프", "우유", "소", "시", "택시", "모자")
    ]
    assert len(neutral(few, 6 * 224, 0)) == 6 * 224
    with pytest.raises(ValueError, match="n: got 1350, expected at most 1344"):
        neutral(few, 1350, 0)
    with pytest.raises(ValueError, match="n: got 8, expected a multiple of 6"):
        neutral(few, 8, 0)
