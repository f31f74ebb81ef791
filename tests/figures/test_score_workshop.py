"""The workshop's scores, weights and means are those of course_lib.attention."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import pytest
import torch
from javascript import run

from course_lib.attention import (
    Additive,
    Attention,
    Dot,
    General,
    masked_softmax,
)
from course_lib.figures.attention import ScoreWorkshop

KINDS = ("dot", "scaled", "general", "additive")
ATTEND = """const { attend, matrix, slope, ADDITIVE } =
    await load("attention/scores.js");
  return settings.map((one) => {
    const all = attend(one);
    return { ...all, W: matrix(one), slope: slope(all.weights), additive: ADDITIVE };
  });"""


def setting(**changes: Any) -> dict[str, Any]:
    figure = ScoreWorkshop(**changes)
    one = {name: getattr(figure, name) for name in figure.arguments}
    return one | {"keys": figure.key_vectors, "values": figure.value_vectors}


def settings(count: int, seed: int) -> list[dict[str, Any]]:
    """Random ones of every kind, from nothing masked to everything."""
    draw = random.Random(seed)

    def vector() -> list[float]:
        return [draw.uniform(-3, 3), draw.uniform(-3, 3)]

    return [
        setting(
            score=draw.choice(KINDS),
            query=vector(),
            key_vectors=[vector() for _ in range(5)],
            value_vectors=[vector() for _ in range(5)],
            averaged=draw.choice(["values", "keys"]),
            masked=draw.sample(range(1, 6), k=draw.randint(0, 5)),
            turn=draw.uniform(-180, 180),
            stretch_x=draw.uniform(-2, 2),
            stretch_y=draw.uniform(-2, 2),
            temperature=draw.uniform(0.1, 5),
        )
        for _ in range(count)
    ]


def score_of(one: dict[str, Any], got: dict[str, Any]) -> torch.nn.Module:
    """The course's module with the page's weights."""
    kind = one["score"]
    if kind in ("dot", "scaled"):
        return Dot(2, scaled=kind == "scaled")
    if kind == "general":
        score = General(2, 2).double()
        score.W.weight.data = tensor(got["W"])
        return score
    score = Additive(2, 2, 3).double()
    score.W_q.weight.data = tensor(got["additive"]["W_q"])
    score.W_k.weight.data = tensor(got["additive"]["W_k"])
    score.v.weight.data = tensor([got["additive"]["v"]])
    return score


def tensor(nested: Any) -> torch.Tensor:
    return torch.tensor(nested, dtype=torch.float64)


@torch.no_grad()
def test_scores_weights_and_means_are_the_courses() -> None:
    every = settings(300, seed=0)
    for one, got in zip(every, run(ATTEND, settings=every), strict=True):
        score = score_of(one, got)
        query, keys = tensor([[one["query"]]]), tensor([one["keys"]])
        values = tensor([one[one["averaged"]]])
        mask = torch.tensor([[place not in one["masked"] for place in range(1, 6)]])
        scores = score(query, score.keys(keys))
        weights = masked_softmax(scores / one["temperature"], mask[:, None])
        mean = weights @ values
        for name, expected in (("scores", scores), ("weights", weights)):
            assert got[name] == pytest.approx(expected.flatten().tolist(), abs=1e-10)
        assert got["mean"] == pytest.approx(mean.flatten().tolist(), abs=1e-10)
    seen = {(one["score"], one["averaged"]) for one in every}
    assert len(seen) == 8  # or it would prove little


@torch.no_grad()
def test_with_keys_as_values_it_is_the_courses_attention() -> None:
    for kind in KINDS:
        one = setting(score=kind, averaged="keys", masked=[2])
        (got,) = run(ATTEND, settings=[one])
        attention = Attention(score_of(one, got))
        mask = torch.tensor([[True, False, True, True, True]])
        memory = attention.remember(tensor([one["keys"]]), mask)
        time = torch.zeros(1, dtype=torch.long)
        context, weights = attention(tensor([[one["query"]]]), memory, time)
        assert got["mean"] == pytest.approx(context.flatten().tolist(), abs=1e-12)
        assert got["weights"] == pytest.approx(weights.flatten().tolist(), abs=1e-12)


def test_a_masked_word_gets_exactly_nothing_and_the_others_share_it() -> None:
    masks = [[], [5], [1, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5]]
    every = [setting(masked=masked) for masked in masks]
    whole, *rest = (one["weights"] for one in run(ATTEND, settings=every))
    for masked, weights in zip(masks[1:-1], rest, strict=False):
        left = [i for i in range(5) if i + 1 not in masked]
        assert all(weights[place - 1] == 0 for place in masked)
        assert sum(weights) == pytest.approx(1)
        share = sum(whole[i] for i in left)
        for i in left:
            assert weights[i] == pytest.approx(whole[i] / share)
    nothing = run(ATTEND, settings=every)[-1]
    assert nothing["weights"] == [0, 0, 0, 0, 0]
    assert nothing["mean"] == [0, 0]
    assert nothing["slope"] == 0


def test_the_matrix_stretches_and_then_turns() -> None:
    script = 'return (await load("attention/scores.js")).matrix(given);'
    got = run(script, given={"turn": 90, "stretch_x": 2, "stretch_y": 0.5})
    assert got[0] == pytest.approx([0, -0.5])
    assert got[1] == pytest.approx([2, 0])
    same = run(script, given={"turn": 0, "stretch_x": 1, "stretch_y": 1})
    assert same == [[1, 0], [0, 1]]


def test_the_slope_is_the_trace_of_the_softmaxs_jacobian() -> None:
    (got,) = run(ATTEND, settings=[setting()])
    scores = tensor(got["scores"])
    jacobian = torch.autograd.functional.jacobian(lambda e: e.softmax(0), scores)
    assert got["slope"] == pytest.approx(jacobian.trace().item())


def test_the_example_is_the_one_that_the_chapter_tells() -> None:
    (got,) = run(ATTEND, settings=[setting()])
    assert got["weights"][4] == pytest.approx(0.8, abs=0.005)  # 고프다, hungry
    pairs = zip(ScoreWorkshop().key_vectors, ScoreWorkshop().value_vectors, strict=True)
    assert all(key != value for key, value in pairs)


# -- the width ------------------------------------------------------------------------


WIDTH = """const { WIDTHS, atWidth, draws } = await load("attention/widths.js");
  return WIDTHS.map((width) => {
    const all = atWidth(width, seed);
    const drawn = width <= 32 ? draws(width, seed) : null;
    const plain = drawn?.map(({ query, keys }) =>
      ({ query: [...query], keys: keys.map((key) => [...key]) }));
    return { width, ...all, drawn: plain ?? null };
  });"""


@pytest.fixture(scope="module")
def widths() -> list[dict[str, Any]]:
    return run(WIDTH, seed=ScoreWorkshop().seed)


def test_what_is_measured_at_a_width_is_what_torch_measures(widths) -> None:
    for one in widths:
        if one["drawn"] is None:
            continue
        d = one["width"]
        query = tensor([[row["query"]] for row in one["drawn"]])
        keys = tensor([row["keys"] for row in one["drawn"]])
        everything = torch.ones(keys.shape[:2], dtype=torch.bool)[:, None]
        for name, scaled in (("plain", False), ("scaled", True)):
            scores = Dot(d, scaled=scaled)(query, keys)
            weights = masked_softmax(scores, everything)
            slope = (weights * (1 - weights)).sum(-1).mean()
            spread = scores.square().mean().sqrt()
            largest = weights.amax(-1).mean()
            assert one[name]["spread"] == pytest.approx(spread.item(), abs=1e-10)
            assert one[name]["largest"] == pytest.approx(largest.item(), abs=1e-10)
            assert one[name]["slope"] == pytest.approx(slope.item(), abs=1e-10)
    assert sum(one["drawn"] is not None for one in widths) == 5


def test_the_spread_is_the_root_of_the_width_and_the_softmax_saturates(widths) -> None:
    assert [one["width"] for one in widths] == [2**n for n in range(1, 10)]
    for one in widths:
        root = math.sqrt(one["width"])
        assert one["plain"]["spread"] == pytest.approx(root, rel=0.1)
        assert one["scaled"]["spread"] == pytest.approx(1, rel=0.1)
        assert len(one["products"]) == 1000
    largest = [one["plain"]["largest"] for one in widths]
    slopes = [one["plain"]["slope"] for one in widths]
    assert largest == sorted(largest)
    assert slopes == sorted(slopes, reverse=True)
    assert largest[-1] > 0.95
    assert slopes[-1] < 0.1
    for one in widths:  # divided, no width is different from another
        assert 0.38 < one["scaled"]["largest"] < 0.5
        assert 0.6 < one["scaled"]["slope"] < 0.75


def test_other_seeds_are_other_vectors() -> None:
    script = """const { atWidth } = await load("attention/widths.js");
      return [1, 2].map((seed) => atWidth(4, seed).plain.spread);"""
    one, other = run(script)
    assert one != other
    assert other == pytest.approx(2, rel=0.15)


# -- in words -------------------------------------------------------------------------


def say(function: str, one: dict[str, Any], *given: Any) -> Any:
    script = f"""const words = await load("attention/said.js");
      const {{ attend }} = await load("attention/scores.js");
      return words.{function}(one, attend(one), ...given);"""
    return run(script, one=one, given=given)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {},
            "배 (stomach): e = q · k = 1.60 · 0.80 + 1.00 · 0.60 = 1.88; "
            "α = exp(e) / sum of all = 0.17.",
        ),
        (
            {"score": "scaled", "temperature": 2},
            "e = q · k / √2 = (1.60 · 0.80 + 1.00 · 0.60) / 1.41 = 1.33; "
            "α = exp(e/2.00) / sum of all",
        ),
        (
            {"score": "general"},
            "W k = (−0.60, 0.80), q · W k = 1.60 · (−0.60) + 1.00 · 0.80 = −0.16",
        ),
        ({"score": "additive"}, "tanh(W_q q + W_k k) = ("),
        ({"masked": [3]}, "it is masked, so α = 0."),
    ],
)
def test_the_arithmetic_of_a_word(changes, says) -> None:
    assert says in say("arithmetic", setting(**changes), 2)


def test_the_verdict_names_the_winner_and_why() -> None:
    right = say("verdict", setting(), 4)
    assert right.startswith("고프다 (hungry), with a weight of 0.80. The key of 배")
    assert "counts the length of a key too. As you said." in right
    assert say("verdict", setting(), 2).endswith("Not as you said.")
    assert "said" not in say("verdict", setting(), None)
    # nothing to explain where the direction decides, or is not what is compared
    along = [[0, 1], [-1, 0], [0, -1], [1, 0], [1.6, 1.0]]
    assert "length" not in say("verdict", setting(key_vectors=along), 4)
    assert "length" not in say("verdict", setting(score="additive"), 4)
    # a masked word is not compared
    assert "length" not in say("verdict", setting(masked=[3]), 4)
    assert "all are masked" in say("verdict", setting(masked=[1, 2, 3, 4, 5]), 0)


def test_words_with_equal_weights_win_together() -> None:
    both = setting(query=[0, 0], masked=[1, 2, 4])
    said = say("verdict", both, 2)
    assert said == "배 (stomach) and 고프다 (hungry): 0.50 each. As you said."
    assert say("verdict", both, 0).endswith("Not as you said.")


def blend(**changes: Any) -> str:
    script = """const { blend } = await load("attention/said.js");
      const { attend } = await load("attention/scores.js");
      return blend(attend(one), "values");"""
    return run(script, one=setting(**changes))


def test_the_mean_is_told_as_a_sum_of_words() -> None:
    assert blend().startswith(
        "mean of the values = 0.80 · hungry + 0.17 · stomach + 0.02 · I"
    )
    assert " + … = (" in blend()
    assert blend(masked=[1, 2, 3, 4]) == (
        "mean of the values = 1.00 · hungry = (2.40, −0.80)"
    )
    nothing = blend(masked=[1, 2, 3, 4, 5])
    assert nothing.endswith("all weights are exactly 0, and the mean is (0.00, 0.00).")


# -- arguments ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"score": "cosine"}, "score: got 'cosine', expected one of 'dot'"),
        ({"query": [1]}, "query: got .*expected 2 numbers from -3 to 3"),
        ({"query": [1, 3.1]}, "query: got"),
        ({"query": [1, True]}, "query: got"),
        ({"query": [1, math.nan]}, "query: got"),
        ({"query": "12"}, "query: got"),
        ({"query": None}, "query: got None"),
        (
            {"key_vectors": [[0, 0]] * 4},
            "key_vectors: got .*expected 5 vectors of 2 numbers",
        ),
        ({"key_vectors": [[0, 0]] * 4 + [[0]]}, "key_vectors: got"),
        ({"value_vectors": [1, 2, 3, 4, 5]}, "value_vectors: got"),
        ({"masked": [0]}, "masked: got .*expected whole numbers from 1 to 5"),
        ({"masked": [6]}, "masked: got"),
        ({"masked": [2, 2]}, "masked: got .*each at most once"),
        ({"masked": [True]}, "masked: got"),
        ({"masked": 3}, "masked: got 3"),
        ({"averaged": "queries"}, "averaged: got 'queries'"),
        ({"temperature": 0}, "temperature: got 0, expected a number from 0.1"),
        ({"turn": 181}, "turn: got 181"),
        ({"stretch_x": 3}, "stretch_x: got 3"),
        ({"width": 48}, "width: got 48, expected a power of 2 from 2 to 512"),
        ({"width": 1024}, "width: got 1024, expected a whole number"),
    ],
)
def test_a_wrong_argument_is_named(given, says) -> None:
    with pytest.raises(ValueError, match=says):
        ScoreWorkshop(**given)


def test_arguments_are_copied_and_tuples_will_do() -> None:
    assert repr(ScoreWorkshop()) == "ScoreWorkshop()"
    figure = ScoreWorkshop(query=(1, 2), key_vectors=((0, 1),) * 5, masked=(4, 2))
    assert figure.query == [1, 2]
    assert figure.key_vectors == [[0, 1]] * 5
    assert figure.masked == [2, 4]
    before = copy.deepcopy(ScoreWorkshop().key_vectors)
    ScoreWorkshop().key_vectors[0][0] = 99
    ScoreWorkshop().masked.append(1)
    assert ScoreWorkshop().key_vectors == before
    assert ScoreWorkshop().masked == []
