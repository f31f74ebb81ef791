"""The two models of the bench are torch's, and its sentences are edited as it says."""

from __future__ import annotations

import random

import pytest
import torch
from fillers import LONGEST, STORED, TINY, bench, stored, tiny, torch_model, words
from javascript import run

from course_lib.data import korean_english
from course_lib.data.korean_english import korean, tokens
from course_lib.data.wordpiece import CLS, MASK, SEP, SPECIAL, UNKNOWN
from course_lib.experiments import find
from course_lib.figures.bert import FillMask
from course_lib.figures.bert.fill_mask import PARTS, SENTENCES
from course_lib.self_attention import weights_kept

is_stored = pytest.mark.skipif(not STORED.exists(), reason="no models are stored")
MODELS = {"tiny": TINY, "another": tiny(5, heads=4, blocks=1, inner=8)}


@pytest.fixture(params=[*MODELS, "stored"])
def weights(request) -> dict:
    if request.param != "stored":
        return MODELS[request.param]
    if not STORED.exists():
        pytest.skip("no models are stored")
    return stored()


def close(mine: list, theirs: torch.Tensor) -> None:
    mine = torch.tensor(mine, dtype=torch.float64)
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


# -- the models -----------------------------------------------------------------------

READ = """const { encoder } = await load("bert/encoder.js");
  const model = encoder(parameters, heads, causal);
  return asked.map((ids) => {
    const { xs, weights } = model.read(ids);
    return { xs, weights, logits: xs.at(-1).map(model.logitsOf) };
  });"""


@torch.no_grad()
@pytest.mark.parametrize("name", ["both", "left"])
def test_every_value_equals_torch(weights, name) -> None:
    draw = random.Random(name)
    V, causal = len(weights["pieces"]), name == "left"
    asked = [draw.choices(range(V), k=k) for k in (1, 2, 9, LONGEST + 2)]
    parameters, heads = weights[name], weights["heads"]
    found = run(READ, parameters=parameters, heads=heads, causal=causal, asked=asked)
    model = torch_model(weights, name)
    for got, ids in zip(found, asked, strict=True):
        ids = torch.tensor([ids])
        x = model.bert.embedding(ids, torch.zeros_like(ids))
        close(got["xs"][0], x[0])
        with weights_kept(model) as kept:
            for block, after in zip(
                model.bert.encoder.blocks, got["xs"][1:], strict=True
            ):
                x, _ = block(x, causal=causal)
                close(after, x[0])
            maps = [one.weights[0] for one in kept.values()]  # (H, T, T) each
        last = model.bert(ids, causal=causal)
        close(got["logits"], model.words(last)[0])
        for mine, theirs in zip(got["weights"], maps, strict=True):
            close(mine, theirs)


AT = """const { gaps } = await load("bert/gaps.js");
  const { tokensOf } = await load("bert/tokens.js");
  const network = gaps(weights);
  return asked.map(([text, masked, gap]) =>
    network.at(tokensOf(text, masked), gap - 1));"""


def ids_of(weights: dict, text: str, masked: list[int]) -> list[int]:
    ids = {piece: i for i, piece in enumerate(weights["pieces"])}
    said = text.split()
    return [
        CLS,
        *(
            MASK if n in masked else ids.get(word, UNKNOWN)
            for n, word in enumerate(said, 1)
        ),
        SEP,
    ]


@torch.no_grad()
def test_both_see_all_and_left_what_stands_before_the_gap(weights) -> None:
    both, left = (torch_model(weights, name) for name in ("both", "left"))
    asked = [
        ("나 는 사과 를 먹는다", [3], 3),
        ("나 는 사과 를 먹는다", [1], 1),
        ("나 는 사과 를 먹는다", [2, 5], 5),
        ("나 는 사과 를 먹는다", [2, 5], 2),
        ("나 는 [MASK] 를 없는말", [], 3),
        ("사과", [1], 1),
    ]
    found = run(AT, weights=weights, asked=asked)
    for got, (text, masked, gap) in zip(found, asked, strict=True):
        ids = torch.tensor([ids_of(weights, text, [*masked, gap])])
        x = both.bert(ids)[0, gap]
        close(got["both"]["shares"], both.words(x).softmax(-1))
        x = left.bert(ids, causal=True)[0, gap - 1]  # it tells the next word
        close(got["left"]["shares"], left.words(x).softmax(-1))
        H, T = weights["heads"], len(ids[0])
        assert [len(one) for one in got["both"]["looks"][0]] == [T] * H
        assert [len(one) for one in got["left"]["looks"][0]] == [gap] * H
        for name in ("both", "left"):
            for look in (one for block in got[name]["looks"] for one in block):
                assert sum(look) == pytest.approx(1)


