"""The clock's codes, turns and its small layer are those of the course and of torch."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from javascript import run
from torch import Tensor

from course_lib.figures.transformer import PositionClock
from course_lib.figures.transformer.position_clock import STORED
from course_lib.figures.weights import pack, unpack
from course_lib.positions import rotate, sinusoids

WIDTHS = (16, 48, 128)
SENTENCE = ["I", "go", "home"]


def table(places: int = 40, size: int = 32, seed: int = 0) -> dict[str, Any]:
    """A stand-in for what the course's experiment learns: a random walk."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.randn(places, size, generator=generator)
    return {"record": {"run": 1}, "table": pack(0.1 * steps.cumsum(dim=0))}


def tensor(nested: Any) -> Tensor:
    return torch.tensor(nested, dtype=torch.float64)


@pytest.fixture(autouse=True)
def float64():
    """As JavaScript has it."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def positions(script: str, **given: Any) -> Any:
    load = """const p = await load("transformer/positions.js");
      const t = await load("transformer/tiny_layer.js");
      const { unpack } = await load("kit/nn.js");
      const code = (kind, C, table = null) => table
        ? p.coder(kind, C, unpack(table))
        : kind === "none" ? p.without(C) : p.coder(kind, C);
      """
    return run(load + script, **given)


# -- codes ----------------------------------------------------------------------------


@pytest.mark.parametrize("C", WIDTHS)
def test_the_code_is_the_papers_and_the_courses(C) -> None:
    got = positions(
        "return Array.from({ length: 50 }, (_, n) => p.sinusoid(n, C));", C=C
    )
    for place in (0, 1, 7, 49):
        for i in range(C // 2):
            angle = place / 10000 ** (2 * i / C)
            assert got[place][2 * i] == pytest.approx(math.sin(angle), abs=1e-13)
            assert got[place][2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-13)
    torch.testing.assert_close(
        tensor(got), sinusoids(torch.arange(50), C), rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("D", WIDTHS)
def test_a_turn_is_the_courses_and_adds_nothing(D) -> None:
    x = torch.randn(9, D, generator=torch.Generator().manual_seed(D))
    places = torch.tensor([0, 1, 2, 3, 10, 25, 49, 50, 1000])
    script = "return xs.map((x, n) => p.rotate(x, places[n]));"
    got = tensor(positions(script, xs=x.tolist(), places=places.tolist()))
    torch.testing.assert_close(got, rotate(x, places), rtol=0, atol=1e-12)
    torch.testing.assert_close(got.norm(dim=1), x.norm(dim=1))
    assert torch.equal(got[0], x[0])
    made = positions('return code("rotary", C).add(x, 5);', C=D, x=x[0].tolist())
    assert made == x[0].tolist()


def test_a_learned_code_is_a_row_of_the_table() -> None:
    stand_in = table()
    rows = unpack(stand_in["table"])
    script = """const { code: row, add, ...all } = code("learned", 128, table);
      return { ...all, rows: [0, 39, 40, 90].map(row), sum: add(row(1), 2) };"""
    got = positions(script, table=stand_in["table"])
    assert (got["C"], got["end"]) == (32, 40)  # the table decides
    flat = tensor(rows)
    assert got["largest"] == flat.abs().max()
    assert got["longest"] == pytest.approx(
        flat.unflatten(1, (16, 2)).norm(dim=2).max().item()
    )
    assert got["rows"] == [rows[0], rows[39], None, None]
    sums = [a + b for a, b in zip(rows[1], rows[2], strict=True)]
    assert got["sum"] == pytest.approx(sums)


# -- moving the sentence --------------------------------------------------------------

SHIFT = """const { shifted } = await load("transformer/shift_part.js");
  const coding = code(kind, C, table);
  return [0, 1, 17, 49, 1000].map((k) =>
    shifted(words, words.map((_, n) => k + n), coding));"""


@pytest.mark.parametrize("C", WIDTHS)
@pytest.mark.parametrize("kind", ["sinusoidal", "rotary"])
def test_moving_changes_nothing_between_the_words(kind, C) -> None:
    still, *moved = positions(SHIFT, kind=kind, C=C, words=SENTENCE, table=None)
    for one in moved:
        assert one["change"] < 1e-10
        for row, was in zip(one["rows"], still["rows"], strict=True):
            assert row == pytest.approx(was, abs=1e-10)
        # a code that is added is mixed with the words; a turn is not
        assert (one["added"] < 1e-10) == (kind == "rotary")
    differences = {round(v, 6) for row in still["rows"] for v in row}
    assert len(differences) == {"sinusoidal": 3, "rotary": 9}[kind]


def test_codes_know_the_distance_only() -> None:
    script = """const coding = code("sinusoidal", 64);
      return [0, 5, 40].map((k) => [0, 1, 2, 9].map((far) =>
        p.dot(coding.code(k), coding.code(k + far))));"""
    rows = positions(script)
    theta = [10000 ** (-2 * i / 64) for i in range(32)]
    for row in rows:
        expected = [sum(math.cos(far * t) for t in theta) for far in (0, 1, 2, 9)]
        assert row == pytest.approx(expected, abs=1e-10)
    assert rows[0][0] == 32  # C / 2


def test_a_table_knows_places_and_ends() -> None:
    stand_in = table()
    still, one, more, beyond, _ = positions(
        SHIFT, kind="learned", C=32, words=SENTENCE, table=stand_in["table"]
    )
    rows = tensor(unpack(stand_in["table"]))
    first, later = rows[:3] @ rows[:3].T, rows[17:20] @ rows[17:20].T
    assert tensor(still["rows"]).allclose(first)
    assert tensor(more["rows"]).allclose(later)
    assert more["change"] == pytest.approx((later - first).abs().max().item())
    assert one["change"] > 0.01
    assert one["added"] > 0
    assert beyond["change"] is None
    assert beyond["rows"] == [[None] * 3] * 3
    script = """const { shifted } = await load("transformer/shift_part.js");
      return shifted(["a", "b", "c"], [38, 39, 40], code("learned", 32, table));"""
    edge = positions(script, table=stand_in["table"])
    assert edge["change"] is None
    assert edge["rows"][2] == [None, None, None]
    assert [row[2] for row in edge["rows"]] == [None] * 3
    assert tensor([row[:2] for row in edge["rows"][:2]]).allclose(
        rows[38:40] @ rows[38:40].T
    )


def test_the_shift_in_words() -> None:
    script = """const { shifted, shiftText } = await load("transformer/shift_part.js");
      const coding = code(kind, 32, table);
      const places = words.map((_, n) => k + n);
      return shiftText(shifted(words, places, coding), k, coding);"""

    def text(kind: str, k: int) -> str:
        given = table()["table"] if kind == "learned" else None
        return positions(script, kind=kind, k=k, words=SENTENCE, table=given)

    assert text("sinusoidal", 0).startswith("Move the sentence")
    assert "know the distance only" in text("sinusoidal", 9)
    assert "(rounding)" in text("sinusoidal", 9)
    assert "change by up to" in text("sinusoidal", 9)
    assert "scores themselves know the distance only" in text("rotary", 9)
    assert "knows places, no distances" in text("learned", 9)
    assert "(rounding)" not in text("learned", 9)
    assert "ends at place 39" in text("learned", 38)


# -- the layer ------------------------------------------------------------------------

LAYER = """const coding = code(kind, C, table);
  return {
    X: words.map((word) => t.vector(word, C)),
    W: t.layer(C).map(({ data }) =>
      Array.from({ length: C }, (_, r) => data.slice(r * C, (r + 1) * C))),
    scores: t.scores(words, places, coding),
    outputs: t.outputs(words, places, coding),
  };"""


@pytest.mark.parametrize("kind", ["none", "sinusoidal", "learned", "rotary"])
def test_the_layer_is_attention(kind) -> None:
    C, places = 32, [4, 5, 6, 7]
    words = ["we", "go", "home", "go"]
    given = table()["table"] if kind == "learned" else None
    got = positions(LAYER, kind=kind, C=C, words=words, places=places, table=given)
    x = tensor(got["X"])
    if kind == "sinusoidal":
        x = x + sinusoids(torch.tensor(places), C)
    if kind == "learned":
        x = x + tensor(unpack(given))[places]
    W_q, W_k, W_v = map(tensor, got["W"])
    q, k, v = x @ W_q.T, x @ W_k.T, x @ W_v.T
    if kind == "rotary":
        q, k = rotate(q, torch.tensor(places)), rotate(k, torch.tensor(places))
    scores = q @ k.T / math.sqrt(C)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(tensor(got["scores"]), scores, rtol=0, atol=1e-12)
    torch.testing.assert_close(tensor(got["outputs"]), expected, rtol=0, atol=1e-12)


def test_words_and_weights_are_drawn_once_and_for_all() -> None:
    script = """const [home, other] = ["home", "hone"].map((w) => t.vector(w, 128));
      return { home, other, again: t.vector("home", 16), W: t.layer(64)[0].data };"""
    got = positions(script)
    assert got["again"] == got["home"][:16]
    assert got["home"] != got["other"]
    assert tensor(got["home"]).var().item() == pytest.approx(1, abs=0.4)
    assert (64 * tensor(got["W"]).var()).item() == pytest.approx(1, abs=0.1)
    assert positions('return t.vector("집", 16);') != got["again"]


def test_what_the_pinned_place_is_compared_with() -> None:
    script = """const { similarity } = await load("transformer/similarity.js");
      const { similar, compared } = similarity(words, 10, code(kind, 32, table));
      return { values: [0, 10, 39, 40].map(similar), compared };"""
    places = torch.tensor([0, 10, 39, 40])

    def got(kind: str, given: Any = None) -> dict[str, Any]:
        return positions(script, kind=kind, words=SENTENCE, table=given)

    formula = sinusoids(places, 32) @ sinusoids(torch.tensor([10]), 32)[0]
    assert got("sinusoidal")["values"] == pytest.approx(formula.tolist())
    stand_in = table()["table"]
    rows = tensor(unpack(stand_in))
    learned = got("learned", stand_in)
    assert learned["values"][:3] == pytest.approx(
        (rows[places[:3]] @ rows[10]).tolist()
    )
    assert learned["values"][3] is None
    assert learned["compared"] == "code of place 10 · code of place p"
    none = {"kind": "none", "C": 32, "words": SENTENCE, "places": [0, 0, 0]}
    plain = positions(LAYER, table=None, **none)
    W_q, W_k, _ = map(tensor, plain["W"])
    q = rotate((W_q @ tensor(plain["X"][0]))[None], torch.tensor([10]))
    k = rotate((W_k @ tensor(plain["X"][2])).expand(4, -1), places)
    turned = got("rotary")
    assert turned["values"] == pytest.approx((k @ q[0] / math.sqrt(32)).tolist())
    assert "“I” at 10, “home” at p" in turned["compared"]


# -- shuffling ------------------------------------------------------------------------

COMPARE = """const { compare, verdict } = await load("transformer/shuffle_part.js");
  const coding = code(kind, C, table);
  const found = compare(words, order, words.map((_, n) => shift + n), coding);
  return { found, says: ["same", "other", null].map((guess) =>
    verdict(found, kind !== "none", guess)) };"""


def compared(kind: str, words: list[str], order: list[int], C: int, shift: int = 0):
    given = table(size=C)["table"] if kind == "learned" else None
    return positions(
        COMPARE, kind=kind, words=words, order=order, C=C, shift=shift, table=given
    )


@pytest.mark.parametrize("C", WIDTHS)
def test_without_positions_the_outputs_are_only_moved(C) -> None:
    words = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs"]
    got = compared("none", words, [3, 1, 7, 0, 2, 6, 4, 5], C)
    assert max(got["found"]["far"]) < 1e-14
    assert len(got["found"]["far"]) == 8
    right, wrong, shown = got["says"]
    assert shown.startswith("The same vectors, only moved")
    assert right.endswith(" As you said.")
    assert wrong.endswith("Not as you said.")


@pytest.mark.parametrize("C", WIDTHS)
@pytest.mark.parametrize("kind", ["sinusoidal", "learned", "rotary"])
def test_with_positions_the_order_counts(kind, C) -> None:
    got = compared(kind, SENTENCE, [2, 1, 0], C)
    found = got["found"]
    assert min(found["far"]) > 1e-3
    pairs = zip(found["typed"], found["mixed"], found["far"], strict=True)
    for typed, mixed, far in pairs:
        assert (tensor(typed) - tensor(mixed)).abs().max() == far
    right, wrong, _ = got["says"]
    assert right.endswith("Not as you said.")
    assert wrong.endswith(" As you said.")
    assert "Now the order counts." in wrong


def test_the_shuffled_outputs_are_found_by_their_word() -> None:
    """Each word is compared with itself: far from any other word's output."""
    found = compared("none", SENTENCE, [1, 2, 0], 16)["found"]
    typed, mixed = tensor(found["typed"]), tensor(found["mixed"])
    assert (typed - mixed.roll(1, 0)).abs().amax(1).min() > 0.1


