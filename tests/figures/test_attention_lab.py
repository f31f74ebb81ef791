"""The translator in the page is torch's, where it looks for itself and where forced."""

from __future__ import annotations

import random

import pytest
import torch
from attenders import PAIRS, TINY, Told, lab, stored, tiny, torch_model
from javascript import run

from course_lib.data.translation import END, START, UNKNOWN
from course_lib.decoding import greedy
from course_lib.figures.attention import AttentionLab
from course_lib.figures.attention.attention_lab import STORED
from course_lib.figures.weights import pack

is_stored = pytest.mark.skipif(not STORED.exists(), reason="no network is stored")


@pytest.fixture(params=["tiny", "other", "stored"])
def weights(request) -> dict:
    if request.param == "stored" and not STORED.exists():
        pytest.skip("no network is stored")
    return {"tiny": TINY, "other": tiny(2), "stored": stored()}[request.param]


def sentences(weights: dict) -> list[list[str]]:
    """All rungs, and words in any order, some of them unknown."""
    draw = random.Random(0)
    some = [*weights["source_words"][4:], "길동", "없는말"]
    drawn = [draw.choices(some, k=length) for length in (1, 2, 7, 40)]
    return [*(list(pair.source) for pair in PAIRS), *drawn, ["길동"]]


# -- the network ----------------------------------------------------------------------

WRITE = """const { attender } = await load("attention/attender.js");
  const { read, write } = attender(weights);
  return asked.map(([source, forced]) => {
    const memory = read(source);
    return { ...memory, said: write(memory, 25, Object.fromEntries(forced)) };
  });"""


def close(mine: list, theirs: torch.Tensor) -> None:
    mine = torch.tensor(mine, dtype=torch.float64)
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9)


@torch.no_grad()
def test_every_value_equals_torch(weights) -> None:
    draw = random.Random(1)
    ids = {word: i for i, word in enumerate(weights["source_words"])}
    asked = []
    for source in sentences(weights):
        place = lambda: draw.randrange(len(source))  # noqa: B023, E731
        asked += [
            (source, []),
            (source, [(draw.randrange(4), place())]),
            (source, [(0, place()), (2, place()), (3, place())]),
        ]
    ended = 0
    for got, (source, forced) in zip(
        run(WRITE, weights=weights, asked=asked), asked, strict=True
    ):
        model = torch_model(weights)
        tokens = torch.tensor([[ids.get(word, UNKNOWN) for word in source]])
        state = model.start(tokens, torch.ones_like(tokens, dtype=torch.bool))
        close(got["values"], state.memory.values[0])
        close(got["keys"], state.memory.keys[0])
        close(got["first"], state.layer[0])
        attention = model.decoder.attention
        free = attention.window
        attention.window = told = Told(free, dict(forced))
        (best,) = greedy(model.step, state, torch.tensor([START]), END, 25)
        said = got["said"]
        words = [one["word"] for one in said if not one["end"]]
        assert words == [weights["target_words"][i] for i in best.tokens]
        assert said[-1]["end"] == best.ended
        assert len(said) == len(best.tokens) + best.ended
        close([one["weights"] for one in said], torch.stack(told.seen[: len(said)]))
        # Once more, and at each step what the model wants if it is not forced there.
        for t, one in enumerate(said):
            before = torch.tensor([START if t == 0 else said[t - 1]["id"]])
            attention.window = own = Told(free, {})
            logits, _ = model.step(before, state)
            close(one["own"]["weights"], own.seen[0])
            close(one["own"]["shares"], logits[0].softmax(-1))
            assert one["own"]["id"] == logits[0].argmax()
            attention.window = told
            logits, state = model.step(before, state)
            close(one["shares"], logits[0].softmax(-1))
            assert one["p"] == max(one["shares"])
            assert one["place"] == dict(forced).get(t)
        ended += best.ended
    assert ended > 6


def test_a_place_that_the_source_does_not_have_forces_nothing() -> None:
    source = list(PAIRS[0].source)
    asked = [(source, []), (source, [(0, len(source)), (25, 0)])]
    free, beyond = run(WRITE, weights=TINY, asked=asked)
    assert free == beyond


def test_it_stops_where_it_must() -> None:
    never = tiny()
    bias = [-1000.0 if i == END else 0.0 for i in range(len(never["target_words"]))]
    never["parameters"]["decoder.output.bias"] = pack(bias)
    (got,) = run(WRITE, weights=never, asked=[(["나"], [])])
    assert len(got["said"]) == 25
    assert not any(one["end"] for one in got["said"])


