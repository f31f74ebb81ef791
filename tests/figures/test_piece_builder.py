"""The page learns and cuts pieces as course_lib.data.wordpiece does."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
from javascript import run

from course_lib.data.wordpiece import SPECIAL, WordPiece
from course_lib.figures.bert import PieceBuilder

LEARN = """const { learn } = await load("bert/pieces.js");
  return texts.map((text) => learn(text, rule).map(
    ({ words, pieces, pairs, made, size }) =>
      ({ words, pieces, made, size, best: pairs[0] ?? null })));"""
CUT = """const { cut, learn, split } = await load("bert/pieces.js");
  return texts.map((text, n) => {
    const steps = learn(text, "count");
    const has = (piece) => steps[at[n]].pieces.slice(5).includes(piece);
    return words.map((word) => split(word).flatMap((one) => cut(one, has).pieces));
  });"""

KOREAN, ENGLISH = PieceBuilder().state()["examples"].values()


def texts(count: int, seed: int) -> list[str]:
    """Random ones over few letters, so that pairs tie, with repeats and punctuation."""
    draw = random.Random(seed)

    def word() -> str:
        letters = draw.choice(["ab", "abc", "가나다", "ab가.", "x日본"])
        return "".join(draw.choices(letters, k=draw.randint(1, 6)))

    return [" ".join(word() for _ in range(draw.randint(1, 12))) for _ in range(count)]


def test_by_count_the_pieces_are_the_librarys_at_every_step() -> None:
    some = [KOREAN, ENGLISH, *texts(20, seed=1)]
    for text, steps in zip(some, run(LEARN, texts=some, rule="count"), strict=True):
        for step in steps[:: max(1, len(steps) // 8)] + steps[-1:]:
            learned = WordPiece.learn([text], step["size"])
            assert tuple(step["pieces"]) == learned.pieces
        # when all words are one piece, the library finds no more either
        assert len(WordPiece.learn([text], 10_000)) == steps[-1]["size"]


def test_the_words_are_always_whole_and_end_as_one_piece() -> None:
    for steps in run(LEARN, texts=[KOREAN, *texts(5, seed=2)], rule="ratio"):
        for step in steps:
            for one in step["words"]:
                assert (
                    "".join(p.removeprefix("##") for p in one["pieces"]) == one["word"]
                )
                assert set(one["pieces"]) <= set(step["pieces"])
        assert all(len(one["pieces"]) == 1 for one in steps[-1]["words"])
        assert steps[-1]["best"] is None


@pytest.mark.parametrize("rule", ["count", "ratio"])
def test_the_best_pair_has_the_largest_score(rule: str) -> None:
    for steps in run(LEARN, texts=[ENGLISH, *texts(5, seed=6)], rule=rule):
        for step in steps[:-1]:
            alone, together = Counter(), Counter()
            for one in step["words"]:
                for piece in one["pieces"]:
                    alone[piece] += one["count"]
                for pair in pairwise(one["pieces"]):
                    together[pair] += one["count"]
            score = {
                (a, b): n / (alone[a] * alone[b]) if rule == "ratio" else n
                for (a, b), n in together.items()
            }
            best = step["best"]
            pair = best["a"], best["b"]
            assert score[pair] == max(score.values())
            assert best["count"] == together[pair]
            assert [best["left"], best["right"]] == [alone[piece] for piece in pair]


def test_the_library_joins_by_count_where_the_ratio_says_another_pair() -> None:
    """What the caption says of `tokenizers`."""
    text = "ab " * 5 + "ac " * 5 + "db " * 5 + "xy " * 2
    by = {rule: run(LEARN, texts=[text], rule=rule)[0] for rule in ("count", "ratio")}
    assert by["count"][1]["made"] == "ab"
    assert by["ratio"][1]["made"] == "xy"
    start = by["count"][0]["size"]
    assert WordPiece.learn([text], start + 1).pieces[-1] == "ab"
    assert by["ratio"][0]["best"] == {
        **{"a": "x", "b": "##y"},
        **{"count": 2, "left": 2, "right": 2},
    }
    assert by["count"][0]["best"] == {
        **{"a": "a", "b": "##b"},
        **{"count": 5, "left": 10, "right": 10},
    }


def test_a_word_is_cut_as_the_library_cuts_it() -> None:
    some = [KOREAN, ENGLISH, *texts(10, seed=4)]
    words = [
        "먹었다",
        "unbelievable",
        "간다.",
        "abba",
        "가나가",
        "日本",
        "don't",
        "a…b",
    ]
    words += texts(20, seed=5)
    steps = run(LEARN, texts=some, rule="count")
    at = [len(all_steps) // 2 for all_steps in steps]
    for text, all_steps, n, cuts in zip(
        some, steps, at, run(CUT, texts=some, at=at, words=words), strict=True
    ):
        library = WordPiece.learn([text], all_steps[n]["size"])
        for word, pieces in zip(words, cuts, strict=True):
            assert pieces == library.tokens(library.encode(word).ids), (text, word)


def test_every_try_is_told() -> None:
    script = """const { cut } = await load("bert/pieces.js");
      return words.map((word) => cut(word, (piece) => pieces.includes(piece)));"""
    whole, none = run(script, words=["unable", "unfit"], pieces=["un", "u", "##able"])
    assert [(t["piece"], t["found"]) for t in whole["tries"]] == [
        *[("unable", False), ("unabl", False), ("unab", False), ("una", False)],
        *[("un", True), ("##able", True)],
    ]
    assert [(t["from"], t["to"]) for t in whole["tries"][-2:]] == [(0, 2), (2, 6)]
    assert none["pieces"] == ["[UNK]"]
    assert [t["piece"] for t in none["tries"][-3:]] == ["##fit", "##fi", "##f"]


def test_the_special_pieces_come_first() -> None:
    steps = run(LEARN, texts=["ba"], rule="count")[0]
    assert steps[0]["pieces"] == [*SPECIAL, "##a", "a", "b"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"rule": "bpe"}, "rule: got 'bpe', expected one of 'count', 'ratio'"),
        ({"text": "a" * 401}, "text: got .* at most 400"),
        ({"word": None}, "word: got None"),
        ({"step": -1}, "step: got -1"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PieceBuilder(**arguments)