def test_beyond_the_table_nothing_is_compared() -> None:
    got = compared("learned", SENTENCE, [2, 1, 0], 16, shift=38)
    assert got["found"] is None
    assert "no code for one of the places" in got["says"][0]


def test_a_shuffle_is_another_order() -> None:
    script = """const { shuffle } = await load("transformer/shuffle_part.js");
      return [2, 3, 5, 8].map((n) =>
        Array.from({ length: 30 }, (_, tries) => shuffle(n, tries + 1)));"""
    for n, all_ in zip((2, 3, 5, 8), positions(script), strict=True):
        assert all_[0] == list(range(n))[::-1]  # home go I
        for order in all_:
            assert sorted(order) == list(range(n)) != order
    assert len({tuple(order) for order in all_}) > 25


def test_what_is_said_about_a_hand() -> None:
    script = """const { handText, period, shownPairs } =
        await load("transformer/clocks.js");
      const [one, other] = ["sinusoidal", "rotary"].map((k) => p.coder(k, 128));
      return { text: handText(one.code(1), 0, one),
        turned: [1, 4].map((n) => handText(other.code(n), 0, other)),
        pairs: shownPairs(16),
        periods: [0, 16, 63].map((i) => period(i, 128)) };"""
    got = positions(script)
    assert got["text"] == "pair 0: sin 0.84, cos 0.54; round in 6.3 places"
    turned = [f"pair 0: turned by {n}°; round in 6.3 places" for n in (57, 229)]
    assert got["turned"] == turned
    assert got["periods"] == ["6.3", "63", "54k"]
    assert got["pairs"] == sorted(set(got["pairs"]))
    assert got["pairs"][0] == 0
    assert got["pairs"][-1] == 7


