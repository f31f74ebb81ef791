"""The grammar keeps its promises: agreement, links, sense, splits."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data import korean_english as task
from course_lib.data.korean_english.choices import Choices
from course_lib.data.korean_english.clauses import verbs_for
from course_lib.data.korean_english.lexicon import ADJECTIVES, NOUNS, STATES, VERBS
from course_lib.data.korean_english.names import NAMES, UNKNOWN
from course_lib.data.korean_english.sentences import _fits, build
from course_lib.data.korean_english.writing import PARTICLES

NOUN = {noun.ko for noun in NOUNS}
NAME = {name.ko for name in (*NAMES, *UNKNOWN)}


@pytest.fixture(scope="module")
def drawn():
    """4,000 sentences as the grammar has them, in all splits."""
    streams = (task.stream(0, split) for split in task.SPLITS)
    sizes = (3400, 300, 300)
    return [
        one
        for stream, size in zip(streams, sizes, strict=True)
        for one in itertools.islice(stream, size)
    ]


@pytest.fixture(scope="module")
def pairs(drawn):
    return [one.pair for one in drawn]


# ------------------------------------------------------------------ the examples


def links(pair, which):
    return {(pair.source[i], pair.target[j]) for i, j in which}


def test_the_birds_sentence():
    pair = task.examples()["저 새가 예쁘다"]
    assert pair.source == ("저", "새", "가", "예쁘다")
    assert pair.target == ("that", "bird", "is", "pretty")
    assert task.english(pair.target) == "That bird is pretty"
    assert pair.sure == {(0, 0), (1, 1), (3, 3)}
    assert pair.possible == pair.sure | {(2, 1), (3, 2)}


def test_going_home():
    pair = task.examples()["나는 집에 간다"]
    assert pair.source == ("나", "는", "집", "에", "간다")
    assert task.english(pair.target) == "I go home"
    assert pair.sure == {(0, 0), (2, 2), (4, 1)}
    assert pair.possible == pair.sure | {(1, 0), (3, 2)}


def test_being_hungry_takes_the_belly():
    pair = task.examples()["나는 배가 고프다"]
    assert task.english(pair.target) == "I am hungry"
    assert links(pair, pair.sure) == {
        ("나", "I"),
        ("배", "hungry"),
        ("고프다", "hungry"),
    }


def test_the_examples_are_what_they_say_and_are_kept_for_testing():
    for text, pair in task.examples().items():
        assert task.korean(pair.source) == text
        assert task.split_of(pair.source) == "test"


# ---------------------------------------------------------------------- Korean


def closed(word: str) -> str:
    """The final consonant by Unicode's own decomposition, not by our arithmetic."""
    last = unicodedata.normalize("NFD", word)[-1]
    return last if "\u11a8" <= last <= "\u11c2" else ""


SHAPES = {"은": True, "는": False, "을": True, "를": False, "과": True, "와": False}
SHAPES |= {"이": True, "가": False, "이라고": True, "라고": False}


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_particles_fit_the_word_before(seed):
    ko, _, _ = build(Choices(str(seed)))
    for before, word in itertools.pairwise(ko):
        if not word.bound:
            continue
        if word.text in SHAPES:
            assert bool(closed(before.text)) == SHAPES[word.text]
        if word.text in ("으로", "로"):
            needs = closed(before.text) not in ("", "\u11af")  # ㄹ counts as open
            assert needs == (word.text == "으로")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_spacing_can_be_done_and_undone(seed):
    ko, _, _ = build(Choices(str(seed)))
    text = "".join(" " * (i > 0 and not w.bound) + w.text for i, w in enumerate(ko))
    source = tuple(word.text for word in ko)
    assert task.korean(source) == text
    assert task.tokens(text) == source


def test_a_reader_may_type_a_new_name():
    assert task.tokens("길동이 보람을 만난다") == ("길동", "이", "보람", "을", "만난다")
    assert task.tokens("내가 그 아이들에게 책을 준다")[:2] == ("내", "가")
    assert task.tokens("이 책이 길다") == ("이", "책", "이", "길다")