def test_a_word_behind_the_gap_moves_one_list_and_not_the_other(weights) -> None:
    script = """const { gaps } = await load("bert/gaps.js");
      const { tokensOf, put } = await load("bert/tokens.js");
      const { changes, answerTo } = await load("bert/swap.js");
      const network = gaps(weights);
      return sentences.map(({ text, gap, swap }) => {
        const before = tokensOf(text, [gap]);
        const after = put(before, swap.at - 1, swap.words[0]);
        const [a, b] = [before, after].map((all) => network.at(all, gap - 1));
        return { ...changes(a, b), answer: answerTo(changes(a, b)),
          rises: Math.max(...b.both.shares.map((v, i) => v - a.both.shares[i])) };
      });"""
    for got, one in zip(
        run(script, weights=weights, sentences=SENTENCES), SENTENCES, strict=True
    ):
        behind = one["swap"]["at"] > one["gap"]
        assert got["both"]["by"] > 1e-4
        assert got["both"]["by"] >= got["rises"]
        assert got["both"]["by"] == abs(got["both"]["to"] - got["both"]["from"])
        assert (got["left"]["by"] == 0) == behind  # not a little: nothing
        if weights not in MODELS.values():
            assert got["answer"] == ("both" if behind else "all")
            assert got["both"]["by"] > 0.03


# -- the question ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("both", "left", "answer"),
    [
        (0.4, 0.0, "both"),
        (0.4, 0.02, "all"),
        (0.0099, 0.2, "left"),
        (0.0, 0.0, "none"),
    ],
)
def test_whose_list_changes(both, left, answer) -> None:
    script = """const { answerTo } = await load("bert/swap.js");
      return answerTo({ both: { by: both }, left: { by: left } });"""
    assert run(script, both=both, left=left) == answer


def test_what_is_said_of_a_change() -> None:
    script = """const { changes, changesText } = await load("bert/swap.js");
      const name = (id) => ["a", "b", "c"][id];
      return asked.map(([a, b, c, d]) => changesText(changes(
        { both: { shares: a }, left: { shares: c } },
        { both: { shares: b }, left: { shares: d } }), name));"""
    still, asked = [0.2, 0.3, 0.5], []
    asked.append([still, [0.0, 0.7, 0.3], still, still])
    asked.append([still, [0.205, 0.3, 0.495], still, [0.9, 0.1, 0.0]])
    one, two = run(script, asked=asked)
    assert one == (
        "Both ways: b rises from 30\xa0% to 70\xa0%. "
        "Left to right: nothing has moved at all."
    )
    assert two == (
        "Both ways: no word has moved by 1\xa0%. "
        "Left to right: a rises from 20\xa0% to 90\xa0%."
    )


# -- what is edited -------------------------------------------------------------------

EDIT = """const all = await load("bert/tokens.js");
  let tokens = all.tokensOf(text, masked);
  const keys = tokens.map(({ key }) => key);
  for (const [what, ...rest] of steps) tokens = all[what](tokens, ...rest);
  return { text: all.textOf(tokens), gaps: all.gapsOf(tokens),
    from: tokens.map(({ key }) => keys.indexOf(key)) };"""


@pytest.mark.parametrize(
    ("steps", "text", "gaps", "came_from"),
    [
        ([], "a b [MASK] d", [2, 3], [0, 1, 2, 3]),
        ([["toggled", 1]], "a b [MASK] d", [3], [0, 1, 2, 3]),
        ([["toggled", 0]], "a b [MASK] d", [1, 2, 3], [0, 1, 2, 3]),
        ([["toggled", 2]], "a b [MASK] d", [2, 3], [0, 1, 2, 3]),  # it has no word
        ([["put", 2, "x"]], "a b x d", [2], [0, 1, 2, 3]),
        ([["put", 1, "x"], ["toggled", 1]], "a x [MASK] d", [2, 3], [0, 1, 2, 3]),
        ([["removed", 1]], "a [MASK] d", [2], [0, 2, 3]),
        ([["widened", 3]], "a b [MASK] d [MASK]", [2, 3, 5], [0, 1, 2, 3, -1]),
        ([["widened", 0]], "a [MASK] b [MASK] d", [2, 3, 4], [0, -1, 1, 2, 3]),
        ([["shifted", 1, 1]], "a [MASK] b d", [2, 3], [0, 2, 1, 3]),
        ([["shifted", 3, -1]], "a b d [MASK]", [2, 4], [0, 1, 3, 2]),
        ([["shifted", 0, -1]], "a b [MASK] d", [2, 3], [0, 1, 2, 3]),
        ([["shifted", 3, 1]], "a b [MASK] d", [2, 3], [0, 1, 2, 3]),
    ],
)
def test_an_edit(steps, text, gaps, came_from) -> None:
    got = run(EDIT, text="a b [MASK] d", masked=[2], steps=steps)
    assert got == {"text": text, "gaps": gaps, "from": came_from}


def test_which_gap_is_asked() -> None:
    script = """const { tokensOf, asked } = await load("bert/tokens.js");
      const tokens = tokensOf("a b c d", [2, 4]);
      const none = tokensOf("a b", []);
      const key = tokens[3].key;
      return [asked(tokens, 3), asked(tokens, 0), asked(tokens, 0, key),
        asked(tokens, 1, key), asked(tokens, 0, tokens[2].key), asked(none, 0, key)];"""
    assert run(script) == [3, 1, 3, 1, 1, -1]


