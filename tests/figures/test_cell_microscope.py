"""The network under the microscope is torch's, and the search finds what is there."""

from __future__ import annotations

import json
import random
from statistics import fmean

import pytest
import torch
from javascript import FIGURES, run
from torch import nn

from course_lib.figures.lstm_gru import CellMicroscope
from course_lib.figures.weights import unpack

STORED = FIGURES / "lstm_gru" / "cell_microscope.json"
# A network of one cell that knows one character; the order is that of the parameters.
ONE = {"layer.W_x": [4, 1], "layer.W_h": [4, 1], "layer.b": [4]}
ONE |= {"output.weight": [1, 1], "output.bias": [1]}
TINY = {
    "alphabet": "a",
    "examples": ["aa"],
    "cells": [{"cell": 0, "concept": "a", "score": 1}],
    "parameters": {name: {"shape": shape} for name, shape in ONE.items()},
}


@pytest.fixture(scope="module")
def weights() -> dict:
    return json.loads(STORED.read_text(encoding="utf-8"))


# -- the network ----------------------------------------------------------------------


def torch_reads(weights: dict, text: str) -> dict[str, torch.Tensor]:
    """Each ``(T, …)``: all parts of all steps. h and c come from ``nn.LSTM``."""
    W_x, W_h, b, W_o, b_o = (
        torch.tensor(unpack(weights["parameters"][name]), dtype=torch.float64)
        for name in (
            "layer.W_x",
            "layer.W_h",
            "layer.b",
            "output.weight",
            "output.bias",
        )
    )
    V, H = W_o.shape
    lstm, output = nn.LSTM(V, H).double(), nn.Linear(H, V).double()
    lstm.weight_ih_l0.data, lstm.weight_hh_l0.data = W_x, W_h
    lstm.bias_ih_l0.data, lstm.bias_hh_l0.data = b, torch.zeros_like(b)
    output.weight.data, output.bias.data = W_o, b_o
    ids = torch.tensor([weights["alphabet"].index(letter) for letter in text])
    x = nn.functional.one_hot(ids, V).double()  # (T, V)
    state = (torch.zeros(1, H).double(), torch.zeros(1, H).double())
    parts: dict[str, list] = {name: [] for name in "ifgohc"}
    with torch.no_grad():
        for row in x:
            a = W_x @ row + W_h @ state[0][0] + b  # (4H,)
            for name, block in zip("ifgo", a.chunk(4), strict=True):
                parts[name].append(block.tanh() if name == "g" else block.sigmoid())
            _, state = lstm(row[None], state)
            parts["h"].append(state[0][0])
            parts["c"].append(state[1][0])
        stacked = {name: torch.stack(rows) for name, rows in parts.items()}
        return stacked | {"output": output(stacked["h"]).softmax(-1)}


def test_every_value_equals_torch(weights) -> None:
    """On its examples, and on any characters in any order."""
    letters = random.Random(0).choices(weights["alphabet"], k=150)
    text = "".join([*weights["examples"], *weights["alphabet"], *letters])
    script = """const { network } = await load("lstm_gru/character_lstm.js");
      return network(weights).read([...text]);"""
    got = run(script, weights=weights, text=text)
    assert [step["letter"] for step in got] == list(text)
    expected = torch_reads(weights, text)
    for name, values in expected.items():
        mine = torch.tensor([step[name] for step in got], dtype=torch.float64)
        torch.testing.assert_close(mine, values, rtol=0, atol=1e-9, msg=name)
    before = torch.tensor([step["before"] for step in got], dtype=torch.float64)
    torch.testing.assert_close(before[1:], expected["c"][:-1], rtol=0, atol=1e-9)
    assert not before[0].any()


@pytest.mark.parametrize("edit", ["same", "end", "middle", "start", "shorter", "empty"])
def test_only_what_follows_an_edit_is_read_anew(weights, edit: str) -> None:
    text = weights["examples"][0]
    new = weights["alphabet"][-1]
    assert new not in (text[0], text[9])
    now, kept = {
        "same": (text, len(text)),
        "end": (text + new, len(text)),
        "middle": (text[:9] + new + text[9:], 9),
        "start": (new + text, 0),
        "shorter": (text[:-3], len(text) - 3),
        "empty": ("", 0),
    }[edit]
    script = """const { network } = await load("lstm_gru/character_lstm.js");
      const { read } = network(weights);
      const before = read([...text]);
      const after = read([...now], before);
      const [one, other] = [after, read([...now])].map((all) => JSON.stringify(all));
      const kept = after.filter((step, t) => step === before[t]).length;
      return { kept, same: one === other, length: after.length };"""
    got = run(script, weights=weights, text=text, now=now)
    assert got == {"kept": kept, "same": True, "length": len(now)}


