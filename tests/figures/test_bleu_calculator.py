"""The page's BLEU is the course's, and beside it stands d2l's."""

from __future__ import annotations

import math
import random

import pytest
from javascript import run

from course_lib.figures.seq2seq import BleuCalculator
from course_lib.metrics import bleu_by_hand, ngrams
from course_lib.peers import import_d2l

SCORE = """const { bleu, bookVariant, words } = await load("seq2seq/bleu.js");
  return pairs.map(([ours, theirs]) => {
    const both = [words(ours), words(theirs)];
    return { ...bleu(...both), book: bookVariant(...both) };
  });"""


def sentences(count: int, seed: int) -> list[tuple[str, str]]:
    """Pairs that share many n-grams, some with repeated words, some very short."""
    draw = random.Random(seed)
    pairs = []
    for _ in range(count):
        theirs = draw.choices("abcde", k=draw.randint(1, 12))
        ours = [w for w in theirs if draw.random() < 0.8]
        for _ in range(draw.randint(0, 3)):
            ours.insert(draw.randint(0, len(ours)), draw.choice("abcdex"))
        pairs.append((" ".join(ours or ["x"]), " ".join(theirs)))
    return pairs


def test_bleu_is_the_courses_and_every_part_of_it() -> None:
    pairs = sentences(400, seed=0)
    zeros = smoothed = shortened = 0
    for got, (ours, theirs) in zip(run(SCORE, pairs=pairs), pairs, strict=True):
        assert got["score"] == pytest.approx(bleu_by_hand([ours], [theirs]), abs=1e-10)
        a, b = ours.split(), theirs.split()
        assert (got["c"], got["r"]) == (len(a), len(b))
        assert got["brevity"] == pytest.approx(min(1, math.exp(1 - len(b) / len(a))))
        for n, one in enumerate(got["precisions"], start=1):
            assert one["matches"] == (ngrams(a, n) & ngrams(b, n)).total()
            assert one["total"] == ngrams(a, n).total()
        zeros += got["score"] == 0
        smoothed += got["score"] > 0 and not got["precisions"][3]["matches"]
        shortened += 0 < got["brevity"] < 1
    assert min(zeros, smoothed, shortened) > 20  # or it would prove little


def test_the_book_variant_is_d2ls() -> None:
    pairs = sentences(300, seed=1)
    theirs = import_d2l().bleu
    got = run(SCORE, pairs=pairs)
    for one, pair in zip(got, pairs, strict=True):
        assert one["book"] == pytest.approx(theirs(*pair, k=4), abs=1e-12)
    assert sum(one["book"] > 0.05 for one in got) > 50
    far = [one for one in got if abs(100 * one["book"] - one["score"]) > 5]
    assert len(far) > 50  # it is another number


def test_the_pair_where_the_two_are_known_by_hand() -> None:
    (got,) = run(SCORE, pairs=[["a b c d e f", "a b c d e x"]])
    assert got["score"] == pytest.approx(76.0, abs=0.05)
    assert 100 * got["book"] == pytest.approx(81.2, abs=0.05)


@pytest.mark.parametrize("text", ["", " ", "a\u3000b", "\x1ca\x85b\t\n", "a\ufeffb é"])
def test_words_are_what_python_splits(text) -> None:
    script = 'return (await load("seq2seq/bleu.js")).words(text);'
    assert run(script, text=text) == text.split()


def test_sentences_without_words_have_no_score() -> None:
    for got in run(SCORE, pairs=[["", "a b c d"], ["a b c d", ""], ["", ""]]):
        assert got["score"] == 0


# -- the examples ---------------------------------------------------------------------


def examples() -> dict[str, dict]:
    script = """const { EXAMPLES, withoutLast } =
        await load("seq2seq/bleu_calculator.js");
      const { bleu, words } = await load("seq2seq/bleu.js");
      return EXAMPLES.map((one) => {
        const both = [words(one.translation), words(reference)];
        return { ...one, ...bleu(...both), last: withoutLast(...both) };
      });"""
    found = run(script, reference=BleuCalculator().reference)
    return {one["name"]: one for one in found}