# -- what Python gives ----------------------------------------------------------------


def test_what_it_starts_with() -> None:
    figure = FillMask(weights=TINY)
    assert (figure.text, figure.masked) == ("나 는 사과 를 먹는다", [3])
    assert (figure.at, figure.head) == (None, 0)
    sent = figure.state()["weights"]
    assert set(sent) == {*PARTS, "glosses"}
    assert dict(zip(sent["pieces"], sent["glosses"], strict=True))["사과"] == (
        "apple / apology"
    )
    assert repr(figure) == "FillMask(sentence=1)"
    assert repr(FillMask(2, at=4, weights=TINY)) == "FillMask(sentence=2, at=4)"
    own = FillMask(text="나 는 [MASK] 를 읽는다", masked=(5,), head=4, weights=TINY)
    assert own.masked == [5]
    assert repr(own) == (
        "FillMask(sentence=1, text='나 는 [MASK] 를 읽는다', masked=[5], head=4)"
    )
    assert FillMask(text="나 는", weights=TINY).masked == []
    assert FillMask(masked=[1, 5], weights=TINY).masked == [1, 5]


@pytest.mark.parametrize("one", SENTENCES, ids=lambda one: one["name"])
def test_the_sentences_are_korean_of_the_grammar(one) -> None:
    said = tuple(one["text"].split())
    assert 1 <= one["gap"] <= len(said) <= LONGEST
    assert one["swap"]["at"] not in (one["gap"], len(said) + 1)
    for word in (None, *one["swap"]["words"]):
        if word:
            said = (*said[: one["swap"]["at"] - 1], word, *said[one["swap"]["at"] :])
        assert tokens(korean(said)) == said
        assert {*said} <= {*korean_english.source_words()}
    assert set(one["text"].split()) <= set(words())


@is_stored
def test_no_sentence_is_longer_than_those_of_the_training() -> None:
    longest = bench().weights["longest"]
    assert longest == find("both-ways").config(stored()["record"]["scale"]).longest
    assert max(len(one["text"].split()) for one in SENTENCES) <= longest


def test_a_swap_stands_on_either_side() -> None:
    """One where it is behind the gap, and one where it is not."""
    assert {one["swap"]["at"] > one["gap"] for one in SENTENCES} == {True, False}


def changed(**parts) -> dict:
    return TINY | parts


def shaped(name: str, shape: list) -> dict:
    packed = {**TINY["left"][name], "shape": shape}
    return TINY | {"left": TINY["left"] | {name: packed}}


PLACES = "bert.embedding.places.table.weight"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"sentence": 0}, "sentence: got 0"),
        ({"text": "나 는 없는말"}, "text: got '없는말', expected words of the voc"),
        ({"text": "나 [CLS]"}, r"text: got '\[CLS\]'"),
        ({"text": " "}, "text: got 0 words, expected 1 to 12"),
        ({"text": "나 " * 13}, "text: got 13 words"),
        ({"masked": [3, 3]}, r"masked: got \[3, 3\], expected different places"),
        ({"masked": [0]}, r"masked: got \[0\]"),
        ({"masked": "3"}, "masked: got '3'"),
        ({"masked": [True]}, r"masked: got \[True\]"),
        ({"masked": [6]}, "masked: got 6, expected at most 5"),
        ({"at": 6}, "at: got 6, expected at most 5"),
        ({"head": 5}, "head: got 5, expected 0 to 4"),
        ({"masked": [21]}, "expected different places from 1 to 20, or None"),
        ({"weights": changed(record={})}, "weights: longest missing or empty"),
        ({"weights": changed(left={})}, "weights: left missing or empty"),
        ({"weights": changed(pieces=["나"])}, r"weights: pieces begin with \['나'\]"),
        ({"weights": changed(pieces=[*TINY["pieces"], "x"])}, r"weight has shape \["),
        ({"weights": shaped(PLACES, [12, 16])}, "table.weight has shape .*12, 16"),
        ({"weights": shaped("words.dense.bias", [4])}, "words.dense.bias has shape"),
        (
            {"weights": changed(both={**TINY["both"], "bert.pool.bias": {}})},
            "bert.pool.bias is no parameter",
        ),
    ],
)
def test_a_wrong_argument_is_named(arguments, says) -> None:
    with pytest.raises(ValueError, match=says):
        FillMask(**{"weights": TINY} | arguments)


@is_stored
def test_it_is_small_enough_for_a_page() -> None:
    assert len(bench().to_html()) < 2_000_000


@is_stored
def test_the_stored_vocabulary_is_that_of_the_grammar() -> None:
    sent = bench().state()["weights"]
    assert sent["pieces"] == [*SPECIAL, *korean_english.source_words()]
    glosses = dict(zip(sent["pieces"], sent["glosses"], strict=True))
    assert [piece for piece, gloss in glosses.items() if not gloss] == [
        *("[PAD]", "[CLS]", "[MASK]")
    ]