def test_sampling_follows_the_probabilities() -> None:
    script = """const { sample } = await load("lstm_gru/character_lstm.js");
      return us.map((u) => sample(probabilities, u));"""
    probabilities = [0.0, 0.2, 0.0, 0.5, 0.3]
    us = [(n + 0.5) / 1000 for n in range(1000)]
    got = run(script, probabilities=probabilities, us=us)
    assert [got.count(k) for k in range(5)] == [0, 200, 0, 500, 300]
    short = [0.5, 0.5 - 1e-12]  # a sum that rounding left below 1
    assert run(script, probabilities=short, us=[1 - 1e-15]) == [1]


def test_its_best_guesses() -> None:
    script = """const { guesses } = await load("lstm_gru/character_lstm.js");
      return guesses(Float64Array.from([0.1, 0.4, 0.05, 0.45]), 3);"""
    best = [(guess["k"], guess["p"]) for guess in run(script)]
    assert best == [(3, 0.45), (1, 0.4), (0, 0.1)]


# -- text -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "read", "refused"),
    [
        ("ab", "ab", []),
        ("", "", []),
        ("é a€€b😀", " ab", ["é", "€", "😀"]),
        ("“a”„", '"a""', []),
        ("a\u00a0b\r\na", "a b\na", []),
        ("b’", "b", ["’"]),  # the plain one is unknown too
    ],
)
def test_unknown_characters_are_named(text: str, read: str, refused: list) -> None:
    script = """const { readable } = await load("lstm_gru/character_lstm.js");
      return readable(text, [..."ab\\" \\n"]);"""
    assert run(script, text=text) == {"letters": list(read), "refused": refused}


@pytest.mark.parametrize(
    ("old", "now", "positions", "moved", "at"),
    [
        ("abc", "abc", [0, 1, 2], [0, 1, 2], 2),
        ("abc", "abcd", [0, 2], [0, 2], 3),  # typed at the end
        ("abc", "axbc", [0, 1, 2], [0, 2, 3], 1),  # in the middle
        ("abc", "xyabc", [0], [2], 1),
        ("abcd", "ad", [0, 1, 3], [0, 1], 0),  # taken out
        ("abcd", "axd", [1, 2, 3], [2], 1),  # replaced
        ("aaa", "aaaa", [2], [2], 3),
        ("abc", "", [0, 1], [], 0),
        ("", "ab", [], [], 1),
        ("abc", "xyz", [0, 1, 2], [], 2),
    ],
)
def test_marks_move_with_their_letters(old, now, positions, moved, at) -> None:
    script = """const text = await load("lstm_gru/character_lstm.js");
      return [text.carried(positions, [...old], [...now]),
        text.editedAt([...old], [...now])];"""
    assert run(script, old=old, now=now, positions=positions) == [moved, at]


# -- the search -----------------------------------------------------------------------


def balanced(says: list[bool], marked: list[bool]) -> float:
    pairs = list(zip(says, marked, strict=True))
    return fmean(
        fmean(float(guess == side) for guess, is_marked in pairs if is_marked is side)
        for side in (True, False)
    )


def best_of_all(values: list[float], marked: list[bool]) -> float:
    """By trying every threshold in both directions."""
    guesses = [[v > cut for v in values] for cut in values]
    guesses += [[not says for says in guess] for guess in guesses]
    return max(balanced(guess, marked) for guess in guesses)


def some_cells(seed: int, H: int = 4, T: int = 24) -> tuple[list, list]:
    """Smooth ones, with ties."""
    draw = random.Random(seed)
    cells = []
    for _ in range(H):
        walk = [0]
        while len(walk) < T:
            walk.append(walk[-1] + draw.choice([-1, 0, 0.5, 1]))
        cells.append(walk)
    marked = [draw.random() < 0.3 for _ in range(T)]
    marked[:2] = [True, False]
    return cells, marked