def test_the_examples_show_what_they_say() -> None:
    of = examples()
    values = {k: [p["value"] for p in one["precisions"]] for k, one in of.items()}
    assert values["right but short"] == [1, 1, 1, 1]
    assert 0 < of["right but short"]["brevity"] < 1
    assert of["too long"]["brevity"] == 1 > max(values["too long"])
    assert values["word salad"][0] == 1
    assert of["word salad"]["precisions"][1]["matches"] == 0
    # who gave it to whom is wrong, yet it gets far more than what a human would accept
    assert values["roles swapped"][0] == 1
    assert of["roles swapped"]["score"] > 50
    assert of["paraphrase"]["score"] < 10
    unigrams = of["the the the"]["precisions"][0]
    assert (unigrams["matches"], unigrams["total"]) == (2, 7)
    assert of["roles swapped"]["translation"] == BleuCalculator().translation


def test_what_removing_the_last_word_does() -> None:
    for one in examples().values():
        shorter = " ".join(one["translation"].split()[:-1])
        after = bleu_by_hand([shorter], [BleuCalculator().reference])
        assert one["last"]["after"]["score"] == pytest.approx(after)
        change = after - one["score"]
        assert one["last"]["sign"] == (change > 0) - (change < 0)
    assert {one["last"]["sign"] for one in examples().values()} == {-1, 1}


# -- in words -------------------------------------------------------------------------


def say(function: str, *given: object, module: str = "bleu_picture") -> object:
    script = f'return (await load("seq2seq/{module}.js")).{function}(...given);'
    return run(script, given=given)


def test_each_n_gram_is_explained() -> None:
    ours, theirs = ["the", "cat", "the", "the"], ["the", "dog", "the"]
    assert [say("fate", ours, theirs, place) for place in range(4)] == [
        "“the”: the reference has it twice: it counts.",
        "“cat”: the reference does not have it: it does not count.",
        "“the”: the reference has it twice: it counts.",
        "“the”: used 3 times, but the reference has it twice: "
        "this one is too many and does not count.",
    ]
    assert say("clippings", ours, theirs) == [
        "“the” is used 3 times, the reference has it twice: 2 of 3 count."
    ]
    assert say("clippings", theirs, ours) == []


def exception(ours: str, theirs: str) -> str:
    script = """const { exceptions } = await load("seq2seq/bleu_calculator.js");
      const { bleu, words } = await load("seq2seq/bleu.js");
      return exceptions(bleu(words(ours), words(theirs)));"""
    return run(script, ours=ours, theirs=theirs)


@pytest.mark.parametrize(
    ("ours", "says"),
    [
        ("a b c d", ""),
        ("", "Without words"),
        ("a b c", "fewer than 4 words"),
        ("w x y z", "No word of it stands in the reference"),
        ("b a b d c", "½ match for n = 3, ¼ match for n = 4."),
        ("d c b a", "½ match for n = 2, ¼ match for n = 3, ⅛ match for n = 4."),
    ],
)
def test_a_score_that_is_not_plain_is_explained(ours, says) -> None:
    said = exception(ours, "a b c d")
    assert says in said if says else said == ""


def test_arguments_in_the_wrong_order_are_another_number() -> None:
    script = """const { exchanged } = await load("seq2seq/bleu_calculator.js");
      const { bleu, words } = await load("seq2seq/bleu.js");
      const [a, b] = [words(ours), words(theirs)];
      return exchanged(bleu(a, b), bleu(b, a));"""
    short, long = "a b c d e", "a b c d e f g"
    said = run(script, ours=short, theirs=long)
    one, other = bleu_by_hand([short], [long]), bleu_by_hand([long], [short])
    assert said.startswith(f"Exchanged: {one:.1f} → {other:.1f}. The matches are the")
    assert "only because both are equally long" in run(script, ours=short, theirs=short)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="n: got 5, expected a whole number from 1"):
        BleuCalculator(n=5)
    with pytest.raises(ValueError, match="translation: got 3, expected a string"):
        BleuCalculator(translation=3)
