"""The page masks as course_lib.data.masking does, and expects what must be expected."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from javascript import run

from course_lib.data.masking import Masking, Texts, with_gaps
from course_lib.data.wordpiece import MASK, SPECIAL
from course_lib.figures.bert import MaskingMachine

DRAW = """const { mask, count, spread } = await load("bert/masking.js");
  const { TEXTS } = await load("bert/gap_texts.js");
  const { generator } = await load("kit/nn.js");
  const texts = TEXTS.map(({ tokens }) => tokens);
  const { uniform } = generator(seed);
  const draws = Array.from({ length: times }, () => mask(texts, shares, uniform));
  return { texts, draws, counts: draws.map(count), sd: spread(texts, shares, 1) };"""
BERT = {"rate": 0.15, "masked": 0.8, "random": 0.1, "whole": False}


def draw(times: int, seed: int = 1, **changes) -> dict:
    return run(DRAW, times=times, seed=seed, shares=BERT | changes)


def near(share: float, expected: float, count: int) -> bool:
    """Within 4 standard deviations of a binomial."""
    sd = math.sqrt(expected * (1 - expected) / count)
    return abs(share - expected) <= 4 * sd


def total(counts: list[dict], key: str) -> int:
    return sum(one[key] for one in counts)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("masked", "random"), [(0.8, 0.1), (0.3, 0.6), (1, 0)])
def test_the_shares_are_those_that_were_set(whole, masked, random) -> None:
    found = draw(1000, whole=whole, masked=masked, random=random)["counts"]
    chosen = total(found, "chosen")
    assert total(found, "tokens") == 1000 * found[0]["tokens"]
    assert abs(chosen / total(found, "tokens") - 0.15) < 0.01
    assert near(total(found, "masked") / chosen, masked, chosen)
    assert near(total(found, "other") / chosen, random, chosen)
    assert sum(total(found, key) for key in ("masked", "other", "itself")) == chosen


def test_what_is_seen_is_what_the_fate_says() -> None:
    found = draw(300)
    pieces = {one["piece"] for text in found["texts"] for one in text}
    fates = set()
    for one in found["draws"]:
        for text, places in zip(found["texts"], one, strict=True):
            for token, place in zip(text, places, strict=True):
                fate, seen, piece = place["fate"], place["seen"], token["piece"]
                fates.add(fate)
                if fate == "masked":
                    assert seen == "[MASK]"
                elif fate == "other":
                    assert seen in pieces - {piece}
                else:
                    assert seen == piece
    assert fates == {None, "masked", "other", "itself"}


def test_whole_words_are_chosen_whole_and_each_piece_has_its_own_fate() -> None:
    apart = {True: 0, False: 0}  # words of which only a part was chosen
    different = 0  # words whose pieces have different fates
    for whole in apart:
        found = draw(300, whole=whole)
        for one in found["draws"]:
            for text, places in zip(found["texts"], one, strict=True):
                for word in {token["word"] for token in text}:
                    fates = [
                        place["fate"]
                        for token, place in zip(text, places, strict=True)
                        if token["word"] == word
                    ]
                    apart[whole] += None in fates and any(fates)
                    different += whole and len(set(fates)) > 1
    assert apart[True] == 0 < apart[False]
    assert different > 0


@pytest.mark.parametrize("whole", [False, True])
def test_the_error_is_that_of_the_chapters_own_code(whole: bool) -> None:
    """Its draws of the same tokens scatter as the page says they must."""
    found = draw(1, whole=whole)
    tokens = [one for text in found["texts"] for one in text]
    firsts = [0]  # the words of all texts, numbered through
    for before, one in pairwise(tokens):
        firsts.append(firsts[-1] + (not one["piece"].startswith("##")))
        assert one["word"] in (before["word"], before["word"] + 1, 0)
    times, T = 4000, len(tokens)
    words = torch.tensor(firsts).expand(times, T)
    texts = Texts(
        torch.full((times, T), len(SPECIAL)),
        torch.zeros(times, T, dtype=torch.long),
        torch.ones(times, T, dtype=torch.bool),
        words,
    )
    gaps = with_gaps(
        texts, Masking(whole_words=whole), 10_000, torch.Generator().manual_seed(0)
    )
    shares = gaps.chosen.double().mean(dim=1)  # (4000,)
    assert shares.mean().item() == pytest.approx(0.15, abs=0.005)
    assert shares.std().item() == pytest.approx(found["sd"], rel=0.06)
    masked = (gaps.tokens[gaps.chosen] == MASK).double().mean().item()
    assert masked == pytest.approx(0.8, abs=0.015)


def test_the_error_shrinks_with_the_root_of_the_draws() -> None:
    script = """const { spread } = await load("bert/masking.js");
      const texts = [[{ word: 0 }, { word: 1 }, { word: 1 }], [{ word: 0 }]];
      return [[false, 1], [false, 25], [true, 1]].map(([whole, draws]) =>
        spread(texts, { rate: 0.2, whole }, draws));"""
    one, many, words = run(script)
    assert one == pytest.approx(math.sqrt(0.16 / 4))
    assert many == pytest.approx(one / 5)
    # words of 1, 2 and 1 tokens: 0.16 (1 + 4 + 1) / 4²
    assert words == pytest.approx(math.sqrt(0.16 * 6) / 4)


def test_the_tally_says_how_far_off_it_is() -> None:
    script = """const { compare } = await load("bert/masking.js");
      return [
        { tokens: 2000, chosen: 315, masked: 252, other: 63, itself: 0 },
        { tokens: 30, chosen: 0, masked: 0, other: 0, itself: 0 },
      ].map((total) =>
        compare(total, { rate: 0.15, masked: 0.8, random: 0.1 }, 0.008));"""
    some, none = run(script)
    assert [row["fate"] for row in some] == ["chosen", "masked", "other", "itself"]
    chosen, masked, other, itself = some
    assert chosen["off"] == pytest.approx((0.1575 - 0.15) / 0.008)
    assert (masked["count"], masked["of"], masked["share"]) == (252, 315, 0.8)
    sd = math.sqrt(0.1 * 0.9 / 315)
    assert other["sd"] == pytest.approx(sd)
    assert other["off"] == pytest.approx(0.1 / sd)
    assert itself["off"] == pytest.approx(-0.1 / sd)
    assert itself["expected"] == pytest.approx(0.1)
    assert [row["share"] for row in none] == [0, None, None, None]
    assert [row["off"] for row in none[1:]] == [None] * 3


def test_the_texts_are_the_running_grammars_and_glossed() -> None:
    script = """const { TEXTS } = await load("bert/gap_texts.js"); return TEXTS;"""
    texts = run(script)
    written = [
        " ".join(one["piece"] for one in text["tokens"]).replace(" ##", "")
        for text in texts
    ]
    assert written == [
        "나는 배가 고프다",
        "저 새가 예쁘다",
        "나는 집에 간다",
        "아이가 사과를 먹었다",
        "nobody reads this unbelievable story",
    ]
    for text in texts:
        for one in text["tokens"]:
            assert bool(one["gloss"]) == (text["lang"] == "ko")
    assert [one["word"] for one in texts[0]["tokens"]] == [0, 0, 1, 1, 2, 2]


def test_a_verdict_says_what_was_drawn() -> None:
    script = """const { verdict } = await load("bert/masking_machine.js");
      const drawn = { tokens: 30, chosen: 5, masked: 4, other: 0, itself: 1 };
      return [verdict(drawn, "chosen"), verdict(drawn, "masked"),
        verdict(drawn, null), verdict({ ...drawn, chosen: 0 }, "all")];"""
    right, wrong, shown, none = run(script)
    assert "here 5 of 30, of which 4 show [MASK], 0 another word, 1 the" in shown
    assert (right, wrong) == (f"{shown} As you said.", f"{shown} Not as you said.")
    assert "there are none" in none


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"rate": 0}, "rate: got 0, expected a whole number from 1 to 60"),
        ({"rate": 0.15}, "rate: got 0.15"),
        ({"masked": 95, "random": 10}, "masked, random: got 95 and 10, expected sha"),
        ({"whole_words": True}, "whole_words: got True, expected one of 'off', 'on'"),
        ({"seed": -1}, "seed: got -1"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        MaskingMachine(**arguments)