def test_a_sentence_ends_in_the_plain_style_and_particles_attach(pairs):
    assert all(pair.source[-1].endswith("다") for pair in pairs)
    assert not any(pair.source[0] in set(PARTICLES) - {"이"} for pair in pairs)


# --------------------------------------------------------------------- English


def test_a_and_an(pairs):
    seen = Counter()
    for pair in pairs:
        for word, following in itertools.pairwise(pair.target):
            if word in ("a", "an"):
                assert (word == "an") == (following[0] in "aeiou"), pair.target
                seen[word] += 1
    assert min(seen["a"], seen["an"]) > 50


ADVERBS = ("often", "always", "sometimes", "not")
FINITE = {"I": {"am", "was"}, "we": {"are", "were"}, "they": {"are", "were"}}
FINITE |= {"he": {"is", "was"}, "she": {"is", "was"}}
BE = {"am", "is", "are", "was", "were"}
THIRD = {verb.en.third for verb in VERBS} | {"does", "has", "wants", "thinks", "says"}
BASE = {verb.en.base for verb in VERBS} | {"do", "have", "want", "think", "say"}
BASE -= {verb.en.past for verb in VERBS}  # read, hurt


def test_pronouns_and_verbs_agree(pairs):
    checked = Counter()
    for pair in pairs:
        for j, word in enumerate(pair.target):
            if word not in FINITE:
                continue
            rest = [w for w in pair.target[j + 1 : j + 3] if w not in ADVERBS]
            verb = rest[0]
            if verb in BE:
                assert verb in FINITE[word], pair.target
                checked["be"] += 1
            singular = word in ("he", "she")
            assert verb not in (BASE if singular else THIRD), pair.target
            checked["third" if verb in THIRD else "other"] += 1
    assert min(checked["be"], checked["third"], checked["other"]) > 100


def test_nouns_and_verbs_agree(pairs):
    plural = {noun.plural[-1] for noun in NOUNS} - {noun.en[-1] for noun in NOUNS}
    checked = 0
    for pair in pairs:
        for word, verb in itertools.pairwise(pair.target[:4]):
            if word in plural and verb in BE | THIRD | BASE:
                assert verb not in {"is", "was", "am"} | THIRD, pair.target
                checked += 1
            if word in {name.en for name in NAMES} and "and" not in pair.target[:2]:
                assert verb not in {"are", "were", "am"} | BASE, pair.target
                checked += 1
    assert checked > 300


def test_demonstratives_and_numbers_have_a_plural(pairs):
    plural = {noun.plural[-1] for noun in NOUNS}
    adjectives = {word for adjective in ADJECTIVES for word, _ in adjective.en}
    for pair in pairs:
        for j, word in enumerate(pair.target):
            if word in ("these", "those", "two", "three", "four", "five"):
                rest = [w for w in pair.target[j + 1 :] if w not in adjectives]
                rest = [w for w in rest if w not in ("very", "really", "cups", "of")]
                assert rest[0] in plural or pair.target[j + 1] == "cups", pair.target


# ----------------------------------------------------------------------- links


def test_links_are_inside_and_sure_ones_are_possible(pairs):
    for pair in pairs:
        assert pair.sure <= pair.possible
        for i, j in pair.possible:
            assert 0 <= i < len(pair.source)
            assert 0 <= j < len(pair.target)


def test_every_token_of_both_sides_has_a_possible_link(pairs):
    for pair in pairs:
        assert {i for i, _ in pair.possible} == set(range(len(pair.source)))
        assert {j for _, j in pair.possible} == set(range(len(pair.target)))


def test_every_content_word_has_a_sure_link(pairs):
    function = {*PARTICLES, "이", "것이다", "싶어", "수", "함께", "하", "있고"}
    counters = {noun.counter for noun in NOUNS} - NOUN - {""}
    english = {noun.en[-1] for noun in NOUNS} | {noun.plural[-1] for noun in NOUNS}
    english |= {form for verb in VERBS for form in verb.en[:5]} - {"have", "take"}
    english |= {word for adjective in ADJECTIVES for word, _ in adjective.en}
    for pair in pairs:
        surely = {i for i, _ in pair.sure}
        for i, word in enumerate(pair.source):
            if word in NOUN | NAME and word not in counters | function | {"개"}:
                assert i in surely, (pair.source, pair.target, word)
        back = {j for _, j in pair.sure}
        for j, word in enumerate(pair.target):
            if word in english:
                assert j in back, (pair.source, pair.target, word)