# -- arguments ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": 24}, "size: got 24, expected a multiple of 16"),
        ({"size": 8}, "size: got 8, expected a whole number from 16"),
        ({"kind": "none"}, "kind: got 'none', expected one of 'sinusoidal'"),
        ({"at": 50}, "at: got 50, expected 0 to 49"),
        ({"shift": 50}, "shift: got 50, expected 0 to 49"),
        ({"at": -1}, "at: got -1"),
        ({"text": "a" * 81}, "text: got"),
        ({"positions": True}, "positions: got True"),
        ({"weights": {"rows": 1}}, "weights: table has shape None"),
        ({"weights": {"table": {"shape": [4, 3]}}}, r"weights: table has shape \[4, 3"),
        ({"weights": {"table": {"shape": [4, 4]}}}, "weights: table: 'float16'"),
        (
            {"weights": {"table": table()["table"] | {"shape": [4, 4]}}},
            "weights: table: float16: got",
        ),
    ],
)
def test_a_wrong_argument_is_named(given, says) -> None:
    with pytest.raises(ValueError, match=says):
        PositionClock(**given)


def test_a_table_of_its_own() -> None:
    figure = PositionClock(kind="learned", weights=table(places=64), at=60, shift=63)
    assert figure.weights == {"table": table(places=64)["table"]}  # without the record
    assert repr(figure) == "PositionClock(kind='learned', at=60, shift=63)"
    with pytest.raises(ValueError, match="at: got 60, expected 0 to 49"):
        PositionClock(weights=table(places=64), at=60)


def test_without_a_stored_table_learned_is_refused(monkeypatch, tmp_path) -> None:
    module = "course_lib.figures.transformer.position_clock.STORED"
    monkeypatch.setattr(module, tmp_path / "position_clock.json")
    assert PositionClock().weights is None
    with pytest.raises(ValueError, match=r"kind: got 'learned'.* is not stored"):
        PositionClock(kind="learned")


@pytest.mark.skipif(not STORED.exists(), reason="no table is stored yet")
def test_the_stored_table_is_read() -> None:
    figure = PositionClock(kind="learned")
    assert len(unpack(figure.weights["table"])) == figure.weights["table"]["shape"][0]