def test_gold_links_go_with_the_words_that_are_in_the_reference() -> None:
    script = """const { linked } = await load("attention/attention_lab.js");
      return cases.map((words) => linked(words.split(" "), rung));"""
    rung = {"target": "I go home", "links": [[0, 0], [2, 2], [4, 1]]}
    cases = ["I go home", "home", "I do go to my home", "we stay"]
    assert run(script, rung=rung, cases=cases) == [
        [[0, 0], [2, 2], [4, 1]],
        [[2, 0]],
        [[0, 0], [2, 5], [4, 2]],
        [],
    ]
    assert run(script, rung={"target": "I go home"}, cases=cases[:1]) == [[]]


# -- what Python gives ----------------------------------------------------------------


def test_what_it_starts_with() -> None:
    figure = AttentionLab(weights=TINY)
    assert (figure.ladder, figure.rung, figure.at, figure.forced) == (1, 1, None, [])
    assert figure.text == "나는 집에 간다"
    assert "record" not in figure.state()["weights"]
    rungs = figure.state()["weights"]["ladders"][0]["rungs"]
    assert rungs[0]["links"] == [[0, 0], [2, 2], [4, 1]]
    assert rungs[4]["links"] == sorted(map(list, PAIRS[4].sure))
    own = AttentionLab(text="새가 운다", forced=((2, 1), (1, 3)), weights=TINY)
    assert own.forced == [[1, 3], [2, 1]]
    says = "AttentionLab(ladder=1, rung=1, text='새가 운다', forced=[[1, 3], [2, 1]])"
    assert repr(own) == says
    assert repr(figure) == "AttentionLab(ladder=1, rung=1)"


@is_stored
def test_it_is_small_enough_for_a_page() -> None:
    assert len(AttentionLab().to_html()) < 1_500_000


@is_stored
def test_the_stored_network_translates_the_short_rungs() -> None:
    weights = stored()
    known = set(weights["source_words"])
    assert {word for pair in PAIRS for word in pair.source} <= known
    short = [pair for pair in PAIRS if len(pair.source) <= 8]
    asked = [(list(pair.source), []) for pair in short]
    said = [
        [one["word"] for one in got["said"] if not one["end"]]
        for got in run(WRITE, weights=weights, asked=asked)
    ]
    right = [one == list(pair.target) for one, pair in zip(said, short, strict=True)]
    assert sum(right) >= 0.7 * len(short)


def changed(**parts) -> dict:
    return TINY | parts


def shaped(name: str, shape: list) -> dict:
    packed = {**TINY["parameters"][name], "shape": shape}
    return TINY | {"parameters": TINY["parameters"] | {name: packed}}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"ladder": 5}, "ladder: got 5, expected 1 to 4"),
        ({"rung": 9}, "rung: got 9, expected 1 to 8"),
        ({"at": 0}, "at: got 0, expected a whole number from 1"),
        ({"forced": [[0, 1]]}, r"forced: got \[\[0, 1\]\], expected pairs"),
        ({"forced": [[1, 1], [1, 2]]}, "forced: got .* each step at most once"),
        ({"forced": [[1, 2, 3]]}, "forced: got"),
        ({"forced": [1, 2]}, "forced: got"),
        ({"forced": "ab"}, "forced: got"),
        ({"weights": {}}, "weights: source_words, .*, parameters missing or empty"),
        (
            {"weights": changed(source_words=["a"])},
            r"weights: encoder.embedding.weight has shape \[\d+, 5\], expected \[1,",
        ),
        (
            {"weights": shaped("decoder.layer.W_x", [24, 5])},
            r"weights: decoder.layer.W_x has shape \[24, 5\], expected \[24, 13\]",
        ),
        (
            {"weights": shaped("encoder.layer.back.b_n", [8])},
            r"weights: encoder.layer.back.b_n has shape \[8\], expected \[4\]",
        ),
        (
            {"weights": changed(parameters=TINY["parameters"] | {"extra": {}})},
            "weights: extra is no parameter of this network",
        ),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        AttentionLab(**{"weights": TINY, **arguments})


def test_without_stored_weights_it_says_what_writes_them(monkeypatch, tmp_path) -> None:
    from course_lib.figures.attention import attention_lab

    monkeypatch.setattr(attention_lab, "STORED", tmp_path / "none.json")
    with pytest.raises(ValueError, match=r"none.json.* --export"):
        AttentionLab()


def test_the_default_of_forced_is_not_handed_out() -> None:
    lab().forced.append([1, 1])
    assert lab().forced == []