@pytest.mark.parametrize("seed", range(5))
def test_the_search_finds_the_best_threshold(seed: int) -> None:
    cells, marked = some_cells(seed)
    script = """const { rank, judged, tested } =
        await load("lstm_gru/separation.js");
      const { ranking, elsewhere } = rank(cells, marked);
      const again = ranking.map((one) => tested(judged(cells[one.cell], one), marked));
      return { ranking, elsewhere, again };"""
    got = run(script, cells=cells, marked=marked)
    best = [best_of_all(cells[one["cell"]], marked) for one in got["ranking"]]
    scores = [one["score"] for one in got["ranking"]]
    assert scores == pytest.approx(best)
    assert got["again"] == pytest.approx(best)  # its threshold does what it says
    assert scores == sorted(scores, reverse=True)
    assert sorted(one["cell"] for one in got["ranking"]) == list(range(len(cells)))
    moved = [marked[by:] + marked[:by] for by in range(1, len(marked))]
    reached = [max(best_of_all(cell, m) for cell in cells) for m in moved]
    assert got["elsewhere"] == sum(score >= scores[0] - 1e-9 for score in reached)


def test_of_equal_cells_and_thresholds_the_clearer_one_wins() -> None:
    marked = [False, False, True, True]
    cells = [[0, 8, 9, 10], [0, 1, 9, 10], [5, 5, 5, 5], [9, 9, 1, 0]]
    script = """return (await load("lstm_gru/separation.js")).rank(cells, marked)
      .ranking;"""
    first, second, third, last = run(script, cells=cells, marked=marked)
    assert (first["cell"], first["threshold"], first["above"]) == (3, 5, False)
    assert (second["cell"], second["threshold"], second["above"]) == (1, 5, True)
    assert (third["cell"], third["score"]) == (0, 1)
    assert (last["cell"], last["score"]) == (2, 0)  # it says nothing
    script = """return (await load("lstm_gru/separation.js"))
      .separate([0, 1, 5, 6], [false, true, false, true]);"""
    assert run(script)["score"] == 0.75
    assert run(script)["gap"] == 1


@pytest.mark.parametrize(
    ("elsewhere", "others", "says"),
    [
        (18, [0.9], ["None of the other 1 cell", "18 of 42 places", "by chance"]),
        (2, [1, 1, 0.9], ["2 of the other 3 cells", "2 of 42", "another text?"]),
    ],
)
def test_a_search_says_what_it_is_worth(elsewhere, others, says) -> None:
    ranking = [{"cell": n, "score": s} for n, s in enumerate([1.0, *others])]
    script = """const { verdict } = await load("lstm_gru/cell_search.js");
      return verdict(search, 2, 43);"""
    search = {"ranking": ranking, "elsewhere": elsewhere}
    text = run(script, search=search)
    assert (
        "Cell 0 fits your 2 marked letters best, with a balanced accuracy of 1.00"
        in text
    )
    for part in says:
        assert part in text


# -- what Python gives ----------------------------------------------------------------


def test_what_it_starts_with(weights) -> None:
    figure = CellMicroscope()
    assert figure.text == weights["examples"][0]
    assert figure.cell == weights["cells"][0]["cell"]
    assert "record" not in figure.state()["weights"]
    assert CellMicroscope("a", cell=3).state()["cell"] == 3


def test_it_is_small_enough_for_a_page(weights) -> None:
    assert len(weights["examples"]) >= 3
    assert all(len(example) <= 400 for example in weights["examples"])
    assert len(CellMicroscope().to_html()) < 400_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"cell": 4000}, "cell: got 4000, expected 0 to "),
        ({"cell": 0.5}, "cell: got 0.5, expected a whole number"),
        ({"text": "a" * 401}, "text: got .*at most 400 characters"),
        ({"weights": []}, "weights: got"),
        ({"weights": {}}, "weights: alphabet, examples, cells, parameters missing"),
        (
            {"weights": TINY | {"parameters": {"layer.W_h": {"shape": [8, 2]}}}},
            r"weights: layer.W_x has shape None, expected \[8, 1\]",
        ),
        (
            {"weights": TINY | {"examples": ["a", "ab"]}},
            r"weights: examples have \['b'\], which is not in alphabet",
        ),
        (
            {"weights": TINY | {"cells": [{"cell": 1, "concept": "", "score": 1}]}},
            "weights: cells name cell 1, expected 0 to 0",
        ),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CellMicroscope(**arguments)
