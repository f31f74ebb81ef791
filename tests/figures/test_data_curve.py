"""The gap is taken seed by seed, and read off where it closes; what may be given."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from javascript import run
from picture_arms import AHEAD, ARMS, BEHIND, COUNTS, NAMES, hunger

GAP = """const { over, gap } = await load("vit/gap.js");
  return { accuracy: arms.map((arm) => over(arm.runs)),
    gap: arms.map((arm) => gap(arms[0], arm)) };"""
CLOSED = """const { closed } = await load("vit/gap.js");
  return gaps.map((gap) => closed(counts, gap));"""


def test_mean_and_deviation_over_the_seeds() -> None:
    found = run(GAP, arms=ARMS)
    first = np.array(ARMS[0]["runs"])
    for arm, accuracy, gap in zip(ARMS, found["accuracy"], found["gap"], strict=True):
        runs = np.array(arm["runs"])
        assert accuracy["mean"] == pytest.approx(list(runs.mean(0)))
        assert accuracy["sd"] == pytest.approx(list(runs.std(0, ddof=1)))
        behind = 100 * (first - runs)
        assert gap["mean"] == pytest.approx(list(behind.mean(0)), abs=1e-9)
        assert gap["sd"] == pytest.approx(list(behind.std(0, ddof=1)), abs=1e-9)


def test_what_the_arms_of_a_seed_share_is_not_in_the_gap() -> None:
    easy, hard = [0.5, 0.9], [0.1, 0.7]
    arms = [
        {"runs": [easy, hard]},
        {"runs": [[v - 0.1 for v in r] for r in (easy, hard)]},
    ]
    [_, gap] = run(GAP, arms=arms)["gap"]
    assert gap == {"mean": [10, 10], "sd": [0, 0]}


def test_a_gap_of_nothing_is_nothing() -> None:
    arms = [{"runs": [[0.1], [0.2], [0.7]]}, {"runs": [[0.4], [0.3], [0.3]]}]
    [_, gap] = run(GAP, arms=arms)["gap"]
    assert gap["mean"] == [0]


def test_where_the_gap_is_closed_for_good() -> None:
    counts = [10, 100, 1000, 10_000]
    gaps = [
        [30, 20, 10, 1],  # never
        [30, 20, -1, 1],  # not for good
        [30, 10, -10, -20],
        [-5, 10, -10, -20],  # few pictures: all is left to chance
        [-1, -2, 0, -1],
        [30, 20, 10, 0],
    ]
    found = run(CLOSED, counts=counts, gaps=gaps)
    assert found[:2] == [{"more": True, "count": 10_000}] * 2
    for one in found[2:4]:
        assert one == {"count": pytest.approx(10**2.5)}
    assert found[4] == {"less": True, "count": 10}
    assert found[5] == {"count": pytest.approx(10_000)}


def test_it_is_where_the_lines_cross() -> None:
    first, other = [0.5, 0.7, 0.8, 0.85], [0.2, 0.5, 0.82, 0.9]
    counts = [20, 100, 300, 1000]
    script = """const { closed } = await load("vit/gap.js");
      const { between } = await load("kit/needed.js");
      const { count } = closed(counts, first.map((v, i) => v - other[i]));
      return [first, other].map((values) => between(counts, values, count));"""
    one, two = run(script, counts=counts, first=first, other=other)
    assert one == pytest.approx(two)
    assert 0.7 < one < 0.8


def test_between_the_points_it_is_straight_over_the_logarithm() -> None:
    script = """const { between } = await load("kit/needed.js");
      return at.map((count) => between(counts, values, count));"""
    at = [50, 60, 100, 333, 1256, 1257, 1257.0000001]
    found = run(script, counts=COUNTS, values=AHEAD, at=at)
    expected = np.interp(np.log(at), np.log(COUNTS), AHEAD)
    assert found == pytest.approx(list(expected))


STANDING = """const { standing } = await load("vit/gap.js");
  return gaps.map(([mean, sd]) => standing(mean, sd, "CNN"));"""


def test_what_the_seeds_cannot_tell_is_not_said() -> None:
    gaps = [(27.81, 2.1), (-3, 1), (0.9, 1), (-0.9, 1), (1, 1)]
    even = "level with “CNN” as far as the seeds tell"
    assert run(STANDING, gaps=gaps) == [
        "behind “CNN” by 27.8 ± 2.1 points",
        "ahead of “CNN” by 3.0 ± 1.0 points",
        f"{even} (0.9 ± 1.0 points)",
        f"{even} (0.9 ± 1.0 points)",
        f"{even} (1.0 ± 1.0 points)",
    ]


VERDICT = """const { verdict } = await load("vit/data_curve.js");
  const asked = { counts: [10, 100, 1000], first: "CNN", second: "ViT", seeds: 3 };
  const gaps = { mean, sd: [1, 1, 1] };
  return guesses.map((guess) => verdict({ ...asked, gaps }, guess));"""
MORE = {"count": 1000, "more": True}


def verdicts(*mean: float) -> list[str]:
    return run(VERDICT, mean=mean, guesses=[{"count": 300}, MORE, None])


def test_no_crossing_is_said_in_words() -> None:
    found = verdicts(30, 20, 5)
    start = (
        "No crossing was seen in this range. With 1,000 pictures, the most that were "
        "tried, “ViT” is behind “CNN” by 5.0 ± 1.0 points."
    )
    assert found == [
        f"{start} You said 300: not close.",
        f"{start} You said more than 1,000: right.",
        start,
    ]


def test_a_crossing_is_read_off() -> None:
    found = verdicts(30, 10, -10)
    start = "From about 320 pictures on, “ViT” is not behind “CNN”."
    assert found == [
        f"{start} You said 300: close.",
        f"{start} You said more than 1,000: not close.",
        start,
    ]
    assert verdicts(-3, -2, -5)[2] == "“ViT” is never behind “CNN”, from 10 on."


@pytest.mark.parametrize(
    ("last", "start"),
    [
        (0.5, "No crossing was seen in this range."),
        (-0.5, "From about 900 pictures on"),
    ],
)
def test_a_crossing_within_the_deviation_is_left_open(last, start) -> None:
    said = verdicts(30, 10, last)[2]
    assert said.startswith(start)
    gap = f"{last:.1f}".replace("-", "−")
    assert f"the gap, {gap} ± 1.0 points, is not larger than its deviation" in said
    assert said.endswith("3 seeds cannot tell who is ahead.")
    assert "right" not in verdicts(30, 10, last)[1]


def test_the_axis_of_the_gaps_holds_them_all_and_zero() -> None:
    script = """const { axisOf } = await load("vit/data_curve.js");
      return gaps.map(([mean, sd]) => axisOf([{ mean: [mean], sd: [sd] }]));"""
    found = run(script, gaps=[(26, 2), (3, 1), (-4, 3), (0, 0)])
    assert [one["ticks"] for one in found] == [
        [0, 10, 20, 30],
        [0, 1, 2, 3, 4],
        [-8, -6, -4, -2, 0, 2],
        [0, 1],
    ]
    assert [(one["low"], one["high"]) for one in found] == [
        *((0, 30), (0, 4), (-8, 2), (0, 1)),
    ]


def test_what_is_not_given_is_filled_in() -> None:
    figure = hunger(chance=None)
    assert (figure.reference, figure.against) == (NAMES[0], NAMES[1])
    assert (figure.view, figure.at) == ("accuracy", None)
    assert repr(figure) == "DataCurve(6 counts, 3 arms)"
    more = [{**ARMS[0], "rate": "stays out of the page"}, ARMS[1]]
    assert hunger(arms=more).state()["arms"] == ARMS[:2]
    long = [{"name": n, "runs": [[1 / 3] * 6] * 2} for n in "ab"]
    assert hunger(arms=long).state()["arms"][0]["runs"][0][0] == 0.3333
    assert long[0]["runs"][0][0] == 1 / 3  # the caller's list is left alone


def test_the_made_up_arms_are_behind_by_what_they_say() -> None:
    found = run(GAP, arms=ARMS)["gap"]
    for arm, gap in zip(ARMS[1:], found[1:], strict=True):
        expected = [100 * v for v in BEHIND[arm["name"]]]
        assert gap["mean"] == pytest.approx(expected, abs=0.02)


def test_the_caption_is_true_before_and_after_the_answer() -> None:
    assert not hunger().state()["caption"].startswith("First")


def broken(n: int, **parts) -> dict:
    arms = copy.deepcopy(ARMS)
    arms[n].update(parts)
    return {"arms": arms}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"counts": "50 100"}, "counts: got '50 100', expected a list of growing"),
        ({"counts": [50, 50, 100]}, "counts: got .*growing"),
        ({"arms": 3}, "arms: got 3, expected a list of mappings with name and runs"),
        ({"arms": ARMS[:1]}, "arms: got 1, expected two or more"),
        ({"arms": [ARMS[0], "b"]}, "number 2 has 'b', expected .* name and runs"),
        (broken(1, name=""), "arms: number 2 has name '', expected a string"),
        (broken(1, name=NAMES[0]), "arms: got the names .* expected each once"),
        (broken(2, runs=[[0.5] * 6]), "number 3 has runs .* two runs or more"),
        (broken(2, runs="ab"), "number 3 has runs 'ab', expected two runs or more"),
        (broken(0, runs=[[0.5] * 6, [0.5]]), "number 1 .* in each run 6 numbers"),
        (broken(0, runs=[0.5, 0.6]), "number 1 has runs .* in each run 6 numbers"),
        (broken(0, runs=[[1.5] * 6] * 3), "in each run 6 numbers from 0 to 1"),
        (broken(0, runs=[[math.nan] * 6] * 3), "in each run 6 numbers from 0 to 1"),
        (broken(2, runs=[[0.5] * 6] * 2), r"arms: got \[3, 3, 2\] runs, expected as"),
        ({"against": "magic"}, "against: got 'magic', expected one of"),
        ({"reference": "magic"}, "reference: got 'magic', expected one of"),
        ({"reference": NAMES[1]}, "against: .* expected another arm than reference"),
        ({"view": "loss"}, "view: got 'loss', expected one of 'accuracy', 'gap'"),
        ({"at": 7}, "at: got 7, expected 1 to 6 or None"),
        ({"chance": 2}, "chance: got 2"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        hunger(**arguments)
