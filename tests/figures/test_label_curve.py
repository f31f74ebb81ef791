"""Labels saved are read off the curves as they should be; what else may be given."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from javascript import run
from label_arms import ARMS, COUNTS, curve

NEEDED = """const { needed } = await load("kit/needed.js");
  return levels.map((level) => needed(counts, accuracy, level));"""


def test_it_reads_off_the_line_over_the_logarithm() -> None:
    rising = ARMS[2]["accuracy"]
    levels = [float(v) for v in np.linspace(0.25, 0.96, 40)][1:]
    found = run(NEEDED, counts=COUNTS, accuracy=rising, levels=levels)
    expected = np.exp(np.interp(levels, rising, np.log(COUNTS)))
    assert [one["count"] for one in found] == pytest.approx(list(expected))
    assert not any("more" in one or "less" in one for one in found)


def test_below_and_above_all_points() -> None:
    found = run(NEEDED, counts=COUNTS, accuracy=ARMS[3]["accuracy"], levels=[0.2, 0.61])
    assert found == [{"less": True, "count": 4}, {"more": True, "count": 4096}]
    [equal] = run(NEEDED, counts=COUNTS, accuracy=ARMS[3]["accuracy"], levels=[0.25])
    assert equal == {"less": False, "count": 4}


def test_the_first_time_counts_where_a_curve_falls_again() -> None:
    [found] = run(
        NEEDED, counts=[1, 10, 100, 1000], accuracy=[0, 0.5, 0.2, 1], levels=[0.4]
    )
    assert found["count"] == pytest.approx(10**0.8)


def test_two_digits_and_no_more() -> None:
    script = """const { rounded, factor, amount } = await load("kit/needed.js");
      return { rounded: [1, 2.345, 9.96, 64, 512, 1234.5, 98765].map(rounded),
        factor: [{ count: 512 }, { count: 4096, more: true }, { count: 4, less: true }]
          .map((one) => factor(one, 64)),
        labels: [{ count: 512 }, { count: 4096, more: true }]
          .map((one) => amount(one, "labels")) };"""
    found = run(script)
    assert found["rounded"] == ["1", "2.3", "10", "64", "510", "1,200", "99,000"]
    assert found["factor"] == ["about ×8", "more than ×64", "less than ×0.063"]
    assert found["labels"] == ["about 510 labels", "more than 4,096 labels"]


def test_what_chance_may_give_is_not_compared() -> None:
    script = """const { blind } = await load("kit/needed.js");
      return [blind(0.3, 0.06, 0.25), blind(0.3, 0.04, 0.25), blind(0.1, 0.5, null)];"""
    assert run(script) == [True, False, False]


VERDICT = """const { verdict } = await load("bert/label_curve.js");
  const asked = { first: "both", second: "scratch", level: 0.8, count: 64 };
  return guesses.map((guess) => verdict({ ...asked, reach }, guess));"""


def test_the_verdict_is_close_within_a_factor() -> None:
    guesses = [{"count": 400}, {"count": 1000}, {"count": 300}, {"count": 4096}, None]
    guesses[3]["more"] = True
    said = run(VERDICT, reach={"count": 512}, guesses=guesses)
    start = "“scratch” reaches 0.80 with about 510 labels, about ×8 what “both” needs."
    assert said == [
        f"{start} You said 400: close.",
        f"{start} You said 1,000: not close.",
        f"{start} You said 300: not close.",
        f"{start} You said more than 4,096: not close.",
        start,
    ]
    said = run(VERDICT, reach={"count": 4096, "more": True}, guesses=guesses[2:4])
    start = "“scratch” does not reach 0.80 with 4,096 labels: more than ×64."
    assert said == [
        f"{start} You said 300: not close.",
        f"{start} You said more than 4,096: close.",
    ]


def test_what_is_not_given_is_filled_in() -> None:
    figure = curve(against="", asked=None, chance=None)
    assert (figure.pretrained, figure.against) == (ARMS[0]["name"], ARMS[1]["name"])
    assert figure.asked == 256
    assert repr(figure) == "LabelCurve(6 counts, 4 arms)"
    more = [{**ARMS[0], "runs": "stays out of the page"}, ARMS[1]]
    assert curve(arms=more, against="").state()["arms"] == ARMS[:2]


def test_two_arms_at_two_counts_are_enough_and_nine_have_nine_looks() -> None:
    two = [{"name": n, "accuracy": [0.1, 0.2], "sd": [0, 0]} for n in ("a", "b")]
    assert curve(counts=[1, 9], arms=two, against="", asked=None).asked == 9
    script = """const { look } = await load("bert/label_curve.js");
      return [...Array(28).keys()].map((n) => JSON.stringify(look(n)));"""
    assert len(set(run(script))) == 28


def broken(n: int, **parts) -> dict:
    arms = copy.deepcopy(ARMS)
    arms[n].update(parts)
    return {"arms": arms}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"counts": "4 16"}, "counts: got '4 16', expected a list of growing whole"),
        ({"counts": [4]}, r"counts: got \[4\], expected growing whole numbers"),
        ({"counts": [4, 4, 8]}, "counts: got .*growing"),
        ({"counts": [0, 4, 8]}, "counts: got .*growing"),
        ({"counts": [4, 8.5, 9]}, "counts: got .*whole"),
        ({"arms": 3}, "arms: got 3, expected a list of mappings"),
        ({"arms": ARMS[:1]}, "arms: got 1, expected two or more"),
        ({"arms": [ARMS[0], "b"]}, "arms: number 2 has 'b', expected a mapping with"),
        ({"arms": [ARMS[0], {"name": "b"}]}, "arms: number 2 has .*accuracy and sd"),
        (broken(1, name=" "), "arms: number 2 has name ' ', expected a string"),
        (broken(1, name="from scratch"), "arms: got the names .* expected each once"),
        (broken(2, accuracy=[0.5]), r"number 3 has accuracy \[0.5\], expected 6 num"),
        (broken(2, accuracy=[0.5] * 5 + [1.5]), "number 3 has accuracy .* from 0 to 1"),
        (broken(0, sd=[0.1] * 5 + [math.nan]), "number 1 has sd .* expected 6 numbers"),
        (broken(0, sd=[0.1] * 5 + [-0.1]), "number 1 has sd"),
        ({"against": "by magic"}, "against: got 'by magic', expected one of"),
        ({"pretrained": "from scratch"}, "against: got 'from scratch', expected anot"),
        ({"asked": 65}, "asked: got 65, expected one of"),
        ({"at": 7}, "at: got 7, expected 1 to 6 or None"),
        ({"chance": 2}, "chance: got 2"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        curve(**arguments)