# Forms that are a noun and something else too: 딸 is a daughter, or "will pick".
ALSO = {"새", "개", "배", "눈", "산", "딸", "소"}


def test_links_join_words_that_translate_each_other(pairs):
    """Nouns and names, by the lexicon alone."""
    known = {name.ko: {name.en} for name in (*NAMES, *UNKNOWN)}
    for noun in NOUNS:
        known.setdefault(noun.ko, set()).update((*noun.en, *noun.plural))
    known["다리"].add("legs")
    for pair in pairs:
        for i, j in pair.sure:
            word, said = pair.source[i], pair.target[j]
            if word in known and word not in ALSO:
                assert said in known[word], (pair.source, pair.target, word, said)


# ----------------------------------------------------------------------- sense

# Written by hand, apart from the lexicon: what is eaten is food, and so on.
FOOD = "apple pear peach tangerine chestnut potato carrot egg bread meat kimchi rice"
FOOD += " soup cake"
SENSE = {
    "eat": FOOD,
    "drink": "water milk coffee tea juice",
    "read": "book novel letter poem article newspaper",
    "write": "letter poem novel article",
    "wear": "hat coat",
    "cross": "river bridge street",
    "peel": "apple pear peach potato carrot",
    "open": "door window bag",
    "sing": "song",
}
FORMS = {
    form: verb.en.base
    for verb in VERBS
    if verb.en.base in SENSE
    for form in (*verb.en[:5],)
}


def test_nobody_eats_a_stone(pairs):
    heads = {noun.plural[-1]: noun.en[-1] for noun in NOUNS}
    heads |= {noun.en[-1]: noun.en[-1] for noun in NOUNS}
    seen = Counter()
    for pair in pairs:
        for i, word in enumerate(pair.source[:-2]):
            if pair.source[i + 1] not in ("을", "를") or word not in NOUN:
                continue
            objects = {pair.target[j] for k, j in pair.sure if k == i}
            verbs = {pair.target[j] for k, j in pair.sure if k == i + 2}
            for verb in verbs & FORMS.keys():
                said = {heads[word] for word in objects & heads.keys()}
                assert said <= set(SENSE[FORMS[verb]].split()), pair
                seen[FORMS[verb]] += 1
    assert len(seen) == len(SENSE)


SENSES = {
    ("배", "타"): {"boat"},
    ("배", "먹"): {"pear"},
    ("배", "깎"): {"pear"},
    ("말", "타"): {"horse"},
    ("말", "듣"): {"words"},
    ("말", "믿"): {"words"},
    ("눈", "감"): {"eyes"},
    ("눈", "치"): {"snow"},
    ("차", "마"): {"tea"},
    ("차", "끓"): {"tea"},
    ("차", "운"): {"car"},
    ("밤", "먹"): {"chestnut"},
    ("기사", "읽"): {"article"},
    ("다리", "건"): {"bridge"},
}


def test_the_verb_decides_the_sense_of_a_homonym(pairs):
    seen = Counter()
    for pair in pairs:
        for i, word in enumerate(pair.source[:-2]):
            key = (word, pair.source[i + 2][0])
            if pair.source[i + 1] in ("을", "를") and key in SENSES:
                said = {pair.target[j] for k, j in pair.sure if k == i}
                assert said <= SENSES[key] | {f"{s}s" for s in SENSES[key]}, pair
                seen[key] += 1
    assert len(seen) > 9


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.ko)
def test_whatever_follows_from_a_state_can_be_said(state):
    group = "own" if state.subject in ("people", "body") else "grown"
    for english, limits in (*state.so, *state.but):
        verbs = [v for v, _ in verbs_for(group) if v.en.base == english]
        assert any(_fits(verb, limits) for verb in verbs), (english, limits)


