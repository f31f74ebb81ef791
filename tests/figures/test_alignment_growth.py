"""What a history holds: the gold links that are found, and what is wrong with it."""

from __future__ import annotations

import copy

import pytest
from histories import FIRST, HISTORY, SECOND, growth
from javascript import run

from course_lib.figures.attention import AlignmentGrowth

ALIGNED = """const { aligned } = await load("attention/alignment_growth.js");
  return sentences.map(({ weights, links }) =>
    weights.map((rows) => aligned(rows, links)));"""


def test_a_word_is_found_where_its_largest_weight_is_at_a_gold_link() -> None:
    first, second = run(ALIGNED, sentences=[FIRST, SECOND])
    assert [one["linked"] for one in first] == [[0, 1, 2]] * 3
    assert [one["found"] for one in first] == [[0], [0], [0, 1, 2]]
    assert [one["linked"] for one in second] == [[0]] * 3  # once, with two links
    assert [one["found"] for one in second] == [[], [0], [0]]


def test_what_it_starts_with() -> None:
    figure = growth()
    assert (figure.sentence, figure.at, figure.word) == (1, None, 0)
    assert figure.state()["history"] == HISTORY
    assert repr(figure) == "AlignmentGrowth(3 steps)"
    more = {**HISTORY, "note": "stays out of the page"}
    assert AlignmentGrowth(more).state()["history"] == HISTORY


def broken(change) -> dict:
    history = copy.deepcopy(HISTORY)
    change(history)
    return {"history": history}


def of_second(**parts):
    return broken(lambda history: history["sentences"][1].update(parts))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"history": 3}, "history: got 3, expected a mapping with step, error_rate"),
        (broken(lambda h: h.pop("bleu")), "history: got .*expected a mapping with"),
        (broken(lambda h: h.update(step=[])), "history: step is .*growing whole"),
        (broken(lambda h: h.update(step=[0, 50, 50])), "history: step is .*growing"),
        (broken(lambda h: h.update(step=[0, 0.5, 1])), "history: step is .*whole"),
        (
            broken(lambda h: h.update(bleu=[1, 2])),
            r"history: bleu is \[1, 2\], expected 3 numbers from 0 to 100, one for",
        ),
        (
            broken(lambda h: h.update(error_rate=[0, 1, 2])),
            r"history: error_rate is \[0, 1, 2\], expected 3 numbers from 0 to 1,",
        ),
        (
            broken(lambda h: h.update(error_rate=[0, 1, float("nan")])),
            "history: error_rate is",
        ),
        (broken(lambda h: h.update(sentences=[])), "history: sentences has none"),
        (
            broken(lambda h: h["sentences"][0].pop("links")),
            "history: sentence 1 has no links, expected source, target, links and",
        ),
        (
            of_second(source="배 가"),
            "history: sentence 2 has source '배 가', expected a",
        ),
        (of_second(target=[]), r"history: sentence 2 has target \[\], expected a list"),
        (
            of_second(links=[[0, 0], [3, 0]]),
            r"history: sentence 2 has link \[3, 0\], expected \[0 to 2, 0 to 1\]",
        ),
        (of_second(links=[[0, -1]]), r"history: sentence 2 has link \[0, -1\]"),
        (
            of_second(weights=SECOND["weights"][:2]),
            "history: sentence 2 has weights of 2 steps, expected 3",
        ),
        (
            of_second(weights=[*SECOND["weights"][:2], [[1, 0], [0, 1]]]),
            "history: sentence 2 has weights at step 3 that are not 2 rows of 3",
        ),
        (
            of_second(weights=[*SECOND["weights"][:2], [[1, 0, 0]]]),
            "history: sentence 2 has weights at step 3 that",
        ),
        (
            of_second(weights=[*SECOND["weights"][:2], [[1, 0, 0], [2, 0, 0]]]),
            "history: sentence 2 has weights at step 3 that",
        ),
        ({"sentence": 3}, "sentence: got 3, expected 1 to 2"),
        ({"at": 4}, "at: got 4, expected 1 to 3 or None"),
        ({"word": 5}, "word: got 5, expected 0 to 4"),
        ({"sentence": 2, "word": 3}, "word: got 3, expected 0 to 2"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        growth(**arguments)