def test_homonyms_have_all_their_senses(pairs):
    senses: dict[str, set[str]] = {}
    for pair in pairs:
        for i, j in pair.sure:
            senses.setdefault(pair.source[i], set()).add(pair.target[j])
    assert {"boat", "pear", "hungry", "stomach"} <= senses["배"]
    assert {"horse", "words"} <= senses["말"]
    assert {"eyes", "snow"} <= senses["눈"]
    assert {"night", "chestnut"} <= senses["밤"]
    assert {"bird", "new"} <= senses["새"]
    assert {"car", "tea"} <= senses["차"]
    assert {"buys", "lives"} <= senses["산다"]
    assert {"writes", "wears", "uses"} <= senses["쓴다"]
    assert {"bought", "mountain"} <= senses["산"]


# ------------------------------------------------------------ the set as a whole


def test_splits_are_disjoint_by_source():
    found = {s: {p.source for p in task.pairs(250, 5, s)} for s in task.SPLITS}
    for split, sources in found.items():
        assert len(sources) == 250
        assert all(task.split_of(source) == split for source in sources)


def test_splits_have_their_sizes():
    sources = {build_source(seed) for seed in range(3000)}
    count = Counter(task.split_of(source) for source in sources)
    assert count["train"] / len(sources) == pytest.approx(0.8, abs=0.03)
    assert count["test"] / len(sources) == pytest.approx(0.1, abs=0.02)


def build_source(seed: int) -> tuple[str, ...]:
    ko, _, _ = build(Choices(f"sizes {seed}"))
    return tuple(word.text for word in ko)


def test_more_pairs_begin_with_the_same_ones():
    assert task.pairs(60, 2)[:20] == task.pairs(20, 2)
    assert task.pairs(20, 2) != task.pairs(20, 3)


def test_the_seed_decides_in_every_process():
    code = (
        "import hashlib; from course_lib.data import korean_english as k;"
        "ps = [(p.source, p.target, sorted(p.sure), sorted(p.possible))"
        " for p in k.pairs(60, 7)];"
        "ts = [k.translations(d) for d in k.draws(20, 7)];"
        "w = (k.source_words(), k.target_words());"
        "print(hashlib.sha256(repr((ps, ts, w)).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (0, 1, 2)
    }
    assert len(found) == 1


def test_lengths_vary_widely(pairs):
    lengths = sorted(len(pair.source) for pair in pairs)
    at = [lengths[len(lengths) * percent // 100] for percent in (5, 25, 50, 75, 95)]
    assert at[0] <= 5 < at[1] < 11 > at[2] - 3
    assert at[3] >= 14
    assert at[4] >= 27


def test_length_limits_are_kept():
    some = task.pairs(40, 0, "train", 18, 22)
    assert {len(pair.source) for pair in some} <= set(range(18, 23))
    assert all(2 <= len(p.source) <= task.LONGEST for p in task.pairs(300, 0))


def test_every_word_is_in_the_vocabularies_but_for_unknown_names(pairs):
    source, target = set(task.source_words()), set(task.target_words())
    unknown = {name.ko for name in UNKNOWN}, {name.en for name in UNKNOWN}
    assert not unknown[0] & source
    assert not unknown[1] & target
    used = Counter(word for pair in pairs for word in pair.source)
    assert set(used) <= source | unknown[0]
    assert {word for pair in pairs for word in pair.target} <= target | unknown[1]
    assert len(source & set(used)) > 0.65 * len(source)
    assert any(word in unknown[0] for word in used)


def test_unknown_names_are_no_words_of_the_grammar():
    assert not {name.ko for name in UNKNOWN} & set(task.source_words())
    assert len({name.ko for name in UNKNOWN}) == len(UNKNOWN)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="split: got 'dev'"):
        task.pairs(1, 0, "dev")
    with pytest.raises(ValueError, match="n, shortest, longest: got 0"):
        task.pairs(0, 0)
    with pytest.raises(ValueError, match="got 5, 9, 8"):
        task.pairs(5, 0, "train", 9, 8)
    with pytest.raises(ValueError, match="n: got 5000, expected at most about"):
        task.pairs(5000, 0, "train", 2, 2)
